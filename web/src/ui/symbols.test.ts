import { expect, it } from 'vitest';
import { symbolKey, SYMBOLS } from './symbols';

it('knows the classes of the engine and of other formats', () => {
  const cases: [string, string][] = [
    ['line', 'line'], ['transformer', 'transformer'], ['autotrans', 'autotransformer'], ['capacitor', 'capacitor'], ['reactor', 'reactor'], ['load', 'load'], ['generator', 'generator'],
    ['pvsystem', 'pv'], ['pv_system', 'pv'], ['storage', 'storage'], ['vsource', 'source'], ['voltage_source', 'source'], ['induction_machine', 'motor'], ['indmach012', 'motor'], ['bus', 'bus'], ['regulator', 'regulator'], ['something', 'other'],
  ];
  for (const [cls, key] of cases) expect(symbolKey(cls, false), cls).toBe(key);
});

it('an open switch never looks like a closed one', () => {
  for (const cls of ['breaker', 'switch', 'recloser', 'fuse']) {
    const [open, closed] = [SYMBOLS[symbolKey(cls, true)]!, SYMBOLS[symbolKey(cls, false)]!];
    expect(`${open.stroke}|${open.fill}`).not.toBe(`${closed.stroke}|${closed.fill}`);
  }
});
