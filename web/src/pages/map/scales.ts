/** Scales of the map: from a value to a colour and a width. Quiet while all is well; see the legend of each. */

import { rgb } from '../../state/preferences';

export type Rgba = [number, number, number, number];

export interface Step {
  /** Values from here on, to the next step. */
  from: number;
  color: Rgba;
  /** Width of a line in pixels. */
  width: number;
  /** Outline, for colours that are faint on the ground. */
  edge?: Rgba;
  label: string;
  /** A limit is broken here. */
  violation?: boolean;
}

export interface Scale {
  id: string;
  title: string;
  unit: string;
  steps: Step[];
}

export interface Palette {
  faint: Rgba;
  equipment: Rgba;
  p1: Rgba;
  p1Edge: Rgba;
  p2: Rgba;
  p2Edge: Rgba;
  p3: Rgba;
  p3Edge: Rgba;
  action: Rgba;
  text: Rgba;
  halo: Rgba;
  isDark: boolean;
}

export function palette(read: (name: string) => string, isDark: boolean): Palette {
  const c = (name: string): Rgba => [...rgb(read(name)), 255];
  return {
    faint: c('equipment-faint'), equipment: c('equipment'), p1: c('p1'), p1Edge: c('p1-edge'), p2: c('p2'), p2Edge: c('p2-edge'), p3: c('p3'), p3Edge: c('p3-edge'),
    action: c('action'), text: c('text'), halo: c('map-halo'), isDark,
  };
}

/** Loading in % of the rating: grey until 80, amber and cased to 100, red above, wider with the overload. */
export function thermal(p: Palette): Scale {
  return {
    id: 'thermal',
    title: 'Thermal loading',
    unit: '% of rating',
    steps: [
      { from: -Infinity, color: p.equipment, width: 2, label: 'below 80' },
      { from: 80, color: p.p2, edge: p.p2Edge, width: 4, label: '80 to 100' },
      { from: 100, color: p.p1, edge: p.p1Edge, width: 6, label: '100 to 120', violation: true },
      { from: 120, color: p.p1, edge: p.p1Edge, width: 9, label: 'above 120', violation: true },
    ],
  };
}

/** The same for exploring: one hue, light to dark (dark to light on a dark ground). */
export function thermalFull(p: Palette): Scale {
  const blues: Rgba[] = [[198, 219, 239, 255], [158, 202, 225, 255], [107, 174, 214, 255], [49, 130, 189, 255], [8, 81, 156, 255], [8, 48, 107, 255]];
  const hues = p.isDark ? [...blues].reverse() : blues;
  const edges = [0, 20, 40, 60, 80, 100];
  return {
    id: 'thermal',
    title: 'Thermal loading, full scale',
    unit: '% of rating',
    steps: edges.map((from, i) => ({
      from: i === 0 ? -Infinity : from,
      color: hues[i] as Rgba,
      edge: p.equipment,
      width: i === 5 ? 6 : 3,
      label: i === 5 ? 'above 100' : `${from} to ${from + 20}`,
      violation: i === 5,
    })),
  };
}

/** Voltage in per unit: blue below, grey inside, orange above; the edges are those of ANSI C84.1 ranges A and B for service. */
export function voltage(p: Palette): Scale {
  const low: Rgba = p.isDark ? [110, 175, 255, 255] : [18, 84, 168, 255];
  const lower: Rgba = p.isDark ? [60, 130, 246, 255] : [5, 40, 110, 255];
  const high: Rgba = p.isDark ? [230, 160, 90, 255] : [176, 84, 0, 255];
  const higher: Rgba = p.isDark ? [255, 190, 110, 255] : [110, 45, 0, 255];
  return {
    id: 'voltage',
    title: 'Voltage',
    unit: 'pu',
    steps: [
      { from: -Infinity, color: lower, edge: p.halo, width: 7, label: 'below 0.9167 (B)', violation: true },
      { from: 0.916_7, color: low, edge: p.halo, width: 5, label: '0.9167 to 0.95 (A)', violation: true },
      { from: 0.95, color: p.equipment, width: 2, label: '0.95 to 1.05' },
      { from: 1.05, color: high, edge: p.halo, width: 5, label: '1.05 to 1.0583 (A)', violation: true },
      { from: 1.058_3, color: higher, edge: p.halo, width: 7, label: 'above 1.0583 (B)', violation: true },
    ],
  };
}

/** A difference of two studies around zero, its steps at fractions of the largest. */
export function difference(p: Palette, largest: number, unit: string): Scale {
  const top = nice(largest);
  const less: Rgba = p.isDark ? [110, 175, 255, 255] : [18, 84, 168, 255];
  const more: Rgba = p.isDark ? [255, 190, 110, 255] : [150, 65, 0, 255];
  const half = (c: Rgba): Rgba => [...(c.slice(0, 3).map((x, i) => Math.round((x + (p.equipment[i] as number)) / 2)) as [number, number, number]), 255];
  const s = (x: number) => String(Number(x.toPrecision(3)));
  return {
    id: 'difference',
    title: 'Difference',
    unit,
    steps: [
      { from: -Infinity, color: less, width: 6, label: `below −${s(top / 2)}` },
      { from: -top / 2, color: half(less), width: 4, label: `−${s(top / 2)} to −${s(top / 20)}` },
      { from: -top / 20, color: p.faint, width: 1.5, label: `±${s(top / 20)}` },
      { from: top / 20, color: half(more), width: 4, label: `${s(top / 20)} to ${s(top / 2)}` },
      { from: top / 2, color: more, width: 6, label: `above ${s(top / 2)}` },
    ],
  };
}

/** Whether a layer's column is a change: `ID~elements~change_h~CASE`. */
export const isChange = (name: string): boolean => name.split('~')[2]?.startsWith('change_') ?? false;

/** Scale of what is known without a study: a change diverges around zero, all else goes from little to much. */
export function factScale(p: Palette, fact: { name: string; label?: string; unit?: string; adds_up?: boolean }, least: number, largest: number, values?: Float32Array): Scale {
  const title = fact.label ?? fact.name;
  const unit = fact.unit ?? '';
  if (!isChange(fact.name)) return sequential(p, title, unit, least, largest, fact.adds_up, values);
  return { ...difference(p, Math.max(Math.abs(least), Math.abs(largest)), unit ? `${unit}, against the base` : 'against the base'), title };
}

/**
 * Where a fifth of the values each begins, rounded; null where even steps show them well enough: a few values far above all others would leave
 * the rest in one class.
 */
export function breaks(values: Float32Array): number[] | null {
  const known = [...values].filter(Number.isFinite).sort((a, b) => a - b);
  const at = (q: number) => known[Math.min(known.length - 1, Math.floor(q * known.length))] as number;
  if (known.length < 10) return null;
  const [least, most] = [at(0), at(1)];
  // Of even steps the lowest would hold more than three fifths.
  if (at(0.6) >= least + (most - least) / 5) return null;
  const edges = [0.2, 0.4, 0.6, 0.8].map((q) => Number(at(q).toPrecision(2)));
  const rising = [...new Set(edges)].filter((x) => x > least);
  return rising.length > 0 ? rising : null;
}

/** Any other quantity: five classes of one hue between the smallest and the largest value, or of as many values each. What adds up is drawn larger where there is more of it. */
export function sequential(p: Palette, title: string, unit: string, least: number, largest: number, sized = false, values?: Float32Array): Scale {
  const light: Rgba = p.isDark ? [60, 70, 95, 255] : [180, 190, 214, 255];
  const dark: Rgba = p.isDark ? [205, 220, 255, 255] : [34, 30, 92, 255];
  const mix = (t: number): Rgba => [0, 1, 2].map((i) => Math.round((light[i] as number) * (1 - t) + (dark[i] as number) * t)).concat(255) as Rgba;
  const span = largest > least ? largest - least : Math.max(Math.abs(largest), 1);
  const even = values && breaks(values);
  if (even) {
    const s = (x: number) => String(Number(x.toPrecision(4)));
    const froms = [-Infinity, ...even];
    const steps = froms.map((from, i): Step => ({ from, color: mix(froms.length === 1 ? 1 : i / (froms.length - 1)), width: sized ? 5 + 4 * i : 2 + i, edge: sized ? p.halo : undefined, label: i === froms.length - 1 ? `${s(from)} and more` : i === 0 ? `below ${s(even[0] as number)}` : `${s(from)} to ${s(even[i] as number)}` }));
    return { id: 'sequential', title, unit, steps };
  }
  const step = nice(span / 5, [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10]);
  const start = Math.floor(least / step) * step;
  const s = (x: number) => String(Number(x.toPrecision(4)));
  const steps: Step[] = [];
  for (let i = 0; i < 5; i += 1) {
    const from = start + i * step;
    steps.push({ from: i === 0 ? -Infinity : from, color: mix(i / 4), width: sized ? 5 + 4 * i : 2 + i, edge: sized ? p.halo : undefined, label: i === 4 ? `above ${s(from)}` : i === 0 ? `below ${s(from + step)}` : `${s(from)} to ${s(from + step)}` });
  }
  return { id: 'sequential', title, unit, steps };
}

/** The next of 1, 2, 5, 10 … that is not smaller. */
export function nice(value: number, round = [1, 2, 5, 10]): number {
  if (!(value > 0) || !Number.isFinite(value)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  for (const m of round) if (m * power >= value * (1 - 1e-9)) return m * power;
  return 10 * power;
}

/** Index of the step of a value; -1 for none. */
export function stepOf(scale: Scale, value: number): number {
  if (Number.isNaN(value)) return -1;
  let at = 0;
  for (let i = 1; i < scale.steps.length; i += 1) if (value >= (scale.steps[i] as Step).from) at = i;
  return at;
}
