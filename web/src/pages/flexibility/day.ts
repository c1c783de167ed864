/** A day of flexible demand on a desk: what the server tells of it, and what is asked of it. */

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, asProblem, path, request } from '../../api/client';
import type { Finding, Problem } from '../../api/types';
import type { Rules } from './rules';

export type DeviceClass = 'ev' | 'water_heater' | 'hvac' | 'battery';
export type LeastAsked = 'energy' | 'cost';
export type Baseline = 'high_five_of_ten' | 'regression';

/** The document, as far as it is shown; devices and days before have more. */
export interface FlexibilityCase {
  name: string;
  day: { weekday: string; step_min: number; temperature_c: number[] };
  programs: ({ name: string; min_power_kw?: number; target_pf?: number; classes?: DeviceClass[] } & Rules)[];
  devices: { name: string; load?: string; bus?: string; program?: string; unit: Partial<Record<DeviceClass, unknown>> }[];
  events?: { name: string; programs: string[]; start: string; duration_min: number; target: { element?: string; limit_kw?: number; limit_kva?: number }; prepare_min?: number; recovery_min?: number }[];
}

export interface EventPerformance {
  n_participants: number;
  metered_kwh: number;
  /** Known to a simulation only. */
  without_event_kwh: number;
  baseline_kwh: number | null;
  measured_kwh: number | null;
  regression_kwh: number | null;
  regression_se_kwh: number | null;
  incentives: number;
  penalties: number;
}

export interface ParticipantPerformance {
  event: string;
  device: string;
  program: string;
  asked_kwh: number;
  metered_kwh: number;
  without_event_kwh: number;
  baseline_kwh: number | null;
  baseline_se_kwh: number | null;
  measured_kwh: number | null;
  payment: { incentive: number; penalty: number } | null;
}

export interface EventResult {
  name: string;
  start: string;
  end: string;
  limit: { element: string; value: number; unit: string };
  before: number;
  after: number;
  over_before_min: number;
  over_after_min: number;
  later_before: number;
  later_after: number;
  rebound_kw: number;
  rebound_at: string;
  n_called: number;
  n_told: number;
  asked_kwh: number;
  missing: { at: string; over: number } | null;
  least: string;
  value: number;
  optimum: number;
  gap_pct: number;
  rounds: number;
  not_returned_kwh: number;
  beyond_comfort_k: number;
  beyond_shortfall_kwh: number;
  lowest_v_before_pu: number;
  lowest_v_after_pu: number;
  performance: EventPerformance;
}

interface Energies { base_kwh: number; event_kwh: number; curtailed_kwh: number; prepared_kwh: number; rebounded_kwh: number; shifted_kwh: number; saved_kwh: number; residual_kwh: number }
export interface DeviceBooks extends Energies { device: string; class: DeviceClass; program: string | null; largest_deviation: number }
export interface Books extends Energies { largest_residual_kwh: number }

interface StepFlow { targets: number[]; source_kw: number; source_kva: number; losses_kw: number; v_min_pu: number; v_max_pu: number; mismatch_va: number }
export interface StepRow { at: string; temperature_c: number; devices_before_kw: number; devices_after_kw: number; before: StepFlow; after: StepFlow }

export interface TransformerRow {
  transformer: string;
  rating_kva: number | null;
  before_kva: number;
  before_at: string;
  after_kva: number;
  after_at: string;
  before_pct: number | null;
  after_pct: number | null;
  over_before_min: number;
  over_after_min: number;
}

export interface Day {
  case: string;
  events: EventResult[];
  books: Books;
  devices: DeviceBooks[];
  steps: StepRow[];
  mismatch_va: number;
  findings: Finding[];
  transformers: TransformerRow[];
  ran_at: string;
  least: string;
  baseline: Baseline;
  /** The desk or the document has changed since. */
  is_stale: boolean;
}

export interface Published { starts: string; programs: number; events: number; at: string }
export interface DayAnswer {
  document: string;
  /** With the programs of the desk; null where the desk no longer has what the document names, which the findings then say. */
  case: FlexibilityCase | null;
  findings?: Finding[];
  result: Day | null;
  published: Published | null;
  /** Since when it is being run, after its answer: a long run goes on. */
  running?: string | null;
  /** Why the last run, gone on after its answer, has no result. */
  failed?: Problem | null;
}
export interface Measured { reports: number; readings: number; left_out?: number; events: ({ name: string } & EventPerformance)[]; participants: ParticipantPerformance[] }

/** The day of a desk; null where it has none. */
export function useDay(desk: string) {
  return useQuery<DayAnswer | null>({
    queryKey: ['desk-day', desk],
    refetchInterval: (query) => (query.state.data?.running ? 3000 : false),
    queryFn: async ({ signal }) => {
      try {
        return await api.get<DayAnswer>(path('desks', desk, 'day'), undefined, signal);
      } catch (error) {
        if (asProblem(error).status === 404) return null;
        throw error;
      }
    },
  });
}

/** What clients have reported of what was published. */
export function useMeasured(desk: string) {
  return useQuery({ queryKey: ['desk-measured', desk], queryFn: ({ signal }) => api.get<Measured>(path('desks', desk, 'day', 'measured'), undefined, signal) });
}

export type DayAsked =
  | { what: 'load'; document: string }
  | { what: 'sample'; body: Record<string, unknown> }
  | { what: 'run'; least: LeastAsked; baseline: Baseline }
  | { what: 'publish'; starts: string; replace: boolean }
  | { what: 'remove' };

export function useDayAct(desk: string) {
  const client = useQueryClient();
  const day = path('desks', desk, 'day');
  return useMutation({
    mutationFn: async (asked: DayAsked): Promise<DayAnswer | null> => {
      switch (asked.what) {
        case 'load': return (await request('PUT', day, { body: { document: asked.document } })).json() as Promise<DayAnswer>;
        case 'sample': return api.post<DayAnswer>(`${day}/sample`, asked.body);
        case 'run': return api.post<DayAnswer>(`${day}/run`, { least: asked.least, baseline: asked.baseline });
        case 'remove': await api.delete(day); return null;
        case 'publish': await api.post(`${day}/publish`, { starts: asked.starts, ...(asked.replace ? { replace: true } : {}) }); return api.get<DayAnswer>(day);
      }
    },
    onSuccess: async (answer) => {
      // An answer that is still on its way was given before this one.
      await client.cancelQueries({ queryKey: ['desk-day', desk] });
      client.setQueryData(['desk-day', desk], answer);
      void client.invalidateQueries({ queryKey: ['desk-measured', desk] });
      void client.invalidateQueries({ queryKey: ['desk-journal', desk] });
      void client.invalidateQueries({ queryKey: ['openadr'] });
    },
  });
}

export type DayActing = ReturnType<typeof useDayAct>;

/** Hours since midnight of a time `HH:MM`. */
export function hourOf(clock: string): number {
  const [h, m] = clock.split(':');
  return Number(h) + Number(m) / 60;
}

/** A time of day as `HH:MM`. */
export function clockOf(hour: number): string {
  const minutes = Math.round(hour * 60);
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}

/** Points of a course that holds each of its values for a step, from 00:00 to 24:00. */
export function course(values: number[]): [hour: number, value: number][] {
  const last = values.at(-1);
  if (last === undefined) return [];
  return [...values.map((v, i): [number, number] => [(i * 24) / values.length, v]), [24, last]];
}

export function pctOf(value: number, limit: number): number | null {
  return limit > 0 ? (value / limit) * 100 : null;
}

/** The event that is furthest from being met: its target is what a card tells. */
export function worstOf(events: EventResult[]): EventResult | null {
  const at = (e: EventResult) => pctOf(e.after, e.limit.value) ?? -Infinity;
  return events.reduce<EventResult | null>((worst, e) => (worst === null || at(e) > at(worst) ? e : worst), null);
}

/** Events whose target is that of one of them: they share its course. */
export function sharing(events: EventResult[], of: number): EventResult[] {
  const limit = events[of]?.limit;
  return events.filter((e) => e.limit.element === limit?.element && e.limit.unit === limit.unit);
}

/** Those with the highest loading first; those without a rating last, by power. */
export function byLoading(rows: TransformerRow[]): TransformerRow[] {
  const most = (r: TransformerRow) => Math.max(r.before_pct ?? -1, r.after_pct ?? -1);
  return [...rows].sort((a, b) => most(b) - most(a) || b.before_kva - a.before_kva || a.transformer.localeCompare(b.transformer));
}

const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];

const dateText = (d: Date) => `${d.getFullYear()}-${String(d.getMonth() + 1).padStart(2, '0')}-${String(d.getDate()).padStart(2, '0')}`;

function dateOf(text: string): Date {
  const [y = 0, m = 1, d = 1] = text.split('-').map(Number);
  return new Date(y, m - 1, d);
}

export function weekdayOf(date: string): string {
  return WEEKDAYS[dateOf(date).getDay()] ?? '';
}

/** The first date after a day that is a given weekday: an event of today may be over. */
export function nextDate(weekday: string, after: Date): string {
  const from = (WEEKDAYS.indexOf(weekday) - after.getDay() + 7) % 7 || 7;
  return dateText(new Date(after.getFullYear(), after.getMonth(), after.getDate() + from));
}

/** Midnight of a date with the offset that holds then, minutes east of Greenwich; the browser's unless told. */
export function startsAt(date: string, offset_min = -dateOf(date).getTimezoneOffset()): string {
  const size = Math.abs(offset_min);
  const two = (n: number) => String(n).padStart(2, '0');
  return `${date}T00:00:00${offset_min < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}
