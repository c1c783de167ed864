/** Key figures with their trend, and where a value stands between its normal band and its limits. */

import { useQuery } from '@tanstack/react-query';
import { parse } from 'yaml';
import { twinApi, type Moment, type Trend } from '../../api/twin';
import { strings } from '../../strings';
import { fixed, num, when } from '../../ui/format';
import { limitsOf, type Limits } from './words';

const t = strings.twin;

const SHOWN = ['system_health', 'total_load_mw', 'generation_mw', 'losses_mw', 'reactive_mvar', 'efficiency_pct', 'power_factor', 'voltage_stability_pct', 'frequency_hz'] as const;
const DECIMALS: Record<string, number> = { system_health: 1, total_load_mw: 1, generation_mw: 1, losses_mw: 2, reactive_mvar: 1, efficiency_pct: 2, power_factor: 3, voltage_stability_pct: 1, frequency_hz: 3 };

/** The rules of alarms as a document, for the limits they set. */
export function useRules(enabled = true) {
  return useQuery({
    queryKey: ['twin', 'rules', 'parsed'],
    enabled,
    staleTime: 300_000,
    queryFn: async ({ signal }) => {
      const answer = await twinApi.rules(signal);
      const text = answer.yaml ?? answer.text ?? answer.document;
      try {
        return typeof text === 'string' ? (parse(text) as unknown) : (answer.parsed ?? answer.rules ?? null);
      } catch {
        return null;
      }
    },
  });
}

export function Kpis({ moment, isOld }: { moment: Moment; isOld: boolean }) {
  const rules = useRules();
  const trends = new Map(moment.trends.map((x) => [x.metric, x]));
  return (
    <div className="kpis" role="list">
      {SHOWN.map((metric) => {
        const value = moment.metrics[metric];
        const limits = limitsOf(rules.data, `twin.${metric}`) ?? (metric === 'system_health' ? { low: null, high: null, bandLow: null, bandHigh: null, source: '' } : null);
        return <Kpi key={metric} what={t.metrics[metric] ?? metric} unit={t.units[metric] ?? ''} value={value} decimals={DECIMALS[metric] ?? 2} trend={trends.get(metric)} limits={limits} range={metric === 'system_health' ? [0, 100] : null} isOld={isOld} hint={metric === 'voltage_stability_pct' && moment.metrics.voltage_stability_at ? t.stabilityAt(moment.metrics.voltage_stability_at) : undefined} />;
      })}
      {moment.metrics.levels.map(([kv, mean]) => (
        <Kpi key={kv} what={t.busbars(num(kv))} unit="kV" value={mean} decimals={kv >= 100 ? 1 : 2} trend={undefined} isOld={isOld} range={null}
          limits={{ low: 0.9 * kv, high: 1.1 * kv, bandLow: 0.95 * kv, bandHigh: 1.05 * kv, source: t.ofNominal }} />
      ))}
    </div>
  );
}

function Kpi({ what, unit, value, decimals, trend, limits, range, isOld, hint }: { what: string; unit: string; value: number | null; decimals: number; trend: Trend | undefined; limits: Limits | null; range: [number, number] | null; isOld: boolean; hint?: string }) {
  const arrow = trend ? ({ increasing: '▲', decreasing: '▼', stable: '▸' } as Record<string, string>)[trend.direction] : null;
  return (
    <div className={`kpi ${isOld ? 'old' : ''}`} role="listitem" title={hint}>
      <div className="what">{what}</div>
      <div><b>{fixed(value, decimals)}</b> <span className="small quiet">{unit}</span></div>
      {limits || range ? <DeviationBar value={value} limits={limits} range={range} unit={unit} decimals={decimals} what={what} /> : null}
      {trend && <div className={`trend ${trend.significant ? 'significant' : ''}`} title={`${t.was(fixed(trend.previous, decimals), when(new Date(trend.previous_ms).toISOString()))}${trend.significant ? `; ${t.significant}` : ''}`}><span aria-hidden="true">{arrow}</span> {trend.change_pct === null ? `${trend.change >= 0 ? '+' : ''}${fixed(trend.change, decimals)}` : `${trend.change_pct >= 0 ? '+' : ''}${fixed(trend.change_pct, 1)} %`} <span className="visually-hidden">{t.directions[trend.direction]}</span></div>}
    </div>
  );
}

/** Value, normal band and limits on one scale; the number stands beside it. */
export function DeviationBar({ value, limits, range, unit, decimals, what }: { value: number | null; limits: Limits | null; range: [number, number] | null; unit: string; decimals: number; what: string }) {
  const known = [limits?.low, limits?.high, limits?.bandLow, limits?.bandHigh].filter((x): x is number => x !== null && x !== undefined);
  const [low, high] = range ?? span([...known, ...(value === null ? [] : [value])], known);
  const x = (v: number) => 2 + 96 * Math.min(1, Math.max(0, (v - low) / (high - low || 1)));
  const isFar = value !== null && ((limits?.high !== null && limits?.high !== undefined && value > limits.high) || (limits?.low !== null && limits?.low !== undefined && value < limits.low));
  const isOut = value !== null && !isFar && ((limits?.bandHigh !== null && limits?.bandHigh !== undefined && value > limits.bandHigh) || (limits?.bandLow !== null && limits?.bandLow !== undefined && value < limits.bandLow));
  const text = (v: number | null | undefined) => (v === null || v === undefined ? '–' : fixed(v, decimals));
  const label = `${what} ${t.bar(`${text(value)} ${unit}`, `${text(limits?.bandLow)} … ${text(limits?.bandHigh)}`, `${text(limits?.low)} … ${text(limits?.high)}`)}${limits?.source ? ` (${limits.source})` : ''}`;
  const [a, b] = [limits?.bandLow ?? low, limits?.bandHigh ?? high];
  return (
    <svg className="deviation" viewBox="0 0 100 12" preserveAspectRatio="none" role="img" aria-label={label}>
      <title>{label}</title>
      <rect className="ground" x="2" y="4" width="96" height="4" />
      {known.length > 0 && <rect className="band" x={x(a)} y="3" width={Math.max(0.5, x(b) - x(a))} height="6" />}
      {limits?.low !== null && limits?.low !== undefined && <line className="limit" x1={x(limits.low)} x2={x(limits.low)} y1="1" y2="11" />}
      {limits?.high !== null && limits?.high !== undefined && <line className="limit" x1={x(limits.high)} x2={x(limits.high)} y1="1" y2="11" />}
      {value !== null && <rect className={`value ${isFar ? 'far' : isOut ? 'out' : ''}`} x={x(value) - 1.2} y="0.5" width="2.4" height="11" />}
    </svg>
  );
}

/** A scale with room beyond the limits, and for the value wherever it is. */
function span(all: number[], limits: number[]): [number, number] {
  if (all.length === 0) return [0, 1];
  const [least, most] = [Math.min(...limits, ...all), Math.max(...limits, ...all)];
  const room = 0.12 * (most - least || Math.abs(most) || 1);
  return [least - room, most + room];
}
