/**
 * The single line of a substation, laid out from its topology.
 *
 * Busbars are the buses that the register calls so; at a voltage level where it names none, the buses with the most switching devices. What hangs
 * together by switches between busbars and equipment is a bay. A bay stands in a column, perpendicular to the busbars: one branch for each busbar
 * that it can be put on, then what follows in series, then the equipment. Transformers join the bays of two levels in one column. Levels lie below
 * one another, the highest on top; between them are zones:
 *
 *     zone 0   lines and other bays of the highest level, upwards
 *     ======   busbars of level 0, parallel ones as lanes
 *     zone 1   bays of level 0 downwards, transformers, bays of level 1 upwards
 *     ======   busbars of level 1
 *
 * Columns of different zones share a place. Busbars that a bay can be put on at once, or whose ends would meet, lie in lanes of their own; so no
 * busbar ever touches another. Where two breakers or more lie in series between two busbars (breaker and a half), the series stands between the two
 * and its circuits leave it sideways. What finds no place is told in `missing`; it is never left out in silence.
 */

import type { DiagramElement, TwinDiagram } from '../../api/twin';

export const STEP = 31;
/** Room for equipment with figures beside it: a name and two readings. */
const TALL = 46;
export const SLOT = 148;
const LANE = 28;
const EDGE = 12;
const JOIN = 10;
/** Room for what hangs beside a column, and how far from its lower end it is joined. */
const TAP = 42;
const TAP_AT = 10;
const MARGIN = 112;
/** Between the rows of a label. */
export const ROW = 12;
/** Half of a symbol, from its middle to its terminals. */
export const HALF = 12;

export type XY = [number, number];

export interface Placed {
  element: string;
  kind: string;
  name: string;
  asset: string | null;
  bay: string;
  x: number;
  y: number;
  /** Lies along the busbar. */
  turned: boolean;
  /** Where its name stands. */
  label: 'left' | 'right' | 'above' | 'below';
  buses: string[];
  kv: number;
}

export interface Wire { bus: string; kv: number; points: XY[] }
/** `under`: before its left end as well, below the line that comes from there. */
export interface Bar { bus: string; asset: string | null; kv: number; x1: number; x2: number; y: number; label: 'left' | 'right' | 'under' }
export interface BayBox { bay: string; kv: number; x1: number; y1: number; x2: number; y2: number; label: XY; elements: string[] }
export interface SingleLine { width: number; height: number; bars: Bar[]; placed: Placed[]; wires: Wire[]; dots: { bus: string; kv: number; x: number; y: number }[]; bays: BayBox[]; missing: string[] }

/** What an element is called in a drawing, and what is typed to switch it: the register's id where the piece is this element alone, else its own name. */
export function shownName(e: DiagramElement): string {
  const own = e.element.slice(e.element.indexOf('.') + 1);
  return e.asset && /break|trans|react|capac|line|load/.test(e.kind) ? e.asset : own;
}

/** Where the rows of a label stand: the first is the name, readings follow. `x`, `y` are of the first one's foot, relative to the symbol. */
export function labelAt(p: Pick<Placed, 'label' | 'turned'>, readings: number): { x: number; y: number; anchor: 'start' | 'middle' | 'end' } {
  if (p.label === 'above') return { x: 0, y: p.turned ? -14 - ROW * readings : 24, anchor: 'middle' };
  if (p.label === 'below') return { x: 0, y: 22, anchor: 'middle' };
  return { x: p.label === 'left' ? -15 : 15, y: readings > 1 ? -7 : -1, anchor: p.label === 'left' ? 'end' : 'start' };
}

/** Where the two rows of a busbar's label stand. */
export function barLabelAt(b: Bar): { x: number; y: [number, number]; anchor: 'start' | 'end' } {
  if (b.label === 'right') return { x: b.x2 + 8, y: [b.y - 2, b.y + 10], anchor: 'start' };
  return { x: b.x1 - 8, y: b.label === 'left' ? [b.y - 2, b.y + 10] : [b.y + 14, b.y + 26], anchor: 'end' };
}

const isSwitch = (e: DiagramElement) => e.buses.length === 2 && /break|isolat|switch|disconnect|fuse|reclos|section/.test(e.kind) && !/earth|ground/.test(e.kind);
const isBreaker = (e: DiagramElement) => /break|reclos/.test(e.kind);
const isTransformer = (e: DiagramElement) => /trans|autotr/.test(e.kind) && !/current|voltage|instrument/.test(e.kind) && e.buses.length > 1;
/** Measures or protects: hangs beside, and makes no circuit. */
const isAuxiliary = (e: DiagramElement) => /voltage_trans|current_trans|instrument|arrester|earth|ground|surge/.test(e.kind) || /\.(cvt|vt|pt|ct|surge|la)[_0-9]/i.test(e.element);
const WEIGHT: [RegExp, number][] = [[/trans/, 6], [/line|cable/, 5], [/source|gener|infeed/, 4], [/load/, 3], [/react/, 2], [/capac/, 1]];
const weight = (e: DiagramElement) => (isAuxiliary(e) ? 0 : (WEIGHT.find(([p]) => p.test(e.kind))?.[1] ?? 1));

/** A switch or other element in a series, with the bus behind it. */
interface Link { element: DiagramElement; to: string }

interface Circuit {
  /** From where it begins to the equipment. */
  trunk: Link[];
  end: string;
  main: DiagramElement | null;
}

interface Bay extends Circuit {
  name: string;
  kv: number;
  level: number;
  order: number;
  members: Set<string>;
  elements: Set<string>;
  bars: string[];
  branches: Link[][];
  start: string;
  kind: 'bay' | 'coupler' | 'series';
  /** Of a series: its elements from the first busbar to the second, and the circuits that leave it, each at a bus of it. */
  circuits: (Circuit & { at: string; direction: 1 | -1; x: number })[];
  direction: 1 | -1;
  x: number;
}

/** Bays that stand one above another, joined by transformers. */
interface Column { bays: Bay[]; joints: { transformer: DiagramElement; upper: Circuit; upperBay: Bay; lower: Bay }[]; tokens: Set<string>; width: number; slot: number }

class Net {
  readonly at = new Map<string, DiagramElement[]>();
  readonly kv = new Map<string, number>();
  constructor(readonly elements: DiagramElement[], diagram: TwinDiagram) {
    for (const b of diagram.buses) if (b.kv_base !== null) this.kv.set(b.bus, b.kv_base);
    for (const e of elements) for (const bus of new Set(e.buses)) this.at.set(bus, [...(this.at.get(bus) ?? []), e]);
  }
  of(bus: string): DiagramElement[] {
    return this.at.get(bus) ?? [];
  }
  other(e: DiagramElement, bus: string): string {
    return e.buses.find((b) => b !== bus) ?? bus;
  }
}

/** Busbars of a level: those that the register names, else the buses where most switches meet. */
function busbarsOf(net: Net, buses: TwinDiagram['buses'], kv: number): string[] {
  const here = buses.filter((b) => b.kv_base === kv);
  const named = here.filter((b) => b.busbar).map((b) => b.bus);
  if (named.length > 0) return named;
  const degree = (bus: string) => net.of(bus).filter(isSwitch).length;
  const most = Math.max(0, ...here.map((b) => degree(b.bus)));
  if (most < 3) return [];
  const least = most >= 4 ? 4 : 3;
  // Where a bay forks to two busbars three switches meet, too; but its breaker leads on to equipment, and its neighbours have more.
  return here.map((b) => b.bus).filter((bus) => degree(bus) >= least && !(degree(bus) === 3 && net.of(bus).filter((e) => isSwitch(e) && degree(net.other(e, bus)) > 3).length >= 2));
}

/** Shortest way over switches from a bus to another within a bay. */
function way(net: Net, from: string, to: string, inside: Set<string>): Link[] | null {
  const came = new Map<string, { before: string; link: Link } | null>([[from, null]]);
  const queue = [from];
  for (let bus = queue.shift(); bus !== undefined; bus = queue.shift()) {
    if (bus === to) {
      const links: Link[] = [];
      for (let b = came.get(to); b; b = came.get(b.before)) links.unshift(b.link);
      return links;
    }
    for (const element of net.of(bus).filter(isSwitch)) {
      const next = net.other(element, bus);
      if (came.has(next) || (next !== to && !inside.has(next))) continue;
      came.set(next, { before: bus, link: { element, to: next } });
      queue.push(next);
    }
  }
  return null;
}

/** The equipment at a bus that a circuit is for. */
function mainAt(net: Net, bus: string): DiagramElement | null {
  const here = net.of(bus).filter((e) => !isSwitch(e) && weight(e) > 0);
  return here.sort((a, b) => weight(b) - weight(a))[0] ?? null;
}

function baysOf(net: Net, bars: Map<string, number>, level: Map<number, number>, order: Map<string, number>): Bay[] {
  const bays: Bay[] = [];
  const seen = new Set<string>();
  const make = (kv: number, members: Set<string>, elements: DiagramElement[]): Bay => {
    const named = elements.find((e) => e.bay)?.bay ?? shownName((elements.find(isBreaker) ?? elements[0]) as DiagramElement);
    return {
      name: named, kv, level: level.get(kv) ?? 0, order: Math.min(1e6, ...elements.map((e) => order.get(e.element) ?? 1e6)), members, elements: new Set(elements.map((e) => e.element)), bars: [], branches: [], start: '', kind: 'bay',
      circuits: [], direction: 1, x: 0, trunk: [], end: '', main: null,
    };
  };
  for (const [bar, kv] of bars) {
    for (const first of net.of(bar)) {
      if (seen.has(first.element)) continue;
      if (!isSwitch(first)) {
        // Equipment without a switch of its own.
        if (weight(first) === 0) continue;
        const bay = make(kv, new Set(), [first]);
        Object.assign(bay, { bars: [bar], branches: [[]], start: bar, end: bar, main: first });
        seen.add(first.element);
        bays.push(bay);
        continue;
      }
      const members = new Set<string>();
      const touched = new Set<string>();
      const elements: DiagramElement[] = [];
      const queue = [first];
      while (queue.length > 0) {
        const e = queue.pop() as DiagramElement;
        if (seen.has(e.element)) continue;
        seen.add(e.element);
        elements.push(e);
        for (const bus of e.buses) {
          if (bars.has(bus)) touched.add(bus);
          else if (!members.has(bus)) {
            members.add(bus);
            queue.push(...net.of(bus).filter(isSwitch));
          }
        }
      }
      const bay = make(kv, members, elements);
      bay.bars = [...touched].sort((a, b) => [...bars.keys()].indexOf(a) - [...bars.keys()].indexOf(b));
      const between = bay.bars.length >= 2 ? way(net, bay.bars[0] as string, bay.bars[1] as string, members) : null;
      const ends = [...members].filter((b) => mainAt(net, b) !== null).sort((a, b) => weight(mainAt(net, b) as DiagramElement) - weight(mainAt(net, a) as DiagramElement));
      if (between && ends.length === 0) {
        Object.assign(bay, { kind: 'coupler', bars: bay.bars.slice(0, 2), branches: [between], start: bay.bars[0], end: bay.bars[1] });
      } else if (between && between.filter((l) => isBreaker(l.element)).length >= 2) {
        const inner = between.slice(0, -1).map((l) => l.to);
        Object.assign(bay, { kind: 'series', bars: bay.bars.slice(0, 2), branches: [between], start: bay.bars[0], end: bay.bars[1] });
        for (const end of ends) {
          const off = new Set([...members].filter((b) => !inner.includes(b)));
          const [at, trunk] = inner.map((bus) => [bus, bus === end ? [] : way(net, bus, end, off)] as const).filter(([, w]) => w !== null).sort((a, b) => (a[1] as Link[]).length - (b[1] as Link[]).length)[0] ?? [];
          if (at !== undefined) bay.circuits.push({ at, trunk: trunk as Link[], end, main: mainAt(net, end), direction: 1, x: 0 });
        }
        bay.circuits.sort((a, b) => inner.indexOf(a.at) - inner.indexOf(b.at));
      } else {
        const end = ends[0] ?? [...members].sort((a, b) => (way(net, bay.bars[0] as string, b, members)?.length ?? 0) - (way(net, bay.bars[0] as string, a, members)?.length ?? 0))[0] ?? (bay.bars[0] as string);
        const ways = bay.bars.map((b) => way(net, b, end, members) ?? []);
        // The branches end where they first come together.
        const [shortest = []] = ways;
        const start = bay.bars.length === 1 ? (bay.bars[0] as string) : (shortest.map((l) => l.to).find((bus) => ways.every((w) => w.some((l) => l.to === bus))) ?? end);
        Object.assign(bay, { end, main: mainAt(net, end), start });
        bay.branches = bay.bars.length === 1 ? [[]] : ways.map((w) => w.slice(0, w.findIndex((l) => l.to === start) + 1));
        bay.trunk = bay.bars.length === 1 ? shortest : shortest.slice(shortest.findIndex((l) => l.to === start) + 1);
      }
      bays.push(bay);
    }
  }
  return bays;
}

export function singleLine(diagram: TwinDiagram): SingleLine {
  const lower = (s: string) => s.toLowerCase();
  const elements = diagram.elements.map((e) => ({ ...e, buses: e.buses.map(lower) }));
  const clean: TwinDiagram = { ...diagram, elements, buses: diagram.buses.map((b) => ({ ...b, bus: lower(b.bus) })) };
  const net = new Net(elements, clean);
  const order = new Map<string, number>();
  clean.bays.forEach((b, i) => b.elements.forEach((e) => order.set(e, i)));
  elements.forEach((e, i) => { if (!order.has(e.element)) order.set(e.element, clean.bays.length + i); });
  const kvs = [...new Set(clean.buses.flatMap((b) => (b.kv_base === null ? [] : [b.kv_base])))].sort((a, b) => b - a);
  const bars = new Map<string, number>();
  for (const kv of kvs) for (const bus of busbarsOf(net, clean.buses, kv)) bars.set(bus, kv);
  const levels = kvs.filter((kv) => [...bars.values()].includes(kv));
  const level = new Map(levels.map((kv, i) => [kv, i]));
  const bays = baysOf(net, bars, level, order);
  const drawn = new Set<string>();

  // Directions and transformers: a bay whose transformer leads to a lower level hangs down, its partner stands up.
  const bayAt = (bus: string, not: Bay): Bay | undefined => bays.find((b) => b !== not && b.kind === 'bay' && (b.members.has(bus) || (b.members.size === 0 && b.bars[0] === bus && b.main !== null)));
  const columns: Column[] = [];
  const columnOf = new Map<Bay, Column>();
  const column = (bay: Bay): Column => {
    let of = columnOf.get(bay);
    if (!of) {
      of = { bays: [bay], joints: [], tokens: new Set(), width: 1, slot: -1 };
      columnOf.set(bay, of);
      columns.push(of);
    }
    return of;
  };
  const taken = new Set<string>();
  const sorted = [...bays].sort((a, b) => a.level - b.level || a.order - b.order);
  const partnerless = new Set<Bay>();
  for (const bay of sorted) {
    const circuits: Circuit[] = bay.kind === 'series' ? bay.circuits : [bay];
    for (const circuit of circuits) {
      const transformer = circuit.main;
      if (!transformer || !isTransformer(transformer) || taken.has(transformer.element)) continue;
      for (const bus of transformer.buses.filter((b) => b !== circuit.end)) {
        const partner = bayAt(bus, bay);
        if (!partner || partner.level <= bay.level || columnOf.has(partner) || (partner.end !== bus && partner.members.size > 0)) continue;
        taken.add(transformer.element);
        const joined = column(bay);
        joined.bays.push(partner);
        columnOf.set(partner, joined);
        joined.joints.push({ transformer, upper: circuit, upperBay: bay, lower: partner });
        partner.direction = -1;
        if (bay.kind === 'series') (circuit as Bay['circuits'][number]).direction = 1;
        else bay.direction = 1;
        break;
      }
    }
  }
  // A partner of the same transformer without a column is the transformer's tail; drawn with it.
  for (const bay of sorted) {
    const joint = columnOf.get(bay)?.joints;
    if (bay.members.size === 0 && bay.main && isTransformer(bay.main) && taken.has(bay.main.element) && !joint) partnerless.add(bay);
  }
  for (const bay of sorted) if (!partnerless.has(bay)) column(bay);

  // What stands alone: upwards at the highest level, downwards else.
  for (const of of columns) {
    for (const bay of of.bays) {
      const isJoined = of.joints.some((j) => j.lower === bay || j.upperBay === bay);
      if (!isJoined && bay.kind === 'bay') bay.direction = bay.level === 0 && levels.length > 1 ? -1 : 1;
      if (bay.kind === 'coupler') bay.direction = bay.level === 0 && levels.length > 1 ? -1 : 1;
      if (bay.kind === 'series') {
        of.width = 2;
        bay.circuits.forEach((c, i) => {
          if (!of.joints.some((j) => j.upper === c)) c.direction = i === 0 ? -1 : 1;
          if (c.direction === -1) of.tokens.add(`z${bay.level}`);
          else of.tokens.add(`z${bay.level + 1}`);
        });
        of.tokens.add(`u${bay.level}`).add(`d${bay.level}`);
      } else if (bay.direction === 1) of.tokens.add(`z${bay.level + 1}`).add(`d${bay.level}`);
      else of.tokens.add(`z${bay.level}`).add(`u${bay.level}`);
    }
    for (const { upperBay, lower } of of.joints) for (let l = upperBay.level + 1; l < lower.level; l += 1) of.tokens.add(`z${l}`).add(`z${l + 1}`).add(`u${l}`).add(`d${l}`);
  }
  // Couplers of busbars that no bay can choose between lie in line with them; they need both sides free.
  const shared = (a: string, b: string) => bays.some((x) => x.kind !== 'coupler' && x.bars.includes(a) && x.bars.includes(b));
  for (const bay of bays) if (bay.kind === 'coupler' && !shared(bay.bars[0] as string, bay.bars[1] as string)) columnOf.get(bay)?.tokens.add(`u${bay.level}`).add(`d${bay.level}`).add(`z${bay.level}`).add(`z${bay.level + 1}`);

  place(columns, columnOf, bays, bars, levels, shared, partnerless);
  const slots = Math.max(1, ...columns.map((c) => c.slot + c.width));
  for (const of of columns) {
    const x = MARGIN + (of.slot + of.width / 2) * SLOT;
    for (const bay of of.bays) bay.x = x;
    for (const bay of of.bays) bay.circuits.forEach((c, i) => { c.x = bay.x + (i % 2 === 0 ? -1 : 1) * (46 + 40 * Math.floor(i / 2)); });
    for (const { upper, upperBay, lower: below } of of.joints) if (upperBay.kind === 'series') below.x = (upper as Bay['circuits'][number]).x;
  }

  // Ends of busbars, then lanes: those that share a bay, or whose ends would meet, lie apart.
  const extent = new Map<string, [number, number]>();
  for (const bay of bays) {
    if (partnerless.has(bay)) continue;
    const reach = bay.kind === 'coupler' && !shared(bay.bars[0] as string, bay.bars[1] as string) ? null : 34;
    if (reach === null) continue;
    for (const bar of bay.bars) {
      const [a, b] = extent.get(bar) ?? [Infinity, -Infinity];
      extent.set(bar, [Math.min(a, bay.x - reach), Math.max(b, bay.x + reach)]);
    }
  }
  for (const bar of bars.keys()) if (!extent.has(bar)) extent.set(bar, [MARGIN, MARGIN + SLOT / 2]);
  const lane = new Map<string, number>();
  const meet = (a: string, b: string) => {
    const [[a1, a2], [b1, b2]] = [extent.get(a) as [number, number], extent.get(b) as [number, number]];
    return a1 < b2 + 20 && b1 < a2 + 20;
  };
  for (const bar of bars.keys()) {
    const used = new Set([...bars.keys()].filter((b) => b !== bar && bars.get(b) === bars.get(bar) && lane.has(b) && (meet(bar, b) || shared(bar, b))).map((b) => lane.get(b)));
    let free = 0;
    while (used.has(free)) free += 1;
    lane.set(bar, free);
  }
  const isInLine = (bay: Bay) => bay.kind === 'coupler' && lane.get(bay.bars[0] as string) === lane.get(bay.bars[1] as string);
  // Busbars of a series are ends of its height: the room between their lanes is as tall as the tallest.
  const laneGap = levels.map((_, l) => Math.max(LANE, ...bays.filter((b) => b.level === l && b.kind === 'series').map((b) => (b.branches[0] as Link[]).length * STEP + b.circuits.length * 18 + 30)));
  const lanes = levels.map((kv) => Math.max(1, ...[...bars].filter(([, k]) => k === kv).map(([b]) => (lane.get(b) as number) + 1)));

  // Heights: a bay is measured by drawing it.
  const out: SingleLine = { width: slots * SLOT + 2 * MARGIN, height: 0, bars: [], placed: [], wires: [], dots: [], bays: [], missing: [] };
  const zone = Array.from({ length: levels.length + 1 }, () => 40);
  const pen = (y: number, of: SingleLine | null) => new Pen(net, bars, drawn, of, y);
  for (const bay of bays) {
    if (partnerless.has(bay)) continue;
    if (bay.kind === 'coupler') {
      if (!isInLine(bay)) {
        const z = bay.direction === 1 ? bay.level + 1 : bay.level;
        zone[z] = Math.max(zone[z] as number, EDGE + (Math.ceil(((bay.branches[0] as Link[]).length - 1) / 2) + 0.5) * STEP + 40);
      }
      continue;
    }
    for (const circuit of bay.kind === 'series' ? bay.circuits : [bay]) {
      const direction: 1 | -1 = bay.kind === 'series' ? (circuit as Bay['circuits'][number]).direction : bay.direction;
      const joint = columnOf.get(bay)?.joints.find((j) => j.upper === circuit);
      if (columnOf.get(bay)?.joints.some((j) => j.lower === bay)) continue;
      const z = direction === 1 ? bay.level + 1 : bay.level;
      let length = pen(0, null).length(bay, circuit, joint ? null : circuit.main);
      if (joint) length += 2 * STEP + 20 + pen(0, null).length(joint.lower, joint.lower, null);
      zone[z] = Math.max(zone[z] as number, length + 34);
    }
  }
  let y = 30;
  const top: number[] = [];
  const bottom: number[] = [];
  levels.forEach((_, l) => {
    y += zone[l] as number;
    top.push(y);
    y += ((lanes[l] as number) - 1) * (laneGap[l] as number);
    bottom.push(y);
  });
  y += zone[levels.length] as number;
  out.height = y + 20;
  const barY = (bar: string) => (top[level.get(bars.get(bar) as number) as number] as number) + (lane.get(bar) as number) * (laneGap[level.get(bars.get(bar) as number) as number] as number);

  for (const [bar, kv] of bars) {
    const [x1, x2] = extent.get(bar) as [number, number];
    const own = clean.buses.find((b) => b.bus === bar);
    // Its name stands where no other busbar follows in line, nor the switches between the two.
    const inLine = [...extent].filter(([other]) => other !== bar && bars.get(other) === kv && lane.get(other) === lane.get(bar)).map(([, of]) => of);
    const [isLeftFree, isRightFree] = [!inLine.some(([, end]) => end <= x1), !inLine.some(([begin]) => begin >= x2)];
    out.bars.push({ bus: bar, asset: own?.busbar ?? null, kv, x1, x2, y: barY(bar), label: isLeftFree ? 'left' : isRightFree ? 'right' : 'under' });
  }

  for (const of of columns) {
    for (const bay of of.bays) {
      const draw = pen(0, out);
      draw.bay = bay;
      draw.kv = bay.kv;
      if (bay.kind === 'coupler') {
        if (isInLine(bay)) draw.inLine(bay, barY, extent);
        else draw.coupler(bay, barY, bay.direction === 1 ? (bottom[bay.level] as number) : (top[bay.level] as number));
      } else if (bay.kind === 'series') {
        draw.series(bay, barY);
        for (const c of bay.circuits) {
          const edge = c.direction === 1 ? (bottom[bay.level] as number) : (top[bay.level] as number);
          const joint = of.joints.find((j) => j.upper === c);
          const node = draw.nodes.get(c.at) as XY;
          draw.wire(c.at, [node, [c.x, node[1]], [c.x, edge + c.direction * EDGE]]);
          draw.dot(c.at, node);
          draw.y = edge + c.direction * EDGE;
          draw.circuit(c, c.x, c.direction, c.at, joint ? null : c.main);
          if (joint) drawJoint(joint, c.x, draw.y);
        }
      } else {
        const edge = bay.direction === 1 ? (bottom[bay.level] as number) : (top[bay.level] as number);
        const joint = of.joints.find((j) => j.upper === bay);
        const isLower = of.joints.some((j) => j.lower === bay);
        draw.branches(bay, barY, edge);
        draw.circuit(bay, bay.x, bay.direction, bay.start, joint || isLower ? null : bay.main);
        if (joint) drawJoint(joint, bay.x, draw.y);
      }
      draw.box(bay);
    }
  }

  /** The transformer between what hangs down to it and what stands up to it. */
  function drawJoint({ transformer, upper, lower: below }: Column['joints'][number], x: number, from: number): void {
    const edge = top[below.level] as number;
    const until = edge - pen(0, null).length(below, below, null);
    const middle = (from + until) / 2;
    const draw = pen(middle, out);
    draw.bay = below;
    draw.kv = net.kv.get(upper.end) ?? below.kv;
    // What hangs on a third winding stands at its right.
    draw.symbol(transformer, x, middle, false, new Set(transformer.buses).size > 2 ? 'left' : 'right');
    draw.wire(upper.end, [[x, from], [x, middle - HALF]]);
    draw.wire(below.end, [[x, middle + HALF], [x, until]]);
    draw.thirds(transformer, x, middle, [upper.end, below.end]);
  }

  // Shunts of the busbars themselves, at their right ends.
  for (const bar of out.bars) {
    const draw = pen(bar.y, out);
    draw.kv = bar.kv;
    let x = bar.x2 + 6;
    for (const e of net.of(bar.bus).filter((e) => !isSwitch(e) && weight(e) === 0 && e.buses.length === 1)) {
      x += 20;
      draw.wire(bar.bus, [[x, bar.y], [x, bar.y]]);
      draw.symbol(e, x, bar.y + HALF, false, 'right');
      x += 40;
    }
    bar.x2 = Math.max(bar.x2, x - 38);
  }
  out.width = Math.max(out.width, ...out.bars.map((b) => b.x2 + 150));
  out.missing = elements.filter((e) => !drawn.has(e.element)).map((e) => e.element);
  return out;
}

/** Gives every column a slot: level by level from the lowest, sections of a busbar after one another. */
function place(columns: Column[], columnOf: Map<Bay, Column>, bays: Bay[], bars: Map<string, number>, levels: number[], shared: (a: string, b: string) => boolean, partnerless: Set<Bay>): void {
  const at: Set<string>[] = [];
  const isFree = (slot: number, of: Column) => slot >= 0 && Array.from({ length: of.width }, (_, i) => at[slot + i]).every((t) => !t || [...of.tokens].every((k) => !t.has(k)));
  const take = (slot: number, of: Column) => {
    of.slot = slot;
    for (let i = 0; i < of.width; i += 1) {
      while (at.length <= slot + i) at.push(new Set());
      of.tokens.forEach((k) => at[slot + i]?.add(k));
    }
  };
  const orderOf = (of: Column) => Math.min(...of.bays.map((b) => b.order));
  for (let l = levels.length - 1; l >= 0; l -= 1) {
    const here = bays.filter((b) => b.level === l && !partnerless.has(b));
    // Busbars that bays choose between are one section.
    const sections: string[][] = [];
    for (const bar of [...bars].filter(([, kv]) => kv === levels[l]).map(([b]) => b)) {
      const own = sections.find((s) => s.some((other) => shared(bar, other)));
      if (own) own.push(bar);
      else sections.push([bar]);
    }
    const sectionOf = (bay: Bay) => sections.findIndex((s) => s.includes(bay.bars[0] as string));
    const isBetween = (bay: Bay) => bay.kind === 'coupler' && sections.findIndex((s) => s.includes(bay.bars[1] as string)) !== sectionOf(bay);
    let begin = 0;
    sections.forEach((_, s) => {
      const own = here.filter((b) => sectionOf(b) === s && !isBetween(b)).map((b) => columnOf.get(b) as Column);
      const fixed = own.filter((c) => c.slot >= 0);
      const open = [...new Set(own.filter((c) => c.slot < 0))].sort((a, b) => orderOf(a) - orderOf(b));
      // Down, or up alone: side by side. Joined to a higher level: over them, in the middle.
      const joined = open.filter((c) => c.bays.length > 1 && c.bays.some((b) => b.level < l));
      const rest = open.filter((c) => !joined.includes(c));
      const anchors = fixed.map((c) => c.slot);
      let cursor = sections.length > 1 || anchors.length === 0 ? begin : Math.min(...anchors);
      const range: number[] = [...anchors];
      if (sections.length === 1 && at.length > 0 && l < levels.length - 1) cursor = 0;
      if (joined.length > 0 && rest.length === 0) for (const c of joined) { while (!isFree(cursor, c)) cursor += 1; take(cursor, c); range.push(c.slot); }
      // With lower levels beneath, columns of this one stand over their middle.
      const spread = l < levels.length - 1 && sections.length === 1 ? Math.max(0, Math.floor((at.length - widthOf(rest)) / 2)) : cursor;
      let from = spread;
      for (const c of rest) {
        while (!isFree(from, c)) from += 1;
        take(from, c);
        range.push(c.slot);
      }
      if (joined.length > 0 && rest.length > 0) {
        const [least, most] = [Math.min(...range), Math.max(...range)];
        joined.forEach((c, i) => {
          const wanted = Math.round(least + ((most - least) * (i + 1)) / (joined.length + 1));
          let by = 0;
          while (!isFree(wanted + by, c) || (sections.length > 1 && wanted + by < begin)) by = by > 0 ? -by : -by + 1;
          take(wanted + by, c);
          range.push(c.slot);
        });
      }
      begin = Math.max(begin, ...range.map((r) => r + 1), 0);
      for (const bay of here.filter((b) => isBetween(b) && sectionOf(b) === s)) {
        const c = columnOf.get(bay) as Column;
        if (c.slot >= 0) continue;
        while (!isFree(begin, c)) begin += 1;
        take(begin, c);
        begin += 1;
      }
    });
  }
  // Nothing stays without a place.
  for (const c of columns) if (c.slot < 0) take(at.length, c);
}

/** Slots that columns need beside one another: those in different zones share. */
function widthOf(columns: Column[]): number {
  const count = new Map<string, number>();
  for (const c of columns) for (const k of c.tokens) count.set(k, (count.get(k) ?? 0) + c.width);
  return Math.max(0, ...count.values());
}

/** Draws series of elements along a column and remembers how far it has come. With no picture to draw in it only measures. */
class Pen {
  bay: Bay | null = null;
  kv = 0;
  readonly nodes = new Map<string, XY>();
  private box1: XY = [Infinity, Infinity];
  private box2: XY = [-Infinity, -Infinity];
  constructor(private readonly net: Net, private readonly bars: Map<string, number>, private readonly drawn: Set<string>, private readonly out: SingleLine | null, public y: number) {}

  private seen(x: number, y: number): void {
    this.box1 = [Math.min(this.box1[0], x), Math.min(this.box1[1], y)];
    this.box2 = [Math.max(this.box2[0], x), Math.max(this.box2[1], y)];
  }

  symbol(e: DiagramElement, x: number, y: number, turned: boolean, label: Placed['label']): void {
    if (!this.out) return;
    this.drawn.add(e.element);
    this.seen(x, y);
    this.out.placed.push({ element: e.element, kind: isTransformer(e) && new Set(e.buses).size > 2 ? 'transformer3side' : /react/.test(e.kind) && e.buses.length === 1 ? 'reactor' : e.kind, name: shownName(e), asset: e.asset ?? null, bay: this.bay?.name ?? '', x, y, turned, label, buses: e.buses, kv: this.kv });
  }

  wire(bus: string, points: XY[]): void {
    this.out?.wires.push({ bus, kv: this.net.kv.get(bus) ?? this.kv, points });
  }

  dot(bus: string, [x, y]: XY): void {
    this.out?.dots.push({ bus, kv: this.net.kv.get(bus) ?? this.kv, x, y });
  }

  /** How tall a bay is from the edge of the busbars to the end of its circuit. */
  length(bay: Bay, circuit: Circuit, main: DiagramElement | null): number {
    this.y = 0;
    const before = bay.kind === 'series' ? 0 : this.branchLength(bay);
    this.y = EDGE;
    this.circuit(circuit, 0, 1, bay.kind === 'series' ? circuit.end : bay.start, main);
    return this.y + before;
  }

  private branchLength(bay: Bay): number {
    const most = Math.max(0, ...bay.branches.map((b) => b.length));
    return most * STEP + (bay.branches.length > 1 ? JOIN : 0);
  }

  branches(bay: Bay, barY: (bar: string) => number, edge: number): void {
    const s = bay.direction;
    const n = bay.bars.length;
    const join = edge + s * (EDGE + this.branchLength(bay));
    bay.bars.forEach((bar, i) => {
      const x = bay.x + (i - (n - 1) / 2) * 36;
      this.dot(bar, [x, barY(bar)]);
      let bus = bar;
      let y = barY(bar);
      (bay.branches[i] ?? []).forEach((l, j) => {
        const middle = edge + s * (EDGE + (j + 0.5) * STEP);
        this.wire(bus, [[x, y], [x, middle - s * HALF]]);
        this.symbol(l.element, x, middle, false, n > 1 && i === 0 ? 'left' : 'right');
        y = middle + s * HALF;
        bus = l.to;
      });
      this.wire(bus, n > 1 ? [[x, y], [x, join], [bay.x, join]] : [[x, y], [x, join]]);
    });
    if (n > 1) this.dot(bay.start, [bay.x, join]);
    this.y = join;
  }

  /** What follows in series, with what hangs beside it, then the equipment and what lies behind it. */
  circuit(circuit: Circuit, x: number, s: 1 | -1, start: string, main: DiagramElement | null): void {
    let bus = start;
    this.beside(bus, x, s, [main, circuit.main]);
    for (const l of circuit.trunk) {
      bus = this.pass(bus, l, x, s);
      this.beside(bus, x, s, [main, circuit.main]);
    }
    if (main) this.beyond(bus, main, x, s);
  }

  private pass(bus: string, { element, to }: Link, x: number, s: 1 | -1): string {
    const step = isSwitch(element) ? STEP : TALL;
    const middle = this.y + (s * step) / 2;
    this.wire(bus, [[x, this.y], [x, middle - s * HALF]]);
    this.symbol(element, x, middle, false, 'right');
    this.wire(to, [[x, middle + s * HALF], [x, this.y + s * step]]);
    this.y += s * step;
    this.kv = this.net.kv.get(to) ?? this.kv;
    return to;
  }

  /** Elements with one terminal at a bus, to the right of it; those behind a switch that leads nowhere else, too. */
  private beside(bus: string, x: number, s: 1 | -1, not: (DiagramElement | null)[]): void {
    if (this.bars.has(bus)) return;
    const here = this.net.of(bus).filter((e) => e.buses.length === 1 && !not.includes(e));
    if (here.length === 0) return;
    // What hangs there hangs down, whichever way the column goes.
    const node = s === 1 ? this.y + TAP_AT : this.y - TAP + TAP_AT;
    this.wire(bus, [[x, this.y], [x, this.y + s * TAP]]);
    here.forEach((e, i) => {
      const to = x + 26 + 24 * i;
      this.wire(bus, [[x, node], [to, node]]);
      this.symbol(e, to, node + HALF, false, 'right');
    });
    this.dot(bus, [x, node]);
    this.y += s * TAP;
  }

  private beyond(from: string, first: DiagramElement, x: number, s: 1 | -1): void {
    let bus = from;
    let element: DiagramElement | null = first;
    const been = new Set<string>(from ? [from] : []);
    for (let i = 0; element && i < 12; i += 1) {
      const here: DiagramElement = element;
      if (here.buses.length === 1) {
        const middle = this.y + (s * STEP) / 2;
        this.wire(bus, [[x, this.y], [x, middle - s * HALF]]);
        this.symbol(here, x, middle, false, 'right');
        this.y += s * STEP;
        return;
      }
      const to = here.buses.find((b) => b !== bus && !this.bars.has(b) && !been.has(b));
      const middle = this.y + (s * STEP) / 2;
      if (to === undefined || (isTransformer(here) && here.buses.length > 2)) {
        this.wire(bus, [[x, this.y], [x, middle - s * HALF]]);
        this.symbol(here, x, middle, false, 'right');
        this.y += s * STEP;
        if (isTransformer(here)) this.thirds(here, x, middle, [bus]);
        return;
      }
      bus = this.pass(bus, { element: here, to }, x, s);
      been.add(bus);
      const next = this.net.of(bus).filter((e) => e !== here && !isAuxiliary(e) && !e.buses.some((b) => b !== bus && (been.has(b) || this.bars.has(b))));
      const series = next.filter((e) => e.buses.length > 1).sort((a, b) => Number(isSwitch(b)) - Number(isSwitch(a)) || weight(b) - weight(a))[0];
      const single = next.filter((e) => e.buses.length === 1);
      element = series ?? (single.length === 1 ? (single[0] as DiagramElement) : null);
      this.beside(bus, x, s, [element]);
    }
  }

  /** What hangs on the windings that the column does not lead through. */
  thirds(transformer: DiagramElement, x: number, y: number, not: string[]): void {
    transformer.buses.filter((b) => !not.includes(b)).forEach((bus, i) => {
      const here = this.net.of(bus).filter((e) => e.buses.length === 1);
      if (here.length === 0) return;
      const level = y + i * 30;
      this.wire(bus, [[x + 16, level], [x + 26, level]]);
      here.forEach((e, j) => {
        this.wire(bus, [[x + 26, level], [x + 26 + 24 * j, level]]);
        this.symbol(e, x + 26 + 24 * j, level + HALF, false, 'right');
      });
    });
  }

  /** Two busbars one above the other: a leg down from each, and the middle of the series between the legs. */
  coupler(bay: Bay, barY: (bar: string) => number, edge: number): void {
    const s = bay.direction;
    const series = bay.branches[0] as Link[];
    const breaker = Math.max(0, series.findIndex((l) => isBreaker(l.element)));
    const [left, right] = [series.slice(0, breaker), series.slice(breaker + 1).reverse()];
    const depth = Math.max(left.length, right.length, 0) * STEP;
    const base = edge + s * (EDGE + depth + 16);
    const [x1, x2] = [bay.x - 32, bay.x + 32];
    const leg = (of: Link[], bar: string, x: number, inner: (l: Link) => string) => {
      let y = barY(bar);
      let bus = bar;
      this.dot(bar, [x, y]);
      of.forEach((l, j) => {
        const middle = edge + s * (EDGE + (j + 0.5) * STEP);
        this.wire(bus, [[x, y], [x, middle - s * HALF]]);
        this.symbol(l.element, x, middle, false, x < bay.x ? 'left' : 'right');
        y = middle + s * HALF;
        bus = inner(l);
      });
      return { y, bus };
    };
    const a = leg(left, bay.bars[0] as string, x1, (l) => l.to);
    const b = leg(right, bay.bars[1] as string, x2, (l) => l.element.buses.find((q) => q !== l.to) ?? l.to);
    this.wire(a.bus, [[x1, a.y], [x1, base], [bay.x - HALF, base]]);
    this.wire(b.bus, [[x2, b.y], [x2, base], [bay.x + HALF, base]]);
    const l = series[breaker];
    // On the side where the legs are not.
    if (l) this.symbol(l.element, bay.x, base, true, s === 1 ? 'below' : 'above');
    this.y = base;
  }

  /** Two busbars in line: the series lies between their ends. */
  inLine(bay: Bay, barY: (bar: string) => number, extent: Map<string, [number, number]>): void {
    const series = bay.branches[0] as Link[];
    const [a, b] = bay.bars as [string, string];
    const isOrdered = (extent.get(a) as [number, number])[0] < (extent.get(b) as [number, number])[0];
    const y = barY(a);
    const from = Math.min((extent.get(a) as [number, number])[1], (extent.get(b) as [number, number])[1]);
    const until = Math.max((extent.get(a) as [number, number])[0], (extent.get(b) as [number, number])[0]);
    const links = isOrdered ? series : [...series].reverse();
    const gap = (until - from) / (links.length + 1);
    let x = from;
    let bus = isOrdered ? a : b;
    links.forEach((l, i) => {
      const middle = from + gap * (i + 1);
      this.wire(bus, [[x, y], [middle - HALF, y]]);
      this.symbol(l.element, middle, y, true, 'above');
      x = middle + HALF;
      bus = isOrdered ? l.to : (l.element.buses.find((q) => q !== l.to) ?? l.to);
    });
    this.wire(bus, [[x, y], [until, y]]);
    this.y = y;
  }

  /** Breakers in series from one busbar up to the other; buses between them become nodes that circuits leave from. */
  series(bay: Bay, barY: (bar: string) => number): void {
    const [a, b] = bay.bars as [string, string];
    const links = bay.branches[0] as Link[];
    const isDown = barY(a) < barY(b);
    const s = isDown ? 1 : -1;
    const [from, until] = [barY(a), barY(b)];
    const gap = Math.abs(until - from) / (links.length + 0.001);
    let bus = a;
    let y = from;
    this.dot(a, [bay.x, from]);
    links.forEach((l, i) => {
      const middle = from + s * gap * (i + 0.5);
      this.wire(bus, [[bay.x, y], [bay.x, middle - s * HALF]]);
      this.symbol(l.element, bay.x, middle, false, 'right');
      y = middle + s * HALF;
      bus = l.to;
      this.nodes.set(bus, [bay.x, from + s * gap * (i + 1)]);
    });
    this.wire(b, [[bay.x, y], [bay.x, until]]);
    this.dot(b, [bay.x, until]);
  }

  box(bay: Bay): void {
    if (!this.out || this.box1[0] === Infinity) return;
    const isUp = bay.kind !== 'series' && bay.direction === -1;
    const y = isUp ? this.box1[1] - 24 : this.box2[1] + 30;
    this.out.bays.push({ bay: bay.name, kv: bay.kv, x1: this.box1[0] - 22, y1: this.box1[1] - 20, x2: this.box2[0] + 60, y2: this.box2[1] + 20, label: [bay.x, y], elements: [...bay.elements] });
  }
}
