/** Density of what adds up, as a heat map under the lines: one hue, fuller where there is more. */

import type { ExpressionSpecification, HeatmapLayerSpecification } from 'maplibre-gl';
import type { Palette } from './scales';

/** Begin of the names of layers and sources. */
export const HEAT = 'heat-';

/** The hue: not one that a violation has. From nothing to the most. */
export function heatRamp(p: Palette): [number, string][] {
  return p.isDark
    ? [[0, 'rgba(120, 94, 190, 0)'], [0.15, 'rgba(92, 70, 160, 0.45)'], [0.5, 'rgba(150, 120, 225, 0.65)'], [1, 'rgba(226, 214, 255, 0.85)']]
    : [[0, 'rgba(190, 174, 226, 0)'], [0.15, 'rgba(190, 174, 226, 0.45)'], [0.5, 'rgba(130, 100, 190, 0.6)'], [1, 'rgba(74, 38, 138, 0.75)']];
}

export interface HeatPoints {
  type: 'FeatureCollection';
  features: { type: 'Feature'; geometry: { type: 'Point'; coordinates: [number, number] }; properties: { w: number } }[];
  /** Largest sum at one place. */
  largest: number;
}

/** Values at their places; what stands at the same place is one point with the sum. Nothing for what is filtered out, has no place, or is not above zero. */
export function heatPoints(values: Float32Array, place: (element: number) => [number, number] | null, passes: Uint8Array): HeatPoints {
  const at = new Map<string, { lon: number; lat: number; w: number }>();
  for (let i = 0; i < values.length; i += 1) {
    const w = values[i] as number;
    if (!(w > 0) || !passes[i]) continue;
    const p = place(i);
    if (!p) continue;
    const key = `${p[0]} ${p[1]}`;
    const known = at.get(key);
    if (known) known.w += w;
    else at.set(key, { lon: p[0], lat: p[1], w });
  }
  const all = [...at.values()];
  return {
    type: 'FeatureCollection',
    features: all.map((x) => ({ type: 'Feature', geometry: { type: 'Point', coordinates: [x.lon, x.lat] }, properties: { w: x.w } })),
    largest: all.reduce((most, x) => Math.max(most, x.w), 0),
  };
}

export function heatPaint(p: Palette, largest: number): HeatmapLayerSpecification['paint'] {
  return {
    'heatmap-weight': ['/', ['get', 'w'], largest > 0 ? largest : 1],
    'heatmap-radius': 34,
    // Near by, points part and each has to be seen by itself.
    'heatmap-intensity': ['interpolate', ['linear'], ['zoom'], 8, 0.6, 18, 2],
    'heatmap-color': ['interpolate', ['linear'], ['heatmap-density'], ...heatRamp(p).flat()] as unknown as ExpressionSpecification,
    'heatmap-opacity': 0.9,
  };
}
