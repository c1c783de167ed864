/** What the map asks for. */

import { useQueries, useQuery } from '@tanstack/react-query';
import { api, path } from '../../api/client';
import { readGeometry, readValues, type Geometry } from '../../api/geometry';
import type { Finding } from '../../api/types';

export interface ElementRow {
  /** `element`, `bus` or `asset`; each kind is numbered by itself. */
  of?: string;
  i: number;
  open?: boolean;
  id: string;
  class: string;
  name: string;
  buses?: string[];
  kv?: number | null;
  phases?: string | number | null;
  feeder?: string | null;
  lon?: number | null;
  lat?: number | null;
}

export interface Attribute {
  field?: string;
  name?: string;
  label?: string;
  value: unknown;
  unit?: string | null;
  is_complex?: boolean;
}

export interface Neighbour {
  i: number;
  id: string;
  class?: string;
  bus?: string;
  open?: boolean;
}

export interface ElementDetail extends ElementRow {
  version: number;
  in_service: boolean;
  supplied: boolean;
  distance_km: number | null;
  steps_from_source: number | null;
  terminals: { bus: string; nodes: number[]; closed: boolean[]; kv: number | null }[];
  source: { file: string; line: number | null } | null;
  aliases: { system: string; id: string }[];
  attributes: Attribute[];
  catalogue: { class: string; name: string; attributes: Attribute[] }[];
  attached: string[];
  subjects: string[];
  assets: { id: string; kind: string; feeder: string; attributes: Record<string, string> }[];
  elements: string[];
  findings: Finding[];
  neighbours: { upstream: Neighbour[]; downstream: Neighbour[]; beside: Neighbour[] };
  results: { study: string; feeder: string; table: string; values: Attribute[] }[];
  outages: Record<string, unknown>[];
  outages_total: number;
  meters: Record<string, unknown>[];
  meters_total: number;
  history: Record<string, unknown>[];
}

export interface Quantity {
  name: string;
  label?: string;
  unit?: string;
  /** What has values: `element` or `bus`. */
  of?: string;
}

/** A quantity that needs no study: customers, installed power, interruptions, age. */
export interface Fact extends Quantity {
  /** Values at one place add up: a map of their density says something. */
  adds_up: boolean;
  count: number;
  total: number | null;
  /** Records that belong to nothing on the map. */
  elsewhere: number;
}

export interface MapSummary {
  bounds: [number, number, number, number] | null;
  layout: string;
  size: string;
  version: number;
  elements: number;
  buses: number;
  open: number;
  is_transmission: boolean;
  tiles: string;
  zoom_max: number;
  layers: { layer: string; count: number }[];
}

const networkPath = (project: string, network: string, ...more: string[]) => path('projects', project, 'networks', network, ...more);

export const useMapSummary = (project: string | null, network: string | null, version: string | null) =>
  useQuery({ queryKey: ['map', project, network, version], enabled: !!project && !!network, queryFn: ({ signal }) => api.get<MapSummary>(networkPath(project ?? '', network ?? '', 'map'), { version }, signal) });

export const useGeometry = (project: string | null, network: string | null, version: string | null) =>
  useQuery({
    queryKey: ['geometry', project, network, version],
    enabled: !!project && !!network,
    staleTime: 5 * 60_000,
    structuralSharing: false,
    queryFn: async ({ signal }) => readGeometry((await api.bytes(networkPath(project ?? '', network ?? '', 'geometry'), { version }, signal)) ?? new ArrayBuffer(0)),
  });

export const useElement = (project: string | null, network: string | null, version: string | null, id: string | null) =>
  useQuery({
    queryKey: ['element', project, network, version, id],
    enabled: !!project && !!network && !!id,
    queryFn: ({ signal }) => api.get<ElementDetail>(networkPath(project ?? '', network ?? '', 'elements', id ?? ''), { version }, signal),
  });

/** The row of what was hit on the map, by its number. */
export const useElementAt = (project: string | null, network: string | null, version: string | null, index: number | null, firstBus: number) =>
  useQuery({
    queryKey: ['element-at', project, network, version, index],
    enabled: !!project && !!network && index !== null,
    staleTime: 5 * 60_000,
    queryFn: ({ signal }) => elementAt(project ?? '', network ?? '', version, index ?? 0, firstBus, signal),
  });

export async function elementAt(project: string, network: string, version: string | null, index: number, firstBus: number, signal?: AbortSignal): Promise<ElementRow | null> {
  // Lists without search and sort are in the order of the numbers, so that a number is an offset.
  const at = index >= firstBus ? { class: 'bus', offset: index - firstBus } : { offset: index };
  const page = await api.get<{ items: ElementRow[] }>(networkPath(project, network, 'elements'), { ...at, version, limit: 1 }, signal);
  const row = page.items[0];
  return row && row.i === at.offset ? row : null;
}

export const useQuantities = (project: string | null, run: string | null, network: string | null) =>
  useQuery({
    queryKey: ['quantities', project, run, network],
    enabled: !!project && !!run && !!network,
    queryFn: async ({ signal }) => (await api.get<{ quantities: Quantity[] }>(path('projects', project ?? '', 'runs', run ?? '', 'values'), { network }, signal)).quantities,
  });

export const useValues = (project: string | null, run: string | null, network: string | null, version: string | null, quantity: Quantity | null, g: Geometry | undefined) =>
  useQuery({
    queryKey: ['values', project, run, network, version, quantity?.name, g?.firstBus, g?.countElements],
    enabled: !!project && !!run && !!network && !!quantity && g !== undefined,
    staleTime: 60_000,
    structuralSharing: false,
    queryFn: async ({ signal }) => readValues(await api.bytes(path('projects', project ?? '', 'runs', run ?? '', 'values'), { quantity: quantity?.name, network, version }, signal), quantity?.of === 'bus' ? 'bus' : 'element', g ?? { firstBus: 0, countElements: 0 }),
  });

export const useFacts = (project: string | null, network: string | null, version: string | null) =>
  useQuery({
    queryKey: ['facts', project, network, version],
    enabled: !!project && !!network,
    queryFn: async ({ signal }) => (await api.get<{ quantities: Fact[] }>(networkPath(project ?? '', network ?? '', 'values'), { version }, signal)).quantities,
  });

/** Values of the facts that are asked for, by their names. */
export const useFactValues = (project: string | null, network: string | null, version: string | null, facts: Fact[], g: Geometry | undefined) =>
  useQueries({
    queries: facts.map((fact) => ({
      queryKey: ['fact', project, network, version, fact.name, g?.firstBus, g?.countElements],
      enabled: !!project && !!network && g !== undefined,
      staleTime: 60_000,
      structuralSharing: false,
      queryFn: async ({ signal }: { signal: AbortSignal }) => readValues(await api.bytes(networkPath(project ?? '', network ?? '', 'values'), { quantity: fact.name, version }, signal), fact.of === 'bus' ? 'bus' : 'element', g ?? { firstBus: 0, countElements: 0 }),
    })),
    combine: together,
  });

/** Outside, so that the same answers stay the same arrays. */
const together = (results: { data?: Float32Array; isFetching: boolean }[]) => ({ values: results.map((r) => r.data), busy: results.some((r) => r.isFetching) });

export interface Solved {
  hour?: number;
  settled?: boolean;
  certificate?: Record<string, unknown>;
  nodes: { bus: string; i?: number; node?: string; phase?: number; v_pu: number | null; v_v?: number | null; angle_deg?: number | null }[];
  elements: { i?: number; id: string; loading_pct: number | null; p_kw?: number | null; q_kvar?: number | null; i_a?: number | null }[];
  losses_kw?: number | null;
  p_kw?: number | null;
  q_kvar?: number | null;
  [more: string]: unknown;
}

/** One hour of a study, solved again exactly. */
export const useHourSolved = (project: string | null, run: string | null, network: string | null, hour: number | null) =>
  useQuery<Solved>({
    queryKey: ['hour', project, run, network, hour],
    enabled: !!project && !!run && hour !== null,
    staleTime: Infinity,
    gcTime: 60_000,
    structuralSharing: false,
    // While the next hour is solved the last one stays, but never that of another study or network.
    placeholderData: (old, query) => (query && query.queryKey.slice(0, 4).join('\0') === ['hour', project, run, network].join('\0') ? old : undefined),
    queryFn: ({ signal }) => api.post<Solved>(path('projects', project ?? '', 'runs', run ?? '', 'hour'), { hour, network }, { signal }),
  });

/** Loading of elements and the voltage of each bus that is farthest from 1 pu, by the common numbering. */
export function spread(solved: Solved, g: { firstBus: number; countElements: number }): { loading: Float32Array; voltage: Float32Array } {
  const loading = new Float32Array(g.countElements).fill(NaN);
  const voltage = new Float32Array(g.countElements).fill(NaN);
  for (const e of solved.elements) if (e.i !== undefined && e.i < g.firstBus && e.loading_pct !== null) loading[e.i] = e.loading_pct;
  for (const n of solved.nodes) {
    const at = g.firstBus + (n.i ?? NaN);
    if (!(at < g.countElements) || n.v_pu === null) continue;
    const before = voltage[at] as number;
    if (Number.isNaN(before) || Math.abs(n.v_pu - 1) > Math.abs(before - 1)) voltage[at] = n.v_pu;
  }
  return { loading, voltage };
}

/** Of the lowest and the highest voltage the one that is farther from 1 pu. */
export function worst(low: Float32Array | undefined, high: Float32Array | undefined): Float32Array | undefined {
  if (!low || !high) return low ?? high;
  return low.map((l, i) => {
    const h = high[i] as number;
    if (Number.isNaN(l)) return h;
    if (Number.isNaN(h)) return l;
    return Math.abs(h - 1) > Math.abs(l - 1) ? h : l;
  });
}
