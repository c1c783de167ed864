/** What would be: changes to a copy of the state of now, or of a past time, solved and compared. */

import { useMutation } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { asProblem } from '../../api/client';
import { twinApi, type Change, type Moment, type TwinDiagram } from '../../api/twin';
import { strings } from '../../strings';
import { fieldName, num } from '../../ui/format';
import { Empty, Panel, Priority, ProblemView, Severity } from '../../ui/parts';
import { Table, type Column } from '../../ui/Table';
import { SingleLine } from './SingleLine';
import { asMoment, byElement, changeText, differences, type Difference } from './words';

const t = strings.twin.whatif;

const isSwitching = (kind: string) => /break|isolat|switch|disconnect|fuse|reclos|section/.test(kind);
const short = (element: string) => element.slice(element.indexOf('.') + 1);

export function WhatIf({ diagram, moment, at, name, isSimulated }: { diagram: TwinDiagram; moment: Moment; at: number | null; name: string; isSimulated: boolean }) {
  const [changes, setChanges] = useState<Change[]>([]);
  const [solvedFor, setSolvedFor] = useState<string | null>(null);
  const solve = useMutation({ mutationFn: (asked: Change[]) => twinApi.whatIf(asked, at), onSuccess: (_, asked) => setSolvedFor(JSON.stringify([asked, at])) });
  const key = (c: Change) => ('element' in c ? c.element : 'load' in c ? `load ${c.load}` : 'transformer' in c ? c.transformer : c.capacitor);
  const add = (change: Change) => setChanges((of) => [...of.filter((c) => key(c) !== key(change)), change]);
  const now = useMemo(() => byElement(moment), [moment]);
  const answer = solve.data;
  const isOld = answer !== undefined && solvedFor !== JSON.stringify([changes, at]);
  const rows = useMemo(() => (answer ? differences(answer.before, answer.after) : []), [answer]);
  const after = useMemo(() => (answer ? asMoment(answer.after, moment, solve.variables ?? []) : null), [answer, moment, solve.variables]);
  const isSettled = answer === undefined || (answer.certificate ? answer.certificate.settled : answer.after.estimate === undefined || answer.after.estimate.state === 'settled');
  const metrics = answer ? Object.keys(strings.twin.metrics).filter((m) => m !== 'system_health').map((m) => ({ metric: m, before: (answer.before.metrics as unknown as Record<string, number | null>)?.[m] ?? null, after: (answer.after.metrics as unknown as Record<string, number | null>)?.[m] ?? null })).filter((m) => m.before !== null || m.after !== null) : [];
  const touched = new Set(changes.map((c) => ('element' in c ? c.element : 'load' in c ? (c.load.includes('.') ? c.load : `load.${c.load}`) : 'transformer' in c ? (c.transformer.includes('.') ? c.transformer : `transformer.${c.transformer}`) : c.capacitor.includes('.') ? c.capacitor : `capacitor.${c.capacitor}`).toLowerCase()));
  const columns: Column<Difference>[] = [
    { key: 'subject', head: t.subject, value: (d) => d.subject },
    { key: 'quantity', head: t.quantity, value: (d) => t.quantities[d.quantity] ?? fieldName(d.quantity).words },
    { key: 'unit', head: '', value: (d) => d.unit, cell: (d) => d.unit },
    { key: 'before', head: t.before, numeric: true, value: (d) => d.before, cell: (d) => num(d.before) },
    { key: 'after', head: t.after, numeric: true, value: (d) => d.after, cell: (d) => num(d.after) },
    { key: 'change', head: t.change, numeric: true, value: (d) => (d.before === null || d.after === null ? null : d.after - d.before), cell: (d) => (d.before === null || d.after === null ? '–' : `${d.after >= d.before ? '+' : ''}${num(d.after - d.before, 3)}`) },
  ];
  const toggle = (element: string) => {
    const of = diagram.elements.find((e) => e.element === element);
    if (!of || !isSwitching(of.kind)) return;
    const pending = changes.find((c): c is { element: string; closed: boolean } => 'element' in c && c.element === element);
    if (pending) setChanges(changes.filter((c) => c !== pending));
    else add({ element, closed: now.switches.get(element.toLowerCase())?.closed !== true });
  };
  return (
    <div className="whatif">
      <div className="stack">
        <Panel title={`${t.title} ${at === null ? t.fromNow : t.fromPast(new Date(at).toISOString().slice(0, 16).replace('T', ' ') + ' UTC')}`}>
          <p className="quiet small">{t.text}</p>
          <Adder diagram={diagram} moment={moment} onAdd={add} />
          <h3>{t.changes}</h3>
          {changes.length === 0 ? <p className="quiet small">{t.none}</p> : (
            <ul className="layer-list" style={{ listStyle: 'none', padding: 0, margin: 0 }}>
              {changes.map((c) => <li key={key(c)} className="row"><span className="grow break">{changeText(c)}</span><button className="plain" aria-label={`${t.remove} ${changeText(c)}`} onClick={() => setChanges(changes.filter((x) => x !== c))}>✕</button></li>)}
            </ul>
          )}
          <div className="row" style={{ marginTop: 8 }}>
            <button className="primary" disabled={changes.length === 0 || solve.isPending} onClick={() => solve.mutate(changes)}>{t.solve}</button>
            <button disabled={changes.length === 0} onClick={() => { setChanges([]); solve.reset(); setSolvedFor(null); }}>{t.clear}</button>
            {solve.isPending && <span className="row" role="status"><span className="spinner" /> {t.solving}</span>}
          </div>
          {solve.error ? <ProblemView problem={asProblem(solve.error)} /> : null}
        </Panel>
        {answer && (
          <Panel title={t.result}>
            {isOld && <p role="status"><Priority level={3} label={t.old} /> {t.old}</p>}
            {!isSettled && <p role="alert"><Priority level={1} label={t.unsettled} /> {t.unsettled}</p>}
            {answer.certificate && isSettled && <p className="small quiet">{t.settled(num(answer.certificate.iterations), num(answer.certificate.mismatch, 2))}</p>}
            {answer.before_off_estimate_pu !== null && answer.before_off_estimate_pu !== undefined && <p className="small quiet">{t.apart(num(answer.before_off_estimate_pu, 2))}</p>}
            {answer.findings?.map((f, i) => <div key={i} className="finding small"><Severity of={f.severity} /> {f.message} {f.detail} <code>{f.code}</code></div>)}
            <table className="simple" data-testid="whatif-metrics">
              <thead><tr><th>{t.quantity}</th><th className="num">{t.before}</th><th className="num">{t.after}</th></tr></thead>
              <tbody>{metrics.map((m) => <tr key={m.metric}><td>{strings.twin.metrics[m.metric]} {strings.twin.units[m.metric]}</td><td className="num">{num(m.before)}</td><td className="num">{num(m.after)}</td></tr>)}</tbody>
            </table>
          </Panel>
        )}
      </div>
      <div className="stack" style={{ minWidth: 0 }}>
        {answer && (
          <Panel title={t.differences}>
            {rows.length === 0 ? <Empty title={t.same} /> : <div className={isOld ? 'old' : ''}><Table label={t.differences} columns={columns} rows={rows} rowKey={(d) => `${d.subject} ${d.quantity}`} height={260} /></div>}
          </Panel>
        )}
        <Panel title={answer && !isOld && isSettled ? t.view : strings.twin.tabs.line}>
          <div style={{ display: 'flex', flexDirection: 'column' }}>
            <SingleLine diagram={diagram} moment={answer && !isOld && isSettled ? after : moment} name={name} selected={null} onSelect={(e) => toggle(e)} isStale={false} hatched={new Set()} isSimulated={isSimulated} changed={touched} />
          </div>
        </Panel>
      </div>
    </div>
  );
}

function Adder({ diagram, moment, onAdd }: { diagram: TwinDiagram; moment: Moment; onAdd: (change: Change) => void }) {
  const [kind, setKind] = useState('switch');
  const [element, setElement] = useState('');
  const [closed, setClosed] = useState(false);
  const [how, setHow] = useState<'factor' | 'set'>('factor');
  const [value, setValue] = useState('1.2');
  const [q, setQ] = useState('');
  const names = useMemo(() => {
    const pick = (test: (k: string, buses: string[]) => boolean) => diagram.elements.filter((e) => test(e.kind, e.buses)).map((e) => e.element);
    return kind === 'switch' ? pick((k) => isSwitching(k)) : kind === 'load' ? ['all', ...pick((k) => /load/.test(k))] : kind === 'tap' ? pick((k) => /^(power_|distribution_)?transformer|autotrans/.test(k)) : pick((k, b) => /capac|shunt|react/.test(k) && b.length === 1);
  }, [diagram, kind]);
  const at = names.includes(element) ? element : (names[0] ?? '');
  const position = byElement(moment).switches.get(at.toLowerCase())?.closed;
  const add = () => {
    const number = Number(value);
    if (kind === 'switch') onAdd({ element: at, closed });
    else if (kind === 'load') onAdd(how === 'factor' ? { load: at, factor: number } : { load: at, p_kw: number, ...(q.trim() === '' ? {} : { q_kvar: Number(q) }) });
    else if (kind === 'tap') onAdd({ transformer: short(at), tap_position: Math.round(number) });
    else onAdd({ capacitor: at, on: closed });
  };
  const isValid = at !== '' && (kind === 'switch' || kind === 'bank' || (value.trim() !== '' && Number.isFinite(Number(value)) && (q.trim() === '' || Number.isFinite(Number(q)))));
  return (
    <form className="row wrap" onSubmit={(e) => { e.preventDefault(); if (isValid) add(); }}>
      <select aria-label={t.kind} value={kind} onChange={(e) => { setKind(e.target.value); setElement(''); setValue(e.target.value === 'tap' ? '0' : '1.2'); }}>{Object.entries(t.kinds).map(([id, label]) => <option key={id} value={id}>{label}</option>)}</select>
      <select aria-label={t.element} value={at} onChange={(e) => setElement(e.target.value)} style={{ maxWidth: 170 }}>{names.map((n) => <option key={n} value={n}>{n === 'all' ? t.all : n}</option>)}</select>
      {kind === 'switch' && <select aria-label={t.to} value={String(closed)} onChange={(e) => setClosed(e.target.value === 'true')}><option value="false">{strings.twin.open}</option><option value="true">{strings.twin.closed}</option></select>}
      {kind === 'bank' && <select aria-label={t.to} value={String(closed)} onChange={(e) => setClosed(e.target.value === 'true')}><option value="true">{t.on}</option><option value="false">{t.off}</option></select>}
      {kind === 'load' && <select aria-label={t.to} value={how} onChange={(e) => setHow(e.target.value as 'factor' | 'set')}><option value="factor">{t.factor}</option><option value="set">{t.set}</option></select>}
      {(kind === 'load' || kind === 'tap') && <input aria-label={kind === 'tap' ? t.position : how === 'factor' ? t.factor : 'kW'} inputMode="decimal" value={value} onChange={(e) => setValue(e.target.value)} style={{ width: 80 }} />}
      {kind === 'load' && how === 'set' && <>kW <input aria-label="kvar" inputMode="decimal" value={q} onChange={(e) => setQ(e.target.value)} style={{ width: 80 }} /> kvar</>}
      <button disabled={!isValid}>{t.add}</button>
      {kind === 'switch' && position !== undefined && <span className="small quiet">{position === null ? strings.twin.undetermined : position ? strings.twin.closed : strings.twin.open}</span>}
    </form>
  );
}
