/** Asks for a study whose answer is tables. */

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { asProblem } from '../../../api/client';
import { isOpen, startJob, useJob } from '../../../api/jobs';
import { renew } from '../../../api/renew';
import { JobProgress } from '../../../app/JobTray';
import type { Context } from '../../../state/context';
import { useMay } from '../../../state/session';
import { useUrl } from '../../../state/url';
import { strings } from '../../../strings';
import { Empty, Panel, ProblemView, StateMark } from '../../../ui/parts';
import { Comparison, ScenarioForm, Sweep } from './AskScenario';
import { Contingency, Reconfiguration, Restoration } from './AskSwitching';
import { number, NumberField, type FormProps, type Params } from './fields';
import { filled, isAskable, words } from './logic';

const t = strings.planning;

const newKey = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;

function Hosting({ onParams }: FormProps) {
  const [f, setF] = useState<Record<string, string>>({ method: 'iterative', base: 'zero', hours: 'snapshot' });
  const [der, setDer] = useState<string[]>(['generation']);
  const [limits, setLimits] = useState<Record<string, string>>({});
  const [on, setOn] = useState<string[]>(t.criteriaOn);
  const [envelope, setEnvelope] = useState(false);
  const tell = (fields = f, ders = der, limit = limits, criteria = on, keep = envelope) => {
    const isStochastic = fields.method === 'stochastic';
    onParams(filled({
      method: fields.method, der: ders, buses: words(fields.buses ?? ''),
      criteria: criteria.length === t.criteriaOn.length && t.criteriaOn.every((c) => criteria.includes(c)) ? [] : criteria,
      limits: Object.fromEntries(Object.entries(limit).filter(([k, v]) => v.trim() !== '' && criteria.includes(k)).map(([k, v]) => [k, Number(v)])),
      base_violations: fields.base, step_kw: number(fields.step), max_kw: number(fields.max ?? ''), power_factor: number(fields.pf ?? ''),
      hours: fields.hours === 'chosen' ? words(fields.steps ?? '').join(',') : fields.hours,
      profile: fields.profile?.trim() ?? '', envelope: keep && !isStochastic, relax: fields.relax ?? '',
      ...(isStochastic ? { seed: number(fields.seed ?? ''), draws: number(fields.draws ?? '') } : {}),
    }));
  };
  const set = (key: string) => (value: string) => { const next = { ...f, [key]: value }; setF(next); tell(next); };
  const isStochastic = f.method === 'stochastic';
  return (
    <>
      <div className="form-grid">
        <label className="field"><span>{t.method}</span><select value={f.method} onChange={(e) => set('method')(e.target.value)}>{Object.entries(t.methods).map(([k, label]) => <option key={k} value={k}>{label}</option>)}</select></label>
        <fieldset><legend>{t.der}</legend>{Object.entries(t.ders).map(([k, label]) => <label key={k} style={{ display: 'block' }}><input type="checkbox" checked={der.includes(k)} onChange={(e) => { const next = e.target.checked ? [...der, k] : der.filter((x) => x !== k); setDer(next); tell(f, next); }} />{label}</label>)}</fieldset>
        <label className="field"><span>{t.moments}</span><select value={f.hours} onChange={(e) => set('hours')(e.target.value)}>{Object.entries(t.hourWords).map(([k, label]) => <option key={k} value={k}>{label}</option>)}</select></label>
        {f.hours === 'chosen' && <label className="field"><span>{t.steps}</span><input required value={f.steps ?? ''} placeholder="1, 2, 4000" onChange={(e) => set('steps')(e.target.value)} /></label>}
        {f.hours !== 'snapshot' && <label className="field"><span>{t.profile}</span><input value={f.profile ?? ''} placeholder={t.profileHint} onChange={(e) => set('profile')(e.target.value)} /></label>}
        {f.hours !== 'snapshot' && !isStochastic && <label><input type="checkbox" checked={envelope} onChange={(e) => { setEnvelope(e.target.checked); tell(f, der, limits, on, e.target.checked); }} />{t.envelope}</label>}
        <label className="field"><span>{t.base}</span><select value={f.base} onChange={(e) => set('base')(e.target.value)}>{Object.entries(t.baseWords).map(([k, label]) => <option key={k} value={k}>{label}</option>)}</select></label>
        {isStochastic && <><NumberField label={t.draws} value={f.draws ?? ''} placeholder="500" min={2} onChange={set('draws')} /><NumberField label={t.seed} value={f.seed ?? ''} placeholder="1" min={0} step={1} onChange={set('seed')} /></>}
      </div>
      <details>
        <summary>{t.limits}</summary>
        <table className="simple" style={{ marginTop: 8, width: 'auto' }}>
          <tbody>
            {t.criteria.map((c) => (
              <tr key={c.name}>
                <td><label><input type="checkbox" checked={on.includes(c.name)} onChange={(e) => { const next = e.target.checked ? [...on, c.name] : on.filter((x) => x !== c.name); setOn(next); tell(f, der, limits, next); }} />{c.label}</label></td>
                <td className="num"><input type="number" step="any" aria-label={`${t.limit} ${c.label}`} style={{ width: 96 }} placeholder={c.limit} disabled={!on.includes(c.name)} value={limits[c.name] ?? ''} onChange={(e) => { const next = { ...limits, [c.name]: e.target.value }; setLimits(next); tell(f, der, next); }} /></td>
                <td className="quiet">{c.unit}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
      <details>
        <summary>{strings.studies.advanced}</summary>
        <div className="form-grid" style={{ marginTop: 8 }}>
          <label className="field"><span>{t.buses}</span><input value={f.buses ?? ''} placeholder={t.busesHint} onChange={(e) => set('buses')(e.target.value)} /></label>
          <NumberField label={t.sizeStep} unit="kW" min={0} value={f.step ?? ''} placeholder={t.sizeStepHint} onChange={set('step')} />
          <NumberField label={t.sizeMax} unit="kW" min={0} value={f.max ?? ''} placeholder={t.sizeMaxHint} onChange={set('max')} />
          <NumberField label={t.powerFactor} min={-1} max={1} value={f.pf ?? ''} placeholder="1" onChange={set('pf')} />
          <label className="field"><span>{t.relax}</span><select value={f.relax ?? ''} onChange={(e) => set('relax')(e.target.value)}>{Object.entries(t.relaxWords).map(([k, label]) => <option key={k} value={k}>{label}</option>)}</select></label>
        </div>
      </details>
    </>
  );
}

function Reliability({ onParams }: FormProps) {
  const [f, setF] = useState<Record<string, string>>({});
  const [on, setOn] = useState<string[]>([]);
  const tell = (fields = f, flags = on) => onParams(filled({ switching_h: number(fields.switching ?? ''), stress: number(fields.stress ?? ''), stress_above: number(fields.above ?? ''), ...Object.fromEntries(flags.map((x) => [x, true])) }));
  const set = (key: string) => (value: string) => { const next = { ...f, [key]: value }; setF(next); tell(next); };
  return (
    <div className="form-grid">
      <NumberField label={t.switching} unit="h" min={0} value={f.switching ?? ''} placeholder="1" onChange={set('switching')} />
      <NumberField label={t.stress} unit={t.stressUnit} min={0} value={f.stress ?? ''} placeholder="0" onChange={set('stress')} />
      <NumberField label={t.stressAbove} unit="%" min={0} value={f.above ?? ''} placeholder="80" onChange={set('above')} />
      <fieldset><legend>{t.without}</legend>{Object.entries(t.withoutWords).map(([k, label]) => <label key={k} style={{ display: 'block' }}><input type="checkbox" checked={on.includes(k)} onChange={(e) => { const next = e.target.checked ? [...on, k] : on.filter((x) => x !== k); setOn(next); tell(f, next); }} />{label}</label>)}</fieldset>
    </div>
  );
}

function Mitigation({ onParams }: FormProps) {
  const [f, setF] = useState<Record<string, string>>({ series: 'yearly', currency: 'USD' });
  const set = (key: string) => (value: string) => {
    const next = { ...f, [key]: value };
    setF(next);
    const costs = filled({ currency: next.currency, source: next.source, ...Object.fromEntries(t.costs.map((c) => [c.name, number(next[c.name] ?? '')])) });
    onParams(filled({ costs, budget: number(next.budget ?? ''), series: next.series, steps: number(next.steps ?? ''), v_low: number(next.low ?? ''), v_high: number(next.high ?? '') }));
  };
  return (
    <>
      <div className="form-grid">
        <NumberField label={t.budget} unit={f.currency} min={0} value={f.budget ?? ''} placeholder={t.budgetHint} onChange={set('budget')} />
        <label className="field"><span>{t.series}</span><select value={f.series} onChange={(e) => set('series')(e.target.value)}>{Object.entries(t.seriesWords).map(([k, label]) => <option key={k} value={k}>{label}</option>)}</select></label>
        <NumberField label={t.stepsOfSeries} min={1} step={1} value={f.steps ?? ''} placeholder={f.series === 'daily' ? '24' : '8760'} onChange={set('steps')} />
        <NumberField label={t.vLow} unit="pu" min={0} value={f.low ?? ''} placeholder="0.95" onChange={set('low')} />
        <NumberField label={t.vHigh} unit="pu" min={0} value={f.high ?? ''} placeholder="1.05" onChange={set('high')} />
      </div>
      <fieldset>
        <legend>{t.costsTitle}</legend>
        <p className="quiet small">{t.costsHint}</p>
        <div className="form-grid">
          <label className="field"><span>{t.currency}</span><input value={f.currency ?? ''} maxLength={12} onChange={(e) => set('currency')(e.target.value)} /></label>
          <label className="field"><span>{t.costsSource}</span><input value={f.source ?? ''} maxLength={500} onChange={(e) => set('source')(e.target.value)} /></label>
          {t.costs.map((c) => <NumberField key={c.name} label={c.label} unit={c.unit ? `${f.currency}/${c.unit}` : f.currency} min={0} value={f[c.name] ?? ''} onChange={set(c.name)} />)}
        </div>
      </fieldset>
    </>
  );
}

/** The studies that can be asked for here. */
const FORMS: Record<string, (props: FormProps) => React.ReactNode> = { hosting_capacity: Hosting, reliability: Reliability, mitigation: Mitigation, contingency: Contingency, restoration: Restoration, reconfiguration: Reconfiguration, comparison: Comparison, scenario: ScenarioForm, sweep: Sweep };

export function Ask({ context }: { context: Context }) {
  const url = useUrl();
  const client = useQueryClient();
  const may = useMay('engineer');
  const { project, networks } = context;
  const kind = url.get('ask') && (url.get('ask') as string) in FORMS ? (url.get('ask') as string) : 'hosting_capacity';
  const [params, setParams] = useState<Params>({});
  const [lenient, setLenient] = useState(false);
  const network = context.network ?? networks?.[0]?.name ?? null;
  const key = useRef(newKey());
  const start = useMutation({
    mutationFn: () => startJob({ kind, project, params: kind === 'comparison' ? params : { ...params, network, ...(context.version ? { version: Number(context.version) } : {}), ...(lenient ? { lenient } : {}) } }, key.current),
    onSuccess: (made) => { void renew(client, ['jobs']); url.set({ job: made.id }); },
    onSettled: () => { key.current = newKey(); },
  });
  const job = useJob(url.get('job'));
  const made = job.data && job.data.kind in FORMS ? job.data : null;
  if (!may) return <Empty title={strings.studies.needs} />;
  if (networks?.length === 0) return <Empty title={strings.empty.noNetworks}>{strings.empty.noProjectsHint}</Empty>;
  const Form = FORMS[kind] as (props: FormProps) => React.ReactNode;
  // Studies say themselves which networks they are of.
  const isOfRuns = kind === 'comparison';
  return (
    <Panel title={t.ask}>
      <form className="stack" onSubmit={(e) => { e.preventDefault(); start.mutate(); }}>
        <div className="form-grid">
          <label className="field"><span>{t.study}</span><select value={kind} onChange={(e) => { setParams({}); url.set({ ask: e.target.value, job: null }); }}>{Object.keys(FORMS).map((k) => <option key={k} value={k}>{t.studies[k]}</option>)}</select></label>
          {!isOfRuns && <label className="field"><span>{t.network}</span><select value={network ?? ''} onChange={(e) => url.set({ network: e.target.value, version: null })}>{networks?.map((n) => <option key={n.name}>{n.name}</option>)}</select></label>}
        </div>
        <p className="quiet small">{t.about[kind]}</p>
        <Form key={kind} context={context} onParams={setParams} />
        {!isOfRuns && <label><input type="checkbox" checked={lenient} onChange={(e) => setLenient(e.target.checked)} />{strings.studies.lenient}</label>}
        {start.error ? <ProblemView problem={asProblem(start.error)} /> : null}
        <div><button className="primary" disabled={start.isPending || !project || (!isOfRuns && !network) || !isAskable(kind, params) || (made !== null && isOpen(made))}>{strings.studies.run}</button></div>
      </form>
      {made && (
        <div className="stack" style={{ marginTop: 10 }} data-testid="answer-job" data-state={made.state}>
          <div className="row"><StateMark state={made.state} />{made.state === 'done' && typeof made.result?.analysis === 'string' && <button onClick={() => url.set({ part: null, job: null, answer: made.result?.analysis as string }, true)}>{t.openAnswer}</button>}</div>
          <JobProgress job={made} />
        </div>
      )}
    </Panel>
  );
}
