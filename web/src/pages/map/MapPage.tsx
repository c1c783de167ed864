/** The map: network, results, time, two studies side by side, with detail, tables and diagram beside it. All of its state is in the address. */

import { useQuery } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { Link } from 'react-router';
import { api, asProblem, path } from '../../api/client';
import { indexOf, type Geometry } from '../../api/geometry';
import { HourControl } from '../../app/HourControl';
import { useContext } from '../../state/context';
import { useHour } from '../../state/hour';
import { token, usePreferences } from '../../state/preferences';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { count, hourOfYear, num } from '../../ui/format';
import { useKeys } from '../../ui/keys';
import { Boundary, Empty, ProblemView, Spinner, Tabs } from '../../ui/parts';
import { elementAt, spread, useElement, useElementAt, useFacts, useFactValues, useGeometry, useHourSolved, useMapSummary, useQuantities, useValues, worst, type Quantity } from './data';
import { Detail } from './Detail';
import { Diagram } from './Diagram';
import { ChangesTable, ElementsTable, ViolationsTable } from './Drawer';
import { Layers, type LayerItem } from './Layers';
import './map.css';
import type { Basemap } from './maplibre';
import { MapView, type Camera, type Filter, type ValueLayer } from './MapView';
import { difference, factScale, isChange, palette as makePalette, sequential, thermal, thermalFull, voltage } from './scales';

const t = strings.map;

/** Bottom first. */
const DEFAULT_ORDER = ['lines', 'thermal', 'buses', 'voltage', 'symbols'];
const BASE = ['lines', 'buses', 'symbols'];

function pick(quantities: Quantity[] | undefined, name: string | undefined): Quantity | null {
  return quantities?.find((q) => q.name === name) ?? null;
}

/** `17.2/40.1/-88.3`: zoom, latitude, longitude. */
export function parseCamera(text: string | null): Camera | null {
  const parts = text?.split('/').map(Number) ?? [];
  const [zoom, lat, lon] = parts;
  if (parts.length !== 3 || zoom === undefined || lat === undefined || lon === undefined || !parts.every(Number.isFinite) || Math.abs(lat) > 85) return null;
  return { zoom, lat, lon };
}

/** Layers and quantities of one study on one network. */
function useStudyValues(context: { project: string | null; network: string | null; version: string | null }, run: string | null, hour: number | null, extra: string[], g: Geometry | undefined) {
  const { project, network, version } = context;
  const quantities = useQuantities(project, run, network);
  const loading = useValues(project, run, network, version, pick(quantities.data, 'loading_max_pct'), g);
  const low = useValues(project, run, network, version, pick(quantities.data, 'v_min_pu'), g);
  const high = useValues(project, run, network, version, pick(quantities.data, 'v_max_pu'), g);
  const one = useValues(project, run, network, version, pick(quantities.data, extra[0]), g);
  const solved = useHourSolved(project, run, network, hour);
  const yearVoltage = useMemo(() => worst(low.data, high.data), [low.data, high.data]);
  const atHour = useMemo(() => (hour !== null && solved.data && g ? spread(solved.data, g) : null), [hour, solved.data, g]);
  return {
    quantities,
    thermal: hour === null ? loading.data : atHour?.loading,
    voltage: hour === null ? yearVoltage : atHour?.voltage,
    extra: one.data,
    solved,
    busy: loading.isFetching || low.isFetching || high.isFetching || solved.isFetching,
    error: quantities.error ?? loading.error ?? low.error ?? high.error ?? one.error ?? (hour === null ? null : solved.error),
  };
}

interface Trace { elements: number[]; customers: number; load_kw: number; line_km: number | null; looped: boolean }

interface Settings { basemap?: Basemap | string | null; basemap_file?: boolean; [more: string]: unknown }

function basemapOf(settings: Settings | undefined): Basemap | null {
  const b = settings?.basemap;
  if (!b) return settings?.basemap_file ? { url: '/api/basemap.pmtiles' } : null;
  return typeof b === 'string' ? { url: b } : b.url ? b : null;
}

export default function MapPage() {
  const context = useContext();
  const url = useUrl();
  const { project, network, version, run } = context;
  const theme = usePreferences((s) => s.theme);
  const p = useMemo(() => makePalette(token, theme === 'dark'), [theme]);
  const runRow = context.runs?.find((r) => r.id === run);
  const hours = typeof runRow?.hours === 'number' && runRow.hours > 0 ? Math.ceil(runRow.hours as number) : 8760;
  const { hour, setHour } = useHour(hours);
  const second = url.get('run2');
  const isCompare = second !== null && run !== null;

  const summary = useMapSummary(project, network, version);
  const geometry = useGeometry(project, network, version);
  const g = geometry.data;
  const settings = useQuery({ queryKey: ['settings'], queryFn: ({ signal }) => api.get<Settings>('/api/settings', undefined, signal), staleTime: 300_000 });
  const layout = summary.data?.layout ?? g?.header.layout;
  const basemapUrl = basemapOf(settings.data)?.url;
  const basemap = useMemo(() => (layout === 'geographic' && basemapUrl ? { url: basemapUrl } : null), [layout, basemapUrl]);

  const extraName = url.get('q1');
  // What is known without a study. A minus before a name: coloured, where density would be the way.
  const factsText = url.get('facts') ?? '';
  const facts = useFacts(project, network, version);
  const factsAsked = useMemo(() => factsText.split(',').filter(Boolean).map((x) => (x.startsWith('-') ? { name: x.slice(1), flat: true } : { name: x, flat: false })), [factsText]);
  const factsOn = useMemo(() => factsAsked.flatMap((x) => facts.data?.filter((f) => f.name === x.name) ?? []), [factsAsked, facts.data]);
  const factValues = useFactValues(project, network, version, factsOn, g);
  const first = useStudyValues(context, run, hour, extraName ? [extraName] : [], g);
  const other = useStudyValues(context, isCompare ? second : null, hour, extraName ? [extraName] : [], g);

  // Order and what is on, in the address: ids bottom first, a leading minus for those that are off.
  const orderText = url.get('layers');
  const listed = useMemo(() => {
    const asked = (orderText ?? '').split(',').filter(Boolean).map((x) => (x.startsWith('-') ? { id: x.slice(1), on: false } : { id: x, on: true }));
    const all = [...asked];
    const known = new Set(asked.map((x) => x.id));
    const rest = [...DEFAULT_ORDER, ...(isCompare ? ['difference'] : []), ...(extraName ? [`q:${extraName}`] : []), ...factsAsked.map((f) => `f:${f.name}`)].filter((id) => !known.has(id));
    for (const id of rest) all.push({ id, on: id === 'difference' ? false : true });
    return all.filter((x) => DEFAULT_ORDER.includes(x.id) || (x.id === 'difference' && isCompare) || x.id === `q:${extraName}` || factsAsked.some((f) => x.id === `f:${f.name}`));
  }, [orderText, isCompare, extraName, factsAsked]);
  const setListed = useCallback((next: { id: string; on: boolean }[]) => url.set({ layers: next.map((x) => (x.on ? x.id : `-${x.id}`)).join(',') }), [url]);

  const [hidden, setHidden] = useState<Record<string, number[]>>({});
  const isFull = url.get('full') === '1';
  const makeLayers = useCallback((values: ReturnType<typeof useStudyValues>, before?: ReturnType<typeof useStudyValues>): ValueLayer[] => {
    const out: ValueLayer[] = [];
    const off = (id: string) => new Set(hidden[id] ?? []);
    if (values.thermal) out.push({ id: 'thermal', of: 'lines', scale: isFull ? thermalFull(p) : thermal(p), values: values.thermal, hidden: off('thermal') });
    if (values.voltage) out.push({ id: 'voltage', of: 'points', scale: voltage(p), values: values.voltage, hidden: off('voltage') });
    if (values.extra && extraName) {
      const quantity = values.quantities.data?.find((q) => q.name === extraName);
      const [least, most] = extent(values.extra);
      const isPoint = quantity?.of === 'bus';
      out.push({ id: `q:${extraName}`, of: isPoint ? 'points' : 'lines', scale: sequential(p, quantity?.label ?? extraName, quantity?.unit ?? '', least, most), values: values.extra, hidden: off(`q:${extraName}`) });
    }
    factsOn.forEach((fact, i) => {
      const known = factValues.values[i];
      if (!known) return;
      const [least, most] = extent(known);
      const isFlat = factsAsked.some((x) => x.name === fact.name && x.flat);
      const id = `f:${fact.name}`;
      out.push({ id, of: fact.of === 'bus' ? 'points' : 'lines', scale: factScale(p, fact, least, most, known), values: known, hidden: off(id), heat: fact.adds_up && !isFlat && !isChange(fact.name) });
    });
    if (before?.thermal && values.thermal) {
      const change = values.thermal.map((v, i) => v - (before.thermal?.[i] as number));
      out.push({ id: 'difference', of: 'lines', scale: difference(p, Math.max(...extent(change).map(Math.abs)), 'percentage points of loading, second study minus first'), values: change, hidden: off('difference') });
    }
    return out;
  }, [hidden, isFull, p, extraName, factsOn, factsAsked, factValues.values]);
  const layersFirst = useMemo(() => makeLayers(first), [makeLayers, first.thermal, first.voltage, first.extra, first.quantities.data]); // eslint-disable-line react-hooks/exhaustive-deps
  const layersSecond = useMemo(() => (isCompare ? makeLayers(other, first) : []), [makeLayers, isCompare, other.thermal, other.voltage, other.extra, first.thermal]); // eslint-disable-line react-hooks/exhaustive-deps
  const order = useMemo(() => listed.filter((x) => x.on).map((x) => x.id), [listed]);
  const active = useCallback((layers: ValueLayer[]) => layers.filter((l) => order.includes(l.id)), [order]);
  const shownFirst = useMemo(() => active(layersFirst), [active, layersFirst]);
  const shownSecond = useMemo(() => active(layersSecond), [active, layersSecond]);
  const hasVoltage = shownFirst.some((l) => l.of === 'points');
  const drawOrder = useMemo(() => order.filter((id) => id !== 'voltage' || hasVoltage), [order, hasVoltage]);

  // Filters.
  const feederName = url.get('feeder');
  const classesOff = url.get('off') ?? '';
  const isViolations = url.get('bad') === '1';
  const filter = useMemo<Filter>(() => ({
    classes: new Set(classesOff.split(',').filter(Boolean).map((name) => g?.classes.indexOf(name) ?? -1)),
    feeder: feederName && g ? Math.max(-1, g.feeders.indexOf(feederName)) : null,
    violations: isViolations,
  }), [classesOff, feederName, isViolations, g]);
  const classes = useMemo(() => {
    if (!g) return [];
    const counts = new Array<number>(g.classes.length).fill(0);
    const seen = new Uint8Array(g.countElements);
    const add = (element: number, cls: number) => {
      if (seen[element]) return;
      seen[element] = 1;
      counts[cls] = (counts[cls] ?? 0) + 1;
    };
    g.lines.element.forEach((e, i) => add(e, g.lines.cls[i] as number));
    g.points.element.forEach((e, i) => add(e, g.points.cls[i] as number));
    return g.classes.map((name, index) => ({ index, name, count: counts[index] ?? 0, on: !classesOff.split(',').includes(name) })).filter((c) => c.count > 0);
  }, [g, classesOff]);

  // Selection: an id in the address; its index is asked for once.
  const sel = url.get('sel');
  const detail = useElement(project, network, version, sel);
  const selectedIndex = detail.data && g ? indexOf(detail.data, g.firstBus) : null;
  const [focus, setFocus] = useState<{ element: number; stamp: number } | null>(null);
  const focusWanted = url.get('focus') === '1';
  // Once for each wish: the address says it until the router has changed it, and a flight that takes no time changes the address, too.
  const focused = useRef<string | null>(null);
  useEffect(() => {
    if (!focusWanted) focused.current = null;
    else if (selectedIndex !== null && g && focused.current !== sel) {
      focused.current = sel;
      setFocus({ element: selectedIndex, stamp: Date.now() });
      url.set({ focus: null });
    }
  }, [focusWanted, selectedIndex, g, url, sel]);
  const select = useCallback((id: string | null, goThere = false) => url.set({ sel: id, focus: goThere && id !== null ? true : null }), [url]);
  const selectIndex = useCallback((index: number | null) => {
    if (index === null || !project || !network || !g) return;
    void elementAt(project, network, version, index, g.firstBus).then((row) => row && select(row.id), () => undefined);
  }, [project, network, version, select, g]);

  // Trace up or down the feeder.
  const trace = url.get('trace');
  const traced = useQuery({
    queryKey: ['trace', project, network, version, sel, trace],
    enabled: !!project && !!network && !!sel && (trace === 'up' || trace === 'down'),
    queryFn: ({ signal }) => api.get<Trace>(path('projects', project ?? '', 'networks', network ?? '', 'trace'), { element: sel, direction: trace, version }, signal),
  });
  const highlighted = useMemo(() => new Set(trace ? (traced.data?.elements ?? []) : []), [trace, traced.data]);

  // Hover.
  const [hover, setHover] = useState<{ element: number; x: number; y: number; pane: number } | null>(null);
  const [asked, setAsked] = useState<number | null>(null);
  useEffect(() => {
    const timer = setTimeout(() => setAsked(hover?.element ?? null), 120);
    return () => clearTimeout(timer);
  }, [hover?.element]);
  const hovered = useElementAt(project, network, version, asked, g?.firstBus ?? 0);

  // Camera: shared by both maps, in the address once it rests.
  const [camera, setCamera] = useState<Camera | null>(() => parseCamera(url.get('at')));
  const cameraFor = useRef(`${project}/${network}`);
  useEffect(() => {
    // A place on one network is nowhere on another.
    if (project && network && cameraFor.current !== `${project}/${network}`) {
      const isFirst = cameraFor.current.includes('null');
      cameraFor.current = `${project}/${network}`;
      if (!isFirst) {
        setCamera(null);
        url.set({ at: null });
      }
    }
  }, [project, network, url]);
  const onCamera = useCallback((c: Camera, settled: boolean) => {
    if (isCompare || settled) setCamera(c);
    if (settled) url.set({ at: `${c.zoom.toFixed(2)}/${c.lat.toFixed(6)}/${c.lon.toFixed(6)}` });
  }, [isCompare, url]);

  const drawer = url.get('drawer');
  const showLayers = url.get('nolayers') !== '1';
  const toggleDrawer = (id: string) => url.set({ drawer: drawer === id ? null : id });
  const others = context.runs?.filter((r) => r.id !== run) ?? [];
  useKeys({
    t: () => toggleDrawer('table'),
    v: () => toggleDrawer('violations'),
    d: () => toggleDrawer('diagram'),
    l: () => url.set({ nolayers: showLayers }),
    c: () => url.set({ run2: isCompare ? null : (others[0]?.id ?? null) }),
    Escape: () => (sel ? url.set({ sel: null, trace: null }) : drawer ? url.set({ drawer: null }) : undefined),
    Enter: () => selectedIndex !== null && setFocus({ element: selectedIndex, stamp: Date.now() }),
    ArrowUp: () => { const up = detail.data?.neighbours.upstream[0]; if (up) select(up.id, true); },
    ArrowDown: () => { const down = detail.data?.neighbours.downstream[0]; if (down) select(down.id, true); },
  });
  const selectAndGo = useCallback((id: string) => select(id, true), [select]);

  const readings = useMemo(() => {
    const list: { key: string; head: string; unit: string; values: Float32Array }[] = [];
    if (first.thermal) list.push({ key: 'loading', head: t.thermal, unit: '%', values: first.thermal });
    if (first.voltage) list.push({ key: 'voltage', head: t.voltage, unit: 'pu', values: first.voltage });
    if (first.extra && extraName) list.push({ key: extraName, head: first.quantities.data?.find((q) => q.name === extraName)?.label ?? extraName, unit: first.quantities.data?.find((q) => q.name === extraName)?.unit ?? '', values: first.extra });
    factsOn.forEach((fact, i) => {
      const known = factValues.values[i];
      if (known) list.push({ key: `f:${fact.name}`, head: fact.label ?? fact.name, unit: fact.unit ?? '', values: known });
    });
    return list;
  }, [first.thermal, first.voltage, first.extra, first.quantities.data, extraName, factsOn, factValues.values]);

  if (context.error && !context.projects) return <div className="page"><h1 className="visually-hidden">{strings.pages.map}</h1><ProblemView problem={asProblem(context.error)} /></div>;
  const head = <h1 className="visually-hidden">{strings.pages.map}</h1>;
  if (context.projects && !project) return <>{head}<Empty title={strings.empty.noProjects} actions={<Link className="button" to="/exchange">{strings.empty.import}</Link>}>{strings.empty.noProjectsHint}</Empty></>;
  if (context.networks && !network) return <>{head}<Empty title={strings.empty.noNetworks} actions={<Link className="button" to={{ pathname: '/exchange', search: `?project=${encodeURIComponent(project ?? '')}` }}>{strings.empty.import}</Link>}>{strings.empty.noProjectsHint}</Empty></>;
  if (!project || !network) return <Spinner />;

  const titleOf = (id: string): string => {
    if (id in t.baseLayers) return t.baseLayers[id] as string;
    if (id === 'thermal') return t.thermal;
    if (id === 'voltage') return t.voltage;
    if (id === 'difference') return t.difference;
    if (id.startsWith('f:')) return facts.data?.find((f) => `f:${f.name}` === id)?.label ?? id.slice(2);
    const name = id.slice(2);
    return first.quantities.data?.find((q) => q.name === name)?.label ?? name;
  };
  const factNote = (id: string): string => {
    const fact = facts.data?.find((f) => `f:${f.name}` === id);
    if (!fact) return '';
    return [fact.total !== null ? t.total(num(fact.total), fact.unit ?? '') : '', fact.elsewhere > 0 ? t.elsewhere(count(fact.elsewhere)) : ''].filter(Boolean).join('; ');
  };
  const noteOf = (id: string): string => (id.startsWith('f:') ? factNote(id) : hour !== null ? (id.startsWith('q:') ? '' : t.atHour(hourOfYear(first.solved.data?.hour ?? hour, hours))) : id === 'voltage' ? t.statisticVoltage(count(hours)) : id === 'thermal' || id === 'difference' ? t.statistic(count(hours)) : '');
  const items: LayerItem[] = [...listed].reverse().filter((x) => BASE.includes(x.id) || x.id.startsWith('f:') || run !== null).map((x) => ({ id: x.id, title: titleOf(x.id), on: x.on, note: noteOf(x.id), layer: (x.id === 'difference' ? layersSecond : layersFirst).find((l) => l.id === x.id), busy: x.id.startsWith('f:') ? factValues.busy : (x.id === 'thermal' || x.id === 'voltage') && first.busy, canHeat: facts.data?.some((f) => `f:${f.name}` === x.id && f.adds_up), canGo: x.id.startsWith('f:') || x.id.startsWith('q:') }));
  const setFacts = (next: { name: string; flat: boolean }[]) => url.set({ facts: next.map((x) => (x.flat ? `-${x.name}` : x.name)).join(',') || null });
  const moreOfStudy = (first.quantities.data ?? []).filter((q) => !['loading_max_pct', 'v_min_pu', 'v_max_pu', extraName].includes(q.name)).map((q) => ({ id: `q:${q.name}`, group: t.ofStudy, title: `${q.label ?? q.name}${q.unit ? ` (${q.unit})` : ''}` }));
  const more = [...moreOfStudy, ...(facts.data ?? []).filter((f) => !factsAsked.some((x) => x.name === f.name)).map((f) => ({ id: `f:${f.name}`, group: t.ofNetwork, title: `${f.label ?? f.name}${f.unit ? ` (${f.unit})` : ''}` }))];
  const panes = [{ run, values: first, layers: shownFirst }, ...(isCompare ? [{ run: second, values: other, layers: shownSecond }] : [])];
  const hoverValues = (pane: number, element: number) => (panes[pane]?.layers ?? []).map((l) => ({ title: l.scale.title, value: l.values[element] as number, unit: l.id === 'thermal' ? '%' : l.scale.unit })).filter((x) => Number.isFinite(x.value));
  const tabs = [{ id: 'table', label: t.table }, ...(run ? [{ id: 'violations', label: t.violations }] : []), ...(isCompare ? [{ id: 'changes', label: t.changes }] : []), { id: 'diagram', label: t.diagram }];

  return (
    <div className="mappage">
      {head}
      {showLayers && g && (
        <Boundary name="layers">
          <Layers
            items={items} palette={p} hasRun={run !== null}
            onToggle={(id) => setListed(listed.map((x) => (x.id === id ? { ...x, on: !x.on } : x)))}
            onMove={(id, by) => {
              const at = listed.findIndex((x) => x.id === id);
              const next = [...listed];
              const [item] = next.splice(at, 1);
              if (item) next.splice(Math.max(0, Math.min(next.length, at + by)), 0, item);
              setListed(next);
            }}
            onStep={(id, step) => setHidden((h) => ({ ...h, [id]: h[id]?.includes(step) ? h[id].filter((s) => s !== step) : [...(h[id] ?? []), step] }))}
            more={more}
            onHeat={(id) => setFacts(factsAsked.map((x) => (`f:${x.name}` === id ? { ...x, flat: !x.flat } : x)))}
            onRemove={(id) => (id.startsWith('f:') ? setFacts(factsAsked.filter((x) => `f:${x.name}` !== id)) : url.set({ q1: null }))}
            onMore={(id) => (id.startsWith('f:') ? setFacts([...factsAsked, { name: id.slice(2), flat: false }]) : url.set({ q1: id.slice(2), layers: listed.filter((x) => !x.id.startsWith('q:')).map((x) => (x.on ? x.id : `-${x.id}`)).join(',') }))}
            full={isFull} onFull={(on) => url.set({ full: on })}
            violations={isViolations} onViolations={(on) => url.set({ bad: on })} canViolations={run !== null}
            feeders={g.feeders} feeder={feederName} onFeeder={(f) => url.set({ feeder: f })}
            classes={classes}
            onClass={(index) => {
              const name = g.classes[index] as string;
              const off = classesOff.split(',').filter(Boolean);
              url.set({ off: (off.includes(name) ? off.filter((x) => x !== name) : [...off, name]).join(',') });
            }}
          />
        </Boundary>
      )}
      <div className="maps">
        {geometry.error ? <div className="pane"><div className="pane-over"><ProblemView problem={asProblem(geometry.error)} onRetry={() => void geometry.refetch()} /></div></div> : !g ? <div className="pane"><div className="pane-over"><Spinner /></div></div> : panes.map((pane, i) => (
          <div className="pane" key={i} data-pane={i}>
            <Boundary name="map">
              <MapView
                key={`${project}/${network}/${version}/${geometry.dataUpdatedAt}`}
                label={t.label(network)}
                geometry={g} order={drawOrder} layers={pane.layers} filter={filter} palette={p} basemap={basemap}
                selected={selectedIndex} highlighted={highlighted}
                onSelect={selectIndex}
                onHover={(element, x, y) => setHover(element === null ? null : { element, x, y, pane: i })}
                camera={camera} onCamera={onCamera} focus={focus}
              />
            </Boundary>
            {isCompare && (
              <div className="pane-title">
                {i === 0 ? <b className="clip">{run}</b> : (
                  <>
                    <select aria-label={t.second} value={second ?? ''} onChange={(e) => url.set({ run2: e.target.value })}>{context.runs?.map((r) => <option key={r.id} value={r.id}>{r.id}</option>)}</select>
                    <button className="plain" onClick={() => url.set({ run2: null })} aria-label={t.close}>✕</button>
                  </>
                )}
              </div>
            )}
            {hour !== null && pane.values.solved.data?.settled === false && <div className="pane-alert" role="alert">{t.unsettled(hourOfYear(pane.values.solved.data.hour ?? hour, hours))}</div>}
            {pane.values.error ? <div className="pane-note" style={{ bottom: 40, maxWidth: 460 }}><ProblemView problem={asProblem(pane.values.error)} /></div> : null}
            {i === 0 && layout && layout !== 'geographic' && <div className="pane-note">{layout === 'automatic' ? t.automatic : t.schematic}</div>}
            {!g.bounds && <div className="pane-over"><Empty title={t.noPlaces} actions={<button onClick={() => url.set({ drawer: 'table' })}>{t.table}</button>}>{t.noPlacesHint}</Empty></div>}
            {hover && hover.pane === i && (
              <div className="hovercard" style={{ left: Math.min(hover.x + 14, 700), top: hover.y + 14 }} role="status">
                {hovered.data && asked === hover.element ? <b>{hovered.data.id}</b> : <span className="quiet">…</span>}
                {hovered.data && asked === hover.element && <div className="small quiet">{[hovered.data.kv ? `${num(hovered.data.kv)} kV` : '', hovered.data.feeder].filter(Boolean).join(' · ')}</div>}
                {hoverValues(i, hover.element).map((x) => <div key={x.title}>{x.title}: <b>{num(x.value)}</b> {x.unit}</div>)}
              </div>
            )}
          </div>
        ))}
        {g && (
          <div className="maptools">
            <button aria-pressed={showLayers} onClick={() => url.set({ nolayers: showLayers })}>{t.layers}</button>
            <button aria-pressed={drawer === 'table'} onClick={() => toggleDrawer('table')}>{t.table}</button>
            {run && <button aria-pressed={drawer === 'violations'} onClick={() => toggleDrawer('violations')}>{t.violations}</button>}
            <button aria-pressed={drawer === 'diagram'} onClick={() => toggleDrawer('diagram')}>{t.diagram}</button>
            <button aria-pressed={isCompare} disabled={others.length === 0 || !run} title={others.length === 0 || !run ? t.needTwo : 'c'} onClick={() => url.set({ run2: isCompare ? null : (others[0]?.id ?? null) })}>{t.compare}</button>
          </div>
        )}
      </div>
      {drawer && tabs.some((x) => x.id === drawer) && (
        <section className={`drawer ${drawer === 'diagram' ? 'tall' : ''}`} aria-label={t.table}>
          <div className="row"><div className="grow"><Tabs label={t.table} tabs={tabs} at={drawer} onChange={(id) => url.set({ drawer: id })} /></div><button className="plain" aria-label={strings.close} onClick={() => url.set({ drawer: null })}>✕</button></div>
          <Boundary name={drawer} key={drawer}>
            {drawer === 'table' && <ElementsTable project={project} network={network} version={version} feeder={feederName} selected={sel} readings={readings} firstBus={g?.firstBus ?? 0} classes={classes.map((c) => c.name)} onSelect={(row) => select(row.id, true)} />}
            {drawer === 'violations' && run && <ViolationsTable project={project} run={run} selected={sel} onSelect={selectAndGo} onHour={setHour} />}
            {drawer === 'changes' && run && second && <ChangesTable project={project} run={run} second={second} selected={sel} onSelect={selectAndGo} />}
            {drawer === 'diagram' && <Diagram project={project} network={network} version={version} root={sel} solved={hour === null ? undefined : first.solved.data} onSelect={(id) => select(id)} />}
          </Boundary>
        </section>
      )}
      {sel && (
        <Boundary name="detail" key={sel}>
          <Detail project={project} network={network} version={version} run={run} id={sel} hour={hour} solved={hour === null ? undefined : first.solved.data}
            onClose={() => url.set({ sel: null, trace: null })} onGo={(id) => select(id, true)} onFocus={() => selectedIndex !== null && setFocus({ element: selectedIndex, stamp: Date.now() })}
            onTrace={(direction) => url.set({ trace: direction })} trace={trace ? traced.data : undefined} onDiagram={() => url.set({ drawer: 'diagram' })} onHour={setHour} />
        </Boundary>
      )}
      {run && <HourControl hours={hours} busy={first.solved.isFetching || other.solved.isFetching} />}
    </div>
  );
}

function extent(values: Float32Array): [number, number] {
  let least = Infinity;
  let most = -Infinity;
  for (const v of values) {
    if (v < least) least = v;
    if (v > most) most = v;
  }
  return least <= most ? [least, most] : [0, 0];
}
