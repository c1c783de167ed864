/** The live single line: symbols of IEC 60617, values at the bays, and the marks of their quality. */

import { Fragment, useEffect, useMemo, useRef, useState } from 'react';
import type { AssetMoment, Moment, TwinDiagram } from '../../api/twin';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { count, num } from '../../ui/format';
import { Empty } from '../../ui/parts';
import { symbolOf } from '../../ui/symbols';
import { barLabelAt, labelAt, ROW, singleLine, type Placed, type SingleLine as Layout } from './singleLine';
import { byElement, heatOf, intoOrOut, largest, liveOf, markOf, positionText, spoken, told, type Live } from './words';

const t = strings.twin;

interface Props {
  diagram: TwinDiagram;
  moment: Moment | null;
  name: string;
  selected: string | null;
  onSelect: (element: string, asset: string | null) => void;
  /** Old: hatched whole. */
  isStale: boolean;
  /** Elements whose devices do not answer. */
  hatched: Set<string>;
  isSimulated: boolean;
  /** Elements that a question has changed. */
  changed?: Set<string>;
}

/** Smallest scale at which the drawing is read: letters of 12 px are 10 px tall then. Below it is scrolled. */
const LEAST = 0.8;

const isSwitching = (kind: string) => /break|isolat|switch|disconnect|fuse|reclos|section/.test(kind);

export function SingleLine(props: Props) {
  const { diagram } = props;
  const layout = useMemo(() => singleLine(diagram), [diagram]);
  if (layout.bars.length === 0) return <Empty title={t.noNetwork}>{t.noNetworkHint}</Empty>;
  return (
    <>
      <Drawing {...props} layout={layout} />
      {layout.missing.length > 0 && <p className="small"><b>{t.missing(count(layout.missing.length))}</b> <span className="break">{layout.missing.slice(0, 30).join(', ')}{layout.missing.length > 30 ? ' …' : ''}</span></p>}
    </>
  );
}

/** Levels of voltage in the order of the drawing have a weight and a tint of their own. */
const levelOf = (kvs: number[], kv: number) => Math.min(4, Math.max(1, kvs.findIndex((k) => Math.abs(k - kv) < 0.01 * k) + 1));

function Drawing({ layout, diagram, moment, name, selected, onSelect, isStale, hatched, isSimulated, changed }: Props & { layout: Layout }) {
  const url = useUrl();
  const isWhole = url.get('fit') === '1';
  const svg = useRef<SVGSVGElement>(null);
  const [view, setView] = useState<[number, number, number, number] | null>(null);
  const drag = useRef<{ x: number; y: number; view: [number, number, number, number]; moved: boolean } | null>(null);
  const now = useMemo(() => (moment ? byElement(moment) : null), [moment]);
  const assets = useMemo(() => new Map<string, AssetMoment>((moment?.assets ?? []).map((a) => [a.asset, a])), [moment]);
  const kvs = useMemo(() => [...new Set(diagram.buses.flatMap((b) => (b.kv_base === null ? [] : [b.kv_base])))].sort((a, b) => b - a), [diagram]);
  const earthed = useMemo(() => {
    const out = new Set<string>();
    for (const e of diagram.elements) if (/earth|ground/.test(e.kind) && now?.switches.get(e.element.toLowerCase())?.closed === true) e.buses.forEach((b) => out.add(b.toLowerCase()));
    return out;
  }, [diagram, now]);
  const whole: [number, number, number, number] = [0, 0, layout.width, layout.height];
  const box = view ?? whole;

  const live = (bus: string): Live | 'earthed' => (earthed.has(bus) ? 'earthed' : liveOf(now?.buses.get(bus)));
  const line = (bus: string, kv: number) => `kv${levelOf(kvs, kv)} ${now ? live(bus) : 'unknown'}`;

  const zoom = (by: number, at?: [number, number]) => {
    const [x, y, w, h] = box;
    const k = Math.min(Math.max(w / by, layout.width / 12), layout.width * 1.5) / w;
    const [cx, cy] = at ?? [x + w / 2, y + h / 2];
    setView([cx - (cx - x) * k, cy - (cy - y) * k, w * k, h * k]);
  };
  // A wheel listener that may stop the page from scrolling has to be added by hand.
  const zooming = useRef(zoom);
  useEffect(() => { zooming.current = zoom; });
  useEffect(() => {
    const of = svg.current;
    const onWheel = (e: WheelEvent) => {
      if (!of || !(e.ctrlKey || e.metaKey || document.activeElement?.closest('svg') === of)) return;
      e.preventDefault();
      const m = of.getScreenCTM()?.inverse();
      const p = m ? new DOMPoint(e.clientX, e.clientY).matrixTransform(m) : null;
      zooming.current(e.deltaY < 0 ? 1.15 : 1 / 1.15, p ? [p.x, p.y] : undefined);
    };
    of?.addEventListener('wheel', onWheel, { passive: false });
    return () => of?.removeEventListener('wheel', onWheel);
  }, []);

  // As a whole in a small box only names can be read, larger ones.
  const [isTiny, setTiny] = useState(false);
  useEffect(() => {
    const of = svg.current;
    if (!of) return;
    const watch = new ResizeObserver(() => setTiny(Math.min(of.clientWidth / layout.width, of.clientHeight / layout.height) < LEAST - 0.05));
    watch.observe(of);
    return () => watch.disconnect();
  }, [layout.width, layout.height]);

  // What is chosen elsewhere, or hidden by the panel that opens beside, comes into sight.
  useEffect(() => {
    if (selected) svg.current?.querySelector(`[data-element="${CSS.escape(selected)}"]`)?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [selected]);

  const move = (from: SVGGElement, key: string): boolean => {
    const direction = ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] } as Record<string, [number, number]>)[key];
    if (!direction) return false;
    const [x, y] = [Number(from.dataset.x), Number(from.dataset.y)];
    let best: SVGGElement | null = null;
    let least = Infinity;
    for (const other of svg.current?.querySelectorAll<SVGGElement>('[data-element]') ?? []) {
      const [dx, dy] = [Number(other.dataset.x) - x, Number(other.dataset.y) - y];
      const along = dx * direction[0] + dy * direction[1];
      if (along <= 1) continue;
      const cost = along + 3 * Math.abs(dx * direction[1] + dy * direction[0]);
      if (cost < least) [best, least] = [other, cost];
    }
    best?.focus();
    return true;
  };
  const onKey = (e: React.KeyboardEvent) => {
    if (e.key === '+' || e.key === '=') zoom(1.25);
    else if (e.key === '-') zoom(1 / 1.25);
    else if (e.key === '0') setView(null);
    else return;
    e.preventDefault();
    e.stopPropagation();
  };

  const first = layout.placed.find((p) => p.element === selected) ?? layout.placed.find((p) => isSwitching(p.kind));
  const symbol = (p: Placed) => {
    const key = p.element.toLowerCase();
    const s = now?.switches.get(key);
    const e = now?.elements.get(key);
    const isSwitch = isSwitching(p.kind);
    const isOpen = isSwitch && s?.closed === false;
    // A switch of another station tells nothing; where current flows through it, it is closed.
    const isCarrying = isSwitch && !s && (largest(e?.ends[0]?.i_a) ?? 0) > 0.5;
    const isUndetermined = isSwitch && (s ? s.closed === null : !isCarrying);
    const drawn = symbolOf(p.kind, isOpen || isUndetermined);
    const mark = isSwitch && s ? markOf(s.quality) : 'good';
    const isDead = p.buses.length > 0 && now !== null && p.buses.every((b) => live(b) === 'dead');
    const origin = e?.ends[0]?.origin;
    const i = isSwitch ? (s?.i_a ?? null) : largest(e?.ends[0]?.i_a);
    const asset = p.asset ? assets.get(p.asset) : undefined;
    const lines: { text: string; isEstimate: boolean }[] = [];
    const isEstimate = origin === 'estimated' || origin === 'pseudo';
    if (now && /break|reclos/.test(p.kind) && i !== null) lines.push({ text: `${told(i, origin, 3)} A`, isEstimate });
    if (now && !isSwitch && e) {
      const end = e.ends[0];
      const isShunt = /capac|react/.test(p.kind) && p.buses.length === 1;
      if (!isShunt && end?.p_kw !== null && end?.p_kw !== undefined) lines.push({ text: `${told(intoOrOut(p.kind, end.p_kw) / 1000, end.origin, 3)} MW`, isEstimate });
      if (end?.q_kvar !== null && end?.q_kvar !== undefined && (isShunt ? Math.abs(end.q_kvar) > 500 : true)) lines.push({ text: `${told(intoOrOut(p.kind, end.q_kvar) / 1000, end.origin, 3)} Mvar`, isEstimate });
      if (/trans/.test(p.kind) && e.loading_pct !== null) lines.push({ text: `${told(e.loading_pct, end?.origin, 3)} %`, isEstimate });
    }
    const loading = e?.loading_pct ?? null;
    const heat = heatOf(p.kind, loading);
    const isMinor = isSwitch && !/break|reclos/.test(p.kind);
    const hasMark = mark !== 'good';
    const quality = isSwitch ? (s?.point ? t.quality[mark] : t.quality.none) : origin ? t.origin[origin] : null;
    const label = spoken((drawn.name.split(',')[0] ?? drawn.name), p.name, [isSwitch ? (isCarrying ? t.carrying : positionText(s)) : null, s?.doubted ? t.doubted : null, ...lines.map((l) => l.text), asset && (asset.alarms ?? 0) > 0 ? `${asset.alarms} ${strings.alarms.tabs.list.toLowerCase()}` : null, quality ?? null, isStale ? t.quality.old ?? null : null, isSimulated ? t.sim : null]);
    const isLeft = p.label === 'left';
    const { x: tx, y: ty, anchor } = labelAt(p, lines.length);
    return (
      <Fragment key={p.element}>
      <g data-element={p.element} data-x={p.x} data-y={p.y} role="button" tabIndex={p === first ? 0 : -1} aria-label={label} aria-pressed={p.element === selected}
        className={`symbol ${line(p.buses[0] ?? '', p.kv)} ${p.element === selected ? 'here' : ''} ${isDead ? 'dead' : ''} ${hatched.has(key) ? 'old' : ''} ${heat} ${changed?.has(key) ? 'changed' : ''} ${isMinor ? 'minor' : ''}`}
        transform={`translate(${p.x} ${p.y})`}
        onClick={() => { if (!drag.current?.moved) onSelect(p.element, p.asset); }}
        onKeyDown={(event) => {
          if (event.key === 'Enter' || event.key === ' ') onSelect(p.element, p.asset);
          else if (!move(event.currentTarget, event.key)) return;
          event.preventDefault();
          event.stopPropagation();
        }}>
        <title>{label}</title>
        <rect x={-14} y={-14} width={28} height={28} className="target" />
        <g transform={p.turned ? 'rotate(90)' : undefined}>
          {drawn.fill && <path d={drawn.fill} className="fill" />}
          {drawn.stroke && <path d={drawn.stroke} />}
        </g>
      </g>
      {/* Said by the label of the symbol already; beside it, so that a reader hears it once. */}
      <g aria-hidden="true" className={`texts ${p.element === selected ? 'here' : ''}`} transform={`translate(${p.x} ${p.y})`}>
        {isUndetermined && isSwitch && <text className="letter undetermined" y={0}>?</text>}
        {drawn.letter && <text className="letter">{drawn.letter}</text>}
        {s?.doubted && <text className="letter doubt" x={-15} y={-9}>≠</text>}
        <text className={isMinor ? 'name minor' : 'name'} x={tx} y={ty} textAnchor={anchor}>{p.name}</text>
        {lines.map((l, k) => <text key={k} className={`reading ${l.isEstimate ? 'estimated' : ''} ${isStale ? 'stale' : ''}`} x={tx} y={ty + ROW * (k + 1)} textAnchor={anchor}>{l.text}</text>)}
        {mark === 'old' && <path className="hourglass" transform={`translate(${isLeft ? 16 : -16} ${p.label === 'below' ? -9 : 9})`} d="M-4 -5H4L-4 5H4z" />}
        {hasMark && mark !== 'old' && <text className={`quality ${mark}`} x={isLeft ? 12 : -12} y={p.label === 'below' ? -7 : 13} textAnchor={isLeft ? 'start' : 'end'}>{mark === 'substituted' ? 'M' : mark === 'invalid' ? '✕' : '?'}</text>}
        {asset && (asset.alarms ?? 0) > 0 && <g className="alarm" transform="translate(-19 -9)"><path d="M0 -6 6 5H-6z" /><text y={2.5}>!</text></g>}
      </g>
      </Fragment>
    );
  };
  return (
    <div className={`sld ${isWhole ? 'whole' : ''}`} onKeyDown={onKey}>
      <div className="row sld-tools">
        <div className="segmented">
          <button onClick={() => zoom(1.25)} aria-label={t.zoomIn} title={`${t.zoomIn}  +`}>+</button>
          <button onClick={() => zoom(1 / 1.25)} aria-label={t.zoomOut} title={`${t.zoomOut}  −`}>−</button>
          <button aria-pressed={!isWhole} onClick={() => { setView(null); url.set({ fit: null }); }} title="0">{t.readable}</button>
          <button aria-pressed={isWhole} onClick={() => { setView(null); url.set({ fit: 1 }); }}>{t.whole}</button>
        </div>
        <span className="grow" />
        <Legend kvs={kvs.filter((kv) => layout.bars.some((b) => b.kv === kv))} isSimulated={isSimulated} />
      </div>
      <div className="sld-box">
      <svg ref={svg} style={isWhole ? undefined : { minWidth: LEAST * layout.width, height: `clamp(${Math.round(LEAST * layout.height)}px, calc(100vh - 390px), ${Math.round(1.2 * layout.height)}px)` }} role="group" aria-label={t.diagram(name)} viewBox={box.join(' ')} preserveAspectRatio="xMidYMin meet" className={`${isStale ? 'stale' : ''} ${box[2] < layout.width * 0.72 ? 'near' : isTiny ? 'tiny' : ''}`}
        onPointerDown={(e) => { drag.current = { x: e.clientX, y: e.clientY, view: [...box], moved: false }; }}
        onPointerMove={(e) => {
          const from = drag.current;
          if (!from || !(e.buttons & 1)) return;
          const scale = svg.current?.getScreenCTM()?.a ?? 1;
          const [dx, dy] = [e.clientX - from.x, e.clientY - from.y];
          if (!from.moved && Math.hypot(dx, dy) < 5) return;
          from.moved = true;
          setView([from.view[0] - dx / scale, from.view[1] - dy / scale, from.view[2], from.view[3]]);
        }}>
        <defs>
          <pattern id="sld-hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M0 0V7" stroke="var(--equipment)" strokeWidth="1.6" opacity="0.5" /></pattern>
        </defs>
        {layout.bays.filter((b) => b.elements.length > 0 && b.elements.every((e) => hatched.has(e.toLowerCase()))).map((b) => <rect key={b.bay} className="hatch" x={b.x1} y={b.y1} width={b.x2 - b.x1} height={b.y2 - b.y1} fill="url(#sld-hatch)" />)}
        {layout.wires.map((w, i) => <polyline key={i} className={`wire ${line(w.bus, w.kv)}`} points={w.points.map((p) => p.join(',')).join(' ')} />)}
        {layout.bars.map((b) => {
          const of = now?.buses.get(b.bus);
          const isEstimate = of?.origin === 'estimated' || of?.origin === 'pseudo';
          const text = of ? (liveOf(of) === 'dead' ? t.dead : `${told(of.v_kv, of.origin, 4)} kV ${told(of.v_pu, of.origin, 4)} pu`) : '–';
          const at = barLabelAt(b);
          const label = spoken(t.busbar, b.asset ?? b.bus, [t.kvLevel(num(b.kv)), text, of ? (t.origin[of.origin] ?? null) : t.unknown, isStale ? t.quality.old ?? null : null]);
          return (
            <Fragment key={b.bus}>
            <g role="button" tabIndex={-1} data-element={`bus.${b.bus}`} data-x={(b.x1 + b.x2) / 2} data-y={b.y} aria-label={label} className={`bar ${line(b.bus, b.kv)} ${selected === `bus.${b.bus}` ? 'here' : ''}`}
              onClick={() => { if (!drag.current?.moved) onSelect(`bus.${b.bus}`, b.asset); }}
              onKeyDown={(event) => {
                if (event.key === 'Enter' || event.key === ' ') onSelect(`bus.${b.bus}`, b.asset);
                else if (!move(event.currentTarget, event.key)) return;
                event.preventDefault();
                event.stopPropagation();
              }}>
              <title>{label}</title>
              <line x1={b.x1} x2={b.x2} y1={b.y} y2={b.y} className="target" />
              <line x1={b.x1} x2={b.x2} y1={b.y} y2={b.y} />
            </g>
            <g aria-hidden="true" className="texts">
              <text className="name" x={at.x} y={at.y[0]} textAnchor={at.anchor}>{b.asset ?? b.bus}</text>{' '}
              <text className={`reading ${isEstimate ? 'estimated' : ''} ${isStale ? 'stale' : ''}`} x={at.x} y={at.y[1]} textAnchor={at.anchor}>{text}</text>
            </g>
            </Fragment>
          );
        })}
        {layout.dots.map((d, i) => <circle key={i} className={`node ${line(d.bus, d.kv)}`} cx={d.x} cy={d.y} r={3} />)}
        {layout.bays.filter((b) => !layout.placed.some((p) => p.bay === b.bay && p.name.toLowerCase().includes(b.bay.toLowerCase()))).map((b) => <text key={b.bay + b.kv} className="bayname" aria-hidden="true" x={b.label[0] - 10} y={b.label[1]} textAnchor="end">{b.bay}</text>)}
        {layout.placed.map(symbol)}
        {isStale && <rect className="hatch" x={box[0] - 4000} y={box[1] - 4000} width={9000 + box[2]} height={9000 + box[3]} fill="url(#sld-hatch)" pointerEvents="none" />}
      </svg>
      </div>
    </div>
  );
}

function Legend({ kvs, isSimulated }: { kvs: number[]; isSimulated: boolean }) {
  return (
    <ul className="sld-legend" aria-label={t.legend}>
      {kvs.map((kv, i) => <li key={kv}><svg width="22" height="8" aria-hidden="true"><line className={`wire kv${Math.min(4, i + 1)} live`} x1="0" x2="22" y1="4" y2="4" /></svg>{t.kvLevel(num(kv))}</li>)}
      {(['dead', 'unknown'] as const).map((k) => <li key={k}><svg width="22" height="8" aria-hidden="true"><line className={`wire kv4 ${k}`} x1="0" x2="22" y1="4" y2="4" /></svg>{t[k]}</li>)}
      <li><i>~</i> {t.origin.estimated}</li>
      <li><b>M</b> {t.quality.substituted}</li>
      <li><svg width="10" height="12" viewBox="-5 -6 10 12" aria-hidden="true"><path className="hourglass" d="M-4 -5H4L-4 5H4z" /></svg>{t.quality.old}</li>
      {isSimulated && <li><b className="simtag">{t.sim}</b></li>}
    </ul>
  );
}
