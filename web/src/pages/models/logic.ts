/** What is worked out of cards, forms and questions. No requests, no page. */

import { fieldName, num } from '../../ui/format';
import type { About, Card, Input, LearnInput, LearnParams, Metric, ModelRow, Setting, Wanted } from './data';

const EMPTY: Card = { module: '', title: '', question: '', method: '', settings: {}, made_of: [], rows: 0, span_s: null, features: [], says: '', held_out: { how: '', rows: 0, span_s: null }, metrics: [], calibration: [], limits: [] };

/** A card with all of its parts, whatever program wrote it. */
export function cardOf(card: Partial<Card> | null | undefined): Card {
  const told = Object.fromEntries(Object.entries(card ?? {}).filter(([, v]) => v !== null && v !== undefined));
  return { ...EMPTY, ...told };
}

export interface Model {
  name: string;
  newest: ModelRow;
  /** The newest first. */
  versions: ModelRow[];
}

/** Versions by the name of their model; names as people count. */
export function byName(rows: ModelRow[]): Model[] {
  const groups = new Map<string, ModelRow[]>();
  for (const row of rows) groups.set(row.name, [...(groups.get(row.name) ?? []), row]);
  const models = [...groups].map(([name, versions]) => {
    const ordered = [...versions].sort((a, b) => b.version - a.version);
    return { name, newest: ordered[0] as ModelRow, versions: ordered };
  });
  return models.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
}

/** How a figure stands to another of the same kind. `within`: the other lies in its interval, so that they are not told apart. */
export type Verdict = 'better' | 'worse' | 'same' | 'within' | 'unknown';

export function against(metric: Metric, other: number | null | undefined): Verdict {
  const { value } = metric;
  if (value === null || other === null || other === undefined || !Number.isFinite(value) || !Number.isFinite(other)) return 'unknown';
  // By distance from the target where near is good; without a target nobody knows which is nearer.
  if (metric.better === 'near' && metric.target === null) return 'unknown';
  const rank = (x: number) => (metric.better === 'higher' ? x : metric.better === 'lower' ? -x : -Math.abs(x - (metric.target as number)));
  const [mine, its] = [rank(value), rank(other)];
  if (mine === its) return 'same';
  if (metric.low !== null && metric.high !== null && other >= metric.low && other <= metric.high) return 'within';
  return mine > its ? 'better' : 'worse';
}

/** Whether the figures of two cards are of one test: held out in one way, of the same data. */
export function isOneTest(a: Card, b: Card): boolean {
  const data = (c: Card) => c.made_of.map((m) => `${m.name} ${m.sha256}`).sort().join('\n');
  return a.held_out.how === b.held_out.how && a.held_out.rows === b.held_out.rows && a.made_of.length > 0 && data(a) === data(b);
}

export interface Pair {
  name: string;
  unit: string;
  mine: Metric | null;
  other: Metric | null;
  verdict: Verdict;
}

/** Figures of two cards side by side; one that only one of them has stands alone. Figures of different units are not set against each other. */
export function pairs(mine: Metric[], other: Metric[]): Pair[] {
  const key = (m: Metric) => `${m.name}\u0000${m.unit}`;
  const theirs = new Map(other.map((m) => [key(m), m]));
  const rows: Pair[] = mine.map((m) => {
    const its = theirs.get(key(m)) ?? null;
    theirs.delete(key(m));
    const verdict = its ? against(m, its.value) : 'unknown';
    // Not told apart either where this one lies within the interval of the other.
    const isClose = its !== null && m.value !== null && its.low !== null && its.high !== null && m.value >= its.low && m.value <= its.high;
    return { name: m.name, unit: m.unit, mine: m, other: its, verdict: isClose && (verdict === 'better' || verdict === 'worse') ? 'within' : verdict };
  });
  return [...rows, ...[...theirs.values()].map((m): Pair => ({ name: m.name, unit: m.unit, mine: null, other: m, verdict: 'unknown' }))];
}

/** A unit as people write it. */
export const unitOf = (unit: string): string => ({ C: '°C', a: 'yr', deg: '°', 'W/m2': 'W/m²' })[unit] ?? unit;

/** A figure with its unit; a share is told as it stands. */
export const figure = (value: number | null | undefined, unit: string, digits = 4): string => (value === null || value === undefined ? '–' : `${num(value, digits)}${unit ? `\u202f${unitOf(unit)}` : ''}`);

/** Ends of both axes of a plot of what was said against what came: shares from nothing on, all else with a margin. */
export function plotRange(values: number[]): [number, number] {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  if (least >= 0 && most <= 1) return [0, [0.01, 0.02, 0.05, 0.1, 0.2, 0.5].find((end) => most <= end) ?? 1];
  const margin = (most - least || Math.abs(most) || 1) * 0.05;
  return [least - margin, most + margin];
}

/** Module that somebody begins with: loads are what everybody has; else one that keeps a model and needs one table, else one that keeps, else the first. */
export function firstModule(modules: About[]): About | undefined {
  const needed = (m: About) => m.inputs.filter((i) => i.needed_to_fit);
  return modules.find((m) => m.id === 'load-forecast') ?? modules.find((m) => m.keeps && needed(m).length === 1) ?? modules.find((m) => m.keeps) ?? modules[0];
}

// Forms

/** A header as names are compared: letters and digits, small. */
export const plain = (header: string): string => header.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');

/** Cells of a line, those in quotes without them. */
function cellsOf(line: string, by: string): string[] {
  const out: string[] = [];
  let [cell, isQuoted] = ['', false];
  for (let i = 0; i < line.length; i += 1) {
    const c = line[i] as string;
    if (c === '"') {
      if (isQuoted && line[i + 1] === '"') { cell += c; i += 1; } else isQuoted = !isQuoted;
    } else if (c === by && !isQuoted) {
      out.push(cell);
      cell = '';
    } else cell += c;
  }
  return [...out, cell].map((h) => h.trim());
}

const LOOKED_AT = 20;

/** Headers of a delimited text: cells of its first line, parted by what parts most lines into as many, as the server does. */
export function headersOf(text: string): string[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/).filter((l) => l.trim() !== '').slice(0, LOOKED_AT);
  let [best, most] = [',', 0];
  for (const by of [',', ';', '\t', '|']) {
    const counts = lines.map((l) => cellsOf(l, by).length - 1);
    const header = counts[0] ?? 0;
    if (header === 0) continue;
    const score = counts.filter((n) => n === header).length / counts.length + 0.001 * Math.min(header, 500);
    if (score > most) [best, most] = [by, score];
  }
  return cellsOf(lines[0] ?? '', best).filter((h) => h !== '');
}

export interface Found {
  header: string;
  /** By a name that the column has; else by a header that only holds one. */
  isExact: boolean;
}

/**
 * Which header is taken for each column, as the server does: those that were told, then names, then headers that hold a name of four letters or
 * more. Each header serves one column.
 */
export function headersFor(columns: Wanted[], headers: string[], told: Record<string, string>): Record<string, Found> {
  const names = headers.map(plain);
  const taken = new Set<number>();
  const found: Record<string, Found> = {};
  for (const c of columns) {
    const header = told[c.name]?.trim() ?? '';
    if (header === '') continue;
    const exact = headers.indexOf(header);
    const at = exact >= 0 ? exact : names.indexOf(plain(header));
    if (at < 0) continue;
    taken.add(at);
    found[c.name] = { header: headers[at] as string, isExact: true };
  }
  for (const isExact of [true, false]) {
    for (const c of columns) {
      if (found[c.name] || told[c.name]?.trim()) continue;
      const fits = (alias: string, name: string) => (isExact ? name === alias : alias.length >= 4 && name.includes(alias));
      for (const alias of [c.name, ...c.aliases].map(plain).filter(Boolean)) {
        const at = names.findIndex((name, i) => !taken.has(i) && fits(alias, name));
        if (at < 0) continue;
        taken.add(at);
        found[c.name] = { header: headers[at] as string, isExact };
        break;
      }
    }
  }
  return found;
}

/** Where an input comes from, as the form has it. */
export interface Given {
  from: 'none' | 'file' | 'sql' | 'network';
  /** Name of the file, within the upload. */
  file: string;
  sql: string;
  network: string;
  version: string;
  columns: Record<string, string>;
}

export const NOTHING: Given = { from: 'none', file: '', sql: '', network: '', version: '', columns: {} };

export const isNeeded = (input: Input, applies: boolean): boolean => (applies ? input.needed_to_apply : input.needed_to_fit);

export const isGiven = (given: Given | undefined): boolean => given !== undefined && ((given.from === 'file' && given.file !== '') || (given.from === 'sql' && given.sql.trim() !== '') || (given.from === 'network' && given.network !== ''));

/** Inputs that a module cannot do without and that are not given. */
export const missing = (about: About, given: Record<string, Given>, applies: boolean): string[] => about.inputs.filter((i) => isNeeded(i, applies) && !isGiven(given[i.name])).map((i) => i.name);

/** What a setting cannot be: what it must be instead; null: it will do. Left empty it is the default. */
export function settingFault(setting: Setting, text: string): { low: number; high: number; isCount: boolean } | null {
  if ((setting.kind !== 'number' && setting.kind !== 'count') || text.trim() === '') return null;
  const value = Number(text);
  const isCount = setting.kind === 'count';
  return Number.isFinite(value) && value >= setting.low && value <= setting.high && (!isCount || Number.isInteger(value)) ? null : { low: setting.low, high: setting.high, isCount };
}

/** Only what was told otherwise than its default. */
export function settingsOf(settings: Setting[], told: Record<string, string>): Record<string, string | number | boolean> {
  const out: Record<string, string | number | boolean> = {};
  for (const s of settings) {
    const text = (told[s.name] ?? '').trim();
    if (text === '' || text === s.default) continue;
    out[s.name] = s.kind === 'number' || s.kind === 'count' ? Number(text) : s.kind === 'flag' ? text === 'true' : text;
  }
  return out;
}

const NAME = /^[a-z0-9_-]{1,64}$/;

export const isModelName = (name: string): boolean => NAME.test(name);

/** Parameters of the job. The upload is named when there is one. */
export function paramsOf(what: { module: string } | { model: string; version: number }, about: About, given: Record<string, Given>, told: Record<string, string>, keep: string, upload: string | null): LearnParams {
  const inputs: Record<string, LearnInput> = {};
  let hasFile = false;
  for (const { name, kind } of about.inputs) {
    const g = given[name];
    if (!g || !isGiven(g)) continue;
    const columns = Object.fromEntries(Object.entries(g.columns).map(([c, h]) => [c, h.trim()]).filter(([, h]) => h !== ''));
    hasFile ||= g.from === 'file';
    inputs[name] = {
      ...(g.from === 'file' ? { file: g.file } : g.from === 'sql' ? { sql: g.sql } : { network: g.network, ...(g.version ? { version: Number(g.version) } : {}) }),
      ...(kind === 'table' && Object.keys(columns).length > 0 ? { columns } : {}),
    };
  }
  const settings = settingsOf(about.settings, told);
  const isFit = 'module' in what;
  return { ...what, ...(isFit && about.keeps && keep.trim() !== '' ? { keep: keep.trim() } : {}), ...(hasFile && upload ? { upload } : {}), inputs, ...(Object.keys(settings).length > 0 ? { settings } : {}) };
}

/** Names under which files go into one upload: their own, with the input before those that are there twice. */
export function uploadNames(files: { input: string; name: string }[]): string[] {
  return files.map((f, i) => (files.some((g, k) => k < i && g.name === f.name) ? `${f.input}/${f.name}` : f.name));
}

// Questions

export interface Chip {
  part: 'measure' | 'of' | 'filter' | 'window' | 'order' | 'scenario' | 'study' | 'more';
  text: string;
}

const small = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);
const words = (name: string) => name.replaceAll('_', ' ');
/** A measure in words, with its unit. */
export function measureWords(measure: string, known: Record<string, string>): string {
  const told = known[measure];
  if (told !== undefined) return told;
  const { words: text, unit } = fieldName(measure);
  return `${small(text)}${unit ? ` (${unit})` : ''}`;
}

const BOUNDS: Record<string, string> = { above: '>', below: '<', at_least: '≥', at_most: '≤' };

const list = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

const object = (value: unknown): Record<string, unknown> => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {});

function adoption(of: Record<string, unknown>): string {
  const change = typeof of.to_pct === 'number' ? `${num(of.to_pct)}\u202f%` : typeof of.times === 'number' ? `×\u202f${num(of.times)}` : typeof of.points === 'number' ? `${of.points < 0 ? '−' : '+'}\u202f${num(Math.abs(of.points))} points` : '';
  return [change, typeof of.charger === 'string' ? words(of.charger) : '', list(of.classes).map(words).join(', ')].filter(Boolean).join(', ');
}

/** A layer of a scenario in a few words. What is not known here stands as the server has it: nothing that was understood is left out. */
function layer(of: unknown, kinds: Record<string, string>): string {
  const [kind, inner] = typeof of === 'string' ? [of, {}] : (Object.entries(object(of))[0] ?? ['', {}]);
  const told = object(inner);
  const known = adoption(told);
  const used = ['to_pct', 'times', 'points', 'charger', 'classes'];
  const rest = Object.entries(told).filter(([k, v]) => !used.includes(k) && v !== null).map(([k, v]) => { const f = fieldName(k); return typeof v === 'number' ? (f.words === 'Year' ? String(v) : `${small(f.words)} ${num(v)}${f.unit ? `\u202f${f.unit}` : ''}`) : words(String(v)); });
  return [kinds[kind] ?? words(kind), [known, ...rest].filter(Boolean).join(', ')].filter(Boolean).join(': ');
}

/** The parts of a reading, each a chip. Every field that the reading has gives one. */
export function chipsOf(query: Record<string, unknown>, t: { measures: Record<string, string>; layers: Record<string, string>; kinds: Record<string, string>; statistics: Record<string, string>; by: (what: string) => string; limit: (n: string) => string; orders: Record<string, string>; feeder: string; study: string; against: string; budget: string; hours: string; ders: Record<string, string> }): Chip[] {
  const chips: Chip[] = [];
  const add = (part: Chip['part'], text: string) => { if (text !== '') chips.push({ part, text }); };
  const kind = (k: unknown) => t.kinds[String(k)] ?? words(String(k));
  const { measure, of, statistic, by, feeders, names, filters, window, order, limit, der, budget, scenario, study, against: other, ...more } = query;
  if (measure !== undefined) add('measure', measureWords(String(measure), t.measures));
  if (of !== undefined) add('of', kind(of));
  if (typeof statistic === 'string') add('order', t.statistics[statistic] ?? words(statistic));
  if (by !== undefined && by !== null) add('of', t.by(kind(by)));
  for (const f of list(feeders)) add('of', `${t.feeder} ${f}`);
  for (const n of list(names)) add('of', n);
  for (const f of Array.isArray(filters) ? filters : []) {
    const { measure: m, ...bound } = object(f);
    for (const [b, x] of Object.entries(bound)) add('filter', `${measureWords(String(m), t.measures)} ${BOUNDS[b] ?? words(b)} ${typeof x === 'number' ? num(x) : String(x)}`);
  }
  for (const [k, v] of Object.entries(object(window))) {
    if (v === null) continue;
    add('window', Array.isArray(v) ? `${k === 'hours' ? `${t.hours} ` : ''}${v.map(String).join(' – ')}` : words(String(v)));
  }
  if (typeof order === 'string') add('order', t.orders[order] ?? words(order));
  if (typeof limit === 'number') add('order', t.limit(String(limit)));
  if (typeof der === 'string') add('more', t.ders[der] ?? words(der));
  if (typeof budget === 'number') add('more', `${t.budget} ${num(budget)}`);
  for (const l of Array.isArray(scenario) ? scenario : []) add('scenario', layer(l, t.layers));
  if (typeof study === 'string') add('study', `${t.study} ${study}`);
  if (typeof other === 'string') add('study', `${t.against} ${other}`);
  for (const [k, v] of Object.entries(more)) if (v !== null) add('more', `${words(k)}: ${typeof v === 'object' ? JSON.stringify(v) : String(v)}`);
  return chips;
}

/** Study of the page Planning that answers a measure which no run through time has; null: it is not one of those. */
export function studyOf(query: Record<string, unknown>): string | null {
  const of: Record<string, string> = { hosting_capacity_kw: 'hosting_capacity', saidi_h: 'reliability', saifi: 'reliability', unserved_kwh: 'reliability', lost_load_kw: 'contingency', lost_customers: 'contingency', mitigation_cost: 'mitigation' };
  return of[String(query.measure)] ?? null;
}

/** A text in pieces, those that are one of the words or names marked. */
export function marked(text: string, unknown: string[]): { text: string; isUnknown: boolean }[] {
  const wanted = [...new Set(unknown.map((w) => w.trim()).filter(Boolean))].sort((a, b) => b.length - a.length);
  if (wanted.length === 0) return [{ text, isUnknown: false }];
  const escape = (w: string) => w.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  // Whole words: "bus" is not marked within "busbar".
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}_])(${wanted.map(escape).join('|')})(?![\\p{L}\\p{N}_])`, 'giu');
  const out: { text: string; isUnknown: boolean }[] = [];
  let at = 0;
  for (const found of text.matchAll(pattern)) {
    if (found.index > at) out.push({ text: text.slice(at, found.index), isUnknown: false });
    out.push({ text: found[0], isUnknown: true });
    at = found.index + found[0].length;
  }
  if (at < text.length) out.push({ text: text.slice(at), isUnknown: false });
  return out;
}

/** A name that none of these is: the wanted one, or with the first number that is free. */
export function freeName(wanted: string, taken: (name: string) => boolean): string {
  if (!taken(wanted)) return wanted;
  for (let n = 2; ; n += 1) if (!taken(`${wanted}-${n}`)) return `${wanted}-${n}`;
}
