import { expect, it } from 'vitest';
import { backoff, isGap } from './socket';

it('waits longer after each failure, never more than 37.5 s', () => {
  expect(backoff(0, 0.5)).toBe(1);
  expect(backoff(3, 0.5)).toBe(8);
  expect(backoff(50, 1)).toBe(37.5);
});

it('a jump in the sequence is a gap, the first frame and the next are not', () => {
  expect(isGap(null, 7)).toBe(false);
  expect(isGap(7, 8)).toBe(false);
  expect(isGap(7, 9)).toBe(true);
  expect(isGap(7, undefined)).toBe(false);
});
