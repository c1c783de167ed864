/** One map: MapLibre for ground and camera, deck.gl for the network. It knows nothing of requests. */

import { IconLayer, PathLayer, ScatterplotLayer } from '@deck.gl/layers';
import { MapLibreOverlay } from '@deck.gl/maplibre';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { Geometry } from '../../api/geometry';
import { ANY_FEEDER, placeOf } from '../../api/geometry';
import { atlas, symbolKey } from '../../ui/symbols';
import { buildHits } from './hit';
import { HEAT, heatPoints, heatPaint } from './heat';
import { LineMesh } from './lineMesh';
import { maplibregl, style, type Basemap } from './maplibre';
import { stepOf, type Palette, type Rgba, type Scale } from './scales';

/** A layer that colours elements by a value of each. */
export interface ValueLayer {
  id: string;
  /** Lines, or buses and other points. */
  of: 'lines' | 'points';
  scale: Scale;
  values: Float32Array;
  /** Steps of the scale that are switched off in the legend. */
  hidden: Set<number>;
  /** Drawn as density under the lines, not by colouring elements. */
  heat?: boolean;
}

export interface Camera {
  lon: number;
  lat: number;
  zoom: number;
}

export interface Filter {
  classes: Set<number>;
  feeder: number | null;
  /** Only elements that break a limit of a layer shown. */
  violations: boolean;
}

export interface MapViewProps {
  geometry: Geometry;
  /** Bottom first; `lines`, `buses`, `symbols` and ids of value layers. */
  order: string[];
  layers: ValueLayer[];
  filter: Filter;
  palette: Palette;
  basemap: Basemap | null;
  selected: number | null;
  highlighted: Set<number>;
  onSelect: (element: number | null) => void;
  onHover: (element: number | null, x: number, y: number) => void;
  camera: Camera | null;
  onCamera: (camera: Camera, settled: boolean) => void;
  /** Set to move to an element. */
  focus: { element: number; stamp: number } | null;
  label: string;
}

let kept: ReturnType<typeof atlas> | undefined;
const symbols = () => (kept ??= atlas());

/** Pixels that a class needs for each of its elements before it is drawn. */
const ROOM = 1200;

const NEUTRAL_STEP = -1;

/** Elements and buses from which on lines are drawn before all else. */
const LARGE = 20_000;

interface Styled {
  color: Rgba;
  width: number;
  step: number;
}

export function MapView(props: MapViewProps) {
  const { geometry: g, palette: p, filter, layers, order, selected, highlighted } = props;
  const box = useRef<HTMLDivElement>(null);
  const map = useRef<maplibregl.Map | null>(null);
  const overlay = useRef<MapLibreOverlay | null>(null);
  const now = useRef(props);
  const [zoom, setZoom] = useState(0);
  const [view, setView] = useState<View | null>(null);
  useEffect(() => {
    now.current = props;
  });
  const place = useMemo(() => placeOf(g), [g]);
  const hits = useMemo(() => {
    let built: ReturnType<typeof buildHits> | undefined;
    return () => (built ??= buildHits(g));
  }, [g]);

  const mesh = useMemo(() => new LineMesh(g), [g]);

  // The map itself, once.
  useEffect(() => {
    const at = now.current.camera;
    const here = new maplibregl.Map({
      container: box.current as HTMLDivElement,
      style: style(now.current.basemap),
      ...(at ? { center: [at.lon, at.lat], zoom: at.zoom } : { bounds: fitting(now.current.geometry), fitBoundsOptions: { padding: 48 } }),
      maxZoom: 24,
      minZoom: 0,
      attributionControl: now.current.basemap?.attribution ? { compact: true } : false,
      keyboard: false,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      renderWorldCopies: false,
      fadeDuration: 0,
    });
    here.touchZoomRotate.disableRotation();
    if (now.current.geometry.header.layout === 'geographic') here.addControl(new maplibregl.ScaleControl({ unit: 'metric' }), 'bottom-right');
    const over = new MapLibreOverlay({
      interleaved: false,
      layers: [],
      getCursor: () => 'inherit',
      // Tests wait for it.
      onAfterRender: () => box.current?.setAttribute('data-drawn', 'all'),
    });
    // Making ready what draws points and marks takes long without a graphics card, and the lines of a large network do without: they are seen
    // first. While the map moves nothing is added, and where its tiles never come it does not rest, so that time decides.
    let isGone = false;
    let late: ReturnType<typeof setTimeout> | undefined;
    const addOverlay = () => {
      clearTimeout(late);
      if (isGone || here.hasControl(over as unknown as maplibregl.IControl)) return;
      if (here.isMoving()) late = setTimeout(addOverlay, 200);
      else here.addControl(over as unknown as maplibregl.IControl);
    };
    if (now.current.geometry.countElements < LARGE) addOverlay();
    else {
      here.once('idle', () => setTimeout(addOverlay, 50));
      late = setTimeout(addOverlay, 3000);
    }
    map.current = here;
    overlay.current = over;
    // A new style has none of ours in it.
    here.on('style.load', () => {
      if (!here.getLayer(mesh.id)) here.addLayer(mesh);
    });
    const report = (settled: boolean) => {
      const c = here.getCenter();
      now.current.onCamera({ lon: c.lng, lat: c.lat, zoom: here.getZoom() }, settled);
    };
    // The box around takes the focus and the keys, and has the name; the pictures in it are only looked at.
    for (const canvas of box.current?.querySelectorAll('canvas') ?? []) quiet(canvas);
    const added = new MutationObserver(() => box.current?.querySelectorAll('canvas').forEach(quiet));
    added.observe(box.current as HTMLDivElement, { childList: true, subtree: true, attributeFilter: ['tabindex'] });
    setZoom(here.getZoom());
    let frame = 0;
    const hit = (e: maplibregl.MapMouseEvent): number | null => {
      const reach = (9 * 360) / (512 * 2 ** here.getZoom());
      return hits().at(e.lngLat.lng, e.lngLat.lat, reach, shown.current);
    };
    here.on('move', (e) => {
      // Only what a person does is told on; a camera that is set would be told back and forth between two maps.
      if (e.originalEvent || (e as { own?: boolean }).own) report(false);
    });
    const look = () => setView((old) => viewOf(here, old));
    look();
    here.on('move', look);
    here.on('moveend', (e) => {
      setZoom(here.getZoom());
      if (!(e as { set?: boolean }).set) report(true);
    });
    here.on('mousemove', (e) => {
      if (here.isMoving()) return;
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => {
        const element = hit(e);
        here.getCanvas().style.cursor = element === null ? '' : 'pointer';
        now.current.onHover(element, e.point.x, e.point.y);
      });
    });
    here.on('mouseout', () => {
      cancelAnimationFrame(frame);
      now.current.onHover(null, 0, 0);
    });
    here.on('movestart', () => now.current.onHover(null, 0, 0));
    here.on('click', (e) => now.current.onSelect(hit(e)));
    const resize = new ResizeObserver(() => here.resize());
    resize.observe(box.current as HTMLDivElement);
    // Tests ask the page for its map.
    (box.current as HTMLDivElement & { gridtwinMap?: maplibregl.Map }).gridtwinMap = here;
    return () => {
      cancelAnimationFrame(frame);
      resize.disconnect();
      added.disconnect();
      clearTimeout(late);
      isGone = true;
      here.remove();
      map.current = null;
      overlay.current = null;
    };
    // A new geometry has a new key and so a new map.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);

  const styled = useRef<string | null>(null);
  useEffect(() => {
    const key = `${props.basemap?.url ?? ''} ${p.isDark}`;
    // The first style is the one that the map was made with.
    if (styled.current !== null && styled.current !== key) map.current?.setStyle(style(props.basemap), { diff: false });
    styled.current = key;
  }, [props.basemap, p.isDark]);

  // A camera that another map has moved.
  const { camera } = props;
  useEffect(() => {
    const here = map.current;
    if (!here || !camera || here.isMoving()) return;
    const c = here.getCenter();
    if (Math.abs(c.lng - camera.lon) < 1e-9 && Math.abs(c.lat - camera.lat) < 1e-9 && Math.abs(here.getZoom() - camera.zoom) < 1e-6) return;
    here.jumpTo({ center: [camera.lon, camera.lat], zoom: camera.zoom }, { set: true });
  }, [camera]);

  const { focus } = props;
  useEffect(() => {
    const here = map.current;
    const to = focus && place(focus.element);
    if (!here || !to || !focus) return;
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    here.flyTo({ center: to, zoom: Math.max(here.getZoom(), zoomFor(g)), duration: still ? 0 : 600 }, { own: true });
  }, [focus, place, g]);

  // Which elements are there at all, before any value is looked at.
  const passes = useMemo(() => {
    const mask = new Uint8Array(g.countElements);
    for (let i = 0; i < g.lines.count; i += 1) {
      if (!filter.classes.has(g.lines.cls[i] as number) && (filter.feeder === null || g.lines.feeder[i] === filter.feeder)) mask[g.lines.element[i] as number] = 1;
    }
    for (let i = 0; i < g.points.count; i += 1) {
      if (!filter.classes.has(g.points.cls[i] as number) && (filter.feeder === null || g.points.feeder[i] === filter.feeder || g.points.feeder[i] === ANY_FEEDER)) mask[g.points.element[i] as number] = 1;
    }
    return mask;
  }, [g, filter.classes, filter.feeder]);

  const lineLayer = useMemo(() => [...order].reverse().map((id) => layers.find((l) => l.id === id && l.of === 'lines' && !l.heat)).find(Boolean) ?? null, [order, layers]);
  const pointLayer = useMemo(() => [...order].reverse().map((id) => layers.find((l) => l.id === id && l.of === 'points' && !l.heat)).find(Boolean) ?? null, [order, layers]);

  // Densities, bottom first, under the lines.
  const heats = useMemo(() => order.map((id) => layers.find((l) => l.id === id && l.heat)).filter((l) => l !== undefined), [order, layers]);
  const heatData = useMemo(() => heats.map((l) => heatPoints(l.values, place, passes)), [heats, place, passes]);
  useEffect(() => {
    const here = map.current;
    if (!here) return;
    const put = () => {
      // A style that is not there yet calls again when it is; a new one has none of ours in it.
      if (!here.getLayer(mesh.id)) return;
      for (const old of here.getStyle().layers) if (old.id.startsWith(HEAT)) here.removeLayer(old.id);
      for (const id of Object.keys(here.getStyle().sources)) if (id.startsWith(HEAT)) here.removeSource(id);
      heats.forEach((layer, i) => {
        const id = `${HEAT}${layer.id}`;
        here.addSource(id, { type: 'geojson', data: heatData[i] as GeoJSON.FeatureCollection });
        here.addLayer({ id, type: 'heatmap', source: id, paint: heatPaint(p, heatData[i]?.largest ?? 1) }, mesh.id);
      });
    };
    put();
    here.on('style.load', put);
    return () => {
      here.off('style.load', put);
    };
  }, [heats, heatData, p, mesh]);

  const shown = useRef<(element: number, isPoint: boolean) => boolean>(() => true);
  const classRoom = useMemo(() => roomByClass(g), [g]);
  // Whole steps of zoom decide what has room: not every frame of a zoom makes new layers.
  const zoomStep = Math.round(zoom * 2) / 2;
  const visibleClasses = useMemo(() => {
    const set = new Set<number>();
    classRoom.forEach((room, cls) => {
      if (room * 4 ** zoomStep >= ROOM) set.add(cls);
    });
    return set;
  }, [classRoom, zoomStep]);
  const busClass = g.classes.indexOf('bus');

  const areLinesOn = order.includes('lines');
  // Where one looks does not change how lines look: panning makes none of this anew.
  const styles = useMemo(() => {
    const quietLine: Styled = { color: p.equipment, width: 1.5, step: NEUTRAL_STEP };
    const nothing: Styled = { color: [0, 0, 0, 0], width: 0, step: NEUTRAL_STEP };
    const lineStyle = (index: number): Styled => {
      const element = g.lines.element[index] as number;
      if (!passes[element]) return nothing;
      if (!isShown(lineLayer, element, filter.violations)) return filter.violations ? { color: p.faint, width: 1, step: NEUTRAL_STEP } : nothing;
      if (!lineLayer) return { color: g.lines.open[index] ? p.faint : p.equipment, width: widthOf(g.lines.kv[index] as number, g.lines.phases[index] as number), step: NEUTRAL_STEP };
      const step = stepOf(lineLayer.scale, lineLayer.values[element] as number);
      const s = lineLayer.scale.steps[step];
      return s ? { color: s.color, width: s.width, step } : { ...quietLine, color: p.faint };
    };
    return Array.from({ length: g.lines.count }, (_, i) => (areLinesOn ? lineStyle(i) : nothing));
  }, [g, p, filter.violations, passes, lineLayer, areLinesOn]);
  useEffect(() => mesh.setStyle((line) => styles[line] as Styled), [mesh, styles]);

  useEffect(() => {
    const isStepShown = (layer: ValueLayer | null, element: number) => isShown(layer, element, filter.violations);
    const pointClass = new Int16Array(g.countElements).fill(-1);
    for (let i = 0; i < g.points.count; i += 1) pointClass[g.points.element[i] as number] = g.points.cls[i] as number;
    shown.current = (element, isPoint) => {
      if (!passes[element]) return false;
      if (!isPoint) return order.includes('lines') && isStepShown(lineLayer, element);
      if (pointClass[element] === busClass) return (order.includes('buses') || pointLayer !== null) && visibleClasses.has(busClass);
      return order.includes('symbols') && visibleClasses.has(pointClass[element] as number);
    };
    const out = [];
    const trigger = [lineLayer, p, passes, filter.violations, order.includes('lines')];
    const loud: number[] = [];
    if (areLinesOn) {
      for (let i = 0; i < g.lines.count; i += 1) {
        const s = styles[i] as Styled;
        if (s.step > 0 && lineLayer?.scale.steps[s.step]?.edge) loud.push(i);
      }
      // What is loud lies above what is quiet, and has an edge that holds on any ground.
      if (loud.length > 0 && lineLayer) {
        const path = (i: number) => pathOf(g, i);
        for (const part of ['edge', 'core'] as const) {
          out.push(
            new PathLayer<number>({
              id: `lines-${part}`,
              data: loud,
              getPath: path,
              positionFormat: 'XY',
              widthUnits: 'pixels',
              getColor: (i) => { const s = styles[i] as Styled; return part === 'edge' ? (lineLayer.scale.steps[s.step]?.edge ?? s.color) : s.color; },
              getWidth: (i) => (styles[i] as Styled).width + (part === 'edge' ? 2.5 : 0),
              updateTriggers: { getColor: trigger, getWidth: trigger },
              jointRounded: true,
              capRounded: true,
            }),
          );
        }
      }
    }
    // An element with a value that has no length on the map, as a transformer at a pole, is as loud as a line.
    if (lineLayer && order.includes('lines')) {
      const spots: number[] = [];
      const steps: number[] = [];
      for (let i = 0; i < g.points.count; i += 1) {
        const element = g.points.element[i] as number;
        if (g.points.cls[i] === busClass || !passes[element] || !isStepShown(lineLayer, element)) continue;
        const step = stepOf(lineLayer.scale, lineLayer.values[element] as number);
        if (step <= 0 || !lineLayer.scale.steps[step]?.edge) continue;
        spots.push(i);
        steps.push(step);
      }
      // The loudest last, on top.
      const sorted = spots.map((_, k) => k).sort((a, b) => (steps[a] as number) - (steps[b] as number));
      const data = sorted.map((k) => spots[k] as number);
      const at = sorted.map((k) => lineLayer.scale.steps[steps[k] as number]);
      if (data.length > 0) {
        out.push(
          new ScatterplotLayer<number>({
            id: 'lines-spots',
            data,
            getPosition: (i) => [g.points.positions[2 * i] as number, g.points.positions[2 * i + 1] as number],
            getRadius: (_, { index }) => (at[index]?.width ?? 4) * 0.9 + 2,
            radiusUnits: 'pixels',
            getFillColor: (_, { index }) => at[index]?.color ?? p.equipment,
            stroked: true,
            getLineColor: (_, { index }) => at[index]?.edge ?? p.halo,
            getLineWidth: 1.5,
            lineWidthUnits: 'pixels',
            updateTriggers: { getRadius: trigger, getFillColor: trigger, getLineColor: trigger },
          }),
        );
      }
    }
    const isInView = (i: number): boolean => {
      if (!view) return true;
      const x = g.points.positions[2 * i] as number;
      const y = g.points.positions[2 * i + 1] as number;
      return x >= view.w && x <= view.e && y >= view.s && y <= view.n;
    };
    const buses: number[] = [];
    const busSteps: number[] = [];
    if (busClass >= 0 && (order.includes('buses') || pointLayer)) {
      const room = visibleClasses.has(busClass);
      const bad: number[] = [];
      const badSteps: number[] = [];
      for (let i = 0; i < g.points.count; i += 1) {
        const element = g.points.element[i] as number;
        if (g.points.cls[i] !== busClass || !passes[element] || !isInView(i)) continue;
        const step = pointLayer ? stepOf(pointLayer.scale, pointLayer.values[element] as number) : NEUTRAL_STEP;
        if (pointLayer && !isStepShown(pointLayer, element)) continue;
        const isViolation = pointLayer?.scale.steps[step]?.violation === true;
        // Without room only what is wrong is drawn, for that must not vanish by zooming out.
        if (!room && !isViolation) continue;
        if (step === NEUTRAL_STEP && !order.includes('buses')) continue;
        (isViolation ? bad : buses).push(i);
        (isViolation ? badSteps : busSteps).push(step);
      }
      // What is wrong lies above what is well at the same place.
      for (let k = 0; k < bad.length; k += 1) {
        buses.push(bad[k] as number);
        busSteps.push(badSteps[k] as number);
      }
      out.push(
        new ScatterplotLayer<number>({
          id: 'buses',
          data: buses,
          getPosition: (i) => [g.points.positions[2 * i] as number, g.points.positions[2 * i + 1] as number],
          getRadius: (_, { index }) => (pointLayer?.scale.steps[busSteps[index] as number]?.width ?? 2) * (busSteps[index] === NEUTRAL_STEP ? 1 : 0.8) + 0.5,
          radiusUnits: 'pixels',
          getFillColor: (_, { index }) => pointLayer?.scale.steps[busSteps[index] as number]?.color ?? p.equipment,
          stroked: true,
          getLineColor: p.halo,
          getLineWidth: 1,
          lineWidthUnits: 'pixels',
          updateTriggers: { getRadius: [pointLayer, buses], getFillColor: [pointLayer, buses, p] },
        }),
      );
    }
    if (order.includes('symbols')) {
      const list: number[] = [];
      for (let i = 0; i < g.points.count; i += 1) {
        const cls = g.points.cls[i] as number;
        if (cls !== busClass && visibleClasses.has(cls) && passes[g.points.element[i] as number] && !filter.violations && isInView(i)) list.push(i);
      }
      const { image, mapping } = symbols();
      const common = {
        data: list,
        iconAtlas: image as never,
        iconMapping: mapping,
        getPosition: (i: number): [number, number] => [g.points.positions[2 * i] as number, g.points.positions[2 * i + 1] as number],
        getIcon: (i: number) => symbolKey(g.classes[g.points.cls[i] as number] ?? '', g.points.open[i] === 1),
        sizeUnits: 'pixels' as const,
      };
      out.push(new IconLayer<number>({ ...common, id: 'symbols', getSize: 18, getColor: p.text, updateTriggers: { getColor: [p] } }));
    }
    const marked = [...highlighted];
    if (selected !== null) marked.push(selected);
    if (marked.length > 0) {
      const isMarked = new Set(marked);
      const lines: number[] = [];
      const points: number[] = [];
      for (let i = 0; i < g.lines.count; i += 1) if (isMarked.has(g.lines.element[i] as number)) lines.push(i);
      for (let i = 0; i < g.points.count; i += 1) if (g.points.element[i] === selected) points.push(i);
      const blue: Rgba = [p.action[0], p.action[1], p.action[2], 150];
      out.push(
        new PathLayer<number>({ id: 'marked-lines', data: lines, getPath: (i) => pathOf(g, i), positionFormat: 'XY', widthUnits: 'pixels', getColor: blue, getWidth: (i) => (g.lines.element[i] === selected ? 9 : 5), capRounded: true, jointRounded: true, updateTriggers: { getWidth: [selected], getColor: [p] } }),
        new ScatterplotLayer<number>({ id: 'marked-points', data: points, getPosition: (i) => [g.points.positions[2 * i] as number, g.points.positions[2 * i + 1] as number], radiusUnits: 'pixels', getRadius: 13, filled: false, stroked: true, lineWidthUnits: 'pixels', getLineWidth: 3, getLineColor: p.action, updateTriggers: { getLineColor: [p] } }),
      );
    }
    // Layers in the order that was asked for; marks above all.
    const rank = (id: string): number => {
      if (id.startsWith('marked')) return 1000;
      const base = id.startsWith('lines') ? 'lines' : id;
      const at = order.indexOf(base === 'buses' && !order.includes('buses') && pointLayer ? pointLayer.id : base);
      return at * 10 + (id === 'lines-edge' ? 1 : id === 'lines-core' ? 2 : id === 'lines-spots' ? 3 : 0);
    };
    overlay.current?.setProps({ layers: out.sort((a, b) => rank(a.id) - rank(b.id)) });
  }, [g, p, filter.violations, passes, lineLayer, pointLayer, order, selected, highlighted, visibleClasses, busClass, styles, areLinesOn, view]);

  return <div ref={box} className="mapview" role="application" aria-label={props.label} tabIndex={0} data-testid="map" onKeyDown={(e) => {
    const here = map.current;
    if (!here) return;
    const pan: Record<string, [number, number]> = { ArrowLeft: [-80, 0], ArrowRight: [80, 0], ArrowUp: [0, -80], ArrowDown: [0, 80] };
    const by = selected === null ? pan[e.key] : undefined;
    if (by) here.panBy(by, {}, { own: true });
    else if (e.key === '+' || e.key === '=') here.zoomIn({}, { own: true });
    else if (e.key === '-') here.zoomOut({}, { own: true });
    else if (e.key === '0') here.fitBounds(fitting(g), { padding: 48 }, { own: true });
    else return;
    e.preventDefault();
  }} />;
}

/** What is seen, and as much again around it: points outside are not drawn. */
interface View {
  w: number;
  s: number;
  e: number;
  n: number;
  zoom: number;
}

/** The old one while it still holds all that is seen and is not much larger, so that few moves make new layers. */
function viewOf(map: maplibregl.Map, old: View | null): View {
  const b = map.getBounds();
  const [w, s, e, n] = [b.getWest(), b.getSouth(), b.getEast(), b.getNorth()];
  const zoom = map.getZoom();
  if (old && w >= old.w && s >= old.s && e <= old.e && n <= old.n && Math.abs(zoom - old.zoom) < 1) return old;
  const [dx, dy] = [(e - w) * 0.5, (n - s) * 0.5];
  return { w: w - dx, s: s - dy, e: e + dx, n: n + dy, zoom };
}

/** Whether a layer shows an element: its step is not switched off, and breaks a limit if only that is wanted. */
function isShown(layer: ValueLayer | null, element: number, violations: boolean): boolean {
  if (!layer) return !violations;
  const step = stepOf(layer.scale, layer.values[element] as number);
  if (step === NEUTRAL_STEP) return !violations;
  if (layer.hidden.has(step)) return false;
  return !violations || layer.scale.steps[step]?.violation === true;
}

function quiet(canvas: HTMLCanvasElement): void {
  if (canvas.tabIndex !== -1) canvas.tabIndex = -1;
  canvas.removeAttribute('role');
  canvas.removeAttribute('aria-label');
  canvas.setAttribute('aria-hidden', 'true');
}

function pathOf(g: Geometry, line: number): Float64Array {
  return g.lines.positions.subarray(2 * (g.lines.starts[line] as number), 2 * (g.lines.starts[line + 1] as number));
}

/** Voltage level by weight: what carries more is drawn thicker, a single phase thinner. */
export function widthOf(kv: number, phases: number): number {
  const level = kv > 100 ? 3.2 : kv > 30 ? 2.6 : kv > 1 ? 2 : 1.2;
  const count = (phases & 1) + ((phases >> 1) & 1) + ((phases >> 2) & 1);
  return count === 1 ? level * 0.7 : level;
}

function fitting(g: Geometry): [[number, number], [number, number]] {
  const b = g.bounds ?? [-1, -1, 1, 1];
  const pad = Math.max((b[2] - b[0]) * 0.02, (b[3] - b[1]) * 0.02, 1e-6);
  return [[b[0] - pad, Math.max(-85, b[1] - pad)], [b[2] + pad, Math.min(85, b[3] + pad)]];
}

/** A zoom at which elements of this network have about 30 pixels each. */
function zoomFor(g: Geometry): number {
  const b = g.bounds;
  if (!b) return 10;
  const area = Math.max(1e-12, (b[2] - b[0]) * (b[3] - b[1]));
  const spacing = Math.sqrt(area / Math.max(1, g.countElements));
  return Math.max(0, Math.min(20, Math.log2((30 * 360) / (512 * spacing))));
}

/** Square pixels at zoom 0 that each element of a class has, by class. */
function roomByClass(g: Geometry): Map<number, number> {
  const counts = new Map<number, number>();
  for (const cls of g.points.cls) counts.set(cls, (counts.get(cls) ?? 0) + 1);
  const b = g.bounds ?? [0, 0, 0, 0];
  const perDegree = 512 / 360;
  const area = Math.max((b[2] - b[0]) * perDegree, 1e-12) * Math.max((b[3] - b[1]) * perDegree, 1e-12);
  return new Map([...counts].map(([cls, n]) => [cls, area / n]));
}
