import { expect, it } from 'vitest';
import { commonOf, patched } from './url';

it('sets, changes and removes parameters and keeps the rest', () => {
  expect(patched('?a=1&b=2', { a: 3, b: null, c: 'x y' })).toBe('?a=3&c=x+y');
  expect(patched('?a=1', { a: '' })).toBe('');
  expect(patched('', { on: true, off: false })).toBe('?on=1');
});

it('carries what is looked at from page to page, and nothing else', () => {
  expect(commonOf('?project=p&sel=line.1&tab=x&hour=4')).toBe('?project=p&hour=4&sel=line.1');
});
