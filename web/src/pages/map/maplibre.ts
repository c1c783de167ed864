/** MapLibre with its worker, which it cannot find by itself in a bundle, and an empty style. */

import * as maplibregl from 'maplibre-gl';
import 'maplibre-gl/dist/maplibre-gl.css';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';
import { Protocol } from 'pmtiles';
import { token } from '../../state/preferences';

maplibregl.setWorkerUrl(workerUrl);
maplibregl.addProtocol('pmtiles', new Protocol().tile);

/** The address of a base map: a PMTiles file, or raster tiles with {z}/{x}/{y}. Without one there is a plain ground. */
export interface Basemap {
  url: string;
  attribution?: string;
}

export function style(basemap: Basemap | null): maplibregl.StyleSpecification {
  const ground: maplibregl.LayerSpecification = { id: 'ground', type: 'background', paint: { 'background-color': token('map-ground') } };
  if (!basemap) return { version: 8, sources: {}, layers: [ground] };
  const isPmtiles = basemap.url.endsWith('.pmtiles');
  const absolute = new URL(basemap.url.replaceAll('{', '%7B').replaceAll('}', '%7D'), location.href).href.replaceAll('%7B', '{').replaceAll('%7D', '}');
  const source: maplibregl.RasterSourceSpecification | maplibregl.VectorSourceSpecification = isPmtiles
    ? { type: 'vector', url: `pmtiles://${absolute}`, attribution: basemap.attribution }
    : { type: 'raster', tiles: [absolute], tileSize: 256, attribution: basemap.attribution };
  const layers: maplibregl.LayerSpecification[] = isPmtiles ? vectorLayers() : [{ id: 'base', type: 'raster', source: 'base', paint: { 'raster-saturation': -0.9, 'raster-opacity': 0.55 } }];
  return { version: 8, sources: { base: source }, layers: [ground, ...layers] };
}

/** A quiet drawing of the layers that OpenMapTiles and Protomaps files have: greys only, so that the network alone has colour. */
function vectorLayers(): maplibregl.LayerSpecification[] {
  const water = token('rule-2');
  const road = token('rule-2');
  return [
    ...['water', 'ocean'].map((l): maplibregl.LayerSpecification => ({ id: `base-${l}`, type: 'fill', source: 'base', 'source-layer': l, paint: { 'fill-color': water } })),
    ...['roads', 'transportation', 'transit'].map((l): maplibregl.LayerSpecification => ({ id: `base-${l}`, type: 'line', source: 'base', 'source-layer': l, paint: { 'line-color': road, 'line-width': 1 } })),
    ...['buildings', 'building'].map((l): maplibregl.LayerSpecification => ({ id: `base-${l}`, type: 'fill', source: 'base', 'source-layer': l, minzoom: 14, paint: { 'fill-color': road, 'fill-opacity': 0.5 } })),
  ];
}

export { maplibregl };
