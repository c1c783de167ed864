/** The operations desk as the server tells it. */

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { api, path } from '../../api/client';
import { link } from '../../api/socket';
import { useSession } from '../../state/session';

export interface GridNode { id: string; type: 'generator' | 'load' | 'joint'; x: number | null; y: number | null; voltage_pu: number | null; voltage_kv: number | null; demand_kw: number; delivered_kw: number; risk_score: number }
export interface GridEdge { id: string; from: string; to: string; closed: boolean; resistance_ohm: number | null; current_a: number; power_kw: number; losses_kw: number; loading_pct: number | null; temperature_c: number | null; risk_score: number }
export interface GridAlert { kind: 'overload' | 'temperature' | 'voltage'; at: string; value: number; limit: number; unit: string }
export interface LossRow { step: number; episode: number; loss_kw: number; loss_pct: number; objective_kw: number; today_kw: number; optimum_kw: number; gap_pct: number | null; reward: number }
export interface Metrics { total_load_kw: number; delivered_kw: number; loss_kw: number; loss_pct: number | null; efficiency_pct: number | null; renewable_pct: number | null; average_risk: number | null; alerts: number; episodes: number; best_loss: LossRow | null }
export interface GridState { network: string; step: number; hour: number; nodes: GridNode[]; edges: GridEdge[]; metrics: Metrics; alerts: GridAlert[] }
export interface Route { load_bus: string; source_bus: string; buses: string[]; elements: string[] }
export interface Paths { by: string; open: string[]; loss_kw: number; risk_kw: number; objective_kw: number; gap_pct: number | null; routes: Route[] }
export interface PathsAnswer { step: number; episodes: number; chosen: Paths | null; optimum: Paths | null }
export interface LossAnswer { current: LossRow | null; best: LossRow | null; breakdown: { transmission_kw: number; distribution_kw: number; technical_kw: number; total_kw: number }; history: LossRow[]; rewards: number[] }
export interface Statistics {
  forecast: { method: string; hours: { ahead_h: number; p_kw: number }[] };
  optimum: { objective_kw: number; losses_kw: number; open: string[]; proof: string; lower_bound_kw: number | null; gap_pct: number | null; today_kw: number; exchange_kw: number; configurations: number | null; no_bound: string[] };
}
export interface RiskScore { name: string; condition: number; stress: number; score: number; origin: 'rule' | 'learned' }
export interface Risk { average: number | null; learned_from: string; nodes: RiskScore[]; edges: RiskScore[] }

const get = <T>(what: string) => ({ queryKey: ['grid', what], queryFn: ({ signal }: { signal: AbortSignal }) => api.get<T>(path('grid', what), undefined, signal) });

/** Everything of the desk, asked anew when the server says that it has gone on. */
export function useGrid() {
  const client = useQueryClient();
  const user = useSession((s) => s.session?.user ?? '');
  const topic = `grid:${user}`;
  useEffect(() => {
    const leave = link.subscribe(topic);
    const anew = () => void client.invalidateQueries({ queryKey: ['grid'] });
    const stop = link.listen((frame) => { if (frame.type === 'grid') anew(); });
    const gap = link.onGap(anew);
    return () => {
      leave();
      stop();
      gap();
    };
  }, [client, topic]);
  return {
    state: useQuery(get<GridState>('state')),
    paths: useQuery(get<PathsAnswer>('paths')),
    loss: useQuery(get<LossAnswer>('loss')),
    statistics: useQuery(get<Statistics>('statistics')),
    risk: useQuery(get<Risk>('risk')),
  };
}

export function useOptimize() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (of: { episodes: number; advance: boolean }) => api.post<{ step: number }>(path('grid', 'optimize'), of),
    onSettled: () => void client.invalidateQueries({ queryKey: ['grid'] }),
  });
}

export function useSetUp() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (of: Record<string, unknown>) => api.post<GridState>(path('grid', 'setup'), of),
    onSettled: () => void client.invalidateQueries({ queryKey: ['grid'] }),
  });
}

export interface Point { x: number; y: number }

/** Places of the nodes within a width and a height; those without a place stand on a circle. */
export function placed(nodes: GridNode[], width: number, height: number, margin: number): Map<string, Point> {
  const known = nodes.filter((n) => n.x !== null && n.y !== null);
  const at = new Map<string, Point>();
  if (known.length === nodes.length && nodes.length > 1) {
    const [xs, ys] = [known.map((n) => n.x as number), known.map((n) => n.y as number)];
    const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const scale = Math.min((width - 2 * margin) / Math.max(x1 - x0, 1e-9), (height - 2 * margin) / Math.max(y1 - y0, 1e-9));
    // In the middle, north up.
    const [dx, dy] = [(width - (x1 - x0) * scale) / 2, (height - (y1 - y0) * scale) / 2];
    for (const n of known) at.set(n.id, { x: dx + ((n.x as number) - x0) * scale, y: height - dy - ((n.y as number) - y0) * scale });
    return at;
  }
  nodes.forEach((n, i) => {
    const angle = (2 * Math.PI * i) / Math.max(nodes.length, 1) - Math.PI / 2;
    at.set(n.id, { x: width / 2 + (width / 2 - margin) * Math.cos(angle), y: height / 2 + (height / 2 - margin) * Math.sin(angle) });
  });
  return at;
}

/** Whether each element is on a way, and in which direction: the bus that power comes from. */
export function flows(routes: Route[]): Map<string, string> {
  const from = new Map<string, string>();
  for (const r of routes) r.elements.forEach((e, i) => from.set(e, r.buses[i] ?? ''));
  return from;
}
