/** One line a concern: what runs, what failed, what there is and how fresh it is. Quiet while all is well. */

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { api, asProblem } from '../../api/client';
import { useProjects } from '../../api/data';
import { isOpen, startJob, useJobs } from '../../api/jobs';
import { useAge, useAlarms, useMoment, useTwin } from '../../api/twin';
import type { ProjectRow } from '../../api/types';
import { renew } from '../../api/renew';
import { jobTitle, JobProgress } from '../../app/JobTray';
import { useMay } from '../../state/session';
import { commonOf, patched, useUrl } from '../../state/url';
import { strings } from '../../strings';
import { ago, count, fieldName, fixed, num, span, when } from '../../ui/format';
import { Empty, Loaded, Panel, Priority, ProblemView, RoleButton, StateMark } from '../../ui/parts';
import { QuestionLine } from '../models/QuestionLine';
import { estimateState, lostSince } from '../substation/words';

const t = strings.overview;

/** What the overview tells of a project beside what the list has. */
interface More {
  id: string;
  networks: { name: string; versions: number; newest_utc: string | null; buses: number | null; elements: number | null; errors: number; warnings: number }[];
  errors: number;
  warnings: number;
  runs: number;
}

/** Networks that a card names; the map's picker has all of them. */
const NETWORKS_SHOWN = 8;

export default function Overview() {
  const client = useQueryClient();
  const may = useMay('engineer');
  const jobs = useJobs();
  const projects = useProjects();
  const more = useQuery({
    queryKey: ['overview'],
    queryFn: async ({ signal }) => (await api.get<{ projects: More[] }>('/api/overview', undefined, signal)).projects,
  });
  const health = useQuery({ queryKey: ['health'], queryFn: ({ signal }) => api.get<Record<string, unknown>>('/api/health', undefined, signal), refetchInterval: 15_000 });
  const demo = useMutation({
    mutationFn: async () => {
      await api.post('/api/projects', { name: 'demo' }).catch((error: unknown) => { if (asProblem(error).status !== 409) throw error; });
      return startJob({ kind: 'demo', project: 'demo', params: {} }, `demo-${Date.now()}`);
    },
    onSuccess: () => void renew(client, ['jobs'], ['projects']),
  });
  const items = jobs.data?.items ?? [];
  const running = items.filter(isOpen);
  const failed = items.filter((j) => j.state === 'failed').slice(0, 3);
  return (
    <div className="page">
      <header><h1>{t.title}</h1></header>
      <div className="grid-cards">
        <Panel title={t.running}>
          {running.length === 0 ? <p className="quiet">{t.nothingRunning}</p> : running.map((j) => <div className="job" key={j.id}><div className="row"><b className="grow clip">{jobTitle(j)}</b><StateMark state={j.state} /></div><JobProgress job={j} /></div>)}
          {failed.length > 0 && <><h3>{t.failed}</h3>{failed.map((j) => <div key={j.id} className="row"><Priority level={2} label={strings.state.failed} /><Link to={`/studies?tab=queue&job=${encodeURIComponent(j.id)}`} className="grow clip">{jobTitle(j)}: {j.problem?.title ?? j.message}</Link><span className="small quiet nowrap">{ago(j.ended)}</span></div>)}</>}
        </Panel>
        <Panel title={t.server}>
          <Loaded query={health} small>{(h) => <dl className="facts">{Object.entries(h).filter(([, v]) => v === null || typeof v !== 'object').map(([k, v]) => { const { words, unit } = fieldName(k); return [<dt key={`${k}t`}>{words}</dt>, <dd key={k}>{typeof v === 'number' ? num(v) : String(v ?? '–')} {unit}</dd>]; })}</dl>}</Loaded>
        </Panel>
      </div>
      <Plant />
      <Ask />
      <h2 style={{ margin: 0 }}>{t.projects}</h2>
      <Loaded query={projects}>
        {(rows) => rows.length === 0 ? (
          <Panel>
            <Empty title={strings.empty.noProjects} actions={<><Link className="button" to="/exchange">{strings.empty.import}</Link><RoleButton allowed={may} role="engineer" disabled={demo.isPending} onClick={() => demo.mutate()}>{t.demo}</RoleButton></>}>{strings.empty.noProjectsHint} {t.demoText}</Empty>
            {demo.error ? <ProblemView problem={asProblem(demo.error)} /> : null}
          </Panel>
        ) : (
          <div className="grid-cards">
            {rows.map((p: ProjectRow) => {
              const told = more.data?.find((x) => x.id === p.id);
              const { errors, warnings, runs } = told ?? { errors: 0, warnings: 0, runs: undefined };
              const to = (network: string) => `/map?${new URLSearchParams({ project: p.id, network }).toString()}`;
              return (
                <Panel key={p.id} title={p.name ?? p.id} actions={<Link className="button" to={`/map?project=${encodeURIComponent(p.id)}`}>{t.open}</Link>}>
                  {p.fault ? <ProblemView problem={p.fault} /> : (
                    <>
                      <div className="figures">
                        <div className="figure"><b>{count(p.networks)}</b><span>{t.networks}</span></div>
                        <div className="figure"><b>{count(p.versions)}</b><span>{t.versions}</span></div>
                        {runs !== undefined && <div className="figure"><b>{count(runs)}</b><span>{t.studies}</span></div>}
                      </div>
                      {told && told.networks.length > 0 && (
                        <table className="simple" style={{ marginTop: 6 }}>
                          <thead><tr><th>{strings.network}</th><th className="num">{t.buses}</th><th className="num">{t.elements}</th><th className="num">{t.findings}</th></tr></thead>
                          <tbody>{told.networks.slice(0, NETWORKS_SHOWN).map((n) => <tr key={n.name}><td><Link to={to(n.name)}>{n.name}</Link></td><td className="num">{count(n.buses)}</td><td className="num">{count(n.elements)}</td><td className="num">{count(n.errors + n.warnings)}</td></tr>)}</tbody>
                        </table>
                      )}
                      {told && told.networks.length > NETWORKS_SHOWN && <p className="small quiet">{t.moreNetworks(count(told.networks.length - NETWORKS_SHOWN))}</p>}
                      <p className="small quiet" style={{ marginTop: 6 }}>{t.newest}: <span title={when(p.newest_utc)}>{ago(p.newest_utc)}</span></p>
                      {(errors > 0 || warnings > 0) && <div className="row">{errors > 0 && <Link className="row" to={`/exchange?tab=records&project=${encodeURIComponent(p.id)}&severity=error`}><Priority level={1} label="errors" /> {count(errors)}</Link>}{warnings > 0 && <Link className="row" to={`/exchange?tab=records&project=${encodeURIComponent(p.id)}&severity=warning`}><Priority level={2} label="warnings" /> {count(warnings)}</Link>}</div>}
                    </>
                  )}
                </Panel>
              );
            })}
          </div>
        )}
      </Loaded>
    </div>
  );
}

/** A question in plain words; it is read on the page of the models. */
function Ask() {
  const url = useUrl();
  const navigate = useNavigate();
  const [text, setText] = useState('');
  if (url.get('project') === null) return null;
  return (
    <Panel title={strings.models.question.title}>
      <QuestionLine text={text} onText={setText} onAsk={() => void navigate({ pathname: '/models', search: patched(commonOf(window.location.search), { ask: text.trim() }) })} />
      <p className="small quiet" style={{ margin: '6px 0 0' }}>{strings.models.question.hint}</p>
    </Panel>
  );
}

/** The plant that is followed, in one line; nothing where none is. */
function Plant() {
  const twin = useTwin();
  const moment = useMoment(null, Boolean(twin.data));
  const alarms = useAlarms(Boolean(twin.data));
  const { age_s, isStale } = useAge(twin.data?.interval_s);
  if (!twin.data) return null;
  const lost = lostSince(moment.data);
  // Without a device nothing is known of the plant, its health neither.
  const m = lost === null ? moment.data?.metrics : undefined;
  const figures: [string, string][] = [[strings.twin.metrics.system_health ?? '', `${fixed(m?.system_health, 1)} %`], [strings.twin.metrics.total_load_mw ?? '', `${fixed(m?.total_load_mw, 1)} MW`], [strings.twin.metrics.frequency_hz ?? '', `${fixed(m?.frequency_hz, 3)} Hz`], [strings.alarms.tabs.list, count(alarms.data?.counts.listed)], [strings.twin.estimate, (moment.data && strings.twin.estimateStates[estimateState(moment.data.estimate)]) ?? '–']];
  return (
    <Panel title={`${t.plant}: ${twin.data.simulated ? strings.twin.simulation(twin.data.name) : twin.data.name}`} actions={<Link className="button" to="/substation">{t.openPlant}</Link>}>
      {isStale && <p role="alert"><Priority level={2} label={strings.twin.stale(span(Math.round(age_s)))} /> {strings.twin.stale(span(Math.round(age_s)))}</p>}
      {lost !== null && !isStale && <p role="alert"><Priority level={2} label={strings.twin.disconnected} /> {strings.twin.allLost(lost.last_ms === null ? null : when(new Date(lost.last_ms).toISOString()))}</p>}
      <div className="figures">{figures.map(([what, value]) => <div className="figure" key={what}><b>{value}</b><span>{what}</span></div>)}</div>
    </Panel>
  );
}
