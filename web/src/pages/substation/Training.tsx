/** The instructor's desk of a simulated plant: scenarios, faults, stuck breakers, and what followed. */

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { asProblem } from '../../api/client';
import { renew } from '../../api/renew';
import { twinApi, type TrainingEvent, type TrainingState } from '../../api/twin';
import { useMay } from '../../state/session';
import { strings } from '../../strings';
import { count, fixed, span } from '../../ui/format';
import { Empty, Loaded, Panel, Priority, ProblemView, RoleButton } from '../../ui/parts';
import { Table, type Column } from '../../ui/Table';

const t = strings.twin.training;

/** Phases that a fault of a type takes, and those one may choose from. */
const CHOICES: Record<string, number[][]> = { '3ph': [[1, 2, 3]], slg: [[1], [2], [3]], ll: [[1, 2], [2, 3], [3, 1]], llg: [[1, 2], [2, 3], [3, 1]] };
const LETTERS = ['', 'A', 'B', 'C'];

/** What the plant takes as the resistance of a fault: a dead short has none that a network can be solved with. */
export const isResistance = (ohm: string): boolean => ohm.trim() !== '' && Number(ohm) >= 1e-6 && Number(ohm) <= 10_000;

const nameOf = (of: string | { bus?: string; element?: string }): string => (typeof of === 'string' ? of : (of.bus ?? of.element ?? JSON.stringify(of)));

export function Training({ isLive }: { isLive: boolean }) {
  const client = useQueryClient();
  const may = useMay('operator');
  const state = useQuery({ queryKey: ['twin', 'training'], refetchInterval: 1_000, queryFn: ({ signal }) => twinApi.training(signal) });
  const events = useQuery({ queryKey: ['twin', 'training', 'events'], refetchInterval: 1_500, queryFn: ({ signal }) => twinApi.trainingEvents(signal) });
  const send = useMutation({ mutationFn: (command: Record<string, unknown>) => twinApi.train(command), onSettled: () => void renew(client, ['twin', 'training']) });
  const reset = useMutation({
    mutationFn: async (of: TrainingState) => {
      if (of.running) await twinApi.train({ command: 'end' });
      await twinApi.train({ command: 'clear_faults' });
      for (const breaker of of.stuck) await twinApi.train({ command: 'stick', breaker, stuck: false });
    },
    onSettled: () => void renew(client, ['twin', 'training']),
  });
  if (!isLive) return <Empty title={t.never}>{strings.twin.notNow}</Empty>;
  const failure = send.error ?? reset.error;
  return (
    <Loaded query={state}>{(of) => {
      const running = of.running?.scenario ?? null;
      const current = of.scenarios.find((s) => s.id === running);
      const isBusy = !may || send.isPending || reset.isPending;
      return (
        <>
          {failure ? <ProblemView problem={asProblem(failure)} /> : null}
          <Panel title={running ? t.running(current?.name ?? running) : t.scenarios} actions={<>
            {running && of.running && <span role="status" className="small">{t.since(span(of.running.since_s))}{current?.duration_s ? ` / ${span(current.duration_s)}` : ''}</span>}
            {running && <RoleButton allowed={may} role="operator" className="loud" disabled={send.isPending} onClick={() => send.mutate({ command: 'end' })}>{t.end}</RoleButton>}
            <RoleButton allowed={may} role="operator" disabled={reset.isPending} title={t.resetText} onClick={() => reset.mutate(of)}>{t.reset}</RoleButton>
          </>}>
            <div className="cards">
              {of.scenarios.map((s) => (
                <article key={s.id} className={`card ${s.id === running ? 'on' : ''}`} data-testid={`scenario-${s.id}`}>
                  <h3>{s.name}</h3>
                  <p style={{ margin: 0 }}>{s.description}</p>
                  <dl className="facts small"><dt>{t.impact}</dt><dd>{s.impact}</dd><dt>{t.duration}</dt><dd>{s.duration_s === null ? t.until : span(s.duration_s)}</dd><dt>{t.recovery}</dt><dd>{s.recovery}</dd></dl>
                  <div><RoleButton allowed={may} role="operator" className="primary" disabled={isBusy || running !== null} onClick={() => send.mutate({ command: 'begin', scenario: s.id })}>{t.start}</RoleButton></div>
                </article>
              ))}
            </div>
          </Panel>
          <div className="grid-cards">
            <FaultForm of={of} may={may} isBusy={isBusy} onSend={(c) => send.mutate(c)} />
            <StuckForm of={of} may={may} isBusy={isBusy} onSend={(c) => send.mutate(c)} />
          </div>
          <Panel title={t.timeline}>
            <p className="small quiet">{t.timelineText}</p>
            <Loaded query={events} small>{(rows) => <Timeline events={rows} />}</Loaded>
          </Panel>
        </>
      );
    }}</Loaded>
  );
}

function FaultForm({ of, may, isBusy, onSend }: { of: TrainingState; may: boolean; isBusy: boolean; onSend: (command: Record<string, unknown>) => void }) {
  const buses = of.buses.map(nameOf);
  const [bus, setBus] = useState('');
  const [kind, setKind] = useState('3ph');
  const [choice, setChoice] = useState(0);
  const [ohm, setOhm] = useState('0.01');
  const [lasts, setLasts] = useState('');
  const [isTransient, setTransient] = useState(false);
  const at = buses.includes(bus) ? bus : (buses[0] ?? '');
  const phases = CHOICES[kind]?.[choice] ?? CHOICES[kind]?.[0] ?? [1, 2, 3];
  const isValid = at !== '' && isResistance(ohm) && (lasts.trim() === '' || Number(lasts) > 0);
  return (
    <Panel title={t.faults}>
      <form className="stack" onSubmit={(e) => { e.preventDefault(); if (isValid) onSend({ command: 'fault', bus: at, kind, phases, r_ohm: Number(ohm), duration_s: lasts.trim() === '' ? null : Number(lasts), transient: isTransient }); }}>
        <div className="row wrap">
          <label className="field"><span>{t.bus}</span><select value={at} onChange={(e) => setBus(e.target.value)}>{buses.map((b) => <option key={b}>{b}</option>)}</select></label>
          <label className="field"><span>{t.type}</span><select value={kind} onChange={(e) => { setKind(e.target.value); setChoice(0); }}>{Object.entries(t.types).map(([id, label]) => <option key={id} value={id}>{label}</option>)}</select></label>
          <label className="field"><span>{t.phases}</span><select value={choice} onChange={(e) => setChoice(Number(e.target.value))}>{(CHOICES[kind] ?? []).map((p, i) => <option key={i} value={i}>{p.map((n) => LETTERS[n]).join('')}</option>)}</select></label>
          <label className="field"><span>{t.resistance} (Ω)</span><input inputMode="decimal" aria-invalid={!isResistance(ohm)} title={t.resistanceRange} value={ohm} onChange={(e) => setOhm(e.target.value)} style={{ width: 80 }} /></label>
          <label className="field"><span>{t.lasts} (s)</span><input inputMode="decimal" placeholder={t.stays} value={lasts} onChange={(e) => setLasts(e.target.value)} style={{ width: 130 }} /></label>
        </div>
        <label><input type="checkbox" checked={isTransient} onChange={(e) => setTransient(e.target.checked)} /> {t.transient}</label>
        <div className="row"><RoleButton allowed={may} role="operator" className="primary" disabled={isBusy || !isValid}>{t.inject}</RoleButton><RoleButton type="button" allowed={may} role="operator" disabled={isBusy || of.faults.length === 0} onClick={() => onSend({ command: 'clear_faults' })}>{t.clear}</RoleButton></div>
      </form>
      <h3>{t.standing}</h3>
      {of.faults.length === 0 ? <p className="quiet">{t.noFaults}</p> : <ul>{of.faults.map((f, i) => <li key={i} className="row"><Priority level={1} label={t.faults} /> {faultText(f)}</li>)}</ul>}
    </Panel>
  );
}

/** A standing fault, however deep its circuit is described. */
function faultText(fault: Record<string, unknown>): string {
  const of = { ...fault, ...((fault.circuit ?? fault.fault) as Record<string, unknown> | undefined) };
  const kind = String(of.kind ?? of.type ?? '');
  const phases = Array.isArray(of.phases) ? of.phases.map((p) => LETTERS[Number(p)] ?? String(p)).join('') : '';
  return [of.bus, t.types[kind] ?? kind, phases, of.r_ohm !== undefined ? `${String(of.r_ohm)} Ω` : ''].filter((x) => x !== undefined && x !== '').join(', ');
}

function StuckForm({ of, may, isBusy, onSend }: { of: TrainingState; may: boolean; isBusy: boolean; onSend: (command: Record<string, unknown>) => void }) {
  const breakers = of.breakers.map(nameOf);
  const [breaker, setBreaker] = useState('');
  const at = breakers.includes(breaker) ? breaker : (breakers[0] ?? '');
  return (
    <Panel title={t.stuck}>
      <form className="row wrap" onSubmit={(e) => { e.preventDefault(); if (at) onSend({ command: 'stick', breaker: at, stuck: true }); }}>
        <select aria-label={t.breaker} value={at} onChange={(e) => setBreaker(e.target.value)}>{breakers.map((b) => <option key={b}>{b}</option>)}</select>
        <RoleButton allowed={may} role="operator" disabled={isBusy || !at}>{t.stick}</RoleButton>
      </form>
      {of.stuck.length === 0 ? <p className="quiet">{t.noStuck}</p> : <ul>{of.stuck.map((b) => <li key={b} className="row"><Priority level={2} label={t.stuck} /> <span className="grow">{b}</span><RoleButton allowed={may} role="operator" disabled={isBusy} onClick={() => onSend({ command: 'stick', breaker: b, stuck: false })}>{t.mend}</RoleButton></li>)}</ul>}
    </Panel>
  );
}

const LOUD: Record<string, 1 | 2 | 3> = { fault_on: 1, tripped: 1, failed: 1, unsolved: 1, picked_up: 2, opened: 3, ordered: 3 };

function Timeline({ events }: { events: TrainingEvent[] }) {
  const rows = [...events].reverse();
  const columns: Column<TrainingEvent>[] = [
    { key: 'time', head: t.time, unit: 's', numeric: true, value: (e) => e.time_s, cell: (e) => fixed(e.time_s, 3) },
    { key: 'kind', head: t.what, value: (e) => t.kinds[e.kind] ?? e.kind, cell: (e) => <span className="state">{LOUD[e.kind] && <Priority level={LOUD[e.kind] as 1 | 2 | 3} label={t.kinds[e.kind]} />}{t.kinds[e.kind] ?? e.kind}</span> },
    { key: 'who', head: t.who, value: (e) => e.subject },
    { key: 'why', head: t.why, value: (e) => e.cause },
  ];
  return <Table label={t.timeline} columns={columns} rows={rows} rowKey={(e, i) => e.number ?? e.sequence ?? `${count(e.time_s)} ${i}`} height={320} empty={<Empty title={t.noEvents} />} />;
}
