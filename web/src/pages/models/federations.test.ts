import { expect, test } from 'vitest';
import { isOver, standing, type Federation } from './federations';

const row = { index: 0, written_utc: null, notices: [], reason: null };

test('a status is one word, whatever it carries', () => {
  expect(standing('gathering')).toBe('gathering');
  expect(standing({ running: { round: 3, attempt: 1, step: 'masked' } })).toBe('running');
  expect(standing({ halted: { reason: 'x' } })).toBe('halted');
});

test('what has ended is asked for rarely, what has halted is not over', () => {
  const coordinator = (status: unknown) => ({ ...row, kind: 'coordinator', page: { status } }) as unknown as Federation;
  expect(isOver(coordinator('finished'))).toBe(true);
  expect(isOver(coordinator({ halted: { reason: 'x' } }))).toBe(false);
  expect(isOver({ ...row, kind: null, page: null })).toBe(false);
  expect(isOver({ ...row, kind: 'participant', page: { finished: true } } as unknown as Federation)).toBe(true);
});
