/** Values with the marks of their quality, and what a check says, in words. */

import type { ActionOutcome, BusMoment, Change, ElementMoment, Excess, HistoryRow, Moment, Order, Origin, PointMoment, Quality, SwitchMoment, Verdict, WhatIfAnswer } from '../../api/twin';
import { strings } from '../../strings';
import { fixed, num } from '../../ui/format';

const t = strings.twin;

export type Mark = 'good' | 'questionable' | 'invalid' | 'old' | 'substituted';

const OLD = 1 << 5;
const SUBSTITUTED = 1 << 8;
const COMM_LOST = 1 << 11;

/** The worst thing that there is to say of a value. A hand-set one is told as such before all: it is no measurement. */
export function markOf(quality: Quality | null | undefined, validity?: string, details?: string[]): Mark {
  const is = (bit: number, name: string) => (quality ? (quality.flags & bit) !== 0 : false) || (details?.includes(name) ?? false);
  if (is(SUBSTITUTED, 'substituted')) return 'substituted';
  if (is(OLD, 'old') || is(COMM_LOST, 'comm lost')) return 'old';
  const word = validity ?? quality?.validity;
  return word === 'invalid' ? 'invalid' : word === 'questionable' ? 'questionable' : 'good';
}

export const markOfPoint = (p: PointMoment): Mark => markOf(p.quality, p.validity, p.details);

/** A number as its origin lets it be read: estimated ones with ~, unknown ones as a dash. */
export function told(value: number | null | undefined, origin: Origin | undefined, digits = 4): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  // What is left of zero is zero: a tenth of a watt, a millionth of an ampere.
  const text = num(Math.abs(value) < 1e-6 ? 0 : value, digits);
  // A tilde right before a minus looks like two of them.
  return origin === 'estimated' || origin === 'pseudo' ? `~${text.startsWith('−') ? '\u2009' : ''}${text}` : text;
}

/** Sources and generators are told by what they deliver; all else by what flows into it. */
export const delivers = (kind: string): boolean => /source|gener|^pv|storage|infeed/.test(kind);
export const intoOrOut = (kind: string, value: number): number => (delivers(kind) ? -value : value);

/** How hot a symbol looks. Shunts follow the voltage: IEC 60871-1 lets a capacitor carry 1.3 times its rated current, and 1.1 times its voltage for long. */
export function heatOf(kind: string, loading_pct: number | null): '' | 'near' | 'over' {
  if (loading_pct === null) return '';
  const [near, over] = /capac|react|shunt/.test(kind) ? [110, 130] : [80, 100];
  return loading_pct > over ? 'over' : loading_pct >= near ? 'near' : '';
}

/** A value of a point, of whatever kind it is. */
export function valueText(value: unknown, number: number | null = null, digits = 5): string {
  if (number !== null && Number.isFinite(number) && !isState(value)) return num(number, digits);
  if (value === null || value === undefined) return '–';
  if (typeof value !== 'object') return String(value);
  const [[kind, inner] = ['', null]] = Object.entries(value as Record<string, unknown>);
  if (kind === 'bool') return inner ? 'on' : 'off';
  if (kind === 'double_point') return String(inner);
  if (kind === 'step' && inner && typeof inner === 'object') return `${String((inner as { position: number }).position)}${(inner as { moving: boolean }).moving ? ' …' : ''}`;
  if (kind === 'counter' && inner && typeof inner === 'object') return num((inner as { count: number }).count, 12);
  return typeof inner === 'number' ? num(inner, digits) : String(inner);
}

const isState = (value: unknown) => typeof value === 'object' && value !== null && ('bool' in value || 'double_point' in value);

export const largest = (of: (number | null)[] | undefined): number | null => {
  const known = (of ?? []).filter((x): x is number => x !== null && Number.isFinite(x));
  return known.length ? Math.max(...known) : null;
};

/** Open, closed, or neither, in words. Where nothing good was heard neither is not what it is, but what is not known. */
export function positionText(s: { closed: boolean | null; quality?: Quality | null } | undefined): string {
  if (!s) return t.unknown;
  if (s.closed === null) return s.quality && markOf(s.quality) !== 'good' && markOf(s.quality) !== 'questionable' ? t.unknown : t.undetermined;
  return s.closed ? t.closed : t.open;
}

/** What a screen reader says of a symbol: "Breaker CB_T1H, closed, 402 A, good". */
export function spoken(kind: string, name: string, parts: (string | null)[]): string {
  return [`${kind} ${name}`, ...parts.filter((p): p is string => p !== null && p !== '')].join(', ');
}

/** An order in words: "Opening CB-T1H". */
export const orderText = (order: Order, name: string): string => `${t.gerund[order.command] ?? order.command} ${name}${order.value === undefined ? '' : ` ${valueText(order.value)}`}`;

/** The verdict in sentences, the gravest first. */
export function verdictWords(verdict: Verdict, order: Order, name: string): string[] {
  const what = orderText(order, name);
  if (!verdict.settled) return [t.notSolved];
  const out: string[] = [];
  if (verdict.unsupplied.length > 0) out.push(t.unsupplied(what, listed(verdict.unsupplied.map((u) => t.busWord(num(u.kv_base), u.bus))), fixed(verdict.unsupplied_mw, 1)));
  for (const o of verdict.overloads) out.push(t.overload(o.subject, num(o.value, 3), was(o, 3)));
  for (const v of verdict.voltages) out.push(t.voltageOut(v.subject, fixed(v.value, 3), v.was === null ? t.unknown : fixed(v.was, 3)));
  if (out.length === 0) out.push(t.harmless(what));
  if (verdict.losses_mw !== null && verdict.losses_before_mw !== null) out.push(t.lossesGo(fixed(verdict.losses_before_mw, 2), fixed(verdict.losses_mw, 2)));
  return out;
}

const was = (e: Excess, digits: number) => (e.was === null ? t.unknown : num(e.was, digits));

/** `a, b and c`; beyond six the rest as a count. */
export function listed(names: string[]): string {
  if (names.length > 6) return `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`;
  return names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

export interface Difference { subject: string; quantity: string; unit: string; before: number | null; after: number | null }

/** Smallest change that is worth a row, by quantity: half of the last digit that is shown. */
const LEAST: Record<string, number> = { v_pu: 0.0005, p_kw: 5, i_a: 0.5, loading_pct: 0.05, losses_kw: 0.5 };

/** What differs between two states, the largest share of change first. What is known in one of them only always differs. */
export function differences(before: WhatIfAnswer['before'], after: WhatIfAnswer['after']): Difference[] {
  const out: Difference[] = [];
  const add = (subject: string, quantity: string, unit: string, a: number | null | undefined, b: number | null | undefined) => {
    const [x, y] = [a ?? null, b ?? null];
    if (x === null && y === null) return;
    if (x !== null && y !== null && Math.abs(x - y) < (LEAST[quantity] ?? 1e-9)) return;
    out.push({ subject, quantity, unit, before: x, after: y });
  };
  const buses = new Map(after.buses.map((b) => [b.bus, b]));
  for (const b of before.buses) add(b.bus, 'v_pu', 'pu', b.v_pu, buses.get(b.bus)?.v_pu);
  const elements = new Map(after.elements.map((e) => [e.element, e]));
  for (const e of before.elements) {
    const next = elements.get(e.element);
    add(e.element, 'loading_pct', '%', e.loading_pct, next?.loading_pct);
    add(e.element, 'p_kw', 'kW', e.ends[0]?.p_kw, next?.ends[0]?.p_kw);
    add(e.element, 'i_a', 'A', largest(e.ends[0]?.i_a), largest(next?.ends[0]?.i_a));
    add(e.element, 'losses_kw', 'kW', e.losses_kw, next?.losses_kw);
  }
  const size = (d: Difference) => (d.before === null || d.after === null ? Infinity : Math.abs(d.after - d.before) / Math.max(Math.abs(d.before), Math.abs(d.after), LEAST[d.quantity] ?? 1));
  return out.sort((a, b) => size(b) - size(a));
}

export function changeText(change: Change): string {
  if ('element' in change) return `${change.element}: ${change.closed ? t.closed : t.open}`;
  if ('load' in change) return `${change.load === 'all' ? t.whatif.all : change.load}: ${change.factor !== undefined ? `× ${num(change.factor)}` : `${num(change.p_kw)} kW${change.q_kvar === undefined ? '' : `, ${num(change.q_kvar)} kvar`}`}`;
  if ('transformer' in change) return `${change.transformer}: ${t.whatif.position} ${change.tap_position}`;
  return `${change.capacitor}: ${change.on ? t.whatif.on : t.whatif.off}`;
}

/** A moment of a what-if with what it does not say taken from the one that it began with. */
export function asMoment(of: WhatIfAnswer['after'], from: Moment, changes: Change[]): Moment {
  const closed = new Map(changes.flatMap((c) => ('element' in c ? [[c.element.toLowerCase(), c.closed] as const] : [])));
  const switches = (of.switches ?? from.switches).map((s) => (closed.has(s.element.toLowerCase()) ? { ...s, closed: closed.get(s.element.toLowerCase()) as boolean } : s));
  return { ...from, ...of, switches } as Moment;
}

/** The voltage state of a bus for the drawing. */
export type Live = 'live' | 'dead' | 'unknown';
export function liveOf(bus: BusMoment | undefined): Live {
  if (!bus || bus.origin === 'unknown') return 'unknown';
  if (bus.origin === 'dead') return 'dead';
  return bus.v_pu === null ? 'unknown' : bus.v_pu < 0.02 ? 'dead' : 'live';
}

/** How the estimate stands. One in which nothing measured took part is none, whatever its iteration came to. */
export const estimateState = (e: Pick<Moment['estimate'], 'state' | 'used'>): Moment['estimate']['state'] => (e.used === 0 ? 'none' : e.state);

/** Whether no device at all answers, and when the last value came; null while one does, or none is known. */
export function lostSince(moment: Pick<Moment, 'devices'> | undefined): { last_ms: number | null } | null {
  const devices = moment?.devices ?? [];
  if (devices.length === 0 || devices.some((d) => d.connected !== false)) return null;
  const times = devices.flatMap((d) => (d.last_ms === null ? [] : [d.last_ms]));
  return { last_ms: times.length === 0 ? null : Math.max(...times) };
}

export interface Limits { low: number | null; high: number | null; bandLow: number | null; bandHigh: number | null; source: string }

/** Limits that the alarm rules set for a point: the outermost of all priorities as limits, the innermost as the normal band. */
export function limitsOf(rules: unknown, point: string): Limits | null {
  const list = (rules as { alarms?: unknown } | null)?.alarms;
  if (!Array.isArray(list)) return null;
  const highs: number[] = [];
  const lows: number[] = [];
  for (const rule of list as Record<string, unknown>[]) {
    if (rule?.point !== point || rule.enabled === false) continue;
    if (typeof rule.high === 'number') highs.push(rule.high);
    if (typeof rule.low === 'number') lows.push(rule.low);
    if (Array.isArray(rule.outside) && typeof rule.outside[0] === 'number' && typeof rule.outside[1] === 'number') {
      lows.push(rule.outside[0]);
      highs.push(rule.outside[1]);
    }
  }
  if (highs.length + lows.length === 0) return null;
  return { low: lows.length ? Math.min(...lows) : null, high: highs.length ? Math.max(...highs) : null, bandLow: lows.length ? Math.max(...lows) : null, bandHigh: highs.length ? Math.min(...highs) : null, source: t.fromRules };
}

/** Limits of the mean of some busbars, kV: the tightest that the rules set for any of them. */
export function levelLimits(rules: unknown, buses: string[], kv: number): Limits | null {
  const all = buses.map((b) => limitsOf(rules, `twin.bus.${b}.v_pu`)).filter((l): l is Limits => l !== null);
  if (all.length === 0) return null;
  const tightest = (pick: (l: Limits) => number | null, of: (...x: number[]) => number) => {
    const known = all.map(pick).filter((x): x is number => x !== null);
    return known.length ? of(...known) * kv : null;
  };
  return { low: tightest((l) => l.low, Math.max), high: tightest((l) => l.high, Math.min), bandLow: tightest((l) => l.bandLow, Math.max), bandHigh: tightest((l) => l.bandHigh, Math.min), source: t.fromRules };
}

/** Times and values; null where nothing is known. */
export type Course = [number, number | null][];

/** Of rows of the history that are sums of minutes: the mean, none of a minute without good values. */
export const courseOf = (rows: HistoryRow[] | undefined): Course => (rows ?? []).map((r) => [r[0], typeof r[1] === 'number' && Number.isFinite(r[1]) ? r[1] : null]);

/** The mean of several at each time, of those that are known then. */
export function meanCourse(courses: Course[]): Course {
  const sums = new Map<number, [number, number]>();
  for (const course of courses) {
    for (const [time, v] of course) {
      const of = sums.get(time) ?? [0, 0];
      sums.set(time, v === null ? of : [of[0] + v, of[1] + 1]);
    }
  }
  return [...sums].sort((a, b) => a[0] - b[0]).map(([time, [sum, n]]) => [time, n === 0 ? null : sum / n]);
}

/** Longest time between two values of a course of minutes that a line may join, ms. */
const JOIN_MS = 150_000;

/**
 * A course as lines in a box, parted where nothing is known. The scale has a hundredth of the value at least, lest noise look like a swing.
 * Null without two values that follow one another.
 */
export function sparkPaths(course: Course, from: number, until: number, width: number, height: number): { paths: string[]; least: number; most: number } | null {
  const inside = course.filter(([time]) => time >= from - 60_000 && time <= until);
  const values = inside.flatMap(([, v]) => (v === null ? [] : [v]));
  if (values.length < 2) return null;
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const middle = (least + most) / 2;
  const half = Math.max((most - least) / 2, 0.005 * Math.abs(middle)) || 1;
  const point = (time: number, v: number) => `${(((Math.max(time, from) - from) / (until - from)) * width).toFixed(1)},${(height / 2 - ((v - middle) / half) * (height / 2 - 2)).toFixed(1)}`;
  const paths: string[][] = [];
  let last: number | null = null;
  for (const [time, v] of inside) {
    if (v === null) last = null;
    else {
      if (last === null || time - last > JOIN_MS) paths.push([]);
      paths.at(-1)?.push(point(time, v));
      last = time;
    }
  }
  const lines = paths.filter((p) => p.length > 1).map((p) => p.join(' '));
  return lines.length === 0 ? null : { paths: lines, least, most };
}

/** What was refused of an action on alarms, as sentences. */
export function refusals(outcome: ActionOutcome | undefined): string[] {
  return (outcome?.refused ?? []).map((r) => {
    if (typeof r === 'string') return r;
    const of = r as { rule?: string; message?: string; why?: string; reason?: string };
    const why = of.message ?? of.why ?? of.reason;
    return why ? `${of.rule ? `${of.rule}: ` : ''}${why}` : JSON.stringify(r);
  });
}

export function byElement(moment: Moment): { buses: Map<string, BusMoment>; elements: Map<string, ElementMoment>; switches: Map<string, SwitchMoment> } {
  return {
    buses: new Map(moment.buses.map((b) => [b.bus.toLowerCase(), b])),
    elements: new Map(moment.elements.map((e) => [e.element.toLowerCase(), e])),
    switches: new Map(moment.switches.map((s) => [s.element.toLowerCase(), s])),
  };
}
