/** Designs for other tools, as the server tells them. Nothing of a design is kept there: it goes with every request. */

import { useQuery } from '@tanstack/react-query';
import { api, path, request } from '../../api/client';
import type { Finding } from '../../api/types';

export type Verdict = 'pass' | 'warning' | 'not_run' | 'fail';

export interface JudgedRow {
  subject: string;
  scenario_id: string;
  value: number;
  verdict: Verdict;
}

export interface Metric {
  name: string;
  unit: string;
  value: number | null;
  limit: string;
  margin: number | null;
  verdict: Verdict;
  governing: JudgedRow | null;
  failed: JudgedRow[];
  warned: JudgedRow[];
  action: string;
  note: string;
}

export interface Stage {
  id: string;
  title: string;
  verdict: Verdict;
  metrics: Metric[];
  findings: Finding[];
}

export interface Update {
  parameter: string;
  subject: string;
  unit: string;
  old: number | null;
  new: number | null;
  reason: string;
}

export interface Acceptance {
  overall: Verdict;
  stages: Stage[];
  updates: Update[];
  own_availability: { block_id: string; imported: number | null; by_count: number | null; by_capacity: number | null; by_capacity_with_batteries: number | null }[];
}

export interface StudyTable {
  name: string;
  meaning: string;
  columns: { name: string; unit: string; meaning: string }[];
  rows: (string | number | boolean | null)[][];
  n_rows: number;
}

export interface Judged {
  acceptance: Acceptance;
  found: { name: string; kind: string }[];
  solved: [number, number] | null;
  tables: StudyTable[];
  findings: Finding[];
}

export interface Look {
  name: string;
  fingerprint: string;
  load_mw: number;
  counts: Record<string, number>;
  scenarios: { scenario_id: string; name: string; type: string; load_mw: number; load_pf: number; tripped_equipment: string[] }[];
  single_line_svg: string | null;
  blocks_svg: string | null;
  findings: Finding[];
}

export type Preview = { kind: 'table'; headers: string[]; rows: string[][]; n_rows: number } | { kind: 'text'; lines: string[]; n_lines: number } | { kind: 'workbook'; sheets: string[] };

export interface ExportLook {
  fingerprint: string;
  files: { name: string; bytes: number; sha256: string; preview: Preview }[];
  dropped: { field: string; reason: string; times: number }[];
  findings: Finding[];
}

export type Tool = 'etap' | 'psse' | 'windchill';

export interface Failure {
  stage: string;
  metric: string;
  unit: string;
  subject: string;
  scenario_id: string;
  value: number | null;
  limit: number | null;
  words: string;
}

export interface Chosen {
  id: string;
  value: number;
  unit: string;
}

export interface Cost {
  capital: number;
  fixed: number;
  energy: number;
  total: number;
}

export interface Round {
  number: number;
  layout: string;
  chosen: Chosen[];
  cost: Cost | null;
  verdict: Verdict;
  stages: { id: string; title: string; verdict: Verdict }[];
  failures: Failure[];
  updates: Update[];
  learned: { family: string; words: string }[];
}

export interface Sized {
  sizing: {
    status: 'all_pass' | 'infeasible' | 'unsettled';
    rounds: Round[];
    design: object | null;
    acceptance: Acceptance | null;
    relaxations: { without: string; cost: number | null; chosen: Chosen[] }[];
  };
  currency: string;
  findings: Finding[];
}

export interface Samples {
  design: string;
  sizing: string;
  criteria: string;
  results: string[];
}

export const useSamples = () => useQuery<Samples>({ queryKey: ['exchange', 'samples'], staleTime: Infinity, queryFn: ({ signal }) => api.get<Samples>(path('exchange', 'samples'), undefined, signal) });

/** Saves the archive of an export as a file of the browser. */
export async function download(body: { design: string; tool: Tool; version: number }): Promise<void> {
  const response = await request('POST', path('exchange', 'export', 'archive'), { body, headers: { Accept: 'application/zip' } });
  save(await response.blob(), `${body.tool}.zip`);
}

/** Saves what is there as a file of the browser. */
export function save(blob: Blob, name: string): void {
  const address = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/** Digits that an availability needs, and four for all else. */
export function figure(value: number | null, digits: (x: number, n: number) => string): string {
  if (value === null) return '–';
  return value >= 0.9 && value < 1 ? digits(value, 7) : digits(value, 4);
}
