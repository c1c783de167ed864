import { describe, expect, it } from 'vitest';
import { ago, bytes, count, fieldName, fixed, hourOfYear, num, span, when } from './format';

describe('numbers', () => {
  it('keeps four significant digits and never rounds whole thousands', () => {
    expect(num(0.987654)).toBe('0.9877');
    expect(num(12345.6)).toBe('12\u202f346');
    expect(num(-3.14159)).toBe('−3.142');
    expect(num(0)).toBe('0');
    expect([num(-0), fixed(-0, 1), count(-0)]).toEqual(['0', '0.0', '0']);
    expect(num(0.00001234)).toBe('1.234e-5');
  });
  it('shows nothing as a dash, not as zero', () => {
    for (const none of [null, undefined, NaN, Infinity]) {
      expect(num(none)).toBe('–');
      expect(count(none)).toBe('–');
      expect(bytes(none)).toBe('–');
      expect(fixed(none, 2)).toBe('–');
    }
  });
  it('counts are whole', () => expect(count(1_234_567)).toBe('1\u202f234\u202f567'));
  it('sizes are decimal', () => expect(bytes(240_000_000)).toBe('240\u202fMB'));
});

describe('times', () => {
  it('says spans in the unit that fits', () => {
    expect(span(45)).toBe('45\u202fs');
    expect(span(360)).toBe('6\u202fmin');
    expect(span(7800)).toBe('2\u202fh 10\u202fmin');
    expect(span(200_000)).toBe('2\u202fd');
  });
  it('says how long ago', () => expect(ago('2026-01-01T00:00:00Z', Date.parse('2026-01-01T00:06:00Z'))).toBe('6\u202fmin ago'));
  it('writes ISO dates with their zone', () => expect(when('2026-03-01T14:05:00Z', 'UTC')).toBe('2026-03-01 14:05 UTC'));
  it('leaves a time that is none as it is', () => expect(when('soon')).toBe('soon'));
  it('hours of a year are days and times, leap years too', () => {
    expect(hourOfYear(0)).toBe('1 Jan 00:00');
    expect(hourOfYear(1)).toBe('1 Jan 01:00');
    expect(hourOfYear(24)).toBe('1 Jan 24:00');
    expect(hourOfYear(8760)).toBe('31 Dec 24:00');
    expect(hourOfYear(8784, 8784)).toBe('31 Dec 24:00');
    expect(hourOfYear(8759)).toBe('31 Dec 23:00');
    expect(hourOfYear(31 * 24 + 28 * 24 + 1)).toBe('1 Mar 01:00');
    expect(hourOfYear(31 * 24 + 28 * 24 + 1, 8784)).toBe('29 Feb 01:00');
    expect(hourOfYear(8783, 8784)).toBe('31 Dec 23:00');
    expect(hourOfYear(12.25)).toBe('1 Jan 12:15');
  });
});

describe('names of fields', () => {
  it('splits the unit off', () => {
    expect(fieldName('v_tap_pu')).toEqual({ words: 'V tap', unit: 'pu' });
    expect(fieldName('r1_ohm_per_km')).toEqual({ words: 'R1', unit: 'Ω/km' });
    expect(fieldName('hours_below_a')).toEqual({ words: 'Hours below range A', unit: 'h' });
    expect(fieldName('name')).toEqual({ words: 'Name', unit: '' });
    expect(fieldName('energy_kwh')).toEqual({ words: 'Energy', unit: 'kWh' });
  });
  it('has words for what people know by another name, with the unit', () => {
    expect(fieldName('kv_base_ln')).toEqual({ words: 'Base voltage, line to neutral', unit: 'kV' });
    expect(fieldName('windings[2].kv')).toEqual({ words: 'Windings 2: voltage', unit: 'kV' });
    expect(fieldName('constructor')).toEqual({ words: 'Constructor', unit: '' });
  });
});
