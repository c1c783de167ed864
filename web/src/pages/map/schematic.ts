/**
 * A single-line diagram out of the elements of a network: from the chosen element outwards as a tree, a bus a row, with what hangs at it
 * beside it. Ways that close a loop are drawn to the bus that is there already.
 */

export interface Part {
  id: string;
  class: string;
  name: string;
  buses?: string[];
  open?: boolean | null;
}

export interface DiagramNode {
  id: string;
  element?: string;
  kind: string;
  x: number;
  y: number;
  label: string;
  state?: 'open';
  /** Length of the bar of a bus. */
  width?: number;
}

export interface DiagramEdge {
  element?: string;
  points: [number, number][];
  state?: 'open';
}

export interface DiagramData {
  nodes: DiagramNode[];
  edges: DiagramEdge[];
  /** Buses at which the network goes on. */
  truncated: string[];
}

/** Places that a diagram has at most. */
const MOST = 400;

/** Without its phases: `671.1.2` is at bus `671`. */
const busOf = (terminal: string) => terminal.split('.')[0]?.toLowerCase() ?? '';

interface Branch {
  part: Part;
  to: string;
  /** The bus was there before: a loop. */
  again: boolean;
}

interface Place {
  bus: string;
  level: number;
  branches: Branch[];
  hung: Part[];
  cut: boolean;
  x: number;
  /** Column of the first that hangs at it. */
  hungX: number;
}

export function diagramOf(parts: Part[], root: string, depth: number): DiagramData {
  const at = new Map<string, Part[]>();
  let first: string | null = null;
  for (const part of parts) {
    if (part.id.startsWith('bus.')) continue;
    const buses = [...new Set((part.buses ?? []).map(busOf).filter(Boolean))];
    for (const bus of buses) {
      const list = at.get(bus);
      if (list) list.push(part);
      else at.set(bus, [part]);
    }
    if (part.id.toLowerCase() === root.toLowerCase()) first = buses[0] ?? null;
  }
  const bus = /^bus\.(.*)$/i.exec(root)?.[1]?.toLowerCase();
  const start = bus !== undefined ? (at.has(bus) ? bus : null) : first;
  if (start === null) return { nodes: [], edges: [], truncated: [] };

  // Outwards, level by level.
  const places = new Map<string, Place>([[start, { bus: start, level: 0, branches: [], hung: [], cut: false, x: 0, hungX: 0 }]]);
  const used = new Set<Part>();
  let level = [start];
  for (let d = 0; level.length > 0; d += 1) {
    const next: string[] = [];
    for (const name of level) {
      const place = places.get(name) as Place;
      for (const part of at.get(name) ?? []) {
        if (used.has(part)) continue;
        const others = [...new Set((part.buses ?? []).map(busOf).filter((b) => b && b !== name))];
        if (others.length === 0) {
          used.add(part);
          place.hung.push(part);
          continue;
        }
        if (d >= depth || places.size + place.hung.length >= MOST) {
          // A loop to a bus that is drawn is no end.
          if (others.some((o) => !places.has(o))) place.cut = true;
          continue;
        }
        used.add(part);
        for (const to of others) {
          const again = places.has(to);
          place.branches.push({ part, to, again });
          if (!again) {
            places.set(to, { bus: to, level: d + 1, branches: [], hung: [], cut: false, x: 0, hungX: 0 });
            next.push(to);
          }
        }
      }
    }
    level = next;
  }

  // Columns: what hangs at a bus first, then each branch with all that is behind it. Without recursion, for feeders are deep.
  let column = 0;
  const stack: { place: Place; done: boolean }[] = [{ place: places.get(start) as Place, done: false }];
  while (stack.length > 0) {
    const { place, done } = stack.pop() as { place: Place; done: boolean };
    const children = place.branches.filter((b) => !b.again).map((b) => places.get(b.to) as Place);
    if (!done) {
      stack.push({ place, done: true });
      place.hungX = column;
      // Columns of their own, so that names have room.
      if (children.length > 0) column += place.hung.length;
      for (const child of [...children].reverse()) stack.push({ place: child, done: false });
      if (children.length === 0) {
        place.x = column;
        column += Math.max(1, place.hung.length);
      }
    } else if (children.length > 0) {
      place.x = children[0]?.x ?? 0;
    }
  }
  const nodes: DiagramNode[] = [];
  const edges: DiagramEdge[] = [];
  const ROW = 3;
  const state = (part: Part): { state?: 'open' } => (part.open ? { state: 'open' } : {});
  for (const place of places.values()) {
    const y = place.level * ROW;
    const children = place.branches.filter((b) => !b.again).map((b) => (places.get(b.to) as Place).x);
    const hung = place.hung.length > 0 ? [place.hungX, place.hungX + place.hung.length - 1] : [];
    const left = Math.min(place.x, ...hung);
    const right = Math.max(place.x, ...children, ...hung);
    nodes.push({ id: `bus.${place.bus}`, element: `bus.${place.bus}`, kind: 'bus', x: (left + right) / 2, y, label: place.bus, width: right - left + 0.6 });
    place.hung.forEach((part, i) => {
      const x = place.hungX + i;
      const drop = 1.2;
      edges.push({ element: part.id, points: [[x, y], [x, y + drop]], ...state(part) });
      nodes.push({ id: part.id, element: part.id, kind: part.class, x, y: y + drop, label: part.name, ...state(part) });
    });
    // Several elements between the same two buses, as phases of a regulator, stand side by side.
    const beside = new Map<string, number>();
    for (const { part, to } of place.branches) {
      const other = places.get(to) as Place;
      const n = beside.get(to) ?? 0;
      beside.set(to, n + 1);
      const x = other.x + n * 0.5;
      const end = other.level * ROW;
      const middle = y + (end - y) * 0.55 || y + 0.5;
      edges.push({ element: part.id, points: [[x, y], [x, end]], ...state(part) });
      if (!/^line$/.test(part.class) || part.open) nodes.push({ id: `${part.id}>${to}`, element: part.id, kind: part.class, x, y: middle, label: part.name, ...state(part) });
    }
  }
  return { nodes, edges, truncated: [...places.values()].filter((p) => p.cut).map((p) => `bus.${p.bus}`) };
}
