import { expect, it } from 'vitest';
import type { Geometry } from '../../api/geometry';
import { boundsOf } from '../../api/geometry';
import { buildHits, distance } from './hit';

/** A comb of `n` vertical lines and a point at the foot of each. */
function comb(n: number): Geometry {
  const positions = new Float64Array(n * 4);
  const starts = new Uint32Array(n + 1);
  const points = new Float64Array(n * 2);
  for (let i = 0; i < n; i += 1) {
    positions.set([i * 0.001, 0, i * 0.001, 0.01], i * 4);
    starts[i + 1] = 2 * (i + 1);
    points.set([i * 0.001, 0], i * 2);
  }
  const index = Uint32Array.from({ length: n }, (_, i) => i);
  const empty = { kv: new Float32Array(n), phases: new Uint8Array(n), feeder: new Uint16Array(n), cls: new Uint8Array(n), open: new Uint8Array(n) };
  return {
    header: { count_lines: n, count_points: n, count_elements: 2 * n, count_buses: 0, classes: [], arrays: [] },
    firstBus: 2 * n,
    lines: { count: n, positions, starts, element: index, ...empty },
    points: { count: n, positions: points, element: index.map((i) => i + n), ...empty },
    classes: [], feeders: [], countElements: 2 * n, bounds: boundsOf([positions, points]),
  };
}

it('finds the nearest of many, and agrees with looking at all of them', () => {
  const g = comb(500);
  const hits = buildHits(g);
  for (let k = 0; k < 200; k += 1) {
    const lon = ((k * 37) % 500) * 0.001 + 0.000_2;
    const lat = 0.003 + (k % 5) * 0.001;
    let best = -1;
    let least = 0.000_3;
    for (let i = 0; i < 500; i += 1) {
      const d = distance(lon, lat, i * 0.001, 0, i * 0.001, 0.01);
      if (d < least) [best, least] = [i, d];
    }
    expect(hits.at(lon, lat, 0.000_3, () => true)).toBe(best);
  }
});

it('a point wins over the line it lies on, what is hidden is not hit, and nothing is nothing', () => {
  const hits = buildHits(comb(10));
  expect(hits.at(0.003, 0, 0.000_2, () => true)).toBe(13);
  expect(hits.at(0.003, 0, 0.000_2, (_, isPoint) => !isPoint)).toBe(3);
  expect(hits.at(0.003_5, 0.005, 0.000_2, () => true)).toBeNull();
});
