import { describe, expect, it } from 'vitest';
import { given, typed } from './desk';

describe('what is typed', () => {
  it('is a number, with a point or a comma, or nothing', () => {
    expect([typed('5'), typed(' 0,8 '), typed('-1.5'), typed('')]).toEqual([5, 0.8, -1.5, undefined]);
    expect(Number.isNaN(typed('much'))).toBe(true);
  });
  it('leaves out what has no value', () => {
    expect(given({ bus_name: '1', kw: 0, kv: undefined, load_name: '' })).toEqual({ bus_name: '1', kw: 0 });
  });
});
