/** What the map asks for. */

import { useQuery } from '@tanstack/react-query';
import { api, path } from '../../api/client';
import { readGeometry, readValues } from '../../api/geometry';
import type { Finding } from '../../api/types';

export interface ElementRow {
  i: number;
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
  name: string;
  label?: string;
  value: unknown;
  unit?: string | null;
}

export interface Neighbour {
  id: string;
  class?: string;
  name?: string;
  i?: number;
}

export interface ElementDetail extends ElementRow {
  aliases?: unknown[];
  attributes?: Attribute[] | Record<string, unknown>;
  catalogue?: { name?: string; attributes?: Attribute[] | Record<string, unknown> } | null;
  ratings?: Attribute[] | Record<string, unknown>;
  assets?: Record<string, unknown>[];
  source?: { file?: string; line?: number } | string | null;
  findings?: Finding[];
  upstream?: Neighbour[];
  downstream?: Neighbour[];
  results?: { run: string; values: (Attribute & { hour?: number | null })[] }[];
  outages?: Record<string, unknown>[];
  meters?: Record<string, unknown>[];
  history?: Record<string, unknown>[];
  [more: string]: unknown;
}

export interface Quantity {
  name: string;
  label?: string;
  unit?: string;
  /** What has values: lines (elements between buses) or buses. */
  of?: string;
}

export interface MapSummary {
  bounds: [number, number, number, number] | null;
  layout: string;
  size: string;
  count_elements: number;
  feeders?: { name: string; elements?: number }[];
  layers?: string[];
  version?: string | number;
  [more: string]: unknown;
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

export const useElement = (project: string | null, network: string | null, version: string | null, id: string | null, run?: string | null) =>
  useQuery({
    queryKey: ['element', project, network, version, id, run],
    enabled: !!project && !!network && !!id,
    queryFn: ({ signal }) => api.get<ElementDetail>(networkPath(project ?? '', network ?? '', 'elements', id ?? ''), { version, run }, signal),
  });

/** Rows of elements known by their index, for what was hit on the map. */
export const useElementAt = (project: string | null, network: string | null, version: string | null, index: number | null) =>
  useQuery({
    queryKey: ['element-at', project, network, version, index],
    enabled: !!project && !!network && index !== null,
    staleTime: 5 * 60_000,
    queryFn: ({ signal }) => elementAt(project ?? '', network ?? '', version, index ?? 0, signal),
  });

export async function elementAt(project: string, network: string, version: string | null, index: number, signal?: AbortSignal): Promise<ElementRow | null> {
  const page = await api.get<{ items: ElementRow[] }>(networkPath(project, network, 'elements'), { i: index, version, limit: 1 }, signal);
  return page.items.find((e) => e.i === index) ?? null;
}

export const useQuantities = (project: string | null, run: string | null, network: string | null) =>
  useQuery({
    queryKey: ['quantities', project, run, network],
    enabled: !!project && !!run && !!network,
    queryFn: async ({ signal }) => (await api.get<{ quantities: Quantity[] }>(path('projects', project ?? '', 'runs', run ?? '', 'values'), { network }, signal)).quantities,
  });

export const useValues = (project: string | null, run: string | null, network: string | null, version: string | null, quantity: string | null, countElements: number) =>
  useQuery({
    queryKey: ['values', project, run, network, version, quantity, countElements],
    enabled: !!project && !!run && !!network && !!quantity && countElements > 0,
    staleTime: 60_000,
    structuralSharing: false,
    queryFn: async ({ signal }) => readValues(await api.bytes(path('projects', project ?? '', 'runs', run ?? '', 'values'), { quantity, network, version }, signal), countElements),
  });

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

/** Loading of elements and the voltage of each bus that is farthest from 1 pu, by index. */
export function spread(solved: Solved, countElements: number): { loading: Float32Array; voltage: Float32Array } {
  const loading = new Float32Array(countElements).fill(NaN);
  const voltage = new Float32Array(countElements).fill(NaN);
  for (const e of solved.elements) if (e.i !== undefined && e.i < countElements && e.loading_pct !== null) loading[e.i] = e.loading_pct;
  for (const n of solved.nodes) {
    if (n.i === undefined || n.i >= countElements || n.v_pu === null) continue;
    const before = voltage[n.i] as number;
    if (Number.isNaN(before) || Math.abs(n.v_pu - 1) > Math.abs(before - 1)) voltage[n.i] = n.v_pu;
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

/** Attributes in whichever form, as rows. */
export function attributeRows(from: Attribute[] | Record<string, unknown> | null | undefined): Attribute[] {
  if (!from) return [];
  if (Array.isArray(from)) return from;
  return Object.entries(from).map(([name, value]) => ({ name, value }));
}
