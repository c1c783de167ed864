/** What the server says, as its OpenAPI document has it. `npm run e2e` compares the addresses used here with that document. */

/** `ven` is a client of OpenADR: pages are not for it. */
export type Role = 'ven' | 'viewer' | 'operator' | 'engineer' | 'admin';

export interface Finding {
  code: string;
  severity: string;
  message: string;
  element?: string | null;
  source?: unknown;
  place?: unknown;
  detail?: string | null;
  hint?: string | null;
}

export interface Problem {
  type?: string;
  title: string;
  status: number;
  detail?: string;
  code?: string;
  hint?: string;
  field?: string;
  element?: string;
  place?: unknown;
  instance?: string;
  findings?: Finding[];
}

export interface Page<T> {
  items: T[];
  total: number;
  next?: string | null;
}

export interface Session {
  user: string;
  role: Role;
  csrf: string | null;
  no_auth: boolean;
  version: string;
  expires_utc?: string | null;
}

/** What is asked before anybody is logged in. */
export interface SessionNow extends Omit<Session, 'user' | 'role'> {
  user: string | null;
  role: Role | null;
  is_first_start: boolean;
}

export interface ProjectRow {
  id: string;
  name: string;
  networks: number;
  versions: number;
  newest_utc: string | null;
  fault: Problem | null;
}

export interface NetworkRow {
  name: string;
  versions?: number;
  newest?: VersionRow | null;
  [more: string]: unknown;
}

export interface VersionRow {
  id?: string | number;
  number?: number;
  [more: string]: unknown;
}

export type JobState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

export interface Job {
  id: string;
  kind: string;
  project: string | null;
  params: Record<string, unknown>;
  state: JobState;
  done: number;
  total: number;
  unit: string;
  message: string;
  created: string;
  started: string | null;
  ended: string | null;
  user: string;
  result: Record<string, unknown> | null;
  problem: Problem | null;
  attempts: number;
}

export interface JobEstimate {
  time_s: number | null;
  bytes: number | null;
  basis: string;
}
