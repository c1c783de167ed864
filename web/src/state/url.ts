/** The address bar is the state: what a view shows stands in its search parameters. */

import { useCallback, useMemo } from 'react';
import { useLocation, useNavigate } from 'react-router';

export type Patch = Record<string, string | number | boolean | null | undefined>;

/** Parameters that go along from page to page: what is looked at, not how. */
export const COMMON = ['project', 'network', 'version', 'run', 'hour', 'sel', 'at'];

export function patched(search: string, patch: Patch): string {
  const params = new URLSearchParams(search);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null || value === undefined || value === '' || value === false) params.delete(key);
    else params.set(key, value === true ? '1' : String(value));
  }
  const text = params.toString();
  return text ? `?${text}` : '';
}

export function commonOf(search: string): string {
  const from = new URLSearchParams(search);
  const kept = new URLSearchParams();
  for (const key of COMMON) {
    const value = from.get(key);
    if (value !== null) kept.set(key, value);
  }
  const text = kept.toString();
  return text ? `?${text}` : '';
}

// A change that is made before the last one stands in the address must start from that one, or it would take it back.
let pending: { search: string; base: string; before: string; until: number } | null = null;

export interface Url {
  params: URLSearchParams;
  get: (key: string) => string | null;
  /** Changes parameters; `push` makes a step that the back button undoes. */
  set: (patch: Patch, push?: boolean) => void;
}

export function useUrl(): Url {
  const { search } = useLocation();
  const navigate = useNavigate();
  const params = useMemo(() => new URLSearchParams(search), [search]);
  const set = useCallback(
    (patch: Patch, push = false) => {
      const base = window.location.pathname;
      const here = window.location.search;
      const from = pending && pending.base === base && pending.before === here && performance.now() < pending.until ? pending.search : here;
      const next = patched(from, patch);
      if (next === from) return;
      pending = { search: next, base, before: here, until: performance.now() + 300 };
      void navigate({ search: next }, { replace: !push });
    },
    [navigate],
  );
  const get = useCallback((key: string) => params.get(key), [params]);
  return { params, get, set };
}
