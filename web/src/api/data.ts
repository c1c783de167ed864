/** What pages ask for, by name. */

import { useQuery } from '@tanstack/react-query';
import { api, path, type Query } from './client';
import type { Page, ProjectRow, Role, Session, SessionNow } from './types';

/** Lists come as pages; a bare list is a page that is whole. */
export function pageOf<T>(answer: T[] | Page<T> | null | undefined): Page<T> {
  if (!answer) return { items: [], total: 0, next: null };
  if (Array.isArray(answer)) return { items: answer, total: answer.length, next: null };
  return { items: answer.items ?? [], total: answer.total ?? answer.items?.length ?? 0, next: answer.next ?? null };
}

/** Every page of a list, up to `most` rows. */
export async function allPages<T>(address: string, query: Query = {}, most = 20_000, signal?: AbortSignal): Promise<Page<T>> {
  const items: T[] = [];
  for (;;) {
    const page = pageOf(await api.get<Page<T> | T[]>(address, { ...query, limit: 1000, offset: items.length }, signal));
    items.push(...page.items);
    if (page.items.length === 0 || items.length >= page.total || items.length >= most) return { items, total: Math.max(page.total, items.length), next: null };
  }
}

export interface NetworkSummary {
  name: string;
  versions: number;
  newest_utc: string | null;
  buses: number | null;
  elements: number | null;
  [more: string]: unknown;
}

export interface Run {
  id: string;
  [more: string]: unknown;
}

export const useProjects = () =>
  useQuery({ queryKey: ['projects'], queryFn: async ({ signal }) => pageOf(await api.get<Page<ProjectRow> | ProjectRow[]>('/api/projects', undefined, signal)).items });

export const useNetworks = (project: string | null) =>
  useQuery({
    queryKey: ['networks', project],
    enabled: project !== null,
    queryFn: async ({ signal }) => pageOf(await api.get<Page<NetworkSummary> | NetworkSummary[]>(path('projects', project ?? '', 'networks'), { limit: 1000 }, signal)).items,
  });

export const useRuns = (project: string | null) =>
  useQuery({
    queryKey: ['runs', project],
    enabled: project !== null,
    queryFn: async ({ signal }) => pageOf(await api.get<Page<Run> | Run[]>(path('projects', project ?? '', 'runs'), { limit: 1000 }, signal)).items.map(runOf),
  });

/** A run has the name of its study, whatever the list calls it. */
function runOf(run: Run & { study?: string; name?: string }): Run {
  return { ...run, id: String(run.id ?? run.study ?? run.name) };
}

/** Who is logged in; null: nobody. */
export async function getSession(): Promise<Session | null> {
  const now = await api.get<SessionNow>('/api/session');
  return now.user === null || now.role === null ? null : { ...now, user: now.user, role: now.role };
}

export type { Role };
