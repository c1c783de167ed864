/** What can be decided about rows, which row comes next, and where things lie to one another. No requests, no page. */

import type { MatchRow, MeterRow } from './data';

export type PairWord = 'accept' | 'reject' | 'force' | 'withdraw';

export interface PairDecision {
  decision: PairWord;
  a: string;
  b: string;
}

export interface MeterDecision {
  meter: string;
  decision: 'set' | 'none' | 'withdraw';
  transformer?: string;
}

/** A row keeps its key while its state changes. */
export const matchKey = (row: { a: string | null; b: string | null }): string => `${row.a ?? ''}\n${row.b ?? ''}`;

/** What a word means for a row; null where it means nothing: a subject without a partner cannot be accepted, nor what is so already. */
export function pairDecision(row: MatchRow, word: PairWord): PairDecision | null {
  if (row.a === null || row.b === null) return null;
  const now = row.decision?.value ?? null;
  if (word === 'withdraw') return now === null ? null : { decision: word, a: row.a, b: row.b };
  // A match that a decision elsewhere has overruled becomes right again only by a decision of its own, which then is the last.
  if (now === word && row.state !== 'overruled') return null;
  if (word === 'accept' && row.state === 'forced') return null;
  return { decision: word, a: row.a, b: row.b };
}

/** What a word means for a meter: accepted is the transformer that the map has. */
export function meterDecision(row: MeterRow, word: 'accept' | 'none' | 'withdraw'): MeterDecision | null {
  const now = row.decision?.value ?? null;
  if (word === 'withdraw') return now === null ? null : { meter: row.meter, decision: 'withdraw' };
  if (word === 'none') return now === '' ? null : { meter: row.meter, decision: 'none' };
  if (row.transformer === null || now === row.transformer) return null;
  return { meter: row.meter, decision: 'set', transformer: row.transformer };
}

/** Of many rows those that a word means something for. */
export function all<R, D>(rows: R[], one: (row: R) => D | null): { decisions: D[]; left: number } {
  const decisions = rows.map(one).filter((d): d is D => d !== null);
  return { decisions, left: rows.length - decisions.length };
}

/** The row `by` steps from the one at hand; from none the first or the last. Null: there is no further one. */
export function step<T>(rows: T[], key: (row: T) => string, at: string | null, by: number): T | null {
  const index = at === null ? -1 : rows.findIndex((r) => key(r) === at);
  if (index < 0) return (by > 0 ? rows[0] : rows.at(-1)) ?? null;
  return rows[index + by] ?? null;
}

/** The row to look at once the one at hand is decided: the next, or the one before where it was the last. */
export const onward = <T>(rows: T[], key: (row: T) => string, at: string): T | null => step(rows, key, at, 1) ?? step(rows, key, at, -1);

/** Sort of the table as the server writes it, and back. */
export const sortText = (sort: { key: string; down: boolean } | null): string | null => (sort ? `${sort.down ? '-' : ''}${sort.key}` : null);
export function sortOf(text: string | null): { key: string; down: boolean } | null {
  if (!text) return null;
  return text.startsWith('-') ? { key: text.slice(1), down: true } : { key: text, down: false };
}

export type Place = [number, number];

export interface Figure {
  name: string;
  /** Which sign it gets. */
  kind: 'a' | 'b' | 'faint' | 'second';
  places: Place[];
}

export interface Drawn extends Omit<Figure, 'places'> {
  points: Place[];
}

const METRES_PER_DEGREE = 111_195;

/**
 * Places as points of a picture of `width` by `height`, north up and true to scale; null where there is none. `metres` is the length of one
 * unit of the picture.
 */
export function situate(figures: Figure[], width: number, height: number, margin = 22): { drawn: Drawn[]; metres: number } | null {
  const all = figures.flatMap((f) => f.places).filter((p) => p.every(Number.isFinite));
  if (all.length === 0) return null;
  const middle = [0, 1].map((k) => (Math.min(...all.map((p) => p[k] as number)) + Math.max(...all.map((p) => p[k] as number))) / 2) as Place;
  const narrow = Math.max(0.01, Math.cos((middle[1] * Math.PI) / 180));
  const xy = (p: Place): Place => [(p[0] - middle[0]) * METRES_PER_DEGREE * narrow, (middle[1] - p[1]) * METRES_PER_DEGREE];
  const reach = (k: 0 | 1) => Math.max(...all.map((p) => Math.abs(xy(p)[k])));
  // What lies at one place is shown with some metres around it.
  const metres = Math.max((2 * reach(0)) / (width - 2 * margin), (2 * reach(1)) / (height - 2 * margin), 10 / width);
  const drawn = figures.map((f) => ({ name: f.name, kind: f.kind, points: f.places.filter((p) => p.every(Number.isFinite)).map((p) => { const [x, y] = xy(p); return [width / 2 + x / metres, height / 2 + y / metres] as Place; }) }));
  return { drawn: drawn.filter((f) => f.points.length > 0), metres };
}

/** The longest of 1, 2, 5, 10, … m that fits into `most` metres. */
export function scaleBar(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most));
  return [5, 2, 1].map((k) => k * power).find((length) => length <= most) ?? power;
}
