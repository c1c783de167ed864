/** Key figures with their last hour, how they changed, and where a value stands between its normal band and its limits. */

import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { parse } from 'yaml';
import { twinApi, type HistoryRow, type Moment, type Trend, type TwinDiagram } from '../../api/twin';
import { strings } from '../../strings';
import { fixed, num, when } from '../../ui/format';
import { courseOf, levelLimits, limitsOf, meanCourse, sparkPaths, type Course, type Limits } from './words';

const t = strings.twin;

const SHOWN = ['system_health', 'total_load_mw', 'generation_mw', 'losses_mw', 'reactive_mvar', 'efficiency_pct', 'power_factor', 'voltage_stability_pct', 'frequency_hz'] as const;
const DECIMALS: Record<string, number> = { system_health: 1, total_load_mw: 1, generation_mw: 1, losses_mw: 2, reactive_mvar: 1, efficiency_pct: 2, power_factor: 3, voltage_stability_pct: 1, frequency_hz: 3 };
const HOUR_MS = 3_600_000;
/** Points of one question to the history at most. */
const POINTS_MAX = 20;

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

/** The hour up to a time, or to now, of points that the twin records of itself. */
function useCourses(points: string[], at: number | null): { courses: Map<string, HistoryRow[]>; until: number } {
  const query = useQuery({
    queryKey: ['twin', 'history', 'kpis', points, at],
    enabled: points.length > 0,
    refetchInterval: at === null ? 20_000 : false,
    placeholderData: at === null ? keepPreviousData : undefined,
    queryFn: async ({ signal }) => {
      const until = at ?? Date.now();
      const answer = await twinApi.history(points, until - HOUR_MS, until, 'minute', signal);
      return { until, courses: new Map(answer.series.map((s) => [s.point, s.rows])) };
    },
  });
  return query.data ?? { courses: new Map(), until: at ?? 0 };
}

/** `isLost`: no device answers, so that no figure is known of now, whatever follows from nothing. */
export function Kpis({ moment, diagram, at, isOld, isLost }: { moment: Moment; diagram: TwinDiagram | undefined; at: number | null; isOld: boolean; isLost: boolean }) {
  const rules = useRules();
  const trends = new Map(moment.trends.map((x) => [x.metric, x]));
  const levels = useMemo(() => moment.metrics.levels.map(([kv]) => ({ kv, buses: (diagram?.buses ?? []).filter((b) => b.busbar && b.kv_base !== null && Math.abs(b.kv_base - kv) < 0.01 * kv).map((b) => b.bus) })),
    // The levels are those of the model: they change with the diagram only.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [diagram, moment.metrics.levels.length]);
  const points = useMemo(() => [...SHOWN.map((m) => `twin.${m}`), ...levels.flatMap((l) => l.buses.map((b) => `twin.bus.${b}.v_pu`))].slice(0, POINTS_MAX), [levels]);
  const { courses, until } = useCourses(diagram ? points : [], at);
  return (
    <div className="kpis" role="list">
      {SHOWN.map((metric) => (
        <Kpi key={metric} what={t.metrics[metric] ?? metric} unit={t.units[metric] ?? ''} value={isLost ? null : moment.metrics[metric]} decimals={DECIMALS[metric] ?? 2} trend={trends.get(metric)} limits={limitsOf(rules.data, `twin.${metric}`)} range={metric === 'system_health' ? [0, 100] : null}
          course={courseOf(courses.get(`twin.${metric}`))} until={until} isOld={isOld} hint={metric === 'voltage_stability_pct' && moment.metrics.voltage_stability_at ? t.stabilityAt(moment.metrics.voltage_stability_at) : undefined} />
      ))}
      {moment.metrics.levels.map(([kv, mean]) => {
        const buses = levels.find((l) => l.kv === kv)?.buses ?? [];
        const course = meanCourse(buses.map((b) => courseOf(courses.get(`twin.bus.${b}.v_pu`)))).map(([time, v]): [number, number | null] => [time, v === null ? null : v * kv]);
        return <Kpi key={kv} what={t.busbars(num(kv))} unit="kV" value={isLost ? null : mean} decimals={kv >= 100 ? 1 : 2} trend={undefined} isOld={isOld} range={null} course={course} until={until} limits={levelLimits(rules.data, buses, kv)} />;
      })}
    </div>
  );
}

interface KpiProps { what: string; unit: string; value: number | null; decimals: number; trend: Trend | undefined; limits: Limits | null; range: [number, number] | null; course: Course; until: number; isOld: boolean; hint?: string }

function Kpi({ what, unit, value, decimals, trend, limits, range, course, until, isOld, hint }: KpiProps) {
  const arrow = trend ? ({ increasing: '▲', decreasing: '▼', stable: '▸' } as Record<string, string>)[trend.direction] : null;
  return (
    <div className={`kpi ${isOld ? 'old' : ''}`} role="listitem" title={hint} data-metric={what}>
      <div className="what">{what}</div>
      <div className="now nowrap"><b>{fixed(value, decimals)}</b> <span className="small quiet">{unit}</span></div>
      <Spark course={course} until={until} what={what} unit={unit} decimals={decimals} />
      {trend && value !== null ? <div className={`trend nowrap ${trend.significant ? 'significant' : ''}`} title={`${t.was(fixed(trend.previous, decimals), when(new Date(trend.previous_ms).toISOString()))}${trend.significant ? `; ${t.significant}` : ''}`}><span aria-hidden="true">{arrow}</span> {trend.change_pct === null ? `${trend.change >= 0 ? '+' : ''}${fixed(trend.change, decimals)}` : `${trend.change_pct >= 0 ? '+' : ''}${fixed(trend.change_pct, 1)} %`} <span className="visually-hidden">{t.directions[trend.direction]}</span></div> : <div className="trend" />}
      {limits || range ? <DeviationBar value={value} limits={limits} range={range} unit={unit} decimals={decimals} what={what} /> : null}
    </div>
  );
}

/** The last hour as a line; where nothing was recorded there is none. */
function Spark({ course, until, what, unit, decimals }: { course: Course; until: number; what: string; unit: string; decimals: number }) {
  const drawn = sparkPaths(course, until - HOUR_MS, until, 100, 22);
  if (!drawn) return <span className="spark-none" />;
  const label = `${what}, ${t.lastHour}: ${t.between(fixed(drawn.least, decimals), fixed(drawn.most, decimals), unit)}`;
  return (
    <svg className="kpi-spark" viewBox="0 0 100 22" preserveAspectRatio="none" role="img" aria-label={label}>
      <title>{label}</title>
      {drawn.paths.map((points) => <polyline key={points} points={points} vectorEffect="non-scaling-stroke" />)}
    </svg>
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
  const told = limits ? t.bar(`${text(value)} ${unit}`, `${text(limits.bandLow)} … ${text(limits.bandHigh)}`, `${text(limits.low)} … ${text(limits.high)}`) : `${text(value)} ${unit}; ${t.noLimits}`;
  const label = `${what} ${told}${limits?.source ? ` (${limits.source})` : ''}`;
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
