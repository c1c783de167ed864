/** Forms about scenarios: laid upon a network, swept over, and studies compared hour by hour. */

import { useEffect, useState } from 'react';
import { useUrl } from '../../../state/url';
import { strings } from '../../../strings';
import { Empty } from '../../../ui/parts';
import { useScenario, useScenarios, useSchema } from '../scenarios/data';
import { layersOf, parsed } from '../scenarios/document';
import { layerKinds, sweepPaths } from '../scenarios/schema';
import { Choice, number, NumberField, type FormProps } from './fields';
import { filled } from './logic';

const t = strings.planning;

/** Scenarios of the project to choose one of; the address may name it. */
function useChosen(project: string | null) {
  const url = useUrl();
  const list = useScenarios(project);
  const name = url.get('scenario') ?? list.data?.[0]?.name ?? '';
  const select = list.data && list.data.length > 0 ? <label className="field"><span>{strings.studies.scenario}</span><select required value={name} onChange={(e) => url.set({ scenario: e.target.value })}>{!list.data.some((r) => r.name === name) && <option value="" />}{list.data.map((r) => <option key={r.name} value={r.name}>{`${r.name} (${t.version} ${r.version})`}</option>)}</select></label> : null;
  const none = list.data?.length === 0 ? <Empty title={strings.scenarios.none} actions={<button type="button" onClick={() => url.set({ tab: 'scenarios', part: null, ask: null, scenario: null }, true)}>{strings.scenarios.new}</button>}>{strings.scenarios.noneHint}</Empty> : null;
  return { name: list.data?.some((r) => r.name === name) ? name : '', select, none };
}

export function ScenarioForm({ context, onParams }: FormProps) {
  const { name, select, none } = useChosen(context.project);
  useEffect(() => { onParams(filled({ scenario: name ? { name } : null })); }, [name, onParams]);
  return none ?? <div className="form-grid">{select}</div>;
}

interface Row { path: string; values: string }

export function Sweep({ context, onParams }: FormProps) {
  const { name, select, none } = useChosen(context.project);
  const schema = useSchema();
  const scenario = useScenario(context.project ?? '', name || null, null);
  const [rows, setRows] = useState<Row[]>([{ path: '', values: '' }]);
  const [f, setF] = useState<Record<string, string>>({ method: 'grid' });
  const set = (key: string) => (value: string) => setF((before) => ({ ...before, [key]: value }));
  const kinds = schema.data ? layerKinds(schema.data) : [];
  const layers = scenario.data ? layersOf(parsed(scenario.data.text)) : [];
  const paths = layers.flatMap((l) => sweepPaths(l.name, kinds.find((k) => k.kind === l.kind)?.fields ?? []));
  const vary = JSON.stringify(rows.filter((r) => r.path.trim() !== '' && r.values.trim() !== '').map((r) => `${r.path.trim()}=${r.values.replace(/\s+/g, '')}`));
  useEffect(() => {
    onParams(filled({ scenario: name ? { name } : null, vary: JSON.parse(vary) as string[], method: f.method, samples: number(f.samples), seed: number(f.seed), from_hour: number(f.from), hours: number(f.hours) }));
  }, [name, vary, f, onParams]);
  if (none) return none;
  return (
    <>
      <div className="form-grid">{select}<Choice label={t.method} words={t.sweepMethods} value={f.method ?? ''} onChange={set('method')} />
        <NumberField label={f.method === 'lhs' ? t.samples : t.samplesOfRange} min={1} step={1} value={f.samples ?? ''} placeholder={t.asUsual} onChange={set('samples')} />
        {f.method === 'lhs' && <NumberField label={t.seed} min={0} step={1} value={f.seed ?? ''} placeholder="1" onChange={set('seed')} />}
        <NumberField label={t.fromHour} min={0} step={1} value={f.from ?? ''} placeholder="0" onChange={set('from')} />
        <NumberField label={t.hoursSolved} unit="h" min={1} step={1} value={f.hours ?? ''} placeholder={t.wholeYear} onChange={set('hours')} />
      </div>
      <datalist id="sweep-paths">{paths.map((p) => <option key={p} value={p} />)}</datalist>
      <fieldset>
        <legend>{t.vary}</legend>
        <p className="small quiet">{t.varyHint}</p>
        {rows.map((row, i) => (
          <div key={i} className="row wrap" style={{ marginBottom: 6 }}>
            <input list="sweep-paths" required={i === 0} aria-label={`${t.parameter} ${i + 1}`} placeholder={paths[0] ?? 'ev.penetration_pct'} style={{ width: 320 }} value={row.path} onChange={(e) => setRows(rows.map((r, k) => (k === i ? { ...r, path: e.target.value } : r)))} />
            <input required={i === 0} aria-label={`${t.values} ${i + 1}`} placeholder={t.valuesHint} style={{ width: 220 }} value={row.values} onChange={(e) => setRows(rows.map((r, k) => (k === i ? { ...r, values: e.target.value } : r)))} />
            {rows.length > 1 && <button type="button" className="plain" aria-label={strings.scenarios.removeRow(String(i + 1))} onClick={() => setRows(rows.filter((_, k) => k !== i))}>✕</button>}
          </div>
        ))}
        <button type="button" onClick={() => setRows([...rows, { path: '', values: '' }])}>{t.addParameter}</button>
      </fieldset>
    </>
  );
}

const MOST = 4;

export function Comparison({ context, onParams }: FormProps) {
  const url = useUrl();
  const names = (context.runs ?? []).map((r) => r.id);
  const asked = url.get('base');
  const base = asked && names.includes(asked) ? asked : (names.find((n) => n !== url.get('with')) ?? '');
  const [chosen, setChosen] = useState<string[] | null>(null);
  const first = url.get('with');
  const cases = (chosen ?? (first && names.includes(first) ? [first] : names.filter((n) => n !== base).slice(0, 1))).filter((n) => n !== base);
  const [network, setNetwork] = useState('');
  const told = JSON.stringify(cases);
  useEffect(() => { onParams(filled({ base, with: JSON.parse(told) as string[], network })); }, [base, told, network, onParams]);
  if (names.length < 2) return <Empty title={strings.map.needTwo} actions={<button type="button" onClick={() => url.set({ tab: 'new', part: null, ask: null }, true)}>{strings.empty.newRun}</button>} />;
  return (
    <div className="form-grid">
      <label className="field"><span>{t.baseRun}</span><select value={base} onChange={(e) => url.set({ base: e.target.value })}>{names.map((n) => <option key={n}>{n}</option>)}</select></label>
      <fieldset><legend>{t.cases}</legend>{names.filter((n) => n !== base).map((n) => <label key={n} className="break" style={{ display: 'block' }}><input type="checkbox" checked={cases.includes(n)} disabled={!cases.includes(n) && cases.length >= MOST} onChange={(e) => setChosen(e.target.checked ? [...cases, n] : cases.filter((x) => x !== n))} />{n}</label>)}<span className="small quiet">{t.casesHint}</span></fieldset>
      <label className="field"><span>{t.network}</span><select value={network} onChange={(e) => setNetwork(e.target.value)}><option value="">{t.allShared}</option>{context.networks?.map((n) => <option key={n.name}>{n.name}</option>)}</select></label>
    </div>
  );
}
