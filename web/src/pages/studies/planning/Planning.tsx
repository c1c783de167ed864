/** Planning: what can be hosted, what fails, what scenarios change. Answers that are there, one of them with its figures and tables, and a form to ask for more. */

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { Link } from 'react-router';
import { api, asProblem } from '../../../api/client';
import { renew } from '../../../api/renew';
import type { Context } from '../../../state/context';
import { useMay } from '../../../state/session';
import { commonOf, patched, useUrl } from '../../../state/url';
import { strings } from '../../../strings';
import { axis, Chart, escaped, tooltip } from '../../../ui/Chart';
import { count, num, plural, when } from '../../../ui/format';
import { Dialog, Empty, Loaded, Panel, ProblemView, RoleButton, Severity, Spinner, Tabs } from '../../../ui/parts';
import { CHARTS } from './AnswerCharts';
import { Ask } from './Ask';
import { answerPath, useAnswer, useAnswerRows, useAnswers, type Answer, type AnswerRow } from './data';
import { HEADS } from './Heads';
import { bars, firstTable, layersOf } from './logic';
import { Rows, wordOf } from './Rows';

const t = strings.planning;

export function Planning({ context }: { context: Context }) {
  const url = useUrl();
  const list = useAnswers(context.project);
  if (context.projects?.length === 0) return <Empty title={strings.empty.noProjects} actions={<Link className="button" to="/exchange">{strings.empty.import}</Link>}>{strings.empty.noProjectsHint}</Empty>;
  const { project } = context;
  if (!project) return <Spinner />;
  if (url.get('part') === 'ask') return <><div className="row"><button onClick={() => url.set({ part: null, job: null }, true)}>← {t.answers}</button></div><Ask context={context} /></>;
  const ask = <button className="primary" style={{ whiteSpace: 'nowrap' }} onClick={() => url.set({ part: 'ask' }, true)}>{t.ask}</button>;
  return (
    <Loaded query={list}>
      {(all) => {
        // Those of learning are on the page of the models.
        const answers = all.filter((a) => a.study !== 'learning');
        if (answers.length === 0) return <Empty title={t.none} actions={ask}>{t.noneHint}</Empty>;
        const at = answers.find((a) => a.id === url.get('answer')) ?? answers[0];
        return (
          <div className="studies">
            <Panel title={t.answers} actions={ask}>
              <ul className="runlist">
                {answers.map((a) => <li key={a.id}><button aria-current={a.id === at?.id} onClick={() => url.set({ answer: a.id, table: null, sort: null, q: null }, true)}><b className="break">{t.studies[a.study] ?? a.study}</b><span className="small quiet">{lineOf(a)}</span></button></li>)}
              </ul>
            </Panel>
            {at ? <AnswerView key={at.id} project={project} id={at.id} /> : null}
          </div>
        );
      }}
    </Loaded>
  );
}

function lineOf(a: AnswerRow): string {
  const method = typeof a.params.method === 'string' ? (t.methods[a.params.method] ?? t.sweepMethods[a.params.method] ?? a.params.method) : '';
  const name = (a.params.scenario as { name?: string } | undefined)?.name;
  const runs = a.study === 'comparison' ? [a.params.base, ...((a.params.with ?? []) as unknown[])].map(String).join(' · ') : '';
  return [a.network, a.network ? `${t.version} ${count(a.version)}` : '', method, name, runs, when(a.time_utc)].filter(Boolean).join(' · ');
}

function AnswerView({ project, id }: { project: string; id: string }) {
  const query = useAnswer(project, id);
  return <Loaded query={query}>{(answer) => <Content project={project} answer={answer} />}</Loaded>;
}

function Content({ project, answer }: { project: string; answer: Answer }) {
  const url = useUrl();
  const client = useQueryClient();
  const may = useMay('engineer');
  const [removing, setRemoving] = useState(false);
  const remove = useMutation({
    mutationFn: () => api.delete(answerPath(project, answer.id)),
    onSuccess: () => { setRemoving(false); url.set({ answer: null }); void renew(client, ['analyses'], ['facts']); },
  });
  const table = answer.tables.find((x) => x.name === url.get('table')) ?? firstTable(answer);
  const layers = layersOf(answer);
  const Head = HEADS[answer.study];
  const Figure = CHARTS[answer.study];
  const map = `/map${patched(commonOf(window.location.search), { project, network: answer.network, version: answer.version, facts: layers.join(','), run: 'none', sel: null })}`;
  return (
    <div className="stack">
      <Panel title={t.studies[answer.study] ?? answer.study} actions={<>{layers.length > 0 && <Link className="button" to={map}>{t.toMap}</Link>}<RoleButton allowed={may} role="engineer" onClick={() => setRemoving(true)}>{t.remove}</RoleButton></>}>
        <p className="quiet small">{lineOf(answer)} · {answer.author}</p>
        {answer.study === 'hosting_capacity' ? <HostingHead answer={answer} /> : answer.study === 'reliability' ? <ReliabilityHead answer={answer} /> : answer.study === 'mitigation' ? <MitigationHead answer={answer} /> : Head ? <Head answer={answer} /> : null}
        {answer.findings.filter((f) => f.severity !== 'note').map((f, i) => <div key={i} className="row" role="note"><Severity of={f.severity} /><span><b>{f.message}</b>{f.element ? ` (${f.element})` : ''}. {f.detail} <span className="quiet">{f.hint}</span></span></div>)}
        <details><summary>{strings.studies.params}</summary><pre className="small">{JSON.stringify(answer.params, null, 2)}</pre></details>
      </Panel>
      {Figure && <Panel><Figure project={project} answer={answer} /></Panel>}
      {answer.tables.length > 0 && (
        <Panel>
          <Tabs label={t.tables} at={table?.name ?? ''} onChange={(name) => url.set({ table: name, sort: null, q: null })} tabs={answer.tables.map((x) => ({ id: x.name, label: t.tableWords[x.name] ?? x.name.replaceAll('_', ' ') }))} />
          {table && <Rows key={table.name} project={project} answer={answer} table={table} above={table.name === 'hosting_capacity' ? <Capacities project={project} answer={answer} /> : undefined} />}
        </Panel>
      )}
      {removing && (
        <Dialog title={t.remove} onClose={() => setRemoving(false)}>
          <p>{t.removeSure}</p>
          {remove.error ? <ProblemView problem={asProblem(remove.error)} /> : null}
          <div className="row"><button className="danger" onClick={() => remove.mutate()}>{t.remove}</button><button onClick={() => setRemoving(false)}>{strings.cancel}</button></div>
        </Dialog>
      )}
    </div>
  );
}

interface HostingResult { der: string; buses: number; lowest_kw: number | null; highest_kw: number | null; limited_by: Record<string, number>; stochastic: Record<string, unknown> | null }

function HostingHead({ answer }: { answer: Answer }) {
  const results = (answer.summary.results ?? []) as HostingResult[];
  return (
    <>
      {results.map((r) => (
        <p key={r.der}><b>{t.ders[r.der] ?? r.der}</b>: {t.hosted(count(r.buses), num(r.lowest_kw), num(r.highest_kw))} {t.limitedBy(Object.entries(r.limited_by ?? {}).sort((a, b) => b[1] - a[1]).map(([c, n]) => `${wordOf(c)} (${count(n)})`).join(', '))}</p>
      ))}
    </>
  );
}

const FIGURES: [string, string, string][] = [['saifi_per_yr', 'SAIFI', '1/yr'], ['saidi_h_per_yr', 'SAIDI', 'h/yr'], ['caidi_h', 'CAIDI', 'h'], ['asai', 'ASAI', ''], ['maifi_per_yr', 'MAIFI', '1/yr'], ['ens_kwh_per_yr', 'ENS', 'kWh/yr'], ['aens_kwh_per_yr', 'AENS', 'kWh/yr']];

function ReliabilityHead({ answer }: { answer: Answer }) {
  const s = answer.summary;
  return (
    <>
      <p>{t.customers(count(s.customers as number), count(s.zones as number))}</p>
      <table className="simple" style={{ width: 'auto' }}><tbody>{FIGURES.map(([key, label, unit]) => <tr key={key}><td>{label}</td><td className="num">{num(s[key] as number | null, 6)}</td><td className="quiet">{unit}</td></tr>)}</tbody></table>
    </>
  );
}

interface Course { violation_h: number; things: number }

function MitigationHead({ answer }: { answer: Answer }) {
  const before = answer.summary.before as Course;
  const portfolio = answer.summary.portfolio as { changes: string[]; cost: number; mended_h: number; after: Course } | null;
  const currency = String(answer.summary.currency ?? '');
  if (before.things === 0) return <p>{t.nothingToMend}</p>;
  return (
    <>
      <p>{t.violated(num(before.violation_h), count(before.things), plural(answer.summary.clusters as number, 'cluster'))}</p>
      {portfolio === null ? <p>{t.noPortfolio}</p> : (
        <>
          <p><b>{t.portfolio(`${count(Math.round(portfolio.cost))} ${currency}`, num(portfolio.mended_h), num(portfolio.after.violation_h))}</b></p>
          <ol>{portfolio.changes.map((c) => <li key={c}>{c}</li>)}</ol>
        </>
      )}
    </>
  );
}

const FLOOR_KW = 0.1;

/** What each bus hosts, from the most to the least, by what limits it. */
function Capacities({ project, answer }: { project: string; answer: Answer }) {
  const ders = ((answer.summary.results ?? []) as HostingResult[]).map((r) => r.der);
  const [der, setDer] = useState(ders[0] ?? 'generation');
  const query = useAnswerRows(project, answer.id, 'hosting_capacity', { sort: '-hosting_capacity_kw', search: null, filter: `der=${der}` });
  const groups = useMemo(() => bars(query.data?.pages.flatMap((p) => p.items) ?? [], 'hosting_capacity_kw', 'criterion'), [query.data]);
  if (groups.length === 0) return null;
  return (
    <div>
      {ders.length > 1 && <select aria-label={t.der} value={der} onChange={(e) => setDer(e.target.value)}>{ders.map((d) => <option key={d} value={d}>{t.ders[d] ?? d}</option>)}</select>}
      <Chart label={t.capacities} height={240} deps={[groups]} option={() => ({
        grid: { left: 60, right: 12, top: 30, bottom: 42 },
        legend: { type: 'scroll', top: 0 },
        tooltip: tooltip({ trigger: 'item', formatter: (p: { data: [number, number, string, number]; seriesName: string }) => `${escaped(p.data[2])}: ${num(p.data[3])} kW<br>${p.seriesName}` }),
        xAxis: { type: 'value', ...axis(t.bySize), min: 0 },
        // Capacities lie over many powers of ten; nothing at all stands at the foot.
        yAxis: { type: 'log', ...axis('kW'), min: FLOOR_KW, axisLabel: { formatter: (kw: number) => (kw <= FLOOR_KW ? '0' : num(kw)) } },
        series: groups.map((g) => ({ type: 'scatter', symbolSize: 6, name: g.by === '' ? t.unlimited : wordOf(g.by), data: g.points.map(([at, kw, name]) => [at, Math.max(kw, FLOOR_KW), name, kw]) })),
      })} />
    </div>
  );
}
