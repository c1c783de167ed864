/** Scenarios of a project: what there is, what a text is and does, files that texts name. */

import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { api, path, request } from '../../../api/client';
import { pageOf } from '../../../api/data';
import type { Finding, Page } from '../../../api/types';
import type { Schema } from './schema';

export interface ScenarioRow {
  name: string;
  version: number;
  title: string;
  layers: { name: string; kind: string }[];
  author: string;
  time_utc: string;
  note: string;
  files: string[];
}

export interface Scenario extends ScenarioRow { text: string }

export interface ScenarioFile { name: string; bytes: number }

export interface Course { energy_kwh: number; peak_kw: number; peak_hour: number }

export interface Figures {
  scenario: string;
  base: Course;
  layers: (Course & { layer: string; kind: string; units: number; customers: number })[];
  stacked: Course;
  residual: number;
}

interface Shown { daily: { least_kw: number[]; largest_kw: number[] }; week_kw: number[] }

export interface Preview {
  network: string;
  step_h: number;
  figures: Figures;
  layers: (Shown & { layer: string; kind: string; units: number; customers: number; facts: string[] })[];
  base: Shown;
  stacked: Shown;
  week_first_day: number;
  residual: number;
}

export interface LineFinding extends Omit<Finding, 'source'> { source?: { file?: string; line?: number | null } | null }

export interface Draft {
  sound: boolean;
  findings: LineFinding[];
  title: string;
  layers: { name: string; kind: string }[];
  files: string[];
  preview: Preview | null;
}

export const scenarioPath = (project: string, ...more: string[]) => path('projects', project, 'scenarios', ...more);
export const filePath = (project: string, ...more: string[]) => path('projects', project, 'scenario-files', ...more);

export const useSchema = () => useQuery({ queryKey: ['scenario-schema'], staleTime: Infinity, queryFn: ({ signal }) => api.get<Schema>('/api/scenario-schema', undefined, signal) });

export const useScenarios = (project: string | null) =>
  useQuery({ queryKey: ['scenarios', project], enabled: !!project, queryFn: async ({ signal }) => pageOf(await api.get<Page<ScenarioRow> | ScenarioRow[]>(scenarioPath(project ?? ''), undefined, signal)).items });

export const useScenario = (project: string, name: string | null, version: string | null) =>
  // What is written on must not change underneath: asked for anew when it is opened or saved, at no other time.
  useQuery({ queryKey: ['scenarios', project, name, version], enabled: !!name && !!project, staleTime: Infinity, refetchOnMount: 'always', queryFn: ({ signal }) => api.get<Scenario>(scenarioPath(project, name ?? ''), { version }, signal) });

export const useVersions = (project: string, name: string) =>
  useQuery({ queryKey: ['scenarios', project, name, 'versions'], enabled: name !== '', queryFn: async ({ signal }) => pageOf(await api.get<Page<ScenarioRow> | ScenarioRow[]>(scenarioPath(project, name, 'versions'), undefined, signal)).items });

export const useFiles = (project: string | null) =>
  useQuery({ queryKey: ['scenario-files', project], enabled: !!project, queryFn: async ({ signal }) => pageOf(await api.get<Page<ScenarioFile> | ScenarioFile[]>(filePath(project ?? ''), undefined, signal)).items });

export const putFile = async (project: string, file: File): Promise<void> => { await request('PUT', filePath(project, file.name), { body: file }); };

/** How long nothing must be typed before a text is looked at. */
const PAUSE_MS = 600;

/** What a text is, and what it does to a network. While another one is looked at, the old one stays. */
export const useDraft = (project: string, text: string, network: string | null, version: string | null, fromDay: number | null) =>
  useQuery({
    queryKey: ['scenario-draft', project, text, network, version, fromDay],
    placeholderData: keepPreviousData,
    staleTime: Infinity,
    gcTime: 60_000,
    queryFn: async ({ signal }) => {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      if (signal.aborted) throw new DOMException('aborted', 'AbortError');
      const more = network === null ? {} : { network, ...(version ? { version: Number(version) } : {}), ...(fromDay === null ? {} : { from_day: fromDay }) };
      return api.post<Draft>(path('projects', project, 'scenario-draft'), { text, ...more }, { signal });
    },
  });

/** Text that was changed and not saved, of this browser's tab. */
export interface Kept { text: string; base: number }

const keyOf = (project: string, name: string) => `gridtwin.scenario.${project}/${name}`;

export const unsaved = {
  get(project: string, name: string): Kept | null {
    try {
      const found = JSON.parse(sessionStorage.getItem(keyOf(project, name)) ?? 'null') as Partial<Kept> | null;
      return typeof found?.text === 'string' && typeof found.base === 'number' ? { text: found.text, base: found.base } : null;
    } catch {
      return null;
    }
  },
  set(project: string, name: string, kept: Kept | null): void {
    try {
      if (kept === null) sessionStorage.removeItem(keyOf(project, name));
      else sessionStorage.setItem(keyOf(project, name), JSON.stringify(kept));
    } catch {
      // A browser that keeps nothing: the text stays on the page alone.
    }
  },
};
