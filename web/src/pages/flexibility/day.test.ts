import { describe, expect, it } from 'vitest';
import { byLoading, clockOf, course, hourOf, nextDate, pctOf, sharing, startsAt, weekdayOf, worstOf, type EventResult, type TransformerRow } from './day';

const event = (name: string, after: number, value: number, element = 'transformer.xfm1', unit = 'kVA') => ({ name, after, limit: { element, value, unit } }) as EventResult;
const transformer = (name: string, before_pct: number | null, after_pct: number | null, before_kva = 1) => ({ transformer: name, before_pct, after_pct, before_kva }) as TransformerRow;

describe('times of a day', () => {
  it('are hours and back', () => {
    expect([hourOf('00:00'), hourOf('17:45'), hourOf('24:00')]).toEqual([0, 17.75, 24]);
    expect([clockOf(0), clockOf(17.75), clockOf(24), clockOf(1 / 12)]).toEqual(['00:00', '17:45', '24:00', '00:05']);
  });
  it('make a course that holds to its end', () => {
    expect(course([1, 3])).toEqual([[0, 1], [12, 3], [24, 3]]);
    expect(course([])).toEqual([]);
  });
});

describe('dates of a day', () => {
  it('begin at midnight with their offset', () => {
    expect(startsAt('2026-07-16', -420)).toBe('2026-07-16T00:00:00-07:00');
    expect(startsAt('2026-07-16', 330)).toBe('2026-07-16T00:00:00+05:30');
    expect(startsAt('2026-07-16', 0)).toBe('2026-07-16T00:00:00+00:00');
  });
  it('are the same moment as midnight here', () => {
    expect(Date.parse(startsAt('2026-01-16'))).toBe(new Date(2026, 0, 16).getTime());
    expect(Date.parse(startsAt('2026-07-16'))).toBe(new Date(2026, 6, 16).getTime());
  });
  it('are the next of their weekday, never today', () => {
    expect(weekdayOf('2026-07-16')).toBe('thursday');
    expect(nextDate('thursday', new Date(2026, 6, 15))).toBe('2026-07-16');
    expect(nextDate('thursday', new Date(2026, 6, 16))).toBe('2026-07-23');
    expect(nextDate('friday', new Date(2026, 11, 31))).toBe('2027-01-01');
  });
});

describe('events', () => {
  it('are worst by their limit, not by their flow', () => {
    expect(pctOf(50, 0)).toBeNull();
    expect(worstOf([])).toBeNull();
    expect(worstOf([event('large', 900, 1000), event('over', 110, 100)])?.name).toBe('over');
  });
  it('share a course when they share its target', () => {
    const events = [event('a', 1, 1), event('b', 1, 2), event('c', 1, 1, 'sources'), event('d', 1, 1, 'transformer.xfm1', 'kW')];
    expect(sharing(events, 0).map((e) => e.name)).toEqual(['a', 'b']);
    expect(sharing(events, 2).map((e) => e.name)).toEqual(['c']);
  });
});

it('transformers stand by their higher loading, those without a rating last', () => {
  const rows = [transformer('none', null, null, 5000), transformer('calm', 20, 20), transformer('eased', 110, 90), transformer('made worse', 50, 120)];
  expect(byLoading(rows).map((r) => r.transformer)).toEqual(['made worse', 'eased', 'calm', 'none']);
});
