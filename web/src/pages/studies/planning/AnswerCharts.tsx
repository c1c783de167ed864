/** Charts of answers: outages by what they cost, hours that are new and mended, responses of a sweep, a week of a scenario. */

import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { allPages, pageOf } from '../../../api/data';
import { api } from '../../../api/client';
import type { Page } from '../../../api/types';
import { strings } from '../../../strings';
import { axis, Chart, escaped, tooltip } from '../../../ui/Chart';
import { fieldName, num } from '../../../ui/format';
import { Loaded } from '../../../ui/parts';
import { token } from '../../../state/preferences';
import type { Figures } from '../scenarios/data';
import { dayText } from '../scenarios/days';
import { WeekChart } from '../scenarios/PreviewPane';
import { answerPath, useAnswerRows, type Answer, type Cells } from './data';
import { casesOf, type LimitCounts } from './Heads';
import { dailySums, responseOf } from './logic';

const t = strings.planning;

interface Props { project: string; answer: Answer }

const useAll = (project: string, id: string, table: string) =>
  useQuery({ queryKey: ['analysis', project, id, table, 'all'], staleTime: Infinity, queryFn: async ({ signal }) => (await allPages<Cells>(answerPath(project, id, 'tables', table), {}, 60_000, signal)).items });

const SHOWN = 30;

/** The worst outages by the power that they leave without supply. */
function Outages({ project, answer }: Props) {
  const query = useAnswerRows(project, answer.id, 'contingencies', { sort: '-unserved_kw', search: null, filter: null });
  const rows = (query.data?.pages[0]?.items ?? []).filter((r) => typeof r.unserved_kw === 'number' && r.unserved_kw > 0).slice(0, SHOWN);
  if (rows.length === 0) return null;
  return (
    <Chart label={t.unservedBars} height={220} deps={[rows.length, answer.id]} option={() => ({
      grid: { left: 62, right: 12, top: 12, bottom: 90 },
      tooltip: tooltip({ valueFormatter: (v: number) => `${num(v)} kW` }),
      xAxis: axis('', { type: 'category', data: rows.map((r) => String(r.outage)), axisLabel: { color: token('text-2'), rotate: 50, interval: 0, fontSize: 11 } }),
      yAxis: axis('kW', { type: 'value', nameGap: 46 }),
      series: [{ type: 'bar', name: t.unservedBars, data: rows.map((r) => r.unserved_kw) }],
    })} />
  );
}

const BECAME = ['new', 'worsened', 'added', 'same', 'eased', 'mended', 'gone'] as const;

/** What only the case has in the colour of more, what it has less in that of less; grey is as before. */
const COLOURS: Record<string, [string, number]> = { new: ['p2-edge', 1], worsened: ['p2-edge', 0.65], added: ['p2-edge', 0.35], same: ['equipment-faint', 1], remaining: ['equipment-faint', 1], eased: ['action', 0.4], mended: ['action', 1], gone: ['action', 0.65] };
const itemStyle = (name: string) => ({ color: token(COLOURS[name]?.[0] ?? 'equipment'), opacity: COLOURS[name]?.[1] ?? 1 });

function Compared({ project, answer }: Props) {
  const cases = casesOf(answer);
  const [chosen, setChosen] = useState(cases[0]?.case ?? '');
  const query = useAll(project, answer.id, 'hours');
  const of = cases.find((c) => c.case === chosen);
  const step_h = typeof answer.summary.step_h === 'number' ? answer.summary.step_h : 1;
  const limits = Object.entries(of?.limits ?? {}).filter(([, l]) => BECAME.some((b) => l[b] > 0));
  const sums = useMemo(() => dailySums(query.data ?? [], chosen, step_h), [query.data, chosen, step_h]);
  return (
    <div className="stack">
      {cases.length > 1 && <label className="row">{t.case} <select value={chosen} onChange={(e) => setChosen(e.target.value)}>{cases.map((c) => <option key={c.case}>{c.case}</option>)}</select></label>}
      <Loaded query={query} small>{() => sums.new.length === 0 ? null : (
        <>
          <h3>{t.hoursChart}</h3>
          <Chart label={t.hoursChart} height={220} deps={[sums]} option={() => ({
            grid: { left: 62, right: 12, top: 28, bottom: 42 },
            legend: { top: 0, textStyle: { color: token('text') } },
            tooltip: tooltip(),
            xAxis: axis(strings.scenarios.day, { type: 'category', data: sums.new.map((_, i) => dayText(i)) }),
            yAxis: axis('h', { type: 'value', nameGap: 46 }),
            series: (['new', 'mended', 'remaining'] as const).map((key) => ({ type: 'bar', name: key === 'remaining' ? t.remaining : t.became[key], stack: 'hours', itemStyle: itemStyle(key), data: sums[key] })),
          })} />
        </>
      )}</Loaded>
      {limits.length > 0 && (
        <>
          <h3>{t.becameChart}</h3>
          <Chart label={t.becameChart} height={70 + 34 * limits.length} deps={[limits.length, chosen]} option={() => ({
            grid: { left: 180, right: 20, top: 30, bottom: 30 },
            legend: { top: 0, textStyle: { color: token('text') } },
            tooltip: tooltip(),
            xAxis: axis('', { type: 'value', minInterval: 1 }),
            yAxis: axis('', { type: 'category', data: limits.map(([name]) => t.limitsOf[name] ?? name), inverse: true }),
            series: BECAME.filter((b) => limits.some(([, l]) => l[b] > 0)).map((b) => ({ type: 'bar', stack: 'became', name: t.became[b], itemStyle: itemStyle(b), data: limits.map(([, l]) => (l as LimitCounts)[b]) })),
          })} />
        </>
      )}
    </div>
  );
}

/** A figure against a parameter: mean, and from the least to the largest. */
function Responses({ project, answer }: Props) {
  const query = useAll(project, answer.id, 'responses');
  const rows = useMemo(() => query.data ?? [], [query.data]);
  const figures = [...new Set(rows.map((r) => String(r.figure)))];
  const parameters = [...new Set(rows.map((r) => String(r.parameter)))];
  const [figure, setFigure] = useState('peak_kw');
  const [parameter, setParameter] = useState('');
  const at = figures.includes(figure) ? figure : figures[0];
  const by = parameters.includes(parameter) ? parameter : parameters[0];
  const points = useMemo(() => (at && by ? responseOf(rows, by, at) : []), [rows, by, at]);
  if (!at || !by || points.length === 0) return null;
  const { words, unit } = fieldName(at);
  const isNumber = points.every((p) => p.value !== null);
  const pair = (y: (p: (typeof points)[number]) => number) => points.map((p) => (isNumber ? [p.value, y(p)] : y(p)));
  const label = t.responseChart(words, by);
  return (
    <div className="stack">
      <div className="toolbar"><label className="row">{t.figure} <select value={at} onChange={(e) => setFigure(e.target.value)}>{figures.map((f) => { const k = fieldName(f); return <option key={f} value={f}>{k.unit ? `${k.words} (${k.unit})` : k.words}</option>; })}</select></label>
        <label className="row">{t.parameter} <select value={by} onChange={(e) => setParameter(e.target.value)}>{parameters.map((p) => <option key={p}>{p}</option>)}</select></label></div>
      <Chart label={label} height={260} deps={[points]} option={() => ({
        grid: { left: 72, right: 20, top: 30, bottom: 44 },
        legend: { top: 0, data: [t.mean, t.band], textStyle: { color: token('text') } },
        tooltip: tooltip({ formatter: (p: { dataIndex: number }[]) => { const x = points[p[0]?.dataIndex ?? 0]; return x ? `${escaped(`${by} ${x.at}`)}<br><b>${num(x.mean)}</b> ${unit}<br>${t.band}: ${num(x.least)} … ${num(x.largest)} ${unit}` : ''; } }),
        xAxis: axis(by, { type: isNumber ? 'value' : 'category', scale: true, ...(isNumber ? {} : { data: points.map((p) => p.at) }) }),
        yAxis: axis(unit || words, { type: 'value', scale: true, nameGap: 56 }),
        series: [
          { type: 'line', name: 'least', symbol: 'none', silent: true, lineStyle: { width: 1, type: 'dotted', color: token('equipment') }, data: pair((p) => p.least) },
          { type: 'line', name: t.band, symbol: 'none', silent: true, color: token('equipment'), lineStyle: { width: 1, type: 'dotted', color: token('equipment') }, data: pair((p) => p.largest) },
          { type: 'line', name: t.mean, symbolSize: 7, color: token('action'), lineStyle: { width: 2 }, data: pair((p) => p.mean) },
        ],
      })} />
    </div>
  );
}

/** The week around the stacked peak, course by course: rows of a course stand together, in the order base, layers, stacked. */
function ScenarioWeek({ project, answer }: Props) {
  const figures = answer.summary.figures as Figures | undefined;
  const rows = answer.tables.find((x) => x.name === 'profiles')?.rows ?? 0;
  const courses = (figures?.layers.length ?? 0) + 2;
  const steps = rows / courses;
  const perDay = Math.round(steps / 365);
  const step = 24 / perDay;
  const day = Math.min(358, Math.max(0, Math.floor(((figures?.stacked.peak_hour ?? 0) - step) / 24) - 3));
  const query = useQuery({
    queryKey: ['analysis', project, answer.id, 'profiles', 'week', day],
    enabled: figures !== undefined && Number.isInteger(steps) && perDay > 0,
    staleTime: Infinity,
    queryFn: ({ signal }) => Promise.all(Array.from({ length: courses }, async (_, i) => {
      const { items } = pageOf(await api.get<Page<Cells>>(answerPath(project, answer.id, 'tables', 'profiles'), { offset: i * steps + day * perDay, limit: Math.min(1000, 7 * perDay) }, signal));
      return { name: String(items[0]?.course ?? ''), kw: items.map((r) => Number(r.p_kw)) };
    })),
  });
  if (!figures || !query.data) return null;
  const [base, stacked] = [query.data[0], query.data.at(-1)];
  const label = `${strings.scenarios.week}: ${strings.scenarios.weekOf(dayText(day), dayText(day + 6))}`;
  return <div><h3>{label}</h3><WeekChart label={label} step_h={step} base={base?.kw ?? []} layers={query.data.slice(1, -1).map((c) => ({ layer: c.name, kw: c.kw }))} stacked={stacked?.kw ?? []} /></div>;
}

export const CHARTS: Record<string, (props: Props) => React.ReactNode> = { contingency: Outages, comparison: Compared, sweep: Responses, scenario: ScenarioWeek };
