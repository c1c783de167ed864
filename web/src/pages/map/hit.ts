/**
 * What lies under the pointer, found on the processor: a grid of cells over segments and points. Reading pixels back from the
 * graphics card would stall it at every move of the mouse.
 */

import type { Geometry } from '../../api/geometry';

export interface Hits {
  /** The element nearest to a place within `radius` degrees; points win over lines, for they lie on them. */
  at: (lon: number, lat: number, radius: number, shown: (element: number, isPoint: boolean) => boolean) => number | null;
}

const MOST_CELLS = 64;

export function buildHits(g: Geometry): Hits {
  const bounds = g.bounds;
  if (!bounds) return { at: () => null };
  const [w, s, e, n] = bounds;
  const segments = Math.max(0, g.lines.positions.length / 2 - g.lines.count);
  const across = Math.max(1, Math.min(1024, Math.ceil(Math.sqrt((segments + g.points.count) / 2))));
  const dx = (e - w || 1e-9) / across;
  const dy = (n - s || 1e-9) / across;
  const column = (x: number) => Math.max(0, Math.min(across - 1, Math.floor((x - w) / dx)));
  const row = (y: number) => Math.max(0, Math.min(across - 1, Math.floor((y - s) / dy)));
  const cells = new Map<number, number[]>();
  const long: number[] = [];
  const put = (cell: number, item: number) => {
    const list = cells.get(cell);
    if (list) list.push(item);
    else cells.set(cell, [item]);
  };
  // Items: vertex index of a segment's start (with its line kept beside), or −1 − point.
  const lineOf = new Uint32Array(g.lines.positions.length / 2);
  const p = g.lines.positions;
  for (let i = 0; i < g.lines.count; i += 1) {
    const end = g.lines.starts[i + 1] as number;
    for (let v = g.lines.starts[i] as number; v + 1 < end; v += 1) {
      lineOf[v] = i;
      const [x0, y0, x1, y1] = [p[2 * v] as number, p[2 * v + 1] as number, p[2 * v + 2] as number, p[2 * v + 3] as number];
      if (!Number.isFinite(x0 + y0 + x1 + y1)) continue;
      const [c0, c1] = [column(Math.min(x0, x1)), column(Math.max(x0, x1))];
      const [r0, r1] = [row(Math.min(y0, y1)), row(Math.max(y0, y1))];
      if ((c1 - c0 + 1) * (r1 - r0 + 1) > MOST_CELLS) long.push(v);
      else for (let r = r0; r <= r1; r += 1) for (let c = c0; c <= c1; c += 1) put(r * across + c, v);
    }
  }
  const q = g.points.positions;
  for (let i = 0; i < g.points.count; i += 1) {
    const x = q[2 * i] as number;
    const y = q[2 * i + 1] as number;
    if (Number.isFinite(x + y)) put(row(y) * across + column(x), -1 - i);
  }
  return {
    at(lon, lat, radius, shown) {
      // A degree of longitude is shorter than one of latitude, on the map as on the ground.
      const k = Math.max(0.05, Math.cos((lat * Math.PI) / 180));
      let best: number | null = null;
      let least = radius * k;
      let bestPoint: number | null = null;
      let leastPoint = radius * k;
      const look = (item: number) => {
        if (item < 0) {
          const i = -1 - item;
          const d = Math.hypot(((q[2 * i] as number) - lon) * k, (q[2 * i + 1] as number) - lat);
          const element = g.points.element[i] as number;
          if (d <= leastPoint && shown(element, true)) {
            leastPoint = d;
            bestPoint = element;
          }
          return;
        }
        const d = distance(lon, lat, p[2 * item] as number, p[2 * item + 1] as number, p[2 * item + 2] as number, p[2 * item + 3] as number, k);
        const element = g.lines.element[lineOf[item] as number] as number;
        if (d <= least && shown(element, false)) {
          least = d;
          best = element;
        }
      };
      for (let r = row(lat - radius); r <= row(lat + radius); r += 1) {
        for (let c = column(lon - radius); c <= column(lon + radius); c += 1) cells.get(r * across + c)?.forEach(look);
      }
      long.forEach(look);
      return bestPoint ?? best;
    },
  };
}

/** Distance of a place from a segment, longitudes scaled by `k`. */
export function distance(x: number, y: number, x0: number, y0: number, x1: number, y1: number, k = 1): number {
  const [ax, bx, px] = [x0 * k, x1 * k, x * k];
  const [vx, vy] = [bx - ax, y1 - y0];
  const length2 = vx * vx + vy * vy;
  const t = length2 === 0 ? 0 : Math.max(0, Math.min(1, ((px - ax) * vx + (y - y0) * vy) / length2));
  return Math.hypot(px - ax - t * vx, y - y0 - t * vy);
}
