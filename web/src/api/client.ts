/** Requests to the server. Every failure is an {@link ApiError} that says what, where and what to do. */

import { strings } from '../strings';
import { useSession } from '../state/session';
import type { Problem } from './types';

export class ApiError extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.title);
    this.name = 'ApiError';
    this.problem = problem;
  }
}

export type Query = Record<string, string | number | boolean | null | undefined>;

export interface RequestOptions {
  query?: Query;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Joins path segments, each escaped: names of projects and elements have any character. */
export function path(...segments: (string | number)[]): string {
  return `/api/${segments.map((s) => encodeURIComponent(String(s))).join('/')}`;
}

export function withQuery(address: string, query?: Query): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== null && value !== undefined && value !== '') search.set(key, String(value));
  }
  const text = search.toString();
  return text ? `${address}?${text}` : address;
}

/** Longest that an answer which was asked for before the app was there is still one of now. */
const EARLY_MS = 10_000;

/** Takes over an answer that `early.js` has asked for, once; null where there is none. */
async function early(address: string): Promise<Response | null> {
  const asked = (globalThis as { gridtwinEarly?: Record<string, Promise<Response> | undefined> }).gridtwinEarly;
  const promise = asked?.[address];
  if (!asked || !promise) return null;
  delete asked[address];
  return performance.now() < EARLY_MS ? promise.catch(() => null) : null;
}

/** The problem in a failed answer, or one made from its status when the answer is not from our server (a proxy, say). */
async function problemOf(response: Response): Promise<Problem> {
  const type = response.headers.get('content-type') ?? '';
  if (type.includes('json')) {
    try {
      const body = (await response.json()) as Partial<Problem>;
      if (typeof body.title === 'string') return { ...body, title: body.title, status: body.status ?? response.status };
    } catch {
      // Not what it says it is: described by its status below.
    }
  }
  const wait = response.headers.get('retry-after');
  return {
    title: strings.problem.status(response.status),
    status: response.status,
    detail: strings.problem.notOurs(response.url, response.statusText),
    hint: wait ? strings.problem.retryAfter(wait) : strings.problem.notOursHint,
  };
}

export async function request(method: string, address: string, options: RequestOptions = {}): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json', ...options.headers };
  let body: BodyInit | undefined;
  if (options.body instanceof FormData) body = options.body;
  else if (options.body instanceof Blob) {
    headers['Content-Type'] = 'application/octet-stream';
    body = options.body;
  }
  else if (options.body !== undefined) {
    headers['Content-Type'] = 'application/json';
    body = JSON.stringify(options.body);
  }
  if (method !== 'GET') {
    const csrf = useSession.getState().session?.csrf;
    if (csrf) headers['X-Gridtwin-Csrf'] = csrf;
  }
  let response: Response;
  try {
    const full = withQuery(address, options.query);
    response = (method === 'GET' ? await early(full) : null) ?? await fetch(full, { method, headers, body, signal: options.signal, credentials: 'same-origin' });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError({ title: strings.problem.noAnswer, status: 0, detail: strings.problem.noAnswerDetail(address), hint: strings.problem.noAnswerHint });
  }
  if (!response.ok) {
    const problem = await problemOf(response);
    if (response.status === 401 && !address.endsWith('/login')) useSession.getState().ended();
    throw new ApiError(problem);
  }
  return response;
}

async function json<T>(method: string, address: string, options?: RequestOptions): Promise<T> {
  const response = await request(method, address, options);
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

export const api = {
  get: <T>(address: string, query?: Query, signal?: AbortSignal) => json<T>('GET', address, { query, signal }),
  post: <T>(address: string, body?: unknown, options?: RequestOptions) => json<T>('POST', address, { ...options, body: body ?? {} }),
  put: <T>(address: string, body: unknown) => json<T>('PUT', address, { body }),
  patch: <T>(address: string, body: unknown) => json<T>('PATCH', address, { body }),
  delete: <T>(address: string, query?: Query) => json<T>('DELETE', address, { query }),
  /** Bytes of a binary answer; null when there are none (204). */
  bytes: async (address: string, query?: Query, signal?: AbortSignal): Promise<ArrayBuffer | null> => {
    const response = await request('GET', address, { query, signal, headers: { Accept: 'application/octet-stream, */*' } });
    return response.status === 204 ? null : response.arrayBuffer();
  },
};

/** The problem of anything thrown, so that every failure can be shown the same way. */
export function asProblem(error: unknown): Problem {
  if (error instanceof ApiError) return error.problem;
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { title: strings.problem.here, status: 0, detail: text, hint: strings.problem.hereHint };
}
