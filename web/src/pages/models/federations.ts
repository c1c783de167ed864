/** Federated training as a coordinator or a participant tells it. */

import { useQuery } from '@tanstack/react-query';
import { api, path } from '../../api/client';

export interface Score {
  examples: number;
  loss: number | null;
  accuracy: number | null;
}

export type Status = 'gathering' | 'finished' | { running: { round: number; attempt: number; step: string } } | { halted: { reason: string } };

export interface Participant {
  name: string;
  certificate_sha256: string;
  standing: string;
  versions: number;
  sent_bytes: number;
  received_bytes: number;
  global: Score | null;
  local: Score | null;
}

export interface Version {
  version: number;
  round: number;
  sha256: string;
  held: boolean;
  sites: string[];
  weight: number;
  global: Score | null;
  before: Score | null;
  local: Score | null;
  epsilon: number | null;
}

export interface FederationPage {
  name: string;
  document_sha256: string;
  aggregation: 'masked' | 'open';
  threshold: number;
  training: string;
  status: Status;
  waiting_for: string[];
  done: number;
  planned: number;
  participants: Participant[];
  versions: Version[];
  privacy: { noise_multiplier: number; honest: number; delta: number; epsilon_limit: number } | null;
  epsilon: number | null;
  sent_bytes: number;
  received_bytes: number;
}

export type Line = 'idle' | 'connected' | { cut: { reason: string; failures: number; next_ms: number } };

export interface SitePage {
  federation: string;
  site: string;
  line: Line;
  finished: boolean;
  last: [number, number] | null;
  contributions: number;
  version: [number, string] | null;
  epsilon: number | null;
  sent_bytes: number;
  received_bytes: number;
}

interface Row {
  index: number;
  written_utc: string | null;
  notices: string[];
  reason: string | null;
}

export type Federation = Row & ({ kind: 'coordinator'; page: FederationPage } | { kind: 'participant'; page: SitePage } | { kind: null; page: null });

/** Which word says where a coordinator is, and whether someone has to look. */
export function standing(status: Status): 'gathering' | 'running' | 'finished' | 'halted' {
  if (typeof status === 'string') return status;
  return 'halted' in status ? 'halted' : 'running';
}

/** It changes by the second while rounds go on; once it has ended, it is looked at rarely. */
export function isOver(of: Federation): boolean {
  if (of.kind === 'coordinator') return standing(of.page.status) === 'finished';
  return of.kind === 'participant' && of.page.finished;
}

export const useFederations = () =>
  useQuery<Federation[]>({
    queryKey: ['federations'],
    refetchInterval: (q) => (q.state.data?.every(isOver) ? 30_000 : 2_000),
    queryFn: ({ signal }) => api.get<Federation[]>(path('federations'), undefined, signal),
  });
