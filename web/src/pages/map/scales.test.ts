import { describe, expect, it } from 'vitest';
import { rgb } from '../../state/preferences';
import { breaks, difference, factScale, nice, palette, sequential, stepOf, thermal, thermalFull, voltage } from './scales';

const p = palette(() => '#808080', false);

describe('scales', () => {
  it('thermal speaks from 80 % on, and a violation begins at 100 %', () => {
    const s = thermal(p);
    expect(stepOf(s, 79.9)).toBe(0);
    expect(stepOf(s, 80)).toBe(1);
    expect(s.steps[stepOf(s, 99.99)]!.violation).toBeUndefined();
    expect(s.steps[stepOf(s, 100)]!.violation).toBe(true);
    expect(stepOf(s, 500)).toBe(3);
  });
  it('voltage is quiet inside range A and marks both ranges on both sides', () => {
    const s = voltage(p);
    const violation = (v: number) => s.steps[stepOf(s, v)]!.violation === true;
    expect([0.9, 0.93, 1.055, 1.07].every(violation)).toBe(true);
    expect([0.95, 1, 1.0499].some(violation)).toBe(false);
    expect(stepOf(s, 0.91)).not.toBe(stepOf(s, 0.93));
  });
  it('no value has no step', () => expect(stepOf(thermal(p), NaN)).toBe(-1));
  it('steps rise', () => {
    for (const s of [thermal(p), thermalFull(p), voltage(p), difference(p, 3.7, '%'), sequential(p, 'x', 'kW', 2, 77)]) {
      const from = s.steps.map((x) => x.from);
      expect([...from].sort((a, b) => a - b)).toEqual(from);
      expect(new Set(from).size).toBe(from.length);
    }
  });
  it('a few values far above the others leave the rest apart', () => {
    const skewed = Float32Array.from({ length: 101 }, (_, i) => (i === 100 ? 50_000 : i * 10));
    expect(breaks(skewed)).toEqual([200, 400, 600, 800]);
    const s = sequential(p, 'x', 'kW', 0, 50_000, false, skewed);
    expect([5, 250, 450, 650, 50_000].map((x) => stepOf(s, x))).toEqual([0, 1, 2, 3, 4]);
    expect(breaks(Float32Array.from({ length: 100 }, (_, i) => i))).toBeNull();
    expect(breaks(Float32Array.from({ length: 100 }, (_, i) => (i < 95 ? 0 : i)))).toBeNull();
  });
  it('a change diverges around zero and says against what, all else does not', () => {
    const change = factScale(p, { name: 'ab~elements~change_h~ev 30', label: 'Change', unit: 'h', adds_up: true }, -2, 40);
    expect([change.id, change.title, change.unit]).toEqual(['difference', 'Change', 'h, against the base']);
    expect([stepOf(change, -40), stepOf(change, -3), stepOf(change, 0), stepOf(change, 3), stepOf(change, 40)]).toEqual([0, 1, 2, 3, 4]);
    expect(factScale(p, { name: 'ab~elements~lost_kw', unit: 'kW' }, 0, 40).id).toBe('sequential');
    expect(factScale(p, { name: 'change_orders', unit: '' }, 0, 40).id).toBe('sequential');
  });

  it('a difference of nothing lies in the middle', () => expect(stepOf(difference(p, 10, '%'), 0)).toBe(2));
  it('nice numbers', () => expect([0.03, 1, 3, 7, 20, 0].map((x) => nice(x))).toEqual([0.05, 1, 5, 10, 20, 1]));
});

it('colours are read in short and long form', () => {
  expect(rgb('#fff')).toEqual([255, 255, 255]);
  expect(rgb('#b3001b')).toEqual([179, 0, 27]);
});
