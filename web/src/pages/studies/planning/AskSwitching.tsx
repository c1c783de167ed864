/** Forms about what is out and what is switched: contingencies, restoration, reconfiguration. */

import { useEffect, useMemo, useState } from 'react';
import { strings } from '../../../strings';
import { Choice, Flags, number, NumberField, type FormProps, type Params } from './fields';
import { filled, words } from './logic';

const t = strings.planning;
const CRITERIA = t.criteria.filter((c) => ['over-voltage', 'under-voltage', 'thermal-line', 'thermal-transformer'].includes(c.name));

type Values = Record<string, string>;

/** What all three share: which switches, how it is searched, limits, ratings, moments. */
function useShared(more: Values) {
  const [f, setF] = useState<Values>({ rating: '', search: '', switches: '', hours: 'snapshot', series: '', controls: '', ...more });
  const [on, setOn] = useState<string[]>(CRITERIA.map((c) => c.name));
  const set = (key: string) => (value: string) => setF((before) => ({ ...before, [key]: value }));
  const shared: Params = {
    switches: f.switches, rating: f.rating, limit_operations: number(f.limit), series: f.hours === 'snapshot' ? '' : f.series, steps: f.hours === 'snapshot' ? undefined : number(f.steps), controls: f.controls,
    criteria: on.length === CRITERIA.length ? [] : on,
    limits: Object.fromEntries(CRITERIA.flatMap((c) => (on.includes(c.name) && (f[`limit ${c.name}`] ?? '').trim() !== '' ? [[c.name, Number(f[`limit ${c.name}`])]] : []))),
  };
  const hours = f.hours === 'chosen' ? words(f.chosen ?? '').join(',') : f.hours;
  return { f, set, on, setOn, shared, hours };
}

type Shared = ReturnType<typeof useShared>;

function Moments({ of, one = false }: { of: Shared; one?: boolean }) {
  const { f, set } = of;
  return (
    <>
      <Choice label={t.moments} words={one ? t.momentOne : t.momentWords} value={f.hours ?? ''} onChange={set('hours')} />
      {f.hours === 'chosen' && <label className="field"><span>{one ? t.oneStep : t.steps}</span><input required value={f.chosen ?? ''} placeholder={one ? '4000' : '1, 2, 4000'} onChange={(e) => set('chosen')(e.target.value)} /></label>}
      {f.hours !== 'snapshot' && <><Choice label={t.series} words={{ '': t.asUsual, ...t.seriesWords }} value={f.series ?? ''} onChange={set('series')} /><NumberField label={t.stepCount} min={1} step={1} value={f.steps ?? ''} placeholder={t.stepCountHint} onChange={set('steps')} /></>}
    </>
  );
}

function Limits({ of, isSearch = true }: { of: Shared; isSearch?: boolean }) {
  const { f, set, on, setOn } = of;
  return (
    <>
      <details>
        <summary>{t.limits}</summary>
        <table className="simple" style={{ marginTop: 8, width: 'auto' }}>
          <tbody>{CRITERIA.map((c) => (
            <tr key={c.name}>
              <td><label><input type="checkbox" checked={on.includes(c.name)} onChange={(e) => setOn(e.target.checked ? [...on, c.name] : on.filter((x) => x !== c.name))} />{c.label}</label></td>
              <td className="num"><input type="number" step="any" aria-label={`${t.limit} ${c.label}`} style={{ width: 96 }} placeholder={c.limit} disabled={!on.includes(c.name)} value={f[`limit ${c.name}`] ?? ''} onChange={(e) => set(`limit ${c.name}`)(e.target.value)} /></td>
              <td className="quiet">{c.unit}</td>
            </tr>
          ))}</tbody>
        </table>
      </details>
      <details>
        <summary>{strings.studies.advanced}</summary>
        <div className="form-grid" style={{ marginTop: 8 }}>
          <Choice label={t.rating} words={{ '': t.asUsual, ...t.ratingWords }} value={f.rating ?? ''} onChange={set('rating')} />
          <Choice label={strings.studies.controls} words={{ '': strings.studies.asModel, off: strings.studies.off, static: strings.studies.static, time: strings.studies.time }} value={f.controls ?? ''} onChange={set('controls')} />
          {isSearch && <><NumberField label={t.maxPlans} min={1} step={1} value={f.plans ?? ''} onChange={set('plans')} /><NumberField label={t.maxSolved} min={1} step={1} value={f.solved ?? ''} onChange={set('solved')} /></>}
        </div>
      </details>
    </>
  );
}

const Switches = ({ of }: { of: Shared }) => <><Choice label={t.switches} words={{ '': t.asUsual, ...t.switchWords }} value={of.f.switches ?? ''} onChange={of.set('switches')} /><NumberField label={t.limitOperations} min={0} step={1} value={of.f.limit ?? ''} placeholder={t.asUsual} onChange={of.set('limit')} /></>;

/** Tells the page what is asked for whenever it has changed. */
function useTold(params: Params, onParams: (params: Params) => void) {
  const text = useMemo(() => JSON.stringify(filled(params)), [params]);
  useEffect(() => { onParams(JSON.parse(text) as Params); }, [text, onParams]);
}

export function Contingency({ onParams }: FormProps) {
  const of = useShared({ isolation: '' });
  const [kinds, setKinds] = useState<string[]>(['lines']);
  const [restore, setRestore] = useState(false);
  const { f, set, shared, hours } = of;
  const { switches, limit_operations, ...rest } = shared;
  useTold({
    ...rest, ...Object.fromEntries(kinds.map((k) => [k, true])), outage: words(f.outage ?? ''), pairs: number(f.pairs), isolation: f.isolation, hours, restore,
    ...(restore ? { switches, limit_operations, search: f.search, max_plans: number(f.plans), max_solved: number(f.solved) } : {}),
  }, onParams);
  return (
    <>
      <div className="form-grid">
        <Flags label={t.outagesOf} words={t.outageWords} on={kinds} onChange={setKinds} />
        <label className="field"><span>{t.outages}</span><input value={f.outage ?? ''} placeholder={t.outagesHint} onChange={(e) => set('outage')(e.target.value)} /><span className="small quiet">{kinds.length === 0 && words(f.outage ?? '').length === 0 ? t.outagesAll : ''}</span></label>
        <NumberField label={t.pairs} min={0} step={1} value={f.pairs ?? ''} placeholder="0" onChange={set('pairs')} />
        <Choice label={t.isolation} words={{ '': t.asUsual, ...t.isolationWords }} value={f.isolation ?? ''} onChange={set('isolation')} />
        <Moments of={of} />
        <label><input type="checkbox" checked={restore} onChange={(e) => setRestore(e.target.checked)} />{t.restore}</label>
        {restore && <><Switches of={of} /><Choice label={t.search2} words={{ '': t.asUsual, ...t.searchWords }} value={f.search ?? ''} onChange={set('search')} /></>}
      </div>
      <Limits of={of} isSearch={restore} />
    </>
  );
}

export function Restoration({ onParams }: FormProps) {
  const of = useShared({ isolation: '' });
  const { f, set, shared, hours } = of;
  useTold({ ...shared, outage: words(f.outage ?? ''), isolation: f.isolation, search: f.search, hour: hours, told: number(f.told), max_plans: number(f.plans), max_solved: number(f.solved) }, onParams);
  return (
    <>
      <div className="form-grid">
        <label className="field"><span>{t.outages}</span><input required value={f.outage ?? ''} placeholder={t.outagesOne} onChange={(e) => set('outage')(e.target.value)} /></label>
        <Choice label={t.isolation} words={{ '': t.asUsual, ...t.isolationWords }} value={f.isolation ?? ''} onChange={set('isolation')} />
        <Switches of={of} />
        <Choice label={t.search2} words={{ '': t.asUsual, ...t.searchWords }} value={f.search ?? ''} onChange={set('search')} />
        <Moments of={of} one />
        <NumberField label={t.refusedTold} min={0} step={1} value={f.told ?? ''} onChange={set('told')} />
      </div>
      <Limits of={of} />
    </>
  );
}

export function Reconfiguration({ onParams }: FormProps) {
  const of = useShared({ aim: 'losses' });
  const [noLimits, setNoLimits] = useState(false);
  const { f, set, shared, hours } = of;
  useTold({ ...shared, aim: f.aim, hours, no_limits: noLimits, max_trees: number(f.trees), starts: number(f.starts), seed: number(f.seed) }, onParams);
  return (
    <>
      <div className="form-grid">
        <Choice label={t.aim} words={t.aimWords} value={f.aim ?? ''} onChange={set('aim')} />
        <Switches of={of} />
        <Moments of={of} />
        <label><input type="checkbox" checked={noLimits} onChange={(e) => setNoLimits(e.target.checked)} />{t.noLimits}</label>
        <NumberField label={t.maxTrees} min={0} step={1} value={f.trees ?? ''} placeholder={t.asUsual} onChange={set('trees')} />
        <NumberField label={t.starts} min={0} step={1} value={f.starts ?? ''} placeholder={t.asUsual} onChange={set('starts')} />
        <NumberField label={t.seed} min={0} step={1} value={f.seed ?? ''} placeholder="1" onChange={set('seed')} />
      </div>
      <Limits of={of} isSearch={false} />
    </>
  );
}
