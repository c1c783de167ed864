import { expect, it } from 'vitest';
import { compareCells } from './Table';

it('orders names as people count and numbers by size', () => {
  expect(['bus10', 'bus2', 'Bus1'].sort((a, b) => compareCells(a, b, false))).toEqual(['Bus1', 'bus2', 'bus10']);
  expect([10, 2, 33].sort((a, b) => compareCells(a, b, true))).toEqual([33, 10, 2]);
});

it('puts nothing last, up and down', () => {
  for (const down of [false, true]) expect([null, 1, NaN, undefined, 2].sort((a, b) => compareCells(a, b, down)).slice(0, 2).sort()).toEqual([1, 2]);
});
