import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { DiagramElement, TwinDiagram } from '../../api/twin';
import { barLabelAt, HALF, labelAt, ROW, singleLine, type Placed, type SingleLine, type XY } from './singleLine';

/** The shipped substation's own files, read as far as topology goes. */
function shipped(): TwinDiagram {
  const folder = new URL('../../../../models/ehv-400-220/', import.meta.url);
  const text = readdirSync(folder).filter((n) => n.endsWith('.dss')).map((n) => readFileSync(new URL(n, folder), 'utf8')).join('\n');
  const register = readFileSync(new URL('assets.yaml', folder), 'utf8');
  const busbars = new Map([...register.matchAll(/id: (BB\d+)\n\s+kind: busbar[\s\S]*?bus: (\w+)/g)].map((m) => [m[2] as string, m[1] as string]));
  const elements: DiagramElement[] = [];
  const kv = new Map<string, number>();
  const level = (bus: string) => (/_end$|^grid/.test(bus) ? (/^grid/.test(bus) ? 400 : bus.startsWith('f2') ? 220 : 33) : 0);
  for (const [, cls, name, rest] of text.matchAll(/^New (Line|Transformer|Load|Reactor|Capacitor|Circuit)\.(\w+) (.*)$/gm) as IterableIterator<[string, string, string, string]>) {
    const buses = cls === 'Transformer' ? (/Buses=\[([^\]]+)\]/.exec(rest)?.[1] ?? '').split(' ') : [...rest.matchAll(/Bus[12]=(\w+)/g)].map((m) => m[1] as string);
    const kind = cls === 'Circuit' ? 'source' : /Switch=yes/.test(rest) ? (name.startsWith('q0') ? 'breaker' : 'isolator') : cls.toLowerCase();
    const bay = kind === 'breaker' || kind === 'isolator' ? name.slice(3).toUpperCase() : null;
    elements.push({ element: cls === 'Circuit' ? 'vsource.source' : `${cls.toLowerCase()}.${name}`, kind, name, buses, bay });
    if (cls === 'Transformer') [400, 220, 33].slice(name.startsWith('t') ? 0 : 1).forEach((v, i) => kv.set(buses[i] as string, v));
  }
  for (const bus of busbars.keys()) kv.set(bus, bus.startsWith('bb4') ? 400 : bus.startsWith('bb2') ? 220 : 33);
  for (const e of elements) for (const b of e.buses) if (level(b)) kv.set(b, level(b));
  // A voltage goes along lines and switches.
  for (let turn = 0; turn < 10; turn += 1) for (const e of elements) if (e.element.startsWith('line.')) for (const [a, b] of [[0, 1], [1, 0]] as const) if (kv.has(e.buses[a] as string)) kv.set(e.buses[b] as string, kv.get(e.buses[a] as string) as number);
  const buses = [...new Set(elements.flatMap((e) => e.buses))].map((bus) => ({ bus, kv_base: kv.get(bus) as number, busbar: busbars.get(bus) ?? null }));
  return { levels: [400, 220, 33].map((v) => ({ kv: v })), buses, elements, bays: [] };
}

/** Lines like `breaker q0 a b`. */
function made(text: string, kv = 110, busbars: string[] = []): TwinDiagram {
  const elements = text.trim().split('\n').map((line): DiagramElement => {
    const [kind, name, ...buses] = line.trim().split(/\s+/) as [string, string, ...string[]];
    return { element: `${kind}.${name}`, kind, name, buses };
  });
  const low = new Set(elements.filter((e) => e.kind === 'transformer').map((e) => e.buses[1]));
  const isLow = (bus: string): boolean => low.has(bus) || bus.startsWith('low');
  return { levels: [{ kv }], buses: [...new Set(elements.flatMap((e) => e.buses))].map((bus) => ({ bus, kv_base: isLow(bus) ? 20 : kv, busbar: busbars.includes(bus) ? bus : null })), elements, bays: [] };
}

const touches = (p: Placed) => (p.turned ? [[p.x - HALF, p.y], [p.x + HALF, p.y]] : [[p.x, p.y - HALF], [p.x, p.y + HALF], ...(p.kind === 'transformer3side' ? [[p.x + 16, p.y]] : [])]) as XY[];
const on = ([x, y]: XY, [[ax, ay], [bx, by]]: [XY, XY]) => Math.min(ax, bx) - 0.6 <= x && x <= Math.max(ax, bx) + 0.6 && Math.min(ay, by) - 0.6 <= y && y <= Math.max(ay, by) + 0.6;

/** What is wrong with a drawing: of any network, nothing. */
function faults(of: SingleLine, diagram: TwinDiagram): string[] {
  const out: string[] = [];
  const segments = [
    ...of.wires.flatMap((w) => w.points.slice(1).map((p, i) => ({ bus: w.bus, ends: [w.points[i] as XY, p] as [XY, XY] }))),
    ...of.bars.map((b) => ({ bus: b.bus, ends: [[b.x1, b.y], [b.x2, b.y]] as [XY, XY] })),
  ];
  for (const p of of.placed) {
    // Each terminal meets a conductor of one of its buses, and of no other one; taken together those are its buses.
    const met = new Set<string>();
    for (const t of touches(p)) {
      for (const s of segments) if (on(t, s.ends)) {
        if (!p.buses.includes(s.bus)) out.push(`${p.element} touches ${s.bus}`);
        met.add(s.bus);
      }
    }
    for (const bus of p.buses) if (!met.has(bus) && (p.buses.length > 1 ? true : met.size === 0)) if (diagram.elements.filter((e) => e.buses.map((b) => b.toLowerCase()).includes(bus)).length > 1) out.push(`${p.element} does not reach ${bus}`);
  }
  // No symbol lies on another, none on a busbar, none is crossed by a foreign conductor.
  of.placed.forEach((a, i) => of.placed.slice(i + 1).forEach((b) => { if (Math.abs(a.x - b.x) < 18 && Math.abs(a.y - b.y) < 20) out.push(`${a.element} lies on ${b.element}`); }));
  for (const p of of.placed) for (const b of of.bars) if (Math.abs(p.y - b.y) < 9 && p.x > b.x1 && p.x < b.x2) out.push(`${p.element} lies on busbar ${b.bus}`);
  for (const p of of.placed) for (const s of segments) if (!p.buses.includes(s.bus) && on([p.x, p.y], s.ends)) out.push(`${s.bus} goes through ${p.element}`);
  // Conductors of two buses never lie on each other; they may cross at a right angle.
  for (let i = 0; i < segments.length; i += 1) for (let j = i + 1; j < segments.length; j += 1) {
    const [s, t] = [segments[i] as (typeof segments)[0], segments[j] as (typeof segments)[0]];
    if (s.bus === t.bus) continue;
    for (const axis of [0, 1] as const) {
      const other = axis === 0 ? 1 : 0;
      const flat = (u: [XY, XY]) => u[0][other] === u[1][other];
      if (!flat(s.ends) || !flat(t.ends) || Math.abs(s.ends[0][other] - t.ends[0][other]) > 1) continue;
      const [a, b, c, d] = [Math.min(s.ends[0][axis], s.ends[1][axis]), Math.max(s.ends[0][axis], s.ends[1][axis]), Math.min(t.ends[0][axis], t.ends[1][axis]), Math.max(t.ends[0][axis], t.ends[1][axis])];
      if (Math.min(b, d) - Math.max(a, c) > 1) out.push(`${s.bus} lies on ${t.bus}`);
    }
  }
  // A dot is where something of its bus ends on a conductor of it.
  for (const d of of.dots) for (const s of segments) if (s.bus !== d.bus && on([d.x, d.y], s.ends)) out.push(`a dot of ${d.bus} lies on ${s.bus}`);
  for (const p of of.placed) if (p.x < 0 || p.y < 0 || p.x > of.width || p.y > of.height) out.push(`${p.element} is outside`);
  return [...new Set(out)];
}

interface Box { of: string; x1: number; x2: number; y1: number; y2: number }

/** What is written in a drawing, with room for the longest readings; letters of 12 px are 7 wide at most in the mean. */
function written(of: SingleLine): Box[] {
  const row = (name: string, text: string, x: number, foot: number, anchor: string): Box => {
    const width = 7 * text.length;
    const x1 = anchor === 'start' ? x : anchor === 'end' ? x - width : x - width / 2;
    return { of: name, x1, x2: x1 + width, y1: foot - 9, y2: foot + 1 };
  };
  const readings = (p: Placed) => (/break/.test(p.kind) ? ['~1 234 A'] : /trans/.test(p.kind) ? ['~123 MW', '~~50.5 Mvar', '46.1 %'] : /react|capac/.test(p.kind) ? ['~−49.2 Mvar'] : /load|line|source/.test(p.kind) ? ['~123 MW', '~−50.5 Mvar'] : []);
  const out: Box[] = [];
  // Isolators are named only when one looks closely.
  for (const p of of.placed.filter((p) => p.kind !== 'isolator')) {
    const auxiliary = /cvt|surge/.test(p.element);
    const rows = [p.name, ...(auxiliary ? [] : readings(p))];
    const at = labelAt(p, rows.length - 1);
    rows.forEach((text, i) => out.push(row(p.element, text, p.x + at.x, p.y + at.y + ROW * i, at.anchor)));
  }
  for (const b of of.bars) {
    const at = barLabelAt(b);
    ['BB41', '~222.5 kV ~1.011 pu'].forEach((text, i) => out.push(row(b.bus, text, at.x, at.y[i] as number, at.anchor)));
  }
  return out;
}

/** Where something is written over something else: another text, a symbol, or a conductor. */
function overlaps(of: SingleLine): string[] {
  const texts = written(of);
  const out: string[] = [];
  const meet = (a: Box, b: Box) => Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1) > 1 && Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1) > 1;
  texts.forEach((a, i) => texts.slice(i + 1).forEach((b) => { if (meet(a, b)) out.push(`${a.of} is written over ${b.of}`); }));
  for (const a of texts) {
    for (const p of of.placed) if (p.element !== a.of && meet(a, { of: p.element, x1: p.x - 8, x2: p.x + 8, y1: p.y - HALF, y2: p.y + HALF })) out.push(`${a.of} is written over the symbol of ${p.element}`);
    for (const w of [...of.wires.flatMap((w) => w.points.slice(1).map((p, i) => [w.points[i] as XY, p] as const)), ...of.bars.map((b) => [[b.x1, b.y], [b.x2, b.y]] as const)]) {
      const [[ax, ay], [bx, by]] = w as [XY, XY];
      if (meet(a, { of: '', x1: Math.min(ax, bx) - 1, x2: Math.max(ax, bx) + 1, y1: Math.min(ay, by) - 1, y2: Math.max(ay, by) + 1 })) out.push(`${a.of} is written over a conductor at ${ax},${ay} to ${bx},${by}`);
    }
  }
  for (const a of texts) if (a.x1 < 0 || a.y1 < 0 || a.x2 > of.width || a.y2 > of.height) out.push(`${a.of} is written outside`);
  return [...new Set(out)];
}

describe('the shipped substation', () => {
  const diagram = shipped();
  const of = singleLine(diagram);
  it('has every element, once', () => {
    expect(diagram.elements).toHaveLength(90);
    expect(of.missing).toEqual([]);
    expect(of.placed.map((p) => p.element).sort()).toEqual(diagram.elements.map((e) => e.element).sort());
  });
  it('breaks no rule of drawing', () => expect(faults(of, diagram)).toEqual([]));
  it('writes nothing over anything', () => expect(overlaps(of)).toEqual([]));
  it('has two parallel busbars at 400 and 220 kV and two sections in line at 33 kV', () => {
    const bar = (bus: string) => of.bars.find((b) => b.bus === bus)!;
    for (const [a, b] of [['bb41', 'bb42'], ['bb21', 'bb22']] as const) {
      expect(bar(a).y).not.toBe(bar(b).y);
      expect(Math.min(bar(a).x2, bar(b).x2) - Math.max(bar(a).x1, bar(b).x1)).toBeGreaterThan(200);
    }
    expect(bar('bb31').y).toBe(bar('bb32').y);
    expect(bar('bb31').x2).toBeLessThan(bar('bb32').x1);
    expect(bar('bb41').y).toBeLessThan(bar('bb21').y);
    expect(bar('bb21').y).toBeLessThan(bar('bb31').y);
  });
  it('puts a transformer in one column with its two breakers', () => {
    const at = (e: string) => of.placed.find((p) => p.element === e)!;
    for (const [t, h, l] of [['t1', 't1h', 't1l'], ['t2', 't2h', 't2l'], ['d1', 'd1h', 'd1l'], ['d2', 'd2h', 'd2l']]) {
      expect(at(`line.q0_${h}`).x).toBe(at(`transformer.${t}`).x);
      expect(at(`line.q0_${l}`).x).toBe(at(`transformer.${t}`).x);
      expect(at(`line.q0_${h}`).y).toBeLessThan(at(`transformer.${t}`).y);
      expect(at(`transformer.${t}`).y).toBeLessThan(at(`line.q0_${l}`).y);
    }
  });
  it('lays the couplers between their busbars', () => {
    for (const e of ['line.q0_bc4', 'line.q0_bc2', 'line.q0_bs3']) expect(of.placed.find((p) => p.element === e)!.turned, e).toBe(true);
  });
  it('is the same whatever the order of the elements', () => {
    const turned = singleLine({ ...diagram, elements: [...diagram.elements].reverse(), bays: [] });
    expect(faults(turned, diagram)).toEqual([]);
    expect(turned.missing).toEqual([]);
  });
  it('finds the busbars by itself where the register names none', () => {
    const bare = singleLine({ ...diagram, buses: diagram.buses.map((b) => ({ ...b, busbar: null })) });
    expect(bare.bars.map((b) => b.bus).sort()).toEqual(['bb21', 'bb22', 'bb31', 'bb32', 'bb41', 'bb42']);
  });
});

it('draws a single busbar with a transformer to a lower one', () => {
  const diagram = made(`
    source grid in
    line l1 in far
    breaker q1 far bar
    breaker q2 bar t
    transformer t1 t low
    breaker q3 low lowbar
    breaker q4 lowbar low1
    load a low1
    breaker q5 lowbar low2
    load b low2
    breaker q6 bar c
    capacitor c1 c`, 110, ['bar', 'lowbar']);
  const of = singleLine(diagram);
  expect(of.missing).toEqual([]);
  expect(faults(of, diagram)).toEqual([]);
  expect(of.bars).toHaveLength(2);
  expect(of.placed).toHaveLength(12);
});

it('draws breaker and a half as a series between its two busbars', () => {
  const diagram = made(`
    breaker a1 bar1 x1
    breaker a2 x1 y1
    breaker a3 y1 bar2
    isolator i1 x1 l1
    line l1 l1 e1
    load e1 e1
    isolator i2 y1 l2
    line l2 l2 e2
    source e2 e2
    breaker b1 bar1 x2
    breaker b2 x2 y2
    breaker b3 y2 bar2
    isolator i3 x2 l3
    line l3 l3 e3
    load e3 e3
    isolator i4 y2 t
    transformer t1 t low
    breaker q low lowbar
    breaker f lowbar low2
    load low low2`, 400, ['bar1', 'bar2', 'lowbar']);
  const of = singleLine(diagram);
  expect(of.missing).toEqual([]);
  expect(faults(of, diagram)).toEqual([]);
  const at = (e: string) => of.placed.find((p) => p.element === e)!;
  const ys = ['breaker.a1', 'breaker.a2', 'breaker.a3'].map((e) => at(e).y);
  expect(ys).toEqual([...ys].sort((a, b) => a - b));
  expect(new Set(['breaker.a1', 'breaker.a2', 'breaker.a3'].map((e) => at(e).x)).size).toBe(1);
  expect(at('breaker.q').x).toBe(at('transformer.t1').x);
});

it('tells what it cannot place', () => {
  const diagram = made(`
    breaker q1 bar a
    load a a
    breaker q2 bar b
    load b b
    line far p q`, 20, ['bar']);
  expect(singleLine(diagram).missing).toEqual(['line.far']);
});

it('draws nothing of nothing', () => {
  expect(singleLine({ levels: [], buses: [], elements: [], bays: [] })).toMatchObject({ bars: [], placed: [], wires: [], missing: [] });
});
