/** The grid as nodes and lines; the ways of supply move along them in the direction of power. */

import { useMemo, useState } from 'react';
import { strings } from '../../strings';
import { fixed, num } from '../../ui/format';
import { flows, placed, type GridState, type Paths } from './grid';

const t = strings.operations;
const [WIDTH, HEIGHT, MARGIN] = [760, 460, 42];

export function Network({ of, paths }: { of: GridState; paths: Paths | null }) {
  const [chosen, setChosen] = useState<string | null>(null);
  const at = useMemo(() => placed(of.nodes, WIDTH, HEIGHT, MARGIN), [of.nodes]);
  const from = useMemo(() => flows(paths?.routes ?? []), [paths]);
  const open = useMemo(() => new Set(paths?.open ?? []), [paths]);
  const small = of.nodes.length > 40;
  const node = of.nodes.find((n) => n.id === chosen);
  const route = paths?.routes.find((r) => r.load_bus === chosen);
  const onRoute = new Set(route?.elements ?? []);
  return (
    <figure className="gridpicture">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={t.picture(of.nodes.length, of.edges.length)}>
        {of.edges.map((e) => {
          const [a, b] = [at.get(e.from), at.get(e.to)];
          if (!a || !b) return null;
          const source = from.get(e.id);
          const isOpen = paths ? open.has(e.id) || (!e.closed && source === undefined) : !e.closed;
          const turned = source !== undefined && source !== e.from;
          const [p, q] = turned ? [b, a] : [a, b];
          const title = t.edgeSaid(e.id, num(e.current_a), e.loading_pct === null ? '–' : fixed(e.loading_pct, 0), e.temperature_c === null ? '–' : fixed(e.temperature_c, 0), fixed(e.risk_score, 2));
          return (
            <g key={e.id} className={onRoute.has(e.id) ? 'edge chosen' : 'edge'}>
              <title>{title}</title>
              <line x1={a.x} y1={a.y} x2={b.x} y2={b.y} className={isOpen ? 'open' : 'closed'} style={{ strokeWidth: isOpen ? 1.2 : 2 + Math.min((e.loading_pct ?? 0) / 25, 5) }} />
              {!isOpen && source !== undefined && <line x1={p.x} y1={p.y} x2={q.x} y2={q.y} className="flow" />}
              {e.risk_score > 0.3 && <circle cx={(a.x + b.x) / 2} cy={(a.y + b.y) / 2} r={4} className="risky" />}
            </g>
          );
        })}
        {of.nodes.map((n) => {
          const p = at.get(n.id);
          if (!p) return null;
          const r = small ? 5 : 10;
          return (
            <g key={n.id} className={`node ${n.type}${n.id === chosen ? ' chosen' : ''}`} onClick={() => setChosen(n.id === chosen ? null : n.id)}>
              <title>{t.nodeSaid(n.id, fixed(n.voltage_pu, 4), num(n.demand_kw), num(n.delivered_kw), fixed(n.risk_score, 2))}</title>
              {n.type === 'generator' ? <rect x={p.x - r} y={p.y - r} width={2 * r} height={2 * r} /> : <circle cx={p.x} cy={p.y} r={n.type === 'joint' ? r / 2 : r} />}
              {!small && <text x={p.x} y={p.y - r - 5} textAnchor="middle">{n.id}</text>}
              {!small && <text x={p.x} y={p.y + r + 13} textAnchor="middle" className="value">{n.type === 'generator' ? `${num(n.delivered_kw)} kW` : `${num(n.demand_kw)} kW`}</text>}
            </g>
          );
        })}
      </svg>
      <figcaption className="small quiet">{t.legend}</figcaption>
      {node && (
        <p className="small" data-testid="node">
          {t.nodeSaid(node.id, fixed(node.voltage_pu, 4), num(node.demand_kw), num(node.delivered_kw), fixed(node.risk_score, 2))}
          {route && <> · {t.suppliedBy(route.buses.join(' → '))}</>}
        </p>
      )}
    </figure>
  );
}
