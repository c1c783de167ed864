import { expect, it } from 'vitest';
import { common, paired, type DiffLine } from './Diff';

const old = (text: string): DiffLine => ({ is: 'old', text, old: 1 });
const fresh = (text: string): DiffLine => ({ is: 'new', text, new: 1 });
const same = (text: string): DiffLine => ({ is: 'same', text, old: 1, new: 1 });
const texts = (lines: (DiffLine | null)[]) => paired(lines).map((p) => (p === null ? '…' : `${p.left?.text ?? ''}|${p.right?.text ?? ''}`));

it('puts lines that took the place of others beside them', () => {
  expect(texts([same('a'), old('b'), old('c'), fresh('d'), same('e')])).toEqual(['a|a', 'b|d', 'c|', 'e|e']);
  expect(texts([null, fresh('x'), null])).toEqual(['…', '|x', '…']);
});

it('keeps two changes that follow one another apart', () => {
  expect(texts([old('a'), fresh('b'), old('c'), fresh('d')])).toEqual(['a|b', 'c|d']);
});

it('leaves no line out', () => {
  const lines = [old('1'), fresh('2'), fresh('3'), same('4'), null, old('5'), old('6'), fresh('7')];
  const shown = paired(lines).flatMap((p) => (p ? [p.left, p.right] : []));
  for (const line of lines) if (line) expect(shown).toContain(line);
});

it('finds what two lines share at both ends, and never counts a letter twice', () => {
  expect(common('r1=0.02 x1=1', 'r1=0.03 x1=1')).toEqual([6, 5]);
  expect(common('aaa', 'aa')).toEqual([2, 0]);
  expect(common('', 'x')).toEqual([0, 0]);
});
