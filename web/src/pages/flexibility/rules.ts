/** The further rules of a program: when it may be called, how often, for what. */

import { strings } from '../../strings';
import { num } from '../../ui/format';
import { given, typed } from './desk';

const t = strings.flexibility.further;

export interface Window { days?: string[]; from: string; to: string }

export interface Rules {
  windows?: Window[];
  notice_min?: number;
  max_duration_min?: number;
  max_events_per_day?: number;
  max_events_per_season?: number;
  min_rest_min?: number;
  priority?: number;
  incentive_per_kwh?: number;
  incentive_per_event?: number;
  penalty_per_kwh?: number;
}

/** Those that are one number. */
export const NUMBERS = ['notice_min', 'max_duration_min', 'max_events_per_day', 'max_events_per_season', 'min_rest_min', 'priority', 'incentive_per_kwh', 'incentive_per_event', 'penalty_per_kwh'] as const satisfies (keyof Rules)[];

/** Windows of a text such as `14:00-21:00`, several with commas; the server says what is no time. */
export function windowsOf(text: string): Window[] | undefined {
  const parts = text.split(',').map((p) => p.trim()).filter((p) => p !== '');
  if (parts.length === 0) return undefined;
  return parts.map((part) => {
    const [from = '', to = ''] = part.split(/-|–|\bto\b/).map((p) => p.trim());
    return { from, to };
  });
}

export function windowsText(windows: Window[] | undefined): string {
  return (windows ?? []).map((w) => `${w.from}-${w.to}`).join(', ');
}

/** What is sent of the fields: windows only where their text differs from what is there, for it does not say on which days they are. */
export function rulesBody(values: Record<string, string>, there: Rules = {}): Record<string, unknown> {
  const text = values.windows ?? '';
  const body = Object.fromEntries(NUMBERS.map((key) => [key, typed(values[key] ?? '')]));
  return given({ ...body, windows: text.trim() === windowsText(there.windows) ? undefined : windowsOf(text) });
}

/** The rules in a sentence; empty where there are none. */
export function ruleWords(of: Rules): string {
  const some = (x: number | undefined, say: (x: string) => string) => (x ? say(num(x)) : '');
  const most = (x: number | undefined, say: (x: string) => string) => (x === undefined || x === null ? '' : say(num(x)));
  const windows = (of.windows ?? []).map((w) => t.window(w.from, w.to, (w.days ?? []).join(', ')));
  const parts = [
    windows.length > 0 ? t.within(windows.join(t.or)) : '',
    some(of.notice_min, t.notice),
    most(of.max_duration_min, t.duration),
    most(of.max_events_per_day, t.perDay),
    most(of.max_events_per_season, t.perSeason),
    some(of.min_rest_min, t.rest),
    some(of.priority, t.priority),
    some(of.incentive_per_kwh, t.perKwh),
    some(of.incentive_per_event, t.perEvent),
    some(of.penalty_per_kwh, t.penalty),
  ].filter((p) => p !== '');
  return parts.length === 0 ? '' : `${t.sentence(parts.join(', '))}`;
}
