/** What the reviews ask for: two networks matched to one another, meters and their transformers. */

import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { api, path, type Query } from '../../../api/client';
import { allPages, pageOf } from '../../../api/data';
import type { Page } from '../../../api/types';

export interface Count {
  name: string;
  count: number;
}

export interface Decision {
  /** `accept`, `reject`, `force`, or a transformer; empty: on none; null: taken back. */
  value: string | null;
  author: string;
  note: string;
  time_utc: string;
}

export interface Reconciliation {
  network: string;
  version: number;
  with: string;
  with_version: number;
  time_utc: string;
  author: string;
  matches: number;
  conflicts: number;
  only_a: number;
  only_b: number;
  newest_version: number;
  newest_with_version: number;
  decisions: number;
}

export interface ReconciliationDetail extends Reconciliation {
  states: Count[];
  classes: Count[];
  methods: Count[];
  ties: number;
  conflicted: number;
  pending: number;
  scores: number[];
}

export type CaseState = 'proposed' | 'accepted' | 'forced' | 'rejected' | 'overruled' | 'waiting' | 'only_a' | 'only_b';

export interface MatchRow {
  a: string | null;
  b: string | null;
  class: string;
  method: string | null;
  score: number | null;
  distance_m: number | null;
  tie: string | null;
  conflicts: number;
  state: CaseState;
  pending: boolean;
  decision: Decision | null;
}

export interface Subject {
  key: string;
  class: string;
  network: string;
  version: number;
  id: string | null;
  ids: string[];
  places: [number, number][];
  kv: number | null;
  size: number | null;
  size_unit: string | null;
  phases: string;
  length_m: number | null;
  buses: string[];
  distance_m?: number;
}

export interface PairDetail {
  row: MatchRow | null;
  a: Subject | null;
  b: Subject | null;
  reasons: { what: string; score: number | null; text: string }[];
  conflicts: { kind: string; value_a: string; value_b: string }[];
  decisions: Decision[];
}

export interface MeterRow {
  meter: string;
  transformer: string | null;
  feeder: string;
  method: string;
  confidence: 'high' | 'medium' | 'low';
  probability: number | null;
  distance_m: number | null;
  second_transformer: string | null;
  second_probability: number | null;
  second_distance_m: number | null;
  correlation: number | null;
  lon: number | null;
  lat: number | null;
  reasons: string[];
  state: 'proposed' | 'decided' | 'waiting';
  pending: boolean;
  decision: Decision | null;
}

export interface MeterMap {
  number: number;
  newest: number;
  time_utc: string;
  author: string;
  meters: number;
  versions: { network: string; version: number; newest: number }[];
  confidences: Count[];
  methods: Count[];
  states: Count[];
  unmapped: number;
  pending: number;
  unknown_meters: number;
  transformers: number;
}

export interface Site {
  transformer: string;
  network: string;
  version: number | null;
  id: string;
  feeder: string;
  phases: string;
  kva: number | null;
  lon: number;
  lat: number;
  meters: number;
  distance_m: number | null;
}

export interface MeterDetail {
  row: MeterRow;
  site: Site | null;
  second: Site | null;
  decided: Site | null;
  near: Site[];
  beside: { meter: string; lon: number | null; lat: number | null }[];
  beside_total: number;
  decisions: Decision[];
}

export interface Decided {
  kept: number;
  withdrawn: number;
  pending: number;
}

const PAGE = 200;
/** Rows that can be chosen at once. */
export const MOST = 5000;
/** Decisions that the server takes at once. */
const AT_ONCE = 1000;

export const pairPath = (project: string, network: string, other: string, ...more: string[]) => path('projects', project, 'networks', network, 'reconciliations', other, ...more);

export const useReconciliations = (project: string | null) =>
  useQuery({ queryKey: ['review', project, 'reconciliations'], enabled: !!project, queryFn: async ({ signal }) => pageOf(await api.get<Page<Reconciliation>>(path('projects', project ?? '', 'reconciliations'), { limit: 1000 }, signal)).items });

export const useReconciliation = (project: string, network: string | null, other: string | null) =>
  useQuery({ queryKey: ['review', project, 'reconciliation', network, other], enabled: !!network && !!other, queryFn: ({ signal }) => api.get<ReconciliationDetail>(pairPath(project, network ?? '', other ?? ''), undefined, signal) });

export const usePair = (project: string, network: string, other: string, a: string | null, b: string | null) =>
  useQuery({ queryKey: ['review', project, 'pair', network, other, a, b], enabled: a !== null || b !== null, queryFn: ({ signal }) => api.get<PairDetail>(pairPath(project, network, other, 'pair'), { a, b }, signal) });

/** The meters' map; null: there is none yet. */
export const useMeterMap = (project: string | null) =>
  useQuery({
    queryKey: ['review', project, 'meter-map'],
    enabled: !!project,
    queryFn: async ({ signal }) => {
      // Asked first for what there is, so that nothing missing is asked for.
      const maps = await api.get<Page<{ number: number }>>(path('projects', project ?? '', 'meter-maps'), { limit: 1 }, signal);
      return maps.total === 0 ? null : api.get<MeterMap>(path('projects', project ?? '', 'meter-map'), undefined, signal);
    },
  });

export const useMeter = (project: string, meter: string | null) =>
  useQuery({ queryKey: ['review', project, 'meter', meter], enabled: meter !== null, queryFn: ({ signal }) => api.get<MeterDetail>(path('projects', project, 'meter-map', 'meters', meter ?? ''), undefined, signal) });

/** Rows of a list, piece by piece. */
export function useRows<T>(key: unknown[], address: string, query: Query, enabled: boolean) {
  return useInfiniteQuery({
    queryKey: ['review', ...key, query],
    enabled,
    initialPageParam: 0,
    queryFn: async ({ pageParam, signal }) => pageOf(await api.get<Page<T>>(address, { ...query, offset: pageParam, limit: PAGE }, signal)),
    getNextPageParam: (last, pages) => {
      const have = pages.reduce((n, p) => n + p.items.length, 0);
      return last.items.length > 0 && have < last.total ? have : undefined;
    },
  });
}

/** Every row that fits a filter, up to {@link MOST}. */
export const everyRow = async <T>(address: string, query: Query) => (await allPages<T>(address, query, MOST)).items.slice(0, MOST);

/** Sends decisions, in as many requests as the server wants. Each request is kept whole or not at all. */
export async function decide(address: string, decisions: unknown[], note: string): Promise<Decided> {
  const sum: Decided = { kept: 0, withdrawn: 0, pending: 0 };
  for (let at = 0; at < decisions.length; at += AT_ONCE) {
    const done = await api.post<Decided>(address, { decisions: decisions.slice(at, at + AT_ONCE), note: note.trim() });
    sum.kept += done.kept;
    sum.withdrawn += done.withdrawn;
    sum.pending = done.pending;
  }
  return sum;
}
