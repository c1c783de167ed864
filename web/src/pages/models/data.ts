/** Learning as the server tells it: modules, models with their cards, questions in plain words. */

import { useQuery } from '@tanstack/react-query';
import { api, path } from '../../api/client';
import { pageOf } from '../../api/data';
import type { Finding, Page } from '../../api/types';
import { answerPath, type Answer, type AnswerRow } from '../studies/planning/data';

export interface Wanted {
  name: string;
  kind: 'number' | 'text' | 'time';
  unit: string;
  needed: boolean;
  meaning: string;
  aliases: string[];
}

interface InputOf {
  name: string;
  meaning: string;
  needed_to_fit: boolean;
  needed_to_apply: boolean;
}

export type Input = InputOf & ({ kind: 'table'; columns: Wanted[]; others: string } | { kind: 'network' });

interface SettingOf {
  name: string;
  default: string | null;
  unit: string;
  meaning: string;
}

export type Setting = SettingOf & ({ kind: 'number' | 'count'; low: number; high: number } | { kind: 'choice'; of: string[] } | { kind: 'flag' } | { kind: 'text' });

/** What a module is. */
export interface About {
  id: string;
  title: string;
  question: string;
  method: string;
  inputs: Input[];
  settings: Setting[];
  keeps: boolean;
  page: string;
}

export interface Feature {
  name: string;
  unit: string;
  low: number | null;
  high: number | null;
  importance: number | null;
}

export interface Metric {
  name: string;
  unit: string;
  value: number | null;
  low: number | null;
  high: number | null;
  better: 'higher' | 'lower' | 'near';
  target: number | null;
  baseline: { name: string; value: number | null } | null;
}

export interface Card {
  module: string;
  title: string;
  question: string;
  method: string;
  settings: Record<string, string | number | boolean>;
  made_of: { name: string; from: string; rows: number; sha256: string }[];
  rows: number;
  /** s since 1970 UTC. */
  span_s: [number, number] | null;
  features: Feature[];
  says: string;
  held_out: { how: string; rows: number; span_s: [number, number] | null };
  metrics: Metric[];
  calibration: { said: number | null; came: number | null; rows: number }[];
  limits: string[];
}

export interface ModelRow {
  name: string;
  version: number;
  author: string;
  time_utc: string;
  engine_version: string;
  sha256: string;
  card: Partial<Card> | null;
  approved: { by: string; time_utc: string; note: string } | null;
}

export interface ModelList {
  models: ModelRow[];
  damaged: string[];
}

/** What the answer of a module says before its tables. */
export interface LearnSummary {
  headline: string;
  figures: { name: string; unit: string; value: number | null; meaning: string }[];
  notes: Finding[];
  card: Partial<Card> | null;
  model: { name: string; version: number; sha256: string } | null;
}

export interface LearnAnswer extends Answer {
  summary: Answer['summary'] & Partial<LearnSummary>;
}

export interface LearnInput {
  file?: string;
  sql?: string;
  network?: string;
  version?: number;
  columns?: Record<string, string>;
}

/** Parameters of the job `learn`. */
export interface LearnParams {
  module?: string;
  model?: string;
  version?: number;
  keep?: string;
  upload?: string;
  inputs?: Record<string, LearnInput>;
  settings?: Record<string, string | number | boolean>;
}

export interface Reading {
  words: string;
  query: Record<string, unknown>;
  notes: string[];
  sql: string | null;
  sql_notes: string[];
  no_sql: string | null;
  scenario: string | null;
  no_scenario: string | null;
  needs_scenario: boolean;
}

export interface QuestionAnswer {
  readings: Reading[];
  unknown_words: string[];
  unknown_names: string[];
  reasons: string[];
  studies: string[];
}

export const modelPath = (project: string, ...more: string[]) => path('projects', project, 'models', ...more);

export const useModules = () =>
  useQuery({ queryKey: ['modules'], staleTime: Infinity, queryFn: ({ signal }) => api.get<About[]>(path('learning', 'modules'), undefined, signal) });

export const useModels = (project: string | null) =>
  useQuery({ queryKey: ['models', project], enabled: !!project, queryFn: ({ signal }) => api.get<ModelList>(modelPath(project ?? ''), undefined, signal) });

/** Answers of learning, the newest first. */
export const useLearnAnswers = (project: string | null) =>
  useQuery({ queryKey: ['analyses', project, 'learning'], enabled: !!project, queryFn: async ({ signal }) => pageOf(await api.get<Page<AnswerRow>>(answerPath(project ?? ''), { study: 'learning', limit: 1000 }, signal)).items });

/** How a question is read. Nothing is changed or run by it. */
export const useQuestion = (project: string | null, text: string, study: string | null, year: number | null) =>
  useQuery({
    queryKey: ['question', project, text, study, year],
    enabled: !!project && text !== '',
    queryFn: ({ signal }) => api.post<QuestionAnswer>(path('projects', project ?? '', 'questions'), { text, ...(study ? { study } : {}), ...(year === null ? {} : { year }) }, { signal }),
  });
