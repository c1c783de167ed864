import { describe, expect, it } from 'vitest';
import type { Answer, AnswerTable } from './data';
import { bars, filled, headOf, firstTable, layersOf, thingOf, words } from './logic';

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
});
