/** What of an answer is shown first, and where on the map. No requests, no page. */

import { fieldName } from '../../../ui/format';
import type { Answer, AnswerColumn, AnswerTable, Cells } from './data';

/** Table that is looked at first, by study. */
const FIRST: Record<string, string[]> = {
  hosting_capacity: ['hosting_capacity', 'percentiles'],
  reliability: ['elements'],
  mitigation: ['candidates'],
  contingency: ['contingencies'],
  restoration: ['steps'],
  reconfiguration: ['moves'],
  comparison: ['assets'],
  scenario: ['layers'],
  sweep: ['responses'],
};

export function firstTable(answer: Answer): AnswerTable | undefined {
  const named = (FIRST[answer.study] ?? []).flatMap((name) => answer.tables.find((t) => t.name === name) ?? []);
  return named[0] ?? answer.tables[0];
}

/** Layers of the map that the answer gives, by their names as the map's address has them. */
export function layersOf(answer: Answer): string[] {
  const has = (table: string) => answer.tables.some((t) => t.name === table && t.rows > 0);
  const ders = Array.isArray(answer.summary.results) ? (answer.summary.results as { der?: string }[]).flatMap((r) => r.der ?? []) : [];
  if (answer.study === 'hosting_capacity') {
    if (has('hosting_capacity')) return ders.slice(0, 1).map((der) => `${answer.id}~hosting_capacity~hosting_capacity_kw~${der}`);
    return ders.slice(0, 1).map((der) => `${answer.id}~places~mean_kw~${der}`);
  }
  if (answer.study === 'mitigation') {
    const kinds = Array.isArray(answer.summary.kinds) ? (answer.summary.kinds as string[]) : [];
    return kinds.slice(0, 2).map((kind) => `${answer.id}~violations~hours~${kind}`);
  }
  // One layer of elements: of two the upper one would hide the lower one.
  if (answer.study === 'contingency') return has('elements') ? [`${answer.id}~elements~${answer.params.restore === true ? 'unserved_kw' : 'lost_kw'}`] : [];
  if (answer.study === 'scenario') {
    const layers = (answer.summary.figures as { layers?: { layer: string }[] } | undefined)?.layers ?? [];
    return has('loads') ? layers.slice(0, 1).map((l) => `${answer.id}~loads~energy_kwh~${l.layer}`) : [];
  }
  if (answer.study === 'comparison') {
    const first = (answer.summary.cases as { case: string }[] | undefined)?.[0]?.case;
    // Of several networks no map is drawn.
    return first === undefined || !answer.network ? [] : ['elements', 'buses'].filter(has).map((table) => `${answer.id}~${table}~change_h~${first}`);
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
  // An element, or a node, which ends in its number.
  if (first === 'asset' && typeof value === 'string' && value !== '') return /^[a-z_]+\.\D/i.test(value) ? value : `bus.${value.replace(/\.\d+$/, '')}`;
  const element = row.element ?? (typeof row.outage === 'string' && !/[\s,+]/.test(row.outage) ? row.outage : null);
  return typeof element === 'string' && /^[a-z_]+\.[^.]/i.test(element) ? element : null;
}

/** Words and unit of a column's head: a rate's name ends in its unit, which stands beside it already. */
export function headOf(column: AnswerColumn): { words: string; unit: string } {
  const name = column.unit.endsWith('/yr') ? column.name.replace(/_per_yr$/, '').replace(/_(kwh|h)$/, '') : column.name;
  const known = fieldName(name);
  // Tables write degrees as ASCII has them.
  return { words: known.words, unit: column.unit === 'C' ? '°C' : column.unit || known.unit };
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

/** Whether enough is told to ask for the study. */
export function isAskable(kind: string, params: Record<string, unknown>): boolean {
  const has = (key: string) => Array.isArray(params[key]) && (params[key] as unknown[]).length > 0;
  const isNamed = typeof (params.scenario as { name?: string } | undefined)?.name === 'string';
  if (kind === 'comparison') return typeof params.base === 'string' && has('with');
  if (kind === 'scenario') return isNamed;
  if (kind === 'sweep') return isNamed && has('vary');
  if (kind === 'restoration') return has('outage');
  return true;
}

export interface DaySums { new: number[]; mended: number[]; remaining: number[] }

/** Hours of each day, from counts of steps, for as many days as the last step needs; a step is named by its end. */
export function dailySums(rows: Cells[], of: string, step_h = 1): DaySums {
  const mine = rows.filter((r) => r.case === of && typeof r.hour === 'number');
  const dayOf = (hour: number) => Math.max(0, Math.ceil(hour / 24) - 1);
  const days = mine.reduce((most, r) => Math.max(most, dayOf(r.hour as number) + 1), 0);
  const sum = (key: string) => {
    const out = Array.from({ length: days }, () => 0);
    for (const r of mine) if (typeof r[key] === 'number') { const day = dayOf(r.hour as number); out[day] = (out[day] as number) + (r[key] as number) * step_h; }
    return out;
  };
  return { new: sum('new'), mended: sum('mended'), remaining: sum('remaining') };
}

export interface ResponsePoint { at: string; value: number | null; mean: number; least: number; largest: number; samples: number }

/** A figure against a parameter, in the order of the parameter's values where they are numbers. */
export function responseOf(rows: Cells[], parameter: string, figure: string): ResponsePoint[] {
  const points = rows.filter((r) => r.parameter === parameter && r.figure === figure && typeof r.mean === 'number').map((r) => ({
    at: String(r.at ?? ''), value: typeof r.value === 'number' ? r.value : null, mean: r.mean as number, least: (r.least ?? r.mean) as number, largest: (r.largest ?? r.mean) as number, samples: Number(r.samples ?? 0),
  }));
  return points.every((p) => p.value !== null) ? points.sort((a, b) => (a.value as number) - (b.value as number)) : points;
}
