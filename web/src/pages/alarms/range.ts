/** The time that the log and the report look at, from the address. */

import { useState } from 'react';
import { useUrl } from '../../state/url';

export const HOURS: Record<string, number> = { h1: 1, h6: 6, h24: 24, d7: 168, d30: 720 };

/** Begin and end in epoch ms: of a range that ends at `now`, or of one that is given; null where it is given and makes no sense. */
export function rangeOf(get: (key: string) => string | null, now: number): { from: number; to: number } | null {
  const range = get('range') ?? 'h24';
  if (range !== 'custom') return { from: now - (HOURS[range] ?? 24) * 3_600_000, to: now };
  const [from, to] = [Date.parse(get('from') ?? ''), Date.parse(get('to') ?? '')];
  return Number.isFinite(from) && Number.isFinite(to) && from < to ? { from, to } : null;
}

/** Several words of one parameter, as `a,b`. */
export const wordsOf = (value: string | null, known: string[]): string[] => [...new Set((value ?? '').split(','))].filter((w) => known.includes(w));

/** The parameter with a word put in, or taken out; in the order in which words are known, so that one choice has one address. */
export function toggled(value: string | null, word: string, known: string[]): string | null {
  const have = wordsOf(value, known);
  const next = known.filter((w) => (w === word ? !have.includes(w) : have.includes(w)));
  return next.length === 0 ? null : next.join(',');
}

/** The query of the log, as the server takes it. */
export function searchOf(get: (key: string) => string | null, kinds: string[], severities: string[], range: { from: number; to: number }): URLSearchParams {
  const search = new URLSearchParams({ from: String(Math.round(range.from)), to: String(Math.round(range.to)) });
  for (const kind of kinds) search.append('kind', kind);
  for (const severity of severities) search.append('severity', severity);
  const asset = get('asset');
  if (asset) search.set('asset', asset);
  const text = get('q');
  if (text) search.set('text', text);
  return search;
}

/** A range that ends when the page was opened or asked for anew, so that pages of one list belong together. */
export function useRange(): { range: { from: number; to: number } | null; renewed: () => void; now: number } {
  const url = useUrl();
  const [now, setNow] = useState(() => Date.now());
  return { range: rangeOf(url.get, now), renewed: () => setNow(Date.now()), now };
}
