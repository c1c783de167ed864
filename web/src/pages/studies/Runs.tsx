/** Studies that are there, and the results of one: headline, violations, feeders, duration, hour by day, profile, series, comparison, report. */

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { Link } from 'react-router';
import { api, asProblem, path } from '../../api/client';
import { allPages, type Run } from '../../api/data';
import { startJob, useJob } from '../../api/jobs';
import { renew } from '../../api/renew';
import { JobProgress } from '../../app/JobTray';
import type { Context } from '../../state/context';
import { useHour } from '../../state/hour';
import { useMay } from '../../state/session';
import { commonOf, patched, useUrl } from '../../state/url';
import { strings } from '../../strings';
import { axis, Chart, escaped, tooltip } from '../../ui/Chart';
import { bytes, count, fieldName, fixed, hourOfYear, num, plural, when } from '../../ui/format';
import { Dialog, Empty, Loaded, Panel, ProblemView, RoleButton, Spinner, StateMark, Tabs } from '../../ui/parts';
import { Table } from '../../ui/Table';
import { changeColumns, columnsOf, elementOf, useViolations, violationColumns, ViolationsTable, type Violation } from '../map/Drawer';
import { token } from '../../state/preferences';
import type { Heat } from './HeatStrip';

const HeatStrip = lazy(() => import('./HeatStrip'));
const t = strings.studies;

export function Runs({ context }: { context: Context }) {
  const url = useUrl();
  const { project, runs, run } = context;
  if (context.projects?.length === 0) return <Empty title={strings.empty.noProjects} actions={<Link className="button" to="/exchange">{strings.empty.import}</Link>}>{strings.empty.noProjectsHint}</Empty>;
  if (!runs || !project) return <Spinner />;
  if (runs.length === 0) return <Empty title={strings.empty.noRuns} actions={<button onClick={() => url.set({ tab: 'new' }, true)}>{strings.empty.newRun}</button>}>{strings.empty.noRunsHint}</Empty>;
  const row = runs.find((r) => r.id === run);
  return (
    <div className="studies">
      <Panel title={t.runs}>
        <ul className="runlist">
          {runs.map((r) => <li key={r.id}><button aria-current={r.id === run} onClick={() => url.set({ run: r.id, el: null }, true)}><b className="break">{r.id}</b><span className="small quiet">{runLine(r)}</span></button></li>)}
        </ul>
      </Panel>
      {run && (row || !runs) ? <RunView key={run} project={project} run={run} row={row} runs={runs} /> : <Empty title={t.choose} />}
    </div>
  );
}

function runLine(run: Run): string {
  const r = run as Run & { state?: string; hours?: number; feeders?: number; feeders_done?: number; feeders_failed?: number; bytes?: number };
  return [r.state, r.hours ? `${count(r.hours)} h` : '', r.feeders ? `${count(r.feeders_done)}/${count(r.feeders)} ${t.feeders.toLowerCase()}` : '', r.feeders_failed ? `${count(r.feeders_failed)} ${strings.state.failed}` : '', r.bytes ? bytes(r.bytes) : ''].filter(Boolean).join(' · ');
}

const VIEWS = ['summary', 'violations', 'scorecards', 'duration', 'heat', 'profile', 'compare', 'report'] as const;

function RunView({ project, run, row, runs }: { project: string; run: string; row: Run | undefined; runs: Run[] }) {
  const url = useUrl();
  const client = useQueryClient();
  const may = useMay('engineer');
  const [removing, setRemoving] = useState(false);
  const at = VIEWS.find((v) => v === url.get('view')) ?? 'summary';
  const remove = useMutation({
    mutationFn: () => api.delete(path('projects', project, 'runs', run)),
    onSuccess: () => { setRemoving(false); url.set({ run: null }); void renew(client, ['runs']); },
  });
  const base = path('projects', project, 'runs', run);
  return (
    <Panel title={run} actions={
      <>
        <Link className="button" to={{ pathname: '/map', search: commonOf(window.location.search) }}>{t.toMap}</Link>
        {runs.length > 1 && <button onClick={() => url.set(compareHours(runs, run, null), true)}>{t.compareHours}</button>}
        <RoleButton allowed={may} role="engineer" className="danger" onClick={() => setRemoving(true)}>{t.remove}</RoleButton>
      </>
    }>
      <Tabs label={run} at={at} onChange={(view) => url.set({ view }, true)} tabs={VIEWS.map((id) => ({ id, label: t[id] }))} />
      <div style={{ paddingTop: 10 }} className="stack">
        {at === 'summary' && <Summary base={base} project={project} run={run} row={row} />}
        {at === 'violations' && <div className="stack" style={{ height: 560 }}><ViolationsTable project={project} run={run} selected={url.get('el')} onSelect={(id) => url.set({ el: id })} onHour={() => undefined} /><div className="row">{url.get('el') && <ElementLinks id={url.get('el') ?? ''} />}</div></div>}
        {at === 'scorecards' && <Scorecards base={base} project={project} run={run} />}
        {(at === 'duration' || at === 'heat') && <ElementResult base={base} project={project} run={run} kind={at} />}
        {at === 'profile' && <Profile base={base} project={project} run={run} row={row} />}
        {at === 'compare' && <Compare base={base} project={project} run={run} runs={runs} />}
        {at === 'report' && <Report project={project} run={run} runs={runs} />}
      </div>
      {removing && (
        <Dialog title={t.removeSure(run)} onClose={() => setRemoving(false)}>
          {remove.error ? <ProblemView problem={asProblem(remove.error)} /> : null}
          <div className="row"><button className="danger" disabled={remove.isPending} onClick={() => remove.mutate()}>{t.remove}</button><button onClick={() => setRemoving(false)}>{strings.cancel}</button></div>
        </Dialog>
      )}
    </Panel>
  );
}

/** The form that compares studies in hours, with these filled in; another study is the base where none is told. */
const compareHours = (runs: Run[], run: string, base: string | null) => ({ tab: 'planning', part: 'ask', ask: 'comparison', base: base ?? runs.find((r) => r.id !== run)?.id ?? null, with: run, view: null, job: null });

/** Scenario that a study was made with, if any. The record has its title; its job says which version of the project's it was. */
function ScenarioOf({ base, project, run }: { base: string; project: string; run: string }) {
  const url = useUrl();
  const query = useQuery({ queryKey: ['record', 'run', project, run], queryFn: ({ signal }) => api.get<{ job?: string | null; options?: { scenario?: { name?: string } | null } | null }>(base, undefined, signal) });
  const title = query.data?.options?.scenario?.name;
  const job = useJob(title ? (query.data?.job ?? null) : null);
  if (!title) return null;
  const of = job.data?.params.scenario as { name?: string; version?: number } | undefined;
  const name = of?.name ?? null;
  return <p>{t.withScenario(name ?? title, of?.version ? String(of.version) : '')} {name && <button className="link" onClick={() => url.set({ tab: 'scenarios', scenario: name, sv: of?.version ?? null, view: null }, true)}>{strings.scenarios.open}</button>}</p>;
}

function ElementLinks({ id }: { id: string }) {
  const url = useUrl();
  return (
    <>
      <b>{id}</b>
      <Link className="button" to={{ pathname: '/map', search: patched(commonOf(window.location.search), { sel: id, focus: true }) }}>{t.toMap}</Link>
      <button onClick={() => url.set({ view: 'heat' }, true)}>{t.heat}</button>
      <button onClick={() => url.set({ view: 'duration' }, true)}>{t.duration}</button>
    </>
  );
}

/** Figures of an answer as tiles, whatever it holds. */
function Figures({ of }: { of: Record<string, unknown> }) {
  const numbers = Object.entries(of).filter(([k, v]) => typeof v === 'number' && !k.endsWith('_hour'));
  return (
    <div className="figures">
      {numbers.map(([key, value]) => {
        const { words, unit } = fieldName(key);
        const hour = of[`${key.replace(/_(pu|kw|pct)$/, '')}_hour`];
        return <div className="figure" key={key} data-field={key} data-value={String(value)}><b>{num(value as number)} {unit && <span style={{ fontSize: 13 }}>{unit}</span>}</b><span>{words}{typeof hour === 'number' ? `, ${hourOfYear(hour)}` : ''}</span></div>;
      })}
    </div>
  );
}

interface RunSummary {
  totals: Record<string, number | null>;
  feeders: number;
  feeders_done: number;
  feeders_failed: number;
  overloaded_elements: number;
  nodes_outside_a: number;
  worst_loadings: Record<string, unknown>[];
  worst_voltages: Record<string, unknown>[];
}

/** The study in one sentence: how much of what was solved, and what is wrong. */
function headline(s: RunSummary, row: Run | undefined): string {
  const bad = ([[s.overloaded_elements, t.overloaded], [s.nodes_outside_a, t.outsideA], [s.totals.nodes_outside_b ?? 0, t.outsideB], [s.totals.unsettled ?? 0, t.unsettled], [s.feeders_failed, t.notSolved]] as const).filter(([n]) => n > 0).map(([n, what]) => `${count(n)} ${what}`);
  return t.headline(num(typeof row?.hours === 'number' ? row.hours : null), plural(s.feeders, 'network'), bad);
}

function Summary({ base, project, run, row }: { base: string; project: string; run: string; row: Run | undefined }) {
  const url = useUrl();
  const query = useQuery({ queryKey: ['record', 'summary', project, run], queryFn: ({ signal }) => api.get<RunSummary>(`${base}/summary`, undefined, signal) });
  return (
    <Loaded query={query}>
      {(s) => (
        <>
          <p className="headline">{headline(s, row)}</p>
          <ScenarioOf base={base} project={project} run={run} />
          <Figures of={s.totals} />
          {([['worst_loadings', t.worstLoadings, 'thermal'], ['worst_voltages', t.worstVoltages, 'voltage']] as const).map(([key, title, kind]) => s[key].length > 0 && (
            <div key={key} className="stack">
              <div className="row"><h3 className="grow">{title}</h3><button onClick={() => url.set({ view: 'violations', kind }, true)}>{t.all}</button></div>
              <Table label={title} columns={violationColumns(s[key])} rows={s[key]} rowKey={(r, i) => elementOf(r as Violation) ?? i} height={44 + s[key].length * 28} foot={false} onSelect={(r) => url.set({ view: 'violations', kind, el: elementOf(r as Violation) }, true)} />
            </div>
          ))}
          {row && <details><summary>{t.manifest}</summary><dl className="facts">{Object.entries(row).filter(([, v]) => v !== null && typeof v !== 'object').map(([k, v]) => { const { words, unit } = fieldName(k); return [<dt key={`${k}t`}>{words}</dt>, <dd key={k}>{typeof v === 'number' ? num(v) : /^\d{4}-\d\d-\d\dT/.test(String(v)) ? when(String(v)) : String(v)} {unit}</dd>]; })}</dl></details>}
        </>
      )}
    </Loaded>
  );
}

function Scorecards({ base, project, run }: { base: string; project: string; run: string }) {
  const url = useUrl();
  const query = useQuery({ queryKey: ['record', 'scorecards', project, run], queryFn: ({ signal }) => allPages<Record<string, unknown>>(`${base}/scorecards`, {}, 20_000, signal) });
  const at = url.get('feeder');
  return (
    <Loaded query={query}>
      {(page) => {
        const chosen = page.items.find((r) => r.feeder === at) ?? (page.items.length === 1 ? page.items[0] : undefined);
        return (
          <>
            <Table label={t.scorecards} columns={columnsOf(page.items, ['feeder'], ['study'])} rows={page.items} rowKey={(r) => String(r.feeder)} selected={at} onSelect={(r) => url.set({ feeder: String(r.feeder) })} height={Math.min(420, 44 + page.items.length * 28)} total={page.total} />
            {chosen && <><h3>{String(chosen.feeder)}</h3><Figures of={chosen} /></>}
          </>
        );
      }}
    </Loaded>
  );
}

/** The element or node whose result is asked for; the worst are suggested. */
function useChosen(project: string, run: string) {
  const url = useUrl();
  const voltage = useViolations(project, run, 'voltage');
  const thermal = useViolations(project, run, 'thermal');
  const name = (v: Violation) => v.element ?? v.node ?? elementOf(v) ?? '';
  const suggestions = [...new Set([...(thermal.data?.items ?? []).slice(0, 40), ...(voltage.data?.items ?? []).slice(0, 40)].map(name).filter(Boolean))];
  const typed = url.get('el');
  return { el: typed ?? suggestions[0] ?? null, suggestions, set: (el: string) => url.set({ el }), waiting: thermal.isPending || voltage.isPending };
}

/** `class.name` is an element, anything else a node. A node ends in its number. */
export function subjectOf(el: string): { element: string } | { node: string } {
  const bus = /^bus\.(.*)$/.exec(el);
  if (bus) return { node: bus[1] as string };
  return /^[a-z_]+\.\D/i.test(el) || /^(line|transformer|capacitor|reactor|load|switch|autotrans)\./i.test(el) ? { element: el } : { node: el };
}

function ElementResult({ base, project, run, kind }: { base: string; project: string; run: string; kind: 'duration' | 'heat' }) {
  const chosen = useChosen(project, run);
  const url = useUrl();
  const subject = chosen.el ? subjectOf(chosen.el) : null;
  const query = useQuery({
    queryKey: ['record', kind, project, run, chosen.el],
    enabled: subject !== null,
    queryFn: ({ signal }) => api.get<Heat & Duration>(`${base}/${kind}`, { ...subject }, signal),
  });
  return (
    <>
      <div className="toolbar">
        <label className="row">{t.element} <input list="elements" defaultValue={chosen.el ?? ''} key={chosen.el} placeholder={t.elementHint} onKeyDown={(e) => e.key === 'Enter' && chosen.set(e.currentTarget.value.trim())} onBlur={(e) => e.target.value.trim() && chosen.set(e.target.value.trim())} style={{ width: 300 }} /></label>
        <datalist id="elements">{chosen.suggestions.map((s) => <option key={s} value={s} />)}</datalist>
        {query.data?.unit && <span className="quiet">{fieldName(query.data.quantity ?? '').words} ({query.data.unit})</span>}
      </div>
      {!chosen.el ? (chosen.waiting ? <Spinner /> : <Empty title={t.choose}>{t.pickElement}</Empty>) : (
        <Loaded query={query}>
          {(data) => kind === 'heat' ? <Suspense fallback={<Spinner />}><HeatStrip heat={{ ...data, element: chosen.el ?? '' }} height={340} onHour={(hour) => url.set({ hour })} /></Suspense> : <DurationChart of={data} label={chosen.el ?? ''} />}
        </Loaded>
      )}
    </>
  );
}

interface Duration {
  /** Hours, rising, and the value that is reached or exceeded for so long. */
  hours: number[];
  values: number[];
  limit_low?: number | null;
  limit_high?: number | null;
  unit?: string;
  quantity?: string;
}

function DurationChart({ of, label }: { of: Duration; label: string }) {
  return (
    <Chart label={`${t.duration} ${label}`} height={340} deps={[of]} option={() => ({
      grid: { left: 64, right: 20, top: 16, bottom: 50 },
      tooltip: tooltip(),
      xAxis: axis(t.hoursExceeded, { type: 'value', min: 0, max: of.hours.at(-1) ?? 1 }),
      yAxis: axis(`${fieldName(of.quantity ?? '').words} (${of.unit ?? ''})`, { type: 'value', scale: true, nameGap: 46 }),
      series: [{ type: 'line', name: label, showSymbol: false, data: of.hours.map((x, i) => [x, of.values[i] ?? null]), markLine: { symbol: 'none', silent: true, label: { formatter: (m: { value: number }) => `${num(m.value)} ${of.unit ?? ''}`, color: token('text'), position: 'insideEndTop' }, lineStyle: { color: token('p1'), type: 'dashed' }, data: [of.limit_low, of.limit_high].filter((x): x is number => typeof x === 'number').map((yAxis) => ({ yAxis })) } }],
    })} />
  );
}

interface ProfilePoint {
  distance_km: number | null;
  node?: string;
  bus?: string;
  phase?: number;
  v_pu?: number | null;
  v_min_pu?: number | null;
  v_max_pu?: number | null;
}

function Profile({ base, project, run, row }: { base: string; project: string; run: string; row: Run | undefined }) {
  const url = useUrl();
  const { hour, setHour } = useHour(typeof row?.hours === 'number' ? row.hours : 8760);
  const cards = useQuery({ queryKey: ['record', 'scorecards', project, run], queryFn: ({ signal }) => allPages<Record<string, unknown>>(`${base}/scorecards`, {}, 20_000, signal) });
  const feeders = (cards.data?.items ?? []).map((r) => String(r.feeder));
  const feeder = url.get('feeder') ?? feeders[0] ?? null;
  const query = useQuery({
    queryKey: ['record', 'profile', project, run, feeder, hour],
    enabled: feeder !== null,
    queryFn: ({ signal }) => api.get<{ nodes: ProfilePoint[]; range_a_pu: [number, number]; hour?: number | null }>(`${base}/profile`, { feeder, hour }, signal),
  });
  return (
    <>
      <div className="toolbar">
        <label className="row">{t.feeder} <select value={feeder ?? ''} onChange={(e) => url.set({ feeder: e.target.value })}>{feeders.map((f) => <option key={f}>{f}</option>)}</select></label>
        <label className="row">{strings.hour.label} <input type="number" min={1} max={8784} value={hour ?? ''} placeholder={strings.hour.year} onChange={(e) => setHour(e.target.value === '' ? null : Number(e.target.value))} style={{ width: 110 }} /></label>
        {hour !== null && <span className="quiet">{hourOfYear(hour)}</span>}
      </div>
      <Loaded query={query}>
        {(data) => <ProfileChart points={data.nodes} range={data.range_a_pu} label={feeder ?? ''} onNode={(node) => url.set({ el: node, view: 'heat' }, true)} />}
      </Loaded>
    </>
  );
}

function ProfileChart({ points, range, label, onNode }: { points: ProfilePoint[]; range: [number, number]; label: string; onNode: (node: string) => void }) {
  const shapes = ['circle', 'triangle', 'diamond', 'rect'];
  return (
    <Chart label={`${t.profile} ${label}`} height={400} deps={[points]} onClick={(p) => { const v = p.value as [number, number, string]; if (v[2]) onNode(v[2]); }} option={() => {
      const series = [1, 2, 3, 4].map((phase) => {
        const of = points.filter((p) => (p.phase ?? 1) === phase && p.distance_km !== null);
        const name = (p: ProfilePoint) => p.node ?? `${p.bus}.${p.phase ?? 1}`;
        const data = of.flatMap((p): [number, number, string][] => (p.v_pu !== undefined && p.v_pu !== null ? [[p.distance_km ?? 0, p.v_pu, name(p)]] : [p.v_min_pu, p.v_max_pu].filter((v): v is number => typeof v === 'number').map((v) => [p.distance_km ?? 0, v, name(p)])));
        // Shape and colour say the phase.
        return { type: 'scatter', name: `phase ${'ABCN'[phase - 1]}`, symbol: shapes[phase - 1], symbolSize: 6, data, ...(phase === 1 ? { markLine: { symbol: 'none', silent: true, label: { color: token('text'), formatter: (m: { value: number }) => fixed(m.value, 2) }, lineStyle: { color: token('p2-edge'), type: 'dashed' }, data: range.map((yAxis) => ({ yAxis })) } } : {}) };
      }).filter((s) => s.data.length > 0);
      return {
        grid: { left: 64, right: 40, top: 34, bottom: 50 },
        legend: { top: 0, textStyle: { color: token('text') } },
        tooltip: tooltip({ trigger: 'item', formatter: (p: { value: [number, number, string] }) => `${escaped(p.value[2])}<br>${num(p.value[0])} km<br><b>${num(p.value[1])}</b> pu` }),
        xAxis: axis(`${t.distance} (km)`, { type: 'value' }),
        yAxis: axis(`${t.voltagePu} (pu)`, { type: 'value', scale: true, nameGap: 46 }),
        series,
      };
    }} />
  );
}

function Compare({ base, project, run, runs }: { base: string; project: string; run: string; runs: Run[] }) {
  const url = useUrl();
  const others = runs.filter((r) => r.id !== run);
  const second = url.get('run2') ?? others[0]?.id ?? null;
  const query = useQuery({
    queryKey: ['record', 'compare', project, run, second],
    enabled: second !== null,
    queryFn: ({ signal }) => api.get<{ items: Record<string, unknown>[]; total?: number; totals: Record<string, number | null>; totals_with: Record<string, number | null> }>(`${base}/compare`, { with: second, limit: 1000 }, signal),
  });
  if (others.length === 0) return <Empty title={strings.map.needTwo} actions={<button onClick={() => url.set({ tab: 'new' }, true)}>{strings.empty.newRun}</button>} />;
  return (
    <>
      <div className="toolbar">
        <label className="row">{t.with} <select value={second ?? ''} onChange={(e) => url.set({ run2: e.target.value })}>{others.map((r) => <option key={r.id}>{r.id}</option>)}</select></label>
        <Link className="button" to={{ pathname: '/map', search: patched(commonOf(window.location.search), { run2: second }) }}>{t.toMap}</Link>
        {second && <button onClick={() => url.set(compareHours(runs, second, run), true)}>{t.compareHours}</button>}
      </div>
      <Loaded query={query}>
        {(data) => (
          <>
            <table className="simple" style={{ maxWidth: 640 }}><thead><tr><th>{t.totals}</th><th className="num">{run}</th><th className="num">{second}</th><th className="num">Δ</th><th>{t.unit}</th></tr></thead><tbody>{Object.entries(data.totals).map(([name, here]) => { const f = fieldName(name); const there = data.totals_with[name] ?? null; return <tr key={name}><td>{f.words}</td><td className="num">{num(here)}</td><td className="num">{num(there)}</td><td className="num">{here !== null && there !== null ? num(there - here) : '–'}</td><td className="quiet">{f.unit}</td></tr>; })}</tbody></table>
            <Table label={t.changes} columns={changeColumns(data.items, run, second ?? '')} rows={data.items} rowKey={(_, i) => i} height={Math.min(420, 44 + data.items.length * 28)} total={data.total} />
          </>
        )}
      </Loaded>
    </>
  );
}

function Report({ project, run, runs }: { project: string; run: string; runs: { id: string }[] }) {
  const url = useUrl();
  const may = useMay('engineer');
  const [format, setFormat] = useState('html');
  const [against, setAgainst] = useState('');
  const start = useMutation({ mutationFn: () => startJob({ kind: 'report', project, params: { run, format, ...(against ? { against } : {}) } }, crypto.randomUUID?.() ?? String(Math.random())), onSuccess: (made) => url.set({ job: made.id }) });
  const id = url.get('job');
  const job = useJob(id);
  const files = (job.data?.result?.files as string[] | undefined) ?? [];
  return (
    <>
      <div className="toolbar">
        <label className="row">{t.format} <select value={format} onChange={(e) => setFormat(e.target.value)}>{['html', 'pdf', 'xlsx', 'md', 'txt', 'csv'].map((f) => <option key={f}>{f}</option>)}</select></label>
        <label className="row">{t.against} <select value={against} onChange={(e) => setAgainst(e.target.value)}><option value="">{t.againstNone}</option>{runs.filter((r) => r.id !== run).map((r) => <option key={r.id}>{r.id}</option>)}</select></label>
        <RoleButton allowed={may} role="engineer" className="primary" disabled={start.isPending} onClick={() => start.mutate()}>{t.makeReport}</RoleButton>
      </div>
      {start.error ? <ProblemView problem={asProblem(start.error)} /> : null}
      {job.data?.kind === 'report' && <><StateMark state={job.data.state} /><JobProgress job={job.data} /><div className="row">{files.map((f) => <a key={f} className="button" href={path('jobs', id ?? '', 'files', f)} download>{f}</a>)}</div></>}
    </>
  );
}
