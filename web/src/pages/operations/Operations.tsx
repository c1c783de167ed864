/** Operations desk: the grid now, the ways that a learning policy chooses beside the optimum, losses, risk, forecast, alerts. */

import { useEffect, useState } from 'react';
import { asProblem } from '../../api/client';
import { useMay } from '../../state/session';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { Chart, axis, tooltip } from '../../ui/Chart';
import { count, fixed, num } from '../../ui/format';
import { Empty, FigureCards, Loaded, Panel, Priority, ProblemView, RoleButton } from '../../ui/parts';
import { useGrid, useOptimize, useSetUp, type GridAlert, type GridState, type LossAnswer, type PathsAnswer, type Risk, type Statistics } from './grid';
import { Network } from './Network';
import './operations.css';

const t = strings.operations;
const EVERY_MS = 5000;

export default function Operations() {
  const grid = useGrid();
  const optimize = useOptimize();
  const may = useMay('operator');
  const [follows, setFollows] = useState(false);
  const [shown, setShown] = useState<'chosen' | 'optimum'>('chosen');
  const { mutate, isPending } = optimize;
  useEffect(() => {
    if (!follows) return;
    const timer = setInterval(() => { if (!isPending) mutate({ episodes: 10, advance: true }); }, EVERY_MS);
    return () => clearInterval(timer);
  }, [follows, isPending, mutate]);
  return (
    <div className="page operations">
      <header><h1>{strings.pages.operations}</h1></header>
      <p className="quiet small">{t.text}</p>
      <div className="row wrap">
        <SetUp />
        <span className="grow" />
        <label className="row"><input type="checkbox" checked={follows} disabled={!may} onChange={(e) => setFollows(e.target.checked)} /> {t.follow}</label>
        <RoleButton allowed={may} role="operator" disabled={isPending} onClick={() => mutate({ episodes: 100, advance: false })}>{t.learn}</RoleButton>
        <RoleButton allowed={may} role="operator" className="primary" disabled={isPending} onClick={() => mutate({ episodes: 1, advance: true })}>{t.next}</RoleButton>
      </div>
      {optimize.error && <ProblemView problem={asProblem(optimize.error)} />}
      <Loaded query={grid.state}>{(s) => <>
        <Figures of={s} statistics={grid.statistics.data} />
        <div className="desk">
          <Panel title={t.grid(s.network)} actions={<span className="small quiet">{t.hour(s.step, s.hour)}</span>}>
            <div className="row wrap" role="radiogroup" aria-label={t.ways}>
              {(['chosen', 'optimum'] as const).map((w) => <label key={w} className="row"><input type="radio" name="ways" checked={shown === w} onChange={() => setShown(w)} /> {t.waysOf[w]}</label>)}
            </div>
            <Network of={s} paths={(shown === 'chosen' ? grid.paths.data?.chosen : grid.paths.data?.optimum) ?? null} />
            <Ways of={grid.paths.data} />
          </Panel>
          <div className="stack">
            <Panel title={t.alerts(s.alerts.length)}><Alerts of={s.alerts} /></Panel>
            <Panel title={t.losses}><Loaded query={grid.loss} small>{(l) => <Losses of={l} />}</Loaded></Panel>
            <Panel title={t.forecast}><Loaded query={grid.statistics} small>{(x) => <Forecast of={x} />}</Loaded></Panel>
            <Panel title={t.risk}><Loaded query={grid.risk} small>{(r) => <Risks of={r} />}</Loaded></Panel>
          </div>
        </div>
      </>}</Loaded>
    </div>
  );
}

function SetUp() {
  const url = useUrl();
  const may = useMay('operator');
  const make = useSetUp();
  const [values, setValues] = useState({ nodes: '8', generators: '2', seed: '1', risk_weight: '10', learning_rate: '0.01' });
  const project = url.get('project');
  const network = url.get('network');
  const own = () => Object.fromEntries(Object.entries(values).map(([k, v]) => [k, Number(v.replace(',', '.'))]));
  return (
    <details className="setup"><summary>{t.setUp}</summary>
      <form className="row wrap" aria-label={t.setUp} onSubmit={(e) => { e.preventDefault(); make.mutate(own()); }}>
        {(Object.keys(values) as (keyof typeof values)[]).map((key) => <label key={key}><span className="small quiet">{t.fields[key]}</span><input className="short" inputMode="decimal" value={values[key]} onChange={(e) => setValues({ ...values, [key]: e.target.value })} /></label>)}
        <RoleButton allowed={may} role="operator" type="submit" disabled={make.isPending}>{t.generate}</RoleButton>
        {project && <RoleButton allowed={may} role="operator" type="button" disabled={make.isPending} onClick={() => make.mutate({ project, ...(network ? { network } : {}), risk_weight: own().risk_weight, learning_rate: own().learning_rate, seed: own().seed })}>{t.ofProject(project, network)}</RoleButton>}
      </form>
      {make.error && <ProblemView problem={asProblem(make.error)} />}
    </details>
  );
}

function Figures({ of, statistics }: { of: GridState; statistics?: Statistics }) {
  const m = of.metrics;
  const o = statistics?.optimum;
  const cards: [string, string, string][] = [
    [t.load, `${num(m.total_load_kw / 1000)} MW`, t.delivered(num(m.delivered_kw / 1000))],
    [t.loss, `${fixed(m.loss_pct, 2)} %`, `${num(m.loss_kw)} kW`],
    [t.efficiency, `${fixed(m.efficiency_pct, 2)} %`, t.renewable(fixed(m.renewable_pct ?? 0, 1))],
    [t.averageRisk, fixed(m.average_risk, 3), t.ofLines],
    [t.bestLoss, m.best_loss ? `${fixed(m.best_loss.loss_pct, 2)} %` : '–', m.best_loss ? t.atHour(m.best_loss.step) : t.nothingLearnt],
    [t.best, o ? `${num(o.objective_kw)} kW` : '–', o ? t.proof(o.proof, num(o.lower_bound_kw), fixed(o.gap_pct, 2)) : ''],
  ];
  return <FigureCards of={cards} />;
}

function Ways({ of }: { of?: PathsAnswer }) {
  if (!of?.chosen || !of.optimum) return <p className="quiet">{t.noWays}</p>;
  const rows = [[t.by[of.chosen.by] ?? of.chosen.by, of.chosen], [t.by.optimum, of.optimum]] as const;
  return (
    <table className="simple" data-testid="ways"><thead><tr><th>{t.chosenBy}</th><th className="num">{t.loss}</th><th className="num">{t.riskPart}</th><th className="num">{t.objective}</th><th className="num">{t.gap}</th><th>{t.open}</th></tr></thead>
      <tbody>{rows.map(([name, p]) => <tr key={name}><td>{name}</td><td className="num">{num(p.loss_kw)} kW</td><td className="num">{num(p.risk_kw)} kW</td><td className="num"><b>{num(p.objective_kw)} kW</b></td><td className="num">{p.gap_pct === null ? '–' : `${fixed(p.gap_pct, 2)} %`}</td><td className="small">{p.open.join(', ')}</td></tr>)}</tbody>
    </table>
  );
}

function Alerts({ of }: { of: GridAlert[] }) {
  if (of.length === 0) return <Empty title={t.noAlerts}>{t.noAlertsText}</Empty>;
  return <ul className="plainlist">{of.slice(0, 12).map((a) => <li key={`${a.kind} ${a.at}`} className="row"><Priority level={a.kind === 'overload' ? 1 : a.kind === 'temperature' ? 2 : 3} label={t.kinds[a.kind]} /> <span className="grow">{t.kinds[a.kind]} {a.at}</span> <b>{num(a.value)} {a.unit}</b> <span className="small quiet">{t.limit(num(a.limit), a.unit)}</span></li>)}</ul>;
}

function Losses({ of }: { of: LossAnswer }) {
  const b = of.breakdown;
  return (
    <>
      {of.history.length === 0 ? <Empty title={t.nothingLearnt}>{t.nothingLearntText}</Empty> : (
        <Chart label={t.trend} height={190} deps={[of.history.length, of.history.at(-1)?.episode]} option={() => ({
          grid: { left: 48, right: 12, top: 26, bottom: 40 }, tooltip: tooltip(), legend: { top: 0 },
          xAxis: axis(t.request, { type: 'category', data: of.history.map((_, i) => String(i + 1)) }),
          yAxis: axis('kW', { type: 'value', scale: true, nameGap: 36 }),
          series: [
            { name: t.series.policy, type: 'line', symbolSize: 4, data: of.history.map((h) => h.objective_kw) },
            { name: t.series.today, type: 'line', symbol: 'none', lineStyle: { type: 'dashed' }, data: of.history.map((h) => h.today_kw) },
            { name: t.series.optimum, type: 'line', symbol: 'none', data: of.history.map((h) => h.optimum_kw) },
          ],
        })} />
      )}
      <p className="small">{t.breakdown(num(b.transmission_kw), num(b.distribution_kw), num(b.technical_kw), num(b.total_kw))}</p>
    </>
  );
}

function Forecast({ of }: { of: Statistics }) {
  const f = of.forecast;
  return (
    <>
      <Chart label={t.forecast} height={150} deps={[f]} option={() => ({
        grid: { left: 48, right: 12, top: 10, bottom: 40 }, tooltip: tooltip(),
        xAxis: axis(t.ahead, { type: 'category', data: f.hours.map((h) => String(h.ahead_h)) }), yAxis: axis('MW', { type: 'value', scale: true, nameGap: 36 }),
        series: [{ name: t.load, type: 'line', symbol: 'none', data: f.hours.map((h) => h.p_kw / 1000) }],
      })} />
      <p className="small quiet">{t.methods[f.method] ?? f.method}</p>
    </>
  );
}

function Risks({ of }: { of: Risk }) {
  const worst = [...of.edges.map((e) => ({ ...e, what: t.edge })), ...of.nodes.map((n) => ({ ...n, what: t.node }))].sort((a, b) => b.score - a.score).slice(0, 8);
  return (
    <table className="simple"><thead><tr><th>{t.what}</th><th className="num">{t.score}</th><th className="num">{t.condition}</th><th className="num">{t.stress}</th><th>{t.origin}</th></tr></thead>
      <tbody>{worst.map((r) => <tr key={`${r.what} ${r.name}`}><td>{r.what} {r.name}</td><td className="num"><b>{fixed(r.score, 3)}</b></td><td className="num">{fixed(r.condition, 3)}</td><td className="num">{fixed(r.stress, 3)}</td><td>{t.origins[r.origin]}</td></tr>)}</tbody>
      <tfoot><tr><td colSpan={5} className="small quiet">{t.ofAll(count(of.edges.length), count(of.nodes.length))}{of.learned_from && ` ${t.learnedFrom(of.learned_from)}`}</td></tr></tfoot>
    </table>
  );
}
