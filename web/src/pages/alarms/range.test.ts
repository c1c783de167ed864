import { expect, it } from 'vitest';
import { rangeOf, searchOf, toggled, wordsOf } from './range';

const get = (of: Record<string, string>) => (key: string) => of[key] ?? null;
const NOW = 1_795_000_000_000;

it('a range ends now, a day long without a word', () => {
  expect(rangeOf(get({}), NOW)).toEqual({ from: NOW - 86_400_000, to: NOW });
  expect(rangeOf(get({ range: 'd7' }), NOW)).toEqual({ from: NOW - 7 * 86_400_000, to: NOW });
});

it('a range of one\'s own has a begin before its end', () => {
  expect(rangeOf(get({ range: 'custom', from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z' }), NOW)).toEqual({ from: Date.UTC(2026, 0, 1), to: Date.UTC(2026, 0, 2) });
  expect(rangeOf(get({ range: 'custom', from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' }), NOW)).toBeNull();
  expect(rangeOf(get({ range: 'custom', from: 'yesterday', to: '' }), NOW)).toBeNull();
});

it('asks the server for what the filters say', () => {
  expect(searchOf(get({ q: 'trip & more', asset: 'CB-T1H' }), ['trip', 'alarm'], ['critical', 'high'], { from: 1, to: 2.4 }).toString()).toBe('from=1&to=2&kind=trip&kind=alarm&severity=critical&severity=high&asset=CB-T1H&text=trip+%26+more');
});

it('puts words into a parameter and takes them out, always in one order', () => {
  const known = ['critical', 'high', 'low'];
  expect(toggled(null, 'high', known)).toBe('high');
  expect(toggled('high', 'critical', known)).toBe('critical,high');
  expect(toggled('critical,high', 'high', known)).toBe('critical');
  expect(toggled('critical', 'critical', known)).toBeNull();
  expect(wordsOf('high,nonsense,high,,critical', known)).toEqual(['high', 'critical']);
});
