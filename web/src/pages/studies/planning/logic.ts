/** What of an answer is shown first, and where on the map. No requests, no page. */

import { fieldName } from '../../../ui/format';
import type { Answer, AnswerColumn, AnswerTable, Cells } from './data';

/** Table that is looked at first, by study. */
const FIRST: Record<string, string[]> = {
  hosting_capacity: ['hosting_capacity', 'percentiles'],
  reliability: ['elements'],
  mitigation: ['candidates'],
};

export function firstTable(answer: Answer): AnswerTable | undefined {
  const named = (FIRST[answer.study] ?? []).flatMap((name) => answer.tables.find((t) => t.name === name) ?? []);
  return named[0] ?? answer.tables[0];
}

/** Layers of the map that the answer gives, by their names as the map's address has them. */
export function layersOf(answer: Answer): string[] {
  const has = (table: string) => answer.tables.some((t) => t.name === table);
  const ders = Array.isArray(answer.summary.results) ? (answer.summary.results as { der?: string }[]).flatMap((r) => r.der ?? []) : [];
  if (answer.study === 'hosting_capacity') {
    if (has('hosting_capacity')) return ders.slice(0, 1).map((der) => `${answer.id}~hosting_capacity~hosting_capacity_kw~${der}`);
    return ders.slice(0, 1).map((der) => `${answer.id}~places~mean_kw~${der}`);
  }
  if (answer.study === 'mitigation') {
    const kinds = Array.isArray(answer.summary.kinds) ? (answer.summary.kinds as string[]) : [];
    return kinds.slice(0, 2).map((kind) => `${answer.id}~violations~hours~${kind}`);
  }
  if (answer.study === 'reliability') return [`${answer.id}~elements~customer_hours_per_yr`];
  return [];
}

/** Address of an element or bus of a row, as the map selects it; null where the row is about none. */
export function thingOf(table: AnswerTable, row: Cells): string | null {
  const first = table.columns[0]?.name;
  const value = first ? row[first] : null;
  if (typeof value === 'string' && value !== '') {
    if (first === 'bus') return `bus.${value}`;
    if (first === 'load') return `load.${value}`;
    if (first === 'element') return value;
  }
  const element = row.element;
  return typeof element === 'string' && /^[a-z_]+\.[^.]/i.test(element) ? element : null;
}

/** Words and unit of a column's head: a rate's name ends in its unit, which stands beside it already. */
export function headOf(column: AnswerColumn): { words: string; unit: string } {
  const name = column.unit.endsWith('/yr') ? column.name.replace(/_per_yr$/, '').replace(/_(kwh|h)$/, '') : column.name;
  const known = fieldName(name);
  return { words: known.words, unit: column.unit || known.unit };
}

/** Rows a bar each: what each bus hosts, from the largest to the smallest, by what limits it. */
export function bars(rows: Cells[], of: string, by: string): { by: string; points: [number, number, string][] }[] {
  const sorted = rows.filter((r) => typeof r[of] === 'number').sort((a, b) => (b[of] as number) - (a[of] as number));
  const groups = new Map<string, [number, number, string][]>();
  sorted.forEach((r, i) => {
    const key = typeof r[by] === 'string' ? (r[by] as string) : '';
    const list = groups.get(key) ?? [];
    list.push([i + 1, r[of] as number, String(r.bus ?? r.element ?? '')]);
    groups.set(key, list);
  });
  return [...groups].map(([key, points]) => ({ by: key, points }));
}

/** A list of words with blanks or commas between them. */
export const words = (text: string): string[] => text.split(/[\s,;]+/).filter(Boolean);

/** Only what was filled in. */
export function filled(params: Record<string, unknown>): Record<string, unknown> {
  const empty = (v: unknown) => v === '' || v === null || v === undefined || v === false || (typeof v === 'number' && Number.isNaN(v)) || (Array.isArray(v) && v.length === 0) || (typeof v === 'object' && v !== null && !Array.isArray(v) && Object.keys(v).length === 0);
  return Object.fromEntries(Object.entries(params).filter(([, v]) => !empty(v)));
}
