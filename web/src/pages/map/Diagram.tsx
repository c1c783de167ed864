/** The single-line diagram around an element, laid out from the topology, with symbols of IEC 60617. */

import { useQuery } from '@tanstack/react-query';
import { useMemo, useRef, useState } from 'react';
import { api, path } from '../../api/client';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { num } from '../../ui/format';
import { Empty, Loaded } from '../../ui/parts';
import { symbolOf } from '../../ui/symbols';
import type { Solved } from './data';
import { diagramOf, type DiagramAnswer, type DiagramData, type DiagramNode } from './schematic';

const STEP = 64;

export function Diagram({ project, network, version, root, solved, onSelect }: { project: string; network: string; version: string | null; root: string | null; solved: Solved | undefined; onSelect: (id: string) => void }) {
  const url = useUrl();
  const depth = Number(url.get('depth') ?? 6);
  const query = useQuery({
    queryKey: ['diagram', project, network, version, root, depth],
    enabled: root !== null,
    staleTime: 300_000,
    structuralSharing: false,
    queryFn: ({ signal }) => api.get<DiagramAnswer>(path('projects', project, 'networks', network, 'diagram'), { version, root, depth }, signal),
  });
  const data = useMemo(() => (query.data ? diagramOf(query.data) : null), [query.data]);
  if (root === null) return <Empty title={strings.map.diagram}>{strings.map.diagramHint}</Empty>;
  return (
    <div className="diagram">
      <div className="toolbar">
        <label className="row">{strings.map.depth} <input type="range" min={1} max={20} value={depth} onChange={(e) => url.set({ depth: e.target.value })} /> {depth}</label>
        {data?.truncated && <span className="small quiet">{strings.map.truncated}</span>}
      </div>
      <Loaded query={query}>{() => data && <Drawing data={data} root={root} solved={solved} onSelect={onSelect} />}</Loaded>
    </div>
  );
}

function Drawing({ data, root, solved, onSelect }: { data: DiagramData; root: string; solved: Solved | undefined; onSelect: (id: string) => void }) {
  const [zoom, setZoom] = useState(1);
  const svg = useRef<SVGSVGElement>(null);
  const k = STEP;
  const box = useMemo(() => {
    const xs = [...data.nodes.map((n) => n.x), ...data.edges.flatMap((e) => e.points.map((q) => q[0]))];
    const ys = [...data.nodes.map((n) => n.y), ...data.edges.flatMap((e) => e.points.map((q) => q[1]))];
    if (xs.length === 0) return null;
    const least = (a: number[]) => a.reduce((m, v) => Math.min(m, v), Infinity);
    const most = (a: number[]) => a.reduce((m, v) => Math.max(m, v), -Infinity);
    return { x: least(xs) * k - 60, y: least(ys) * k - 40, w: (most(xs) - least(xs)) * k + 160, h: (most(ys) - least(ys)) * k + 90 };
  }, [data, k]);
  const volts = useMemo(() => {
    const map = new Map<string, number>();
    for (const n of solved?.nodes ?? []) if (n.v_pu !== null && (!map.has(n.bus) || Math.abs(n.v_pu - 1) > Math.abs((map.get(n.bus) as number) - 1))) map.set(n.bus.toLowerCase(), n.v_pu);
    return map;
  }, [solved]);
  const amps = useMemo(() => new Map((solved?.elements ?? []).map((e) => [e.id.toLowerCase(), e])), [solved]);
  if (!box) return <Empty title={strings.map.noElements} />;
  const reading = (n: DiagramNode): string => {
    const v = volts.get(n.id.toLowerCase().replace(/^bus\./, ''));
    if (v !== undefined && n.kind === 'bus') return `${num(v)} pu`;
    const e = n.element ? amps.get(n.element.toLowerCase()) : undefined;
    if (!e) return '';
    return e.loading_pct !== null && e.loading_pct !== undefined ? `${num(e.loading_pct, 3)} %` : e.p_kw !== null && e.p_kw !== undefined ? `${num(e.p_kw, 3)} kW` : '';
  };
  const move = (from: SVGGElement, key: string) => {
    const all = [...(svg.current?.querySelectorAll<SVGGElement>('[data-node]') ?? [])];
    const [x, y] = [Number(from.dataset.x), Number(from.dataset.y)];
    const direction: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const d = direction[key];
    if (!d) return false;
    let best: SVGGElement | null = null;
    let least = Infinity;
    for (const other of all) {
      const [dx, dy] = [Number(other.dataset.x) - x, Number(other.dataset.y) - y];
      const along = dx * d[0] + dy * d[1];
      if (along <= 1) continue;
      const cost = along + 3 * Math.abs(dx * d[1] + dy * d[0]);
      if (cost < least) [best, least] = [other, cost];
    }
    best?.focus();
    return true;
  };
  return (
    <div className="drawing" tabIndex={-1}>
      <div className="segmented drawing-zoom">
        <button onClick={() => setZoom(zoom * 1.25)} aria-label="+">+</button>
        <button onClick={() => setZoom(zoom / 1.25)} aria-label="−">−</button>
        <button onClick={() => setZoom(1)}>1:1</button>
      </div>
      <svg ref={svg} role="group" aria-label={`${strings.map.diagram} ${root}`} viewBox={`${box.x} ${box.y} ${box.w} ${box.h}`} width={box.w * zoom} height={box.h * zoom}>
        {data.edges.map((e, i) => {
          const isOut = !e.supplied;
          return (
            <g key={i} className={`edge ${isOut ? 'dead' : ''} ${e.element && e.element === root ? 'here' : ''}`} onClick={() => e.element && onSelect(e.element)} style={{ cursor: e.element ? 'pointer' : undefined }}>
              <polyline points={e.points.map(([x, y]) => `${x * k},${y * k}`).join(' ')} className="wide" />
              <polyline points={e.points.map(([x, y]) => `${x * k},${y * k}`).join(' ')} />
              {e.element && <title>{e.element}</title>}
            </g>
          );
        })}
        {data.nodes.map((n) => {
          const isOpen = n.state === 'open' || n.state === 'partly open';
          const symbol = symbolOf(n.kind, isOpen);
          const isHere = n.element === root || n.id === root;
          const value = reading(n);
          const isCut = n.more > 0;
          const id = n.element ?? n.id;
          const bar = n.bar ?? null;
          return (
            <g key={n.id} data-node={n.id} data-x={n.x * k} data-y={n.y * k} role="button" tabIndex={isHere ? 0 : -1} className={`symbol ${isHere ? 'here' : ''} ${n.state === 'open' || n.state === 'out of service' ? 'dead' : ''}`} transform={`translate(${n.x * k} ${n.y * k})`}
              aria-label={[[symbol.letter, `${n.label}${isCut ? ' …' : ''}`, value].filter(Boolean).join(' '), symbol.name, n.state].filter(Boolean).join(', ')}
              onClick={() => onSelect(id)}
              onKeyDown={(event) => {
                if (event.key === 'Enter' || event.key === ' ') onSelect(id);
                else if (!move(event.currentTarget, event.key)) return;
                event.preventDefault();
                event.stopPropagation();
              }}>
              <rect x={-14} y={-14} width={28} height={28} className="target" />
              <g>
                {symbol.stroke && bar === null && <path d={symbol.stroke} />}
                {bar !== null && <path d={`M${bar[0] * k} 0H${bar[1] * k}`} style={{ strokeWidth: 4 }} />}
                {symbol.fill && bar === null && <path d={symbol.fill} className="fill" />}
                {symbol.letter && <text className={`letter ${symbol.fill ? 'on' : ''}`}>{symbol.letter}</text>}
              </g>
              {/* Above a bar there is room beside the line that comes down onto it; below it hangs what it feeds. */}
              {' '}<text x={bar ? Math.max(bar[0] * k, -4) + 8 : 14} y={bar ? -18 : -3} className="name">{n.label}{isCut ? ' …' : ''}</text>
              {' '}{value && <text x={bar ? Math.max(bar[0] * k, -4) + 8 : 14} y={bar ? -6 : 10} className="reading">{value}</text>}
            </g>
          );
        })}
      </svg>
    </div>
  );
}
