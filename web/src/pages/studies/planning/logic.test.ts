import { describe, expect, it } from 'vitest';
import type { Answer, AnswerTable } from './data';
import { bars, dailySums, filled, headOf, firstTable, isAskable, layersOf, responseOf, thingOf, words } from './logic';

const table = (name: string, first: string): AnswerTable => ({ name, meaning: '', rows: 1, columns: [{ name: first, kind: 'text', unit: '', meaning: '' }], of: null });
const answer = (study: string, tables: AnswerTable[], summary: Record<string, unknown> = {}): Answer => ({ id: 'ab', study, network: 'n', version: 1, params: {}, author: '', time_utc: '', engine_version: '', summary, findings: [], tables });

describe('answers', () => {
  it('what is looked at first, and which layers there are', () => {
    const hosting = answer('hosting_capacity', [table('criteria', 'bus'), table('hosting_capacity', 'bus')], { results: [{ der: 'load' }] });
    expect(firstTable(hosting)?.name).toBe('hosting_capacity');
    expect(layersOf(hosting)).toEqual(['ab~hosting_capacity~hosting_capacity_kw~load']);
    expect(layersOf(answer('hosting_capacity', [table('places', 'bus')], { results: [{ der: 'generation' }] }))).toEqual(['ab~places~mean_kw~generation']);
    expect(firstTable(answer('unheard', [table('x', 'y')]))?.name).toBe('x');
    expect(layersOf(answer('unheard', []))).toEqual([]);
  });

  it('a row leads to the thing it is about', () => {
    expect(thingOf(table('t', 'bus'), { bus: '671' })).toBe('bus.671');
    expect(thingOf(table('t', 'load'), { load: 's1' })).toBe('load.s1');
    expect(thingOf(table('t', 'element'), { element: 'line.650' })).toBe('line.650');
    expect(thingOf(table('t', 'draw'), { draw: 'x', element: 'transformer.t1' })).toBe('transformer.t1');
    expect(thingOf(table('t', 'draw'), { draw: 'x', element: '83.2' })).toBeNull();
  });

  it('a head has its unit once', () => {
    const head = (name: string, unit: string) => headOf({ name, kind: 'number', unit, meaning: '' });
    expect(head('failures_per_yr', '1/yr')).toEqual({ words: 'Failures', unit: '1/yr' });
    expect(head('energy_kwh_per_yr', 'kWh/yr')).toEqual({ words: 'Energy', unit: 'kWh/yr' });
    expect(head('hosting_capacity_kw', 'kW')).toEqual({ words: 'Hosting capacity', unit: 'kW' });
    expect(head('x', '')).toEqual({ words: 'X', unit: '' });
  });

  it('bars fall from the largest, and keep their places over the groups', () => {
    expect(bars([{ bus: 'a', kw: 1, c: 'x' }, { bus: 'b', kw: 3, c: 'y' }, { bus: 'c', kw: null, c: 'x' }, { bus: 'd', kw: 2, c: 'x' }], 'kw', 'c')).toEqual([
      { by: 'y', points: [[1, 3, 'b']] },
      { by: 'x', points: [[2, 2, 'd'], [3, 1, 'a']] },
    ]);
  });

  it('what is not filled in is not asked', () => {
    expect(filled({ a: '', b: 0, c: false, d: [], e: {}, f: NaN, g: 'x' })).toEqual({ b: 0, g: 'x' });
    expect(words(' a, b;c ')).toEqual(['a', 'b', 'c']);
  });

  it('a comparison is on the map of its network only', () => {
    const of = answer('comparison', [table('assets', 'asset'), table('elements', 'element'), table('buses', 'bus')], { cases: [{ case: 'ev' }] });
    expect(layersOf(of)).toEqual(['ab~elements~change_h~ev', 'ab~buses~change_h~ev']);
    expect(layersOf({ ...of, network: '' })).toEqual([]);
    expect(layersOf(answer('contingency', [table('elements', 'element'), table('overloads', 'element')]))).toEqual(['ab~elements~lost_kw']);
    expect(layersOf(answer('contingency', [{ ...table('elements', 'element'), rows: 0 }]))).toEqual([]);
    expect(layersOf(answer('scenario', [table('loads', 'load')], { figures: { layers: [{ layer: 'ev' }, { layer: 'sun' }] } }))).toEqual(['ab~loads~energy_kwh~ev']);
  });

  it('assets and outages lead to what they are', () => {
    expect(thingOf(table('assets', 'asset'), { asset: 'line.l115' })).toBe('line.l115');
    expect(thingOf(table('assets', 'asset'), { asset: '65.2' })).toBe('bus.65');
    expect(thingOf(table('contingencies', 'rank'), { rank: 1, outage: 'line.l1' })).toBe('line.l1');
    expect(thingOf(table('contingencies', 'rank'), { rank: 1, outage: 'line.l1 + line.l2' })).toBeNull();
  });

  it('what is not told enough cannot be asked', () => {
    expect([isAskable('comparison', { base: 'a' }), isAskable('comparison', { base: 'a', with: ['b'] })]).toEqual([false, true]);
    expect([isAskable('sweep', { scenario: { name: 'x' } }), isAskable('sweep', { scenario: { name: 'x' }, vary: ['a.b=1'] })]).toEqual([false, true]);
    expect([isAskable('restoration', {}), isAskable('reliability', {})]).toEqual([false, true]);
  });

  it('hours are summed by day; the last hour of a day is of that day', () => {
    const hour = (h: number, n: number, c = 'x') => ({ case: c, hour: h, new: n, mended: 0, remaining: 1 });
    expect(dailySums([hour(1, 1), hour(24, 2), hour(24.5, 4), hour(49, 8), hour(1, 99, 'y')], 'x')).toEqual({ new: [3, 4, 8], mended: [0, 0, 0], remaining: [2, 1, 1] });
    expect(dailySums([hour(0.5, 3)], 'x', 0.5).new).toEqual([1.5]);
  });

  it('a response is in the order of its numbers', () => {
    const row = (at: string, value: number | null, mean: number) => ({ parameter: 'p', figure: 'f', at, value, mean, least: mean - 1, largest: mean + 1, samples: 2 });
    expect(responseOf([row('30', 30, 3), row('5', 5, 1), { ...row('1', 1, 9), figure: 'g' }], 'p', 'f').map((r) => [r.at, r.least, r.mean])).toEqual([['5', 0, 1], ['30', 2, 3]]);
    expect(responseOf([row('level2', null, 3), row('level1', null, 1)], 'p', 'f').map((r) => r.at)).toEqual(['level2', 'level1']);
  });
});
