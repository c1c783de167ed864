import { expect, it } from 'vitest';
import { spread, worst } from './data';

it('keeps of each bus the phase farthest from 1 pu, and leaves what was not solved without value', () => {
  const { loading, voltage } = spread({ nodes: [{ bus: 'a', i: 2, v_pu: 0.99 }, { bus: 'a', i: 2, v_pu: 0.93 }, { bus: 'a', i: 2, v_pu: 1.02 }, { bus: 'b', i: 1, v_pu: null }], elements: [{ i: 0, id: 'line.x', loading_pct: 55 }] }, { firstBus: 3, countElements: 6 });
  expect(voltage[5]).toBeCloseTo(0.93);
  expect(voltage[4]).toBeNaN();
  expect([...loading.slice(0, 1)]).toEqual([55]);
  expect(loading[3]).toBeNaN();
});

it('the worse of low and high is shown', () => {
  const f = (...x: number[]) => new Float32Array(x);
  expect([...worst(f(0.97, 0.9, NaN), f(1.06, 1.05, 1.01))!].map((x) => Math.round(x * 100) / 100)).toEqual([1.06, 0.9, 1.01]);
});
