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
  // Items: vertex index of a segment's start (with its line kept beside), or −1 − point. They are gone through twice, to count
  // and to put them down, so that all cells lie in one array: a list for each cell takes long enough to hold up the first move.
  const lineOf = new Uint32Array(g.lines.positions.length / 2);
  const long: number[] = [];
  const p = g.lines.positions;
  const q = g.points.positions;
  const each = (put: (cell: number, item: number) => void, putLong: (item: number) => void) => {
    for (let i = 0; i < g.lines.count; i += 1) {
      const end = g.lines.starts[i + 1] as number;
      for (let v = g.lines.starts[i] as number; v + 1 < end; v += 1) {
        lineOf[v] = i;
        const x0 = p[2 * v] as number;
        const y0 = p[2 * v + 1] as number;
        const x1 = p[2 * v + 2] as number;
        const y1 = p[2 * v + 3] as number;
        if (!Number.isFinite(x0 + y0 + x1 + y1)) continue;
        const c0 = column(Math.min(x0, x1));
        const c1 = column(Math.max(x0, x1));
        const r0 = row(Math.min(y0, y1));
        const r1 = row(Math.max(y0, y1));
        if ((c1 - c0 + 1) * (r1 - r0 + 1) > MOST_CELLS) putLong(v);
        else for (let r = r0; r <= r1; r += 1) for (let c = c0; c <= c1; c += 1) put(r * across + c, v);
      }
    }
    for (let i = 0; i < g.points.count; i += 1) {
      const x = q[2 * i] as number;
      const y = q[2 * i + 1] as number;
      if (Number.isFinite(x + y)) put(row(y) * across + column(x), -1 - i);
    }
  };
  const starts = new Uint32Array(across * across + 1);
  each((cell) => { starts[cell + 1] = (starts[cell + 1] as number) + 1; }, (v) => long.push(v));
  for (let cell = 0; cell < across * across; cell += 1) starts[cell + 1] = (starts[cell + 1] as number) + (starts[cell] as number);
  const items = new Int32Array(starts[across * across] as number);
  const next = starts.slice();
  each((cell, item) => { items[(next[cell] = (next[cell] as number) + 1) - 1] = item; }, () => undefined);
  return {
    at(lon, lat, radius, shown) {
      // A degree of longitude is shorter than one of latitude, on the map as on the ground.
      const narrow = Math.max(0.05, Math.cos((lat * Math.PI) / 180));
      let best: number | null = null;
      let least = radius * narrow;
      let bestPoint: number | null = null;
      let leastPoint = radius * narrow;
      const look = (item: number) => {
        if (item < 0) {
          const i = -1 - item;
          const d = Math.hypot(((q[2 * i] as number) - lon) * narrow, (q[2 * i + 1] as number) - lat);
          const element = g.points.element[i] as number;
          if (d <= leastPoint && shown(element, true)) {
            leastPoint = d;
            bestPoint = element;
          }
          return;
        }
        const d = distance(lon, lat, p[2 * item] as number, p[2 * item + 1] as number, p[2 * item + 2] as number, p[2 * item + 3] as number, narrow);
        const element = g.lines.element[lineOf[item] as number] as number;
        if (d <= least && shown(element, false)) {
          least = d;
          best = element;
        }
      };
      for (let r = row(lat - radius); r <= row(lat + radius); r += 1) {
        // Cells beside one another in a row lie beside one another in the array.
        const end = starts[r * across + column(lon + radius) + 1] as number;
        for (let k = starts[r * across + column(lon - radius)] as number; k < end; k += 1) look(items[k] as number);
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
