/** Answers that are tables: what there is, and their rows. */

import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { api, path } from '../../../api/client';
import { pageOf } from '../../../api/data';
import type { Finding, Page } from '../../../api/types';

export interface AnswerRow {
  id: string;
  study: string;
  network: string;
  version: number;
  params: Record<string, unknown>;
  author: string;
  time_utc: string;
}

export interface AnswerColumn {
  name: string;
  kind: 'text' | 'number' | 'count' | 'flag';
  unit: string;
  meaning: string;
}

export interface AnswerTable {
  name: string;
  meaning: string;
  rows: number;
  columns: AnswerColumn[];
  of: 'bus' | 'element' | null;
}

export interface Answer extends AnswerRow {
  engine_version: string;
  summary: Record<string, unknown>;
  findings: Finding[];
  tables: AnswerTable[];
}

export type Cells = Record<string, string | number | boolean | null>;

const PAGE = 500;

export const answerPath = (project: string, ...more: string[]) => path('projects', project, 'analyses', ...more);

export const useAnswers = (project: string | null) =>
  useQuery({ queryKey: ['analyses', project], enabled: !!project, queryFn: async ({ signal }) => pageOf(await api.get<Page<AnswerRow>>(answerPath(project ?? ''), { limit: 1000 }, signal)).items });

export const useAnswer = (project: string, id: string) =>
  useQuery({ queryKey: ['analysis', project, id], staleTime: Infinity, queryFn: ({ signal }) => api.get<Answer>(answerPath(project, id), undefined, signal) });

export interface Asked {
  sort: string | null;
  search: string | null;
  filter: string | null;
}

/** Rows of a table, piece by piece, sorted and chosen by the server. */
export const useAnswerRows = (project: string, id: string, table: string, asked: Asked) =>
  useInfiniteQuery({
    queryKey: ['analysis', project, id, table, asked],
    staleTime: Infinity,
    initialPageParam: 0,
    queryFn: async ({ pageParam, signal }) => pageOf(await api.get<Page<Cells>>(answerPath(project, id, 'tables', table), { ...asked, offset: pageParam, limit: PAGE }, signal)),
    getNextPageParam: (last, pages) => {
      const have = pages.reduce((n, p) => n + p.items.length, 0);
      return last.items.length > 0 && have < last.total ? have : undefined;
    },
  });
