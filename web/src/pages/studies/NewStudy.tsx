import { useMutation, useQuery } from '@tanstack/react-query';
import { useDeferredValue, useMemo, useRef, useState } from 'react';
import { api, asProblem } from '../../api/client';
import { startJob, useJob } from '../../api/jobs';
import type { JobEstimate } from '../../api/types';
import { JobProgress } from '../../app/JobTray';
import type { Context } from '../../state/context';
import { useMay } from '../../state/session';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { bytes, span } from '../../ui/format';
import { Empty, Panel, ProblemView, StateMark } from '../../ui/parts';
import { useScenarios } from './scenarios/data';

const t = strings.studies;

const newKey = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;

/** A new study: what it would take is measured before it is started. */
export function NewStudy({ context }: { context: Context }) {
  const url = useUrl();
  const may = useMay('engineer');
  const { project, networks } = context;
  const [study, setStudy] = useState('');
  const [chosen, setChosen] = useState<string[]>(context.network ? [context.network] : []);
  const [hours, setHours] = useState('8760');
  const [step, setStep] = useState('1h');
  const [controls, setControls] = useState('');
  const [mode, setMode] = useState('');
  const [keep, setKeep] = useState<string[]>(['episodes']);
  const [lenient, setLenient] = useState(false);
  const [resume, setResume] = useState(false);
  const [retryFailed, setRetryFailed] = useState(false);
  const [tolerance, setTolerance] = useState('');
  const [low, setLow] = useState('');
  const [high, setHigh] = useState('');
  const scenarios = useScenarios(project);
  const wanted = url.get('scenario');
  const scenario = scenarios.data?.some((r) => r.name === wanted) ? wanted : null;
  const params = useMemo(() => ({
    ...(scenario ? { scenario: { name: scenario } } : {}),
    ...(study.trim() ? { study: study.trim() } : {}),
    ...(chosen.length === 1 ? { network: chosen[0] } : chosen.length > 1 ? { networks: chosen } : {}),
    ...(chosen.length === 1 && context.version && chosen[0] === context.network ? { version: Number(context.version) } : {}),
    hours: Number(hours),
    ...(step !== '1h' ? { step } : {}),
    ...(controls ? { controls } : {}),
    ...(mode ? { mode } : {}),
    ...(keep.length > 0 ? { keep: ['statistics', ...keep] } : {}),
    ...(low && high ? { range_a: [Number(low), Number(high)] } : {}),
    ...(tolerance ? { tolerance_pu: Number(tolerance) } : {}),
    ...(lenient ? { lenient } : {}),
    ...(resume ? { resume } : {}),
    ...(resume && retryFailed ? { retry_failed: true } : {}),
  }), [study, chosen, hours, step, controls, mode, keep, low, high, tolerance, lenient, resume, retryFailed, context.version, context.network, scenario]);
  const asked = useDeferredValue(JSON.stringify(params));
  const estimate = useQuery({
    queryKey: ['estimate', project, asked],
    enabled: may && !!project && Number(hours) > 0 && (networks?.length ?? 0) > 0,
    staleTime: 60_000,
    queryFn: async ({ signal }) => {
      // While someone types, the last keystroke counts.
      await new Promise((resolve) => setTimeout(resolve, 500));
      if (signal.aborted) throw new DOMException('aborted', 'AbortError');
      return api.post<JobEstimate>('/api/jobs/estimate', { kind: 'solve_year', project, params: JSON.parse(asked) as object }, { signal });
    },
  });
  const key = useRef(newKey());
  const start = useMutation({
    mutationFn: () => startJob({ kind: 'solve_year', project, params }, key.current),
    onSuccess: (made) => { key.current = newKey(); url.set({ job: made.id }); },
    onError: () => { key.current = newKey(); },
  });
  const jobId = url.get('job');
  const job = useJob(jobId);
  if (!may) return <Empty title={t.needs} />;
  if (networks?.length === 0) return <Empty title={strings.empty.noNetworks}>{strings.empty.noProjectsHint}</Empty>;
  return (
    <Panel title={t.new}>
      <form className="stack" onSubmit={(e) => { e.preventDefault(); start.mutate(); }}>
        <div className="form-grid">
          <label className="field"><span>{t.name}</span><input value={study} placeholder={t.nameHint} onChange={(e) => setStudy(e.target.value)} /></label>
          <label className="field"><span>{t.networks}</span>
            <select multiple={(networks?.length ?? 0) > 1} size={Math.min(6, Math.max(2, networks?.length ?? 2))} value={chosen} onChange={(e) => setChosen([...e.target.selectedOptions].map((o) => o.value).filter(Boolean))}>
              {networks?.map((n) => <option key={n.name} value={n.name}>{n.name}</option>)}
            </select>
            <span className="small quiet">{chosen.length === 0 ? t.allNetworks : ''}</span>
          </label>
          <label className="field"><span>{t.scenario}</span><select value={scenario ?? ''} onChange={(e) => url.set({ scenario: e.target.value })}><option value="">{t.noScenario}</option>{scenarios.data?.map((r) => <option key={r.name} value={r.name}>{`${r.name} (${strings.scenarios.version} ${r.version})`}</option>)}</select></label>
          <label className="field"><span>{t.hours}</span><input type="number" required min={1} max={8784} value={hours} onChange={(e) => setHours(e.target.value)} /></label>
          <label className="field"><span>{t.step}</span><select value={step} onChange={(e) => setStep(e.target.value)}>{['1h', '30m', '15m', '5m', '1m'].map((s) => <option key={s}>{s}</option>)}</select></label>
          <label className="field"><span>{t.controls}</span><select value={controls} onChange={(e) => setControls(e.target.value)}><option value="">{t.asModel}</option><option value="off">{t.off}</option><option value="static">{t.static}</option><option value="time">{t.time}</option></select></label>
          <fieldset><legend>{t.keep}</legend>{Object.entries(t.keepText).map(([k, label]) => <label key={k} style={{ display: 'block' }}><input type="checkbox" checked={keep.includes(k)} onChange={(e) => setKeep(e.target.checked ? [...keep, k] : keep.filter((x) => x !== k))} />{label}</label>)}</fieldset>
        </div>
        <details>
          <summary>{t.advanced}</summary>
          <div className="form-grid" style={{ marginTop: 8 }}>
            <label className="field"><span>{t.mode}</span><select value={mode} onChange={(e) => setMode(e.target.value)}><option value="">{t.asModel}</option>{['yearly', 'daily', 'duty', 'time'].map((m) => <option key={m}>{m}</option>)}</select></label>
            <label className="field"><span>{t.rangeA} (pu)</span><span className="row"><input type="number" step="0.001" placeholder="0.95" value={low} onChange={(e) => setLow(e.target.value)} style={{ width: 84 }} />–<input type="number" step="0.001" placeholder="1.05" value={high} onChange={(e) => setHigh(e.target.value)} style={{ width: 84 }} /></span></label>
            <label className="field"><span>{t.tolerance} (pu)</span><input type="number" step="any" min="0" placeholder="0.0001" value={tolerance} onChange={(e) => setTolerance(e.target.value)} /></label>
            <div className="stack">
              <label><input type="checkbox" checked={lenient} onChange={(e) => setLenient(e.target.checked)} />{t.lenient}</label>
              <label><input type="checkbox" checked={resume} onChange={(e) => setResume(e.target.checked)} />{t.resume}</label>
              {resume && <label><input type="checkbox" checked={retryFailed} onChange={(e) => setRetryFailed(e.target.checked)} />{t.retryFailed}</label>}
            </div>
          </div>
        </details>
        <div role="status">
          {estimate.data && !estimate.isFetching ? <p><b>{t.about(span(estimate.data.time_s), bytes(estimate.data.bytes))}</b> <span className="quiet">{estimate.data.basis}</span></p> : estimate.isFetching ? <p className="row quiet"><span className="spinner" />{t.estimating}</p> : null}
        </div>
        {estimate.error ? <ProblemView problem={asProblem(estimate.error)} /> : null}
        {start.error ? <ProblemView problem={asProblem(start.error)} /> : null}
        <div><button className="primary" disabled={start.isPending || !project}>{t.run}</button></div>
      </form>
      {job.data && (
        <div className="stack" style={{ marginTop: 10 }} data-testid="study-job" data-state={job.data.state}>
          <div className="row"><StateMark state={job.data.state} />{job.data.state === 'done' && typeof job.data.result?.study === 'string' && <button onClick={() => url.set({ tab: null, job: null, run: job.data.result?.study as string }, true)}>{strings.job.open} {job.data.result.study}</button>}</div>
          <JobProgress job={job.data} />
        </div>
      )}
    </Panel>
  );
}
