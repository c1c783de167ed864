/** The live twin: what the server says of a plant that it follows, and what can be asked of it. Times are epoch milliseconds unless a name says otherwise. */

import { keepPreviousData, useQuery, useQueryClient, type QueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { create } from 'zustand';
import { api, ApiError, path, withQuery, type Query } from './client';
import { renew } from './renew';
import { link, useLink } from './socket';
import type { Finding } from './types';

export interface TwinInfo {
  name: string;
  model: string;
  simulated: boolean;
  /** An instructor can be reached: faults may be played. */
  training: boolean;
  started_ms: number;
  points: number;
  devices: number;
  interval_s: number;
  frequency_hz: number;
  history?: { folder?: string | null; database?: string | null; condition?: string | null } | null;
  alarms_file?: string | null;
}

export type Origin = 'measured' | 'estimated' | 'pseudo' | 'dead' | 'unknown';
type Maybe = number | null;

export interface BusMoment { bus: string; kv_base: number; origin: Origin; v_pu: Maybe; v_kv: Maybe; unbalance_pct: Maybe; phases: { phase: string; origin: Origin; v_kv: Maybe; v_pu: Maybe; angle_deg: Maybe; sigma_pu: Maybe }[] }
export interface EndMoment { bus: string; origin: Origin; p_kw: Maybe; q_kvar: Maybe; s_kva: Maybe; i_a: Maybe[] }
export interface ElementMoment { element: string; asset: string | null; ends: EndMoment[]; loading_pct: Maybe; losses_kw: Maybe }
export interface Quality { validity: string; flags: number }
export interface SwitchMoment { element: string; asset: string | null; kind: string; closed: boolean | null; point: string | null; quality: Quality | null; doubted: boolean; i_a: Maybe; controllable: boolean }
export interface Suspect { point: string; element: string; quantity: string; unit: string; measured: number; estimated: Maybe; normalised_residual: number; alike: string[] }
export interface EstimateMoment {
  state: 'settled' | 'unsettled' | 'none'; why: string | null; iterations: number; objective: Maybe; degrees_of_freedom: Maybe; objective_limit: Maybe; plausible: boolean | null;
  mismatch_a: Maybe; mismatch_at: string | null; measurements: number; used: number; nodes_known: number; nodes_live: number; took_ms: number; suspects: Suspect[];
}
export interface Metrics {
  system_health: Maybe; total_load_mw: Maybe; generation_mw: Maybe; losses_mw: Maybe; reactive_mvar: Maybe; apparent_mva: Maybe; efficiency_pct: Maybe; power_factor: Maybe;
  voltage_stability_pct: Maybe; voltage_stability_at: string | null; frequency_hz: Maybe; levels: [number, Maybe][];
}
export interface Trend { metric: string; value: number; previous: number; previous_ms: number; change: number; change_pct: Maybe; direction: string; significant: boolean }
export interface HealthPart { indicator: string; value: number; unit: string; good: number; bad: number; score: number }
export interface AssetMoment { asset: string; health: Maybe; parts: HealthPart[]; status: string; loading_pct: Maybe; temperature_c: Maybe; v_kv: Maybe; i_a: Maybe; p_mw: Maybe; alarms: Maybe }
export interface DeviceMoment { device: string; protocol: string; address: string; connected: boolean | null; recovered: boolean | null; points: number; good: number; questionable: number; invalid: number; last_ms: Maybe; remark: string | null }
export interface Moment {
  sequence: number; time_ms: number; replayed: boolean; estimate: EstimateMoment; metrics: Metrics; trends: Trend[];
  buses: BusMoment[]; elements: ElementMoment[]; switches: SwitchMoment[]; assets: AssetMoment[]; devices: DeviceMoment[];
}

export interface DiagramElement { element: string; kind: string; asset?: string | null; bay?: string | null; name: string; buses: string[] }
export interface TwinDiagram { levels: { kv: number }[]; buses: { bus: string; kv_base: number | null; busbar?: string | null }[]; elements: DiagramElement[]; bays: { bay: string; kv_base: number | null; elements: string[] }[]; layout?: unknown }

export interface YardEquipment {
  asset: string; kind: string; name: string; bay: string | null; x_m: number; y_m: number; z_m: number; elements: string[];
  rating: Record<string, number | string | null>; maker: string | null; product: string | null; commissioned: string | null;
}

export interface PointMoment {
  point: string; device: string; unit: string | null; asset: string | null; element: string | null; quantity: string | null; terminal: Maybe; phase: string | null;
  value: unknown; number: Maybe; quality: Quality; validity: string; details: string[]; time_ms: number; received_ms: number; controllable: boolean; low: Maybe; high: Maybe;
}

export type HistoryRow = [number, number | null, ...unknown[]];
export interface HistoryAnswer { resolution: string; series: { point: string; unit: string | null; rows: HistoryRow[] }[]; gaps: [number, number][]; findings?: Finding[]; took_ms?: number }

export type Priority = 'critical' | 'high' | 'medium' | 'low';
export interface AlarmView {
  rule: string; text: string; state: string; standing: string; priority: Priority; class: string | null; group: string | null; asset: string | null; element: string | null;
  consequence: string | null; response: string | null; time_to_respond_s: Maybe; condition: 'true' | 'false' | 'unknown'; enabled: boolean; point: string | null; value: unknown; quality: Quality | null;
  raised_at: Maybe; changed_at: Maybe; first_out: boolean; flood: boolean; chattering: boolean; stale: boolean;
  shelf: { until: number; who: string; reason: string } | null; removal: { since: number; who: string; reason: string } | null; maintenance: number[];
}
export interface AlarmCounts { listed: number; wanting_acknowledgement: number; shelved: number; suppressed_by_design: number; out_of_service: number; unknown: number; stale: number; chattering: number; flood_since: Maybe; shown_in_ten_minutes: number }
export interface FloodGroup { group: string | null; alarms: number; highest: Priority; first_out: string | null }
export interface AlarmsAnswer { alarms: AlarmView[]; counts: AlarmCounts; groups: FloodGroup[]; flooded: boolean }
export interface AlarmReport {
  from: number; to: number; shown: number; per_hour: Maybe; hours: { from: number; shown: number }[]; most_in_ten_minutes: number; floods: number; flood_s: number; flood_time_pct: Maybe;
  most_frequent: { rule: string; shown: number; share_pct: number }[]; most_frequent_pct: Maybe; chattering: [string, number][]; stale: string[]; priorities: { priority: Priority; shown: number; share_pct: number }[];
  mean_to_acknowledge_s: Maybe; longest_to_acknowledge_s: Maybe;
  targets: { acceptable_per_hour: number; manageable_per_hour: number; flood_per_ten_minutes: number; flood_time_pct: number; most_frequent_ten_pct: number; stale: number; chattering: number };
}
export interface ActionOutcome { events: unknown[]; refused: unknown[] }

export interface TwinEvent { sequence: number; time_ms: number; kind: string; severity: string; subject: string | null; message: string; fields?: Record<string, unknown> }
export interface EventsAnswer { events: TwinEvent[]; more: boolean; next?: number | string | null }
export interface MaintenanceEntry { id: number; asset: string; from: number; to: number; who: string; kind: string; note: string; progress: string }

export interface Excess { subject: string; value: number; was: Maybe; limit: Maybe }
export interface Verdict {
  allowed: boolean; settled: boolean; token: string | null; findings: Finding[];
  unsupplied: { bus: string; kv_base: number; p_mw: number }[]; unsupplied_mw: number; overloads: Excess[]; voltages: Excess[]; losses_mw: Maybe; losses_before_mw: Maybe;
}
export interface ControlRecord { asked: number; ended: number; by: { user: string; reason: string }; point: string; device: string | null; wanted: unknown; before: [unknown, Quality] | null; after: [unknown, Quality] | null; said: string | null; failure: string | null }
export interface Order { element?: string; point?: string; asset?: string; command: string; value?: unknown }

export type Change = { element: string; closed: boolean } | { load: string; factor?: number; p_kw?: number; q_kvar?: number } | { transformer: string; tap_position: number } | { capacitor: string; on: boolean };
type Compared = Pick<Moment, 'buses' | 'elements' | 'metrics'> & Partial<Moment>;
export interface WhatIfAnswer { at_ms?: number; before: Compared; after: Compared; before_off_estimate_pu?: Maybe; certificate?: { settled: boolean; iterations: Maybe; mismatch: Maybe } | null; findings: Finding[] }

export interface TrainingScenario { id: string; name: string; description: string; impact: string; duration_s: Maybe; recovery: string }
export interface TrainingState {
  time_s: number; /** `since_s`: for how long it has run. */
  running: { scenario: string; since_ms?: Maybe; since_s: number; duration_s?: Maybe } | null; faults: Record<string, unknown>[]; stuck: string[]; buses: (string | { bus: string })[]; breakers: (string | { element: string })[];
  scenarios: TrainingScenario[]; frequency_hz?: Maybe; ambient_c?: Maybe; unsolved?: unknown;
}
export interface TrainingEvent { number?: number; sequence?: number; time_s: number; kind: string; subject: string; cause: string }

export interface ModelVersion { version_id: string; version_number: number; created_by: string; created_at: string; description: string; is_active: boolean; sha256: string; bytes: number; /** What the files of the model said. */ of_files: boolean }
export interface ModelDiffLine { change: 'same' | 'removed' | 'added'; before: Maybe; after: Maybe; text: string }
export interface ModelDiff { before: number; after: number; lines: ModelDiffLine[]; removed: number; added: number }

/** An instant of the alarm engine, which counts microseconds, in milliseconds; one that is in milliseconds stays (no microsecond count of our time is so small). */
export function instantMs(of: number | null | undefined): number | null {
  if (of === null || of === undefined) return null;
  return Math.abs(of) > 1e14 ? of / 1000 : of;
}

export const iso = (ms: number | null | undefined): string | null => (ms === null || ms === undefined ? null : new Date(ms).toISOString());

/** What the check of an order answers, with its figures at the top or under `after`, and its excesses under one set of names. */
export function verdictOf(answer: Record<string, unknown>): Verdict {
  const after = { ...answer, ...(answer.after as Record<string, unknown> | undefined) };
  const before = (answer.before ?? {}) as Record<string, unknown>;
  const list = (of: unknown) => (Array.isArray(of) ? (of as Record<string, unknown>[]) : []);
  const number = (of: unknown): Maybe => (typeof of === 'number' && Number.isFinite(of) ? of : null);
  const excess = (of: Record<string, unknown>): Excess => ({
    subject: String(of.subject ?? of.element ?? of.bus ?? ''),
    value: number(of.value ?? of.loading_pct ?? of.v_pu) ?? NaN,
    was: number(of.was ?? of.was_pct ?? of.was_pu),
    limit: number(of.limit),
  });
  return {
    // Only what is said to be allowed and solved is.
    allowed: answer.allowed === true,
    settled: answer.settled === true,
    token: typeof answer.token === 'string' ? answer.token : null,
    findings: list(answer.findings) as unknown as Finding[],
    unsupplied: list(after.unsupplied) as unknown as Verdict['unsupplied'],
    unsupplied_mw: number(after.unsupplied_mw) ?? 0,
    overloads: list(after.overloads).map(excess),
    voltages: list(after.voltages).map(excess),
    losses_mw: number(after.losses_mw),
    losses_before_mw: number(answer.losses_before_mw ?? before.losses_mw),
  };
}

const at = (...segments: (string | number)[]) => path('twin', ...segments);

export const twinApi = {
  info: (signal?: AbortSignal) =>
    api.get<TwinInfo>('/api/twin', undefined, signal).catch((error: unknown) => {
      // A server without a plant is no failure.
      if (error instanceof ApiError && error.problem.status === 404) return null;
      throw error;
    }),
  moment: (time: number | null, signal?: AbortSignal) => api.get<Moment>(at('moment'), { at: time }, signal),
  diagram: (signal?: AbortSignal) => api.get<TwinDiagram>(at('diagram'), undefined, signal),
  yard: async (signal?: AbortSignal) => (await api.get<{ equipment: YardEquipment[] }>(at('yard'), undefined, signal)).equipment,
  points: (query: Query, signal?: AbortSignal) => api.get<{ points: PointMoment[]; total: number }>(at('points'), query, signal),
  substitute: (point: string, value: unknown, reason: string) => api.post<unknown>(at('points', point, 'substitute'), { value, reason }),
  history: async (points: string[], from: number, to: number, resolution = 'auto', signal?: AbortSignal): Promise<HistoryAnswer> => {
    const search = new URLSearchParams(points.map((p) => ['point', p]));
    for (const [key, value] of [['from', from], ['to', to], ['resolution', resolution]] as const) search.set(key, String(typeof value === 'number' ? Math.round(value) : value));
    try {
      return await api.get<HistoryAnswer>(`${at('history')}?${search.toString()}`, undefined, signal);
    } catch (error) {
      // Of a point that is new nothing is recorded yet.
      if (error instanceof ApiError && error.problem.code === 'TWIN.HISTORY.UNKNOWN_POINT') return { resolution, series: [], gaps: [] };
      throw error;
    }
  },
  check: async (order: Order) => verdictOf(await api.post<Record<string, unknown>>(at('control', 'check'), order)),
  control: async (order: Order & { reason: string; token: string | null; override?: boolean }) => {
    const done = await api.post<{ record: ControlRecord; verdict: Record<string, unknown> }>(at('control'), order);
    return { record: done.record, verdict: verdictOf(done.verdict ?? {}) };
  },
  whatIf: (changes: Change[], time: number | null) => api.post<WhatIfAnswer>(at('what-if'), { changes, ...(time === null ? {} : { at: time }) }),
  alarms: (listed: boolean, signal?: AbortSignal) => api.get<AlarmsAnswer>(at('alarms'), { listed }, signal),
  act: (action: 'acknowledge' | 'shelve' | 'unshelve' | 'reset' | 'remove' | 'return', body: Record<string, unknown>) => api.post<ActionOutcome>(at('alarms', action), body),
  report: (from: number, to: number, signal?: AbortSignal) => api.get<AlarmReport>(at('alarms', 'report'), { from: Math.round(from), to: Math.round(to) }, signal),
  rules: (signal?: AbortSignal) => api.get<Record<string, unknown>>(at('rules'), undefined, signal),
  setRules: (yaml: string) => api.put<{ findings?: Finding[] } | Finding[] | undefined>(at('rules'), { yaml }),
  events: (search: URLSearchParams, signal?: AbortSignal) => api.get<EventsAnswer>(`${at('events')}?${search.toString()}`, undefined, signal),
  maintenance: async (signal?: AbortSignal) => {
    const answer = await api.get<MaintenanceEntry[] | { entries?: MaintenanceEntry[]; items?: MaintenanceEntry[]; maintenance?: MaintenanceEntry[] }>(at('maintenance'), undefined, signal);
    return Array.isArray(answer) ? answer : (answer.entries ?? answer.items ?? answer.maintenance ?? []);
  },
  plan: (entry: { asset: string; from_ms: number; to_ms: number; kind: string; who: string; note: string }) => api.post<unknown>(at('maintenance'), entry),
  endMaintenance: (id: number, how: 'finish' | 'cancel', comment: string) => api.post<unknown>(at('maintenance', id, how), { comment }),
  versions: async (signal?: AbortSignal) => (await api.get<{ versions: ModelVersion[] }>(at('versions'), undefined, signal)).versions,
  version: (id: number, signal?: AbortSignal) => api.get<ModelVersion & { text: string }>(at('versions', id), undefined, signal),
  versionDiff: (id: number, against: number, signal?: AbortSignal) => api.get<ModelDiff>(at('versions', id, 'diff'), { against }, signal),
  addVersion: (asked: { text?: string; changes?: string; description: string }) => api.post<ModelVersion>(at('versions'), asked),
  activateVersion: (id: number) => api.post<ModelVersion>(at('versions', id, 'activate')),
  training: (signal?: AbortSignal) => api.get<TrainingState>(at('training'), undefined, signal),
  train: (command: Record<string, unknown>) => api.post<unknown>(at('training'), command),
  trainingEvents: async (signal?: AbortSignal) => {
    const answer = await api.get<TrainingEvent[] | { events: TrainingEvent[] }>(at('training', 'events'), { since: 0 }, signal);
    return Array.isArray(answer) ? answer : answer.events;
  },
};

/** Address of the events as a file. */
export const eventsCsv = (search: URLSearchParams): string => withQuery(`${at('events')}?${search.toString()}&format=csv`);

interface Fresh {
  sequence: number;
  /** When a newer moment last came, by this computer's clock. */
  seen: number | null;
}

export const useFresh = create<Fresh>(() => ({ sequence: -1, seen: null }));

function saw(moment: Moment): void {
  if (moment.replayed) return;
  // A server that began anew counts from the beginning.
  if (moment.sequence !== useFresh.getState().sequence) useFresh.setState({ sequence: moment.sequence, seen: Date.now() });
}

/** Events since the page was opened, newest first; the log has all. */
export const useNewEvents = create<{ events: TwinEvent[] }>(() => ({ events: [] }));

export const useTwin = () => useQuery({ queryKey: ['twin', 'info'], queryFn: ({ signal }) => twinApi.info(signal), staleTime: 60_000 });

export const useMoment = (time: number | null, enabled = true) => {
  const up = useLink((s) => s.link === 'up');
  return useQuery<Moment>({
    queryKey: ['twin', 'moment', time ?? 'live'],
    enabled,
    // A moment is new in every part: comparing it with the last one costs more than drawing it.
    structuralSharing: false,
    staleTime: time === null ? 0 : 3_600_000,
    // Over the socket once a second; asked while that is gone, and seldom beside it in case a frame never comes.
    refetchInterval: time === null ? (up ? 15_000 : 2_000) : false,
    ...(time === null ? {} : { placeholderData: keepPreviousData }),
    queryFn: async ({ signal }) => {
      const moment = await twinApi.moment(time, signal);
      if (time === null) saw(moment);
      return moment;
    },
  });
};

export const useDiagram = (enabled = true) => useQuery({ queryKey: ['twin', 'diagram'], enabled, staleTime: 3_600_000, queryFn: ({ signal }) => twinApi.diagram(signal) });
export const useYard = (enabled = true) => useQuery({ queryKey: ['twin', 'yard'], enabled, staleTime: 3_600_000, queryFn: ({ signal }) => twinApi.yard(signal) });

export const useAlarms = (enabled = true) => {
  const up = useLink((s) => s.link === 'up');
  return useQuery({ queryKey: ['twin', 'alarms'], enabled, queryFn: ({ signal }) => twinApi.alarms(false, signal), refetchInterval: up ? 15_000 : 2_000 });
};

/** Puts what the socket tells of the alarms into what was asked for: those that it names are replaced or added; what it does not say stays. */
export function merged(old: AlarmsAnswer | undefined, frame: { counts?: AlarmCounts; alarms?: AlarmView[]; groups?: FloodGroup[]; flooded?: boolean }): AlarmsAnswer | undefined {
  if (!old) return old;
  const told = new Map((frame.alarms ?? []).map((a) => [a.rule, a]));
  const alarms = old.alarms.map((a) => told.get(a.rule) ?? a);
  const known = new Set(old.alarms.map((a) => a.rule));
  for (const alarm of told.values()) if (!known.has(alarm.rule)) alarms.push(alarm);
  return { ...old, alarms, ...(frame.counts ? { counts: frame.counts } : {}), ...(frame.groups ? { groups: frame.groups } : {}), ...(frame.flooded === undefined ? {} : { flooded: frame.flooded }) };
}

let alarmTimer: ReturnType<typeof setTimeout> | undefined;

/** After a change of alarms all of them are asked for, once for a burst: the frame may hold only those that are listed. */
function alarmsLater(client: QueryClient): void {
  if (alarmTimer !== undefined) return;
  alarmTimer = setTimeout(() => {
    alarmTimer = undefined;
    void client.invalidateQueries({ queryKey: ['twin', 'alarms'] });
  }, 400);
}

/** Keeps moment, alarms and events up to date with what the server tells. Mounted once, in the shell. */
export function useTwinFeed(): void {
  const client = useQueryClient();
  const twin = useTwin();
  const is = Boolean(twin.data);
  useEffect(() => {
    if (!is) return;
    const leave = ['twin', 'twin:alarms', 'twin:events'].map((topic) => link.subscribe(topic));
    const stop = link.listen((frame) => {
      if (frame.type === 'twin') {
        const moment = frame.moment as Moment | undefined;
        if (!moment || moment.replayed) return;
        saw(moment);
        client.setQueryData(['twin', 'moment', 'live'], moment);
      } else if (frame.type === 'twin_alarms') {
        client.setQueryData<AlarmsAnswer>(['twin', 'alarms'], (old) => merged(old, frame as Parameters<typeof merged>[1]));
        alarmsLater(client);
      } else if (frame.type === 'twin_event') {
        const event = frame.event as TwinEvent | undefined;
        if (event) useNewEvents.setState((s) => (event.sequence > 0 && s.events.some((e) => e.sequence === event.sequence) ? s : { events: [event, ...s.events].slice(0, 200) }));
      }
    });
    const gap = link.onGap(() => void renew(client, ['twin', 'moment', 'live'], ['twin', 'alarms'], ['twin', 'events'], ['twin', 'info']));
    return () => {
      leave.forEach((f) => f());
      stop();
      gap();
    };
  }, [client, is]);
}

/** Seconds since something new came; what is shown is old when that is more than five steps. */
export function useAge(intervalS: number | undefined): { age_s: number; isStale: boolean } {
  const seen = useFresh((s) => s.seen);
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const age_s = seen === null ? 0 : Math.max(0, (now - seen) / 1000);
  return { age_s, isStale: age_s > Math.max(5, 5 * (intervalS ?? 1)) };
}
