import { expect, it } from 'vitest';
import { instantMs, merged, verdictOf, type AlarmsAnswer, type AlarmView, type DeviceMoment, type WhatIfAnswer } from '../../api/twin';
import { changeText, courseOf, differences, estimateState, heatOf, intoOrOut, levelLimits, limitsOf, liveOf, lostSince, markOf, meanCourse, positionText, sparkPaths, spoken, told, valueText, verdictWords } from './words';

const order = { element: 'line.q0_d2l', command: 'open' };

it('says what an order leaves without supply, the gravest first', () => {
  const verdict = verdictOf({ allowed: false, settled: true, token: 'x', findings: [], before: { losses_mw: 1 }, after: { unsupplied: [{ bus: 'bb32', kv_base: 33, p_mw: 12.4 }], unsupplied_mw: 12.4, overloads: [{ element: 'transformer.d1', loading_pct: 112.34, was_pct: 60 }], voltages: [], losses_mw: 1.25 } });
  expect(verdictWords(verdict, order, 'CB-D2L')).toEqual(['Opening CB-D2L leaves 33 kV bus bb32 unsupplied; 12.4 MW.', 'transformer.d1 would carry 112 % of its rating (now 60 %).', 'Losses go from 1.00 to 1.25 MW.']);
});

it('reads a verdict whose figures stand at the top', () => {
  const verdict = verdictOf({ allowed: true, settled: true, findings: [], unsupplied: [], unsupplied_mw: 0, overloads: [{ subject: 'line.f21', value: 101, was: null, limit: 100 }], voltages: [{ subject: 'bb21', value: 0.89, was: 1, limit: 0.9 }], losses_mw: null, losses_before_mw: 2 });
  expect(verdictWords(verdict, order, 'X')).toEqual(['line.f21 would carry 101 % of its rating (now not known %).', 'bb21 would stand at 0.890 pu (now 1.000 pu).']);
});

it('never calls an order harmless that was not solved, nor allowed what is not said to be', () => {
  expect(verdictWords(verdictOf({ allowed: true, settled: false }), order, 'X')).toEqual(['The switched network could not be solved: what it would do is not known.']);
  expect(verdictOf({}).allowed).toBe(false);
  expect(verdictOf({ allowed: 'yes' }).allowed).toBe(false);
  expect(verdictWords(verdictOf({ allowed: true, settled: true }), order, 'X')[0]).toContain('leaves every bus supplied');
});

it('tells quality and origin apart', () => {
  expect(markOf({ validity: 'good', flags: 0 })).toBe('good');
  expect(markOf({ validity: 'good', flags: 1 << 8 })).toBe('substituted');
  expect(markOf({ validity: 'invalid', flags: 1 << 11 })).toBe('old');
  expect(markOf({ validity: 'invalid', flags: 0 })).toBe('invalid');
  expect(markOf(null, 'questionable', ['inaccurate'])).toBe('questionable');
  expect(told(1.234567, 'estimated')).toBe('~1.235');
  expect(told(1.234567, 'measured')).toBe('1.235');
  expect(told(-273, 'estimated')).toBe('~\u2009−273');
  expect(intoOrOut('source', -273)).toBe(273);
  expect(intoOrOut('capacitor', -10)).toBe(-10);
  expect(told(-2.13e-7, 'estimated')).toBe('~0');
  expect(told(2e-6, 'measured')).not.toBe('0');
  expect(told(null, 'measured')).toBe('–');
  expect(told(Number.NaN, 'estimated')).toBe('–');
});

it('shows values of every kind', () => {
  expect(valueText({ bool: true }, 1)).toBe('on');
  expect(valueText({ double_point: 'intermediate' }, null)).toBe('intermediate');
  expect(valueText({ step: { position: 7, moving: true } }, null)).toBe('7 …');
  expect(valueText({ float: 231.2 }, 231.2)).toBe('231.2');
  expect(valueText(null, null)).toBe('–');
});

it('a symbol is spoken in one line', () => expect(spoken('Breaker', 'CB-T1H', ['closed', '402 A', null, 'good'])).toBe('Breaker CB-T1H, closed, 402 A, good'));

it('a bus without an origin is not called dead', () => {
  const bus = { bus: 'a', kv_base: 400, v_pu: null, v_kv: null, unbalance_pct: null, phases: [] };
  expect(liveOf(undefined)).toBe('unknown');
  expect(liveOf({ ...bus, origin: 'unknown' })).toBe('unknown');
  expect(liveOf({ ...bus, origin: 'dead' })).toBe('dead');
  expect(liveOf({ ...bus, origin: 'estimated', v_pu: 1.01 })).toBe('live');
});

const state = (v: number | null, p: number): WhatIfAnswer['before'] => ({ buses: [{ bus: 'b', kv_base: 33, origin: 'estimated', v_pu: v, v_kv: null, unbalance_pct: null, phases: [] }], elements: [{ element: 'line.a', asset: null, ends: [{ bus: 'b', origin: 'estimated', p_kw: p, q_kvar: 0, s_kva: p, i_a: [p / 10, null] }], loading_pct: null, losses_kw: null }], metrics: {} as never });

it('lists what differs, and what is known on one side only', () => {
  expect(differences(state(1, 100), state(1.0001, 102))).toEqual([]);
  expect(differences(state(1, 100), state(null, 200))).toEqual([
    { subject: 'b', quantity: 'v_pu', unit: 'pu', before: 1, after: null },
    { subject: 'line.a', quantity: 'p_kw', unit: 'kW', before: 100, after: 200 },
    { subject: 'line.a', quantity: 'i_a', unit: 'A', before: 10, after: 20 },
  ]);
});

it('names a change', () => {
  expect(changeText({ element: 'line.q0', closed: false })).toBe('line.q0: open');
  expect(changeText({ load: 'all', factor: 1.2 })).toBe('all loads: × 1.2');
  expect(changeText({ transformer: 't1', tap_position: -3 })).toBe('t1: Position -3');
});

it('takes limits from the rules, the innermost as the band', () => {
  const rules = { alarms: [{ point: 'f', high: 50.5 }, { point: 'f', high: 51 }, { point: 'f', outside: [49, 50.2] }, { point: 'g', high: 1 }, { point: 'f', low: 1, enabled: false }] };
  expect(limitsOf(rules, 'f')).toMatchObject({ low: 49, high: 51, bandLow: 49, bandHigh: 50.2 });
  expect(limitsOf(rules, 'h')).toBeNull();
  expect(limitsOf(null, 'f')).toBeNull();
});

it('knows microseconds from milliseconds', () => {
  expect(instantMs(1_795_000_000_000_000)).toBe(1_795_000_000_000);
  expect(instantMs(1_795_000_000_000)).toBe(1_795_000_000_000);
  expect(instantMs(null)).toBeNull();
});

it('puts alarms of a frame into those that are known', () => {
  const alarm = (rule: string, state: string) => ({ rule, state }) as AlarmView;
  const old = { alarms: [alarm('a', 'normal'), alarm('b', 'unacknowledged')], counts: { listed: 1 }, groups: [], flooded: false } as unknown as AlarmsAnswer;
  const next = merged(old, { alarms: [alarm('b', 'acknowledged'), alarm('c', 'unacknowledged')], flooded: true });
  expect(next?.alarms.map((a) => `${a.rule} ${a.state}`)).toEqual(['a normal', 'b acknowledged', 'c unacknowledged']);
  expect(next?.flooded).toBe(true);
  expect(merged(undefined, {})).toBeUndefined();
});

it('takes for a level the tightest limits of its busbars, and none that nobody has set', () => {
  const rules = { alarms: [{ point: 'twin.bus.a.v_pu', outside: [0.95, 1.05] }, { point: 'twin.bus.a.v_pu', outside: [0.9, 1.1] }, { point: 'twin.bus.b.v_pu', outside: [0.96, 1.08] }] };
  expect(levelLimits(rules, ['a', 'b'], 100)).toMatchObject({ low: 96, bandLow: 96, bandHigh: 105, high: 108 });
  expect(levelLimits(rules, ['c'], 100)).toBeNull();
  expect(levelLimits(rules, [], 100)).toBeNull();
});

it('joins no line over what was not recorded', () => {
  const minute = (n: number, v: number | null): [number, number | null] => [n * 60_000, v];
  const drawn = sparkPaths([minute(0, 100), minute(1, 100.1), minute(2, null), minute(3, 100), minute(4, 100), minute(30, 100), minute(31, 100.2)], 0, 3_600_000, 100, 22);
  expect(drawn?.paths).toHaveLength(3);
  expect(drawn).toMatchObject({ least: 100, most: 100.2 });
  expect(sparkPaths([minute(0, 1)], 0, 3_600_000, 100, 22)).toBeNull();
  expect(sparkPaths([minute(0, 1), minute(30, 2)], 0, 3_600_000, 100, 22)).toBeNull();
});

it('lets noise look small: a thousandth of the value moves the line a little only', () => {
  const ys = (sparkPaths([[0, 400], [60_000, 400.4]], 0, 3_600_000, 100, 22)?.paths[0] ?? '').split(' ').map((p) => Number(p.split(',')[1]));
  expect(Math.abs((ys[0] as number) - (ys[1] as number))).toBeLessThan(3);
});

it('takes the mean of those busbars that are live', () => {
  expect(meanCourse([[[1, 1.0], [2, null]], [[1, 1.1], [2, 0.9], [3, null]]])).toEqual([[1, 1.05], [2, 0.9], [3, null]]);
  expect(courseOf([[5, null, 0, 0, 0], [6, 2, 1, 3, 1]])).toEqual([[5, null], [6, 2]]);
  expect(courseOf(undefined)).toEqual([]);
});

it('says that nothing is of now when no device answers, and only then', () => {
  const device = (connected: boolean, last_ms: number | null) => ({ connected, last_ms }) as DeviceMoment;
  expect(lostSince({ devices: [device(false, 5), device(false, 9), device(false, null)] })).toEqual({ last_ms: 9 });
  expect(lostSince({ devices: [device(false, null)] })).toEqual({ last_ms: null });
  expect(lostSince({ devices: [device(false, 5), device(true, 1)] })).toBeNull();
  // Without devices nothing is known of them.
  expect(lostSince({ devices: [] })).toBeNull();
  expect(lostSince(undefined)).toBeNull();
});

it('a capacitor at a little more than its rated voltage is no overload, a line is', () => {
  expect([heatOf('capacitor', 101.4), heatOf('capacitor', 131), heatOf('line', 101.4), heatOf('transformer', 80), heatOf('line', null)]).toEqual(['', 'over', 'over', 'near', '']);
});

it('calls nothing an estimate that no measurement took part in', () => {
  expect(estimateState({ state: 'settled', used: 0 })).toBe('none');
  expect(estimateState({ state: 'settled', used: 700 })).toBe('settled');
  expect(estimateState({ state: 'unsettled', used: 700 })).toBe('unsettled');
});

it('a breaker that was never heard is not known, not in between', () => {
  expect(positionText({ closed: null, quality: { validity: 'invalid', flags: 1 << 11 } })).toBe('not known');
  expect(positionText({ closed: null, quality: { validity: 'good', flags: 0 } })).toBe('neither open nor closed');
  expect(positionText({ closed: true, quality: { validity: 'invalid', flags: 0 } })).toBe('closed');
  expect(positionText(undefined)).toBe('not known');
});
