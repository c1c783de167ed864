import { expect, it } from 'vitest';
import type { AlarmView } from '../../api/twin';
import { alarmsCsv, byPriorityThenTime, csvCell, neighbour } from './order';

const alarm = (rule: string, priority: string, raised_at: number | null, more: Partial<AlarmView> = {}): AlarmView => ({ rule, priority, raised_at, state: 'unacknowledged', text: rule, value: null, quality: null, asset: null, group: null, first_out: false, flood: false, chattering: false, stale: false, condition: 'true', changed_at: null, shelf: null, removal: null, consequence: null, response: null, ...more }) as AlarmView;

it('sorts by priority, then by time, the newest first', () => {
  const rows = [alarm('low-new', 'low', 9e15), alarm('high-old', 'high', 1e15), alarm('critical', 'critical', 2e15), alarm('high-new', 'high', 3e15), alarm('high-never', 'high', null), alarm('high-none', 'high', null)];
  expect(rows.sort(byPriorityThenTime).map((r) => r.rule)).toEqual(['critical', 'high-new', 'high-old', 'high-never', 'high-none', 'low-new']);
});

it('walks the rows and stops at the ends', () => {
  const rows = [alarm('a', 'low', 1), alarm('b', 'low', 1), alarm('c', 'low', 1)];
  expect([neighbour(rows, 'a', 1)?.rule, neighbour(rows, 'c', 1)?.rule, neighbour(rows, 'a', -1)?.rule]).toEqual(['b', 'c', 'a']);
  // What was chosen has left the list.
  expect([neighbour(rows, 'gone', 1)?.rule, neighbour(rows, null, -1)?.rule]).toEqual(['a', 'c']);
  expect(neighbour([], 'a', 1)).toBeNull();
});

it('writes cells that no spreadsheet takes for formulas', () => {
  expect(csvCell('=1+1')).toBe('"\'=1+1"');
  expect(csvCell('a "b", c\n')).toBe('"a ""b"", c\n"');
  const [heads, first, end] = alarmsCsv([alarm('x', 'high', 1_795_000_000_000_000, { value: { float: 1.5 }, shelf: { until: 1_795_000_060_000_000, who: 'ada', reason: 'test' } as AlarmView['shelf'] })]).split('\r\n') as [string, string, string];
  expect(first.split(',')).toHaveLength(heads.split(',').length);
  expect(first).toContain('"2026-11-18T');
  expect(first).toContain('"1.5"');
  expect(first).toContain('"ada","test"');
  expect(end).toBe('');
});
