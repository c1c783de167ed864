import { describe, expect, it } from 'vitest';
import type { MatchRow, MeterRow } from './data';
import { all, matchKey, meterDecision, onward, pairDecision, scaleBar, situate, sortOf, sortText, step } from './logic';

const match = (over: Partial<MatchRow>): MatchRow => ({ a: 'line:1', b: 'line:x', class: 'line', method: 'place', score: 0.8, distance_m: 3, tie: null, conflicts: 0, state: 'proposed', pending: false, decision: null, ...over });
const decided = (value: string | null) => ({ value, author: 'kim', note: '', time_utc: '' });
const meter = (over: Partial<MeterRow>): MeterRow => ({ meter: 'm1', transformer: 't1', feeder: '', method: 'inferred', confidence: 'low', probability: 0.6, distance_m: 9, second_transformer: null, second_probability: null, second_distance_m: null, correlation: null, lon: null, lat: null, reasons: [], state: 'proposed', pending: false, decision: null, ...over });

describe('decisions about pairs', () => {
  it('are made of what a word means for the row', () => {
    expect(pairDecision(match({}), 'accept')).toEqual({ decision: 'accept', a: 'line:1', b: 'line:x' });
    expect(pairDecision(match({}), 'withdraw')).toBeNull();
    expect(pairDecision(match({ b: null, state: 'only_a' }), 'reject')).toBeNull();
    const accepted = match({ state: 'accepted', decision: decided('accept') });
    expect(pairDecision(accepted, 'accept')).toBeNull();
    expect(pairDecision(accepted, 'reject')?.decision).toBe('reject');
    expect(pairDecision(accepted, 'withdraw')?.decision).toBe('withdraw');
    expect(pairDecision(match({ state: 'forced', decision: decided('force') }), 'accept')).toBeNull();
  });
  it('are made again where another one has overruled them', () => {
    expect(pairDecision(match({ state: 'overruled', decision: decided('accept') }), 'accept')?.decision).toBe('accept');
  });
  it('leave out rows that they mean nothing for, and say how many', () => {
    const rows = [match({}), match({ a: null, state: 'only_b' }), match({ a: 'line:2', b: 'line:y' })];
    const found = all(rows, (r) => pairDecision(r, 'accept'));
    expect([found.decisions.length, found.left]).toEqual([2, 1]);
  });
});

describe('decisions about meters', () => {
  it('accept the transformer of the map, or none', () => {
    expect(meterDecision(meter({}), 'accept')).toEqual({ meter: 'm1', decision: 'set', transformer: 't1' });
    expect(meterDecision(meter({ transformer: null }), 'accept')).toBeNull();
    expect(meterDecision(meter({ decision: decided('t1') }), 'accept')).toBeNull();
    expect(meterDecision(meter({ decision: decided('t2') }), 'accept')?.transformer).toBe('t1');
    expect(meterDecision(meter({}), 'none')).toEqual({ meter: 'm1', decision: 'none' });
    expect(meterDecision(meter({ decision: decided('') }), 'none')).toBeNull();
    expect(meterDecision(meter({ decision: decided('') }), 'withdraw')).toEqual({ meter: 'm1', decision: 'withdraw' });
    expect(meterDecision(meter({}), 'withdraw')).toBeNull();
  });
});

describe('walking', () => {
  const rows = ['p', 'q', 'r'];
  const key = (x: string) => x;
  it('goes from row to row and stops at the ends', () => {
    expect([step(rows, key, null, 1), step(rows, key, null, -1), step(rows, key, 'p', 1), step(rows, key, 'r', 1), step(rows, key, 'p', -1)]).toEqual(['p', 'r', 'q', null, null]);
    expect(step(rows, key, 'gone', 1)).toBe('p');
    expect(step([], key, null, 1)).toBeNull();
  });
  it('goes on after a decision, back from the last', () => {
    expect([onward(rows, key, 'p'), onward(rows, key, 'r'), onward(['p'], key, 'p')]).toEqual(['q', 'q', null]);
  });
  it('tells rows apart by both subjects', () => {
    expect(new Set([matchKey({ a: 'x', b: null }), matchKey({ a: null, b: 'x' }), matchKey({ a: 'x', b: 'x' })]).size).toBe(3);
  });
  it('writes the sort into the address and reads it back', () => {
    for (const sort of [null, { key: 'score', down: true }, { key: 'a', down: false }]) expect(sortOf(sortText(sort))).toEqual(sort);
  });
});

describe('the situation', () => {
  it('is north up and true to scale', () => {
    const found = situate([{ name: 'a', kind: 'a', places: [[7, 60], [7.001, 60]] }, { name: 'b', kind: 'b', places: [[7, 60.001]] }], 300, 200);
    const [a, b] = found?.drawn ?? [];
    const [west, east] = a?.points ?? [];
    const [north] = b?.points ?? [];
    if (!found || !west || !east || !north) throw new Error('nothing is drawn');
    expect(north[1]).toBeLessThan(west[1]);
    // At 60° a degree of longitude is half as long as one of latitude.
    expect((east[0] - west[0]) * 2).toBeCloseTo(west[1] - north[1], 1);
    expect((west[1] - north[1]) * found.metres).toBeCloseTo(111.195, 2);
  });
  it('shows one place with metres around it, and nothing without places', () => {
    const found = situate([{ name: 'a', kind: 'a', places: [[7, 45]] }], 300, 200);
    expect(found?.drawn[0]?.points).toEqual([[150, 100]]);
    expect((found?.metres ?? 0) * 300).toBeCloseTo(10);
    expect(situate([{ name: 'a', kind: 'a', places: [] }, { name: 'b', kind: 'b', places: [[NaN, 1]] }], 300, 200)).toBeNull();
  });
  it('has a bar of a round length', () => {
    expect([0.7, 3, 12, 49, 50, 999].map(scaleBar)).toEqual([0.5, 2, 10, 20, 50, 500]);
  });
});
