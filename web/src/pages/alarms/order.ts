/** The list of alarms as it is worked from, and as a file. */

import { instantMs, iso, type AlarmView } from '../../api/twin';
import { isWaiting, LEVEL } from '../../app/AlarmBanner';
import { valueText } from '../substation/words';

/** A flood begins with more than so many alarms in ten minutes, and ends below so many (ISA-18.2; docs/alarms.md). */
export const FLOOD_ABOVE = 10;
export const FLOOD_BELOW = 5;

/** The graver before the lesser; of one priority the newer before the older, those without a time last. */
export function byPriorityThenTime(a: AlarmView, b: AlarmView): number {
  return LEVEL[a.priority] - LEVEL[b.priority] || (instantMs(b.raised_at) ?? -Infinity) - (instantMs(a.raised_at) ?? -Infinity) || 0 || a.rule.localeCompare(b.rule);
}

/** The row that arrows lead to; of a list that has none of this key, its first or last. */
export function neighbour<T extends { rule: string }>(rows: T[], rule: string | null, by: 1 | -1): T | null {
  const at = rows.findIndex((r) => r.rule === rule);
  if (rows.length === 0) return null;
  if (at < 0) return (by === 1 ? rows[0] : rows.at(-1)) ?? null;
  return rows[Math.max(0, Math.min(rows.length - 1, at + by))] ?? null;
}

/** A cell in quotes. What a spreadsheet would take for a formula gets a mark before it. */
export const csvCell = (text: string): string => `"${/^[=+\-@\t\r]/.test(text) ? "'" : ''}${text.replaceAll('"', '""')}"`;

const HEADS = ['rule', 'priority', 'state', 'wants_acknowledgement', 'text', 'value', 'validity', 'asset', 'group', 'first_out', 'flood', 'chattering', 'stale', 'condition', 'raised_utc', 'changed_utc', 'shelved_until_utc', 'by', 'reason', 'consequence', 'response'];

/** The rows as CSV (RFC 4180), in their order; times in UTC. */
export function alarmsCsv(rows: AlarmView[]): string {
  const time = (of: number | null | undefined) => iso(instantMs(of)) ?? '';
  const line = (a: AlarmView) => [
    a.rule, a.priority, a.state, String(isWaiting(a.state)), a.text, a.value === null || a.value === undefined ? '' : valueText(a.value), a.quality?.validity ?? '', a.asset ?? '', a.group ?? '', String(a.first_out), String(a.flood), String(a.chattering), String(a.stale), a.condition,
    time(a.raised_at), time(a.changed_at), time(a.shelf?.until), a.shelf?.who ?? a.removal?.who ?? '', a.shelf?.reason ?? a.removal?.reason ?? '', a.consequence ?? '', a.response ?? '',
  ].map(csvCell).join(',');
  return [HEADS.join(','), ...rows.map(line)].map((l) => `${l}\r\n`).join('');
}
