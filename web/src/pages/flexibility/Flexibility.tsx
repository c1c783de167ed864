/** Flexibility: a copy of a feeder on which loads, devices, generators and demand flexibility programs are tried, each step solved. */

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, asProblem, path } from '../../api/client';
import { useMay, useSession } from '../../state/session';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { count, fixed, num } from '../../ui/format';
import { Boundary, Dialog, Empty, FigureCards, Loaded, Panel, ProblemView, RoleButton, Tabs } from '../../ui/parts';
import { DEFAULT, useAct, useDesk, useDesks, useJournal, type Acting, type Answer, type DeskState, type Neighbourhood } from './desk';
import './flexibility.css';
import { Bar } from './Bar';
import { BusPanel } from './Buses';
import { Events } from './Events';
import { OpenAdr } from './OpenAdr';
import { Programs } from './Programs';

const t = strings.flexibility;

const TABS = ['feeder', 'programs', 'events', 'openadr', 'log'] as const;

export default function Flexibility() {
  const isClient = useSession((s) => s.session?.role === 'ven');
  return isClient ? <Empty title={strings.clientOnly.title}>{strings.clientOnly.text}</Empty> : <Desk />;
}

function Desk() {
  const url = useUrl();
  const desk = url.get('desk') ?? DEFAULT;
  const at = TABS.find((tab) => tab === url.get('tab')) ?? 'feeder';
  const state = useDesk(desk);
  const act = useAct(desk);
  return (
    <div className="page flexibility">
      <header><h1>{strings.pages.flexibility}</h1></header>
      <DeskBar desk={desk} act={act} onChoose={(name) => url.set({ desk: name === DEFAULT ? null : name, bus: null }, true)} model={state.data?.model} />
      {act.error && <ProblemView problem={asProblem(act.error)} />}
      {act.data && !act.error && <Told of={act.data} />}
      <Loaded query={state}>
        {(s) => <>
          <Figures of={s} />
          <Tabs label={strings.pages.flexibility} at={at} onChange={(tab) => url.set({ tab: tab === 'feeder' ? null : tab }, true)} tabs={TABS.map((id) => ({ id, label: t[id] }))} />
          <Boundary key={at}>
            {at === 'feeder' && <Feeder of={s} act={act} />}
            {at === 'programs' && <Programs of={s} act={act} />}
            {at === 'events' && <Events key={desk} desk={desk} of={s} />}
            {at === 'openadr' && <OpenAdr />}
            {at === 'log' && <Log desk={desk} />}
          </Boundary>
        </>}
      </Loaded>
    </div>
  );
}

function DeskBar({ desk, act, onChoose, model }: { desk: string; act: Acting; onChoose: (name: string) => void; model?: string }) {
  const desks = useDesks();
  const may = useMay('engineer');
  const client = useQueryClient();
  const [making, setMaking] = useState(false);
  const names = [...new Set([DEFAULT, desk, ...(desks.data?.desks.map((d) => d.name) ?? [])])].sort();
  const remove = useMutation({
    mutationFn: () => api.delete(path('desks', desk)),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ['desks'] });
      for (const key of ['desk', 'desk-day', 'desk-measured']) client.removeQueries({ queryKey: [key, desk] });
      onChoose(DEFAULT);
    },
  });
  return (
    <>
      <p className="quiet small">{t.text}</p>
      <div className="row wrap">
        <label className="row">{t.desk} <select value={desk} onChange={(e) => onChoose(e.target.value)}>{names.map((n) => <option key={n}>{n}</option>)}</select></label>
        {model && <span className="quiet small">{t.of(model)}</span>}
        <RoleButton allowed={may} role="engineer" onClick={() => setMaking(true)}>{t.newDesk}</RoleButton>
        {desk !== DEFAULT && <RoleButton allowed={may} role="engineer" onClick={() => remove.mutate()} disabled={remove.isPending}>{t.removeDesk}</RoleButton>}
        <span className="grow" />
        <RoleButton allowed={may} role="engineer" disabled={act.isPending} onClick={() => act.mutate({ method: 'POST', address: path('desks', desk, 'undo'), body: {} })}>{t.undo}</RoleButton>
        <RoleButton allowed={may} role="engineer" className="primary" disabled={act.isPending} onClick={() => act.mutate({ method: 'POST', address: '/run_simulation', body: {} })}>{t.run}</RoleButton>
      </div>
      {remove.error && <ProblemView problem={asProblem(remove.error)} />}
      {making && <NewDesk onClose={() => setMaking(false)} onMade={(name) => { setMaking(false); void client.invalidateQueries({ queryKey: ['desks'] }); onChoose(name); }} />}
    </>
  );
}

function NewDesk({ onClose, onMade }: { onClose: () => void; onMade: (name: string) => void }) {
  const url = useUrl();
  const [name, setName] = useState('');
  const [own, setOwn] = useState(true);
  const [zones, setZones] = useState('');
  const project = url.get('project');
  const network = url.get('network');
  const make = useMutation({
    mutationFn: () => api.post<{ name: string }>(path('desks'), { name, ...(own ? {} : { project, ...(network ? { network } : {}) }), ...(zones.trim() ? { neighbourhoods: zones } : {}) }),
    onSuccess: (made) => onMade(made.name),
  });
  return (
    <Dialog title={t.newDesk} onClose={onClose}>
      <form className="stack" onSubmit={(e) => { e.preventDefault(); make.mutate(); }}>
        <label>{t.deskName} <input value={name} onChange={(e) => setName(e.target.value)} pattern="[A-Za-z0-9_\-]{1,60}" required /></label>
        <label className="row"><input type="radio" name="of" checked={own} onChange={() => setOwn(true)} /> {t.ieee123}</label>
        <label className="row"><input type="radio" name="of" checked={!own} disabled={!project} onChange={() => setOwn(false)} /> {project ? t.ofProject(project, network) : t.noProject}</label>
        <details><summary>{t.zones}</summary><p className="quiet small">{t.zonesText}</p><textarea className="mono" rows={6} value={zones} onChange={(e) => setZones(e.target.value)} aria-label={t.zones} spellCheck={false} /></details>
        {make.error && <ProblemView problem={asProblem(make.error)} />}
        <div className="row"><button className="primary" type="submit" disabled={make.isPending || !name}>{t.make}</button></div>
      </form>
    </Dialog>
  );
}

/** What the last action did. */
function Told({ of }: { of: Answer }) {
  return (
    <div className="told" role="status" data-testid="told">
      <b>{of.message}</b>
      {of.actions.length > 0 && <ul className="plainlist">{of.actions.map((a, i) => <li key={i}>{a.subject}: {a.cause} → {a.effect}</li>)}</ul>}
      {of.notes.map((n, i) => <p key={i} className="small quiet">{n}</p>)}
    </div>
  );
}

function Figures({ of }: { of: DeskState }) {
  const v = of.voltage_profile;
  const cards: [string, string, string][] = [
    [t.power, `${num(of.total_power_kw)} kW`, `${num(of.total_power_kvar)} kvar`],
    [t.losses, `${num(of.total_losses_kw)} kW`, of.total_power_kw > 0 ? `${fixed((of.total_losses_kw / of.total_power_kw) * 100, 2)} %` : '–'],
    [t.loads, `${num(of.load_kw)} kW`, t.generators(num(of.generation_kw))],
    [t.least, `${fixed(v.least_pu, 4)} pu`, t.at(v.least_node)],
    [t.most, `${fixed(v.most_pu, 4)} pu`, t.at(v.most_node)],
    [t.outside, count(v.n_below + v.n_above), t.belowAbove(count(v.n_below), count(v.n_above))],
  ];
  return <FigureCards of={cards} />;
}

function Feeder({ of, act }: { of: DeskState; act: Acting }) {
  return (
    <div className="feeder">
      <Panel title={t.zonesTitle}>
        {of.neighbourhoods.length === 0 ? <Empty title={t.noZones}>{t.noZonesText}</Empty> : <Zones of={of.neighbourhoods} act={act} />}
      </Panel>
      <BusPanel of={of} act={act} />
    </div>
  );
}

function Zones({ of, act }: { of: Neighbourhood[]; act: Acting }) {
  const may = useMay('engineer');
  const [factors, setFactors] = useState<Record<number, string>>({});
  return (
    <div className="scroll" tabIndex={0}>
      <table className="simple zones">
        <thead><tr><th>{t.zone}</th><th>{t.transformer}</th><th className="num">{t.rating}</th><th className="num">{t.before}</th><th className="num">{t.now}</th><th>{t.loading}</th><th className="num">{t.demand}</th><th className="num">{t.generation}</th><th className="num">{t.left}</th><th>{t.factor}</th></tr></thead>
        <tbody>{of.map((n) => (
          <tr key={n.pincode} data-zone={n.pincode}>
            <td>{n.pincode}</td><td>{n.transformer}</td><td className="num">{num(n.kva)} kVA</td>
            <td className="num">{num(n.before?.s_kva)} kVA</td><td className="num"><b>{num(n.s_kva)} kVA</b></td>
            <td><Bar now={n.loading_pct} before={n.before?.loading_pct ?? null} /></td>
            <td className="num">{num(n.load_kw)} kW</td><td className="num">{num(n.generation_kw)} kW</td><td className="num">{fixed(n.share * 100, 1)} %</td>
            <td>
              <form className="row" onSubmit={(e) => { e.preventDefault(); act.mutate({ method: 'POST', address: '/modify_load_neighbourhood', body: { neighbourhood: n.pincode, factor: Number(factors[n.pincode] ?? 1) } }); }}>
                <input className="short" inputMode="decimal" aria-label={t.factorOf(n.pincode)} value={factors[n.pincode] ?? '1'} onChange={(e) => setFactors({ ...factors, [n.pincode]: e.target.value.replace(',', '.') })} />
                <RoleButton allowed={may} role="engineer" type="submit" disabled={act.isPending} aria-label={t.setFactorOf(n.pincode)}>{t.set}</RoleButton>
              </form>
            </td>
          </tr>
        ))}</tbody>
      </table>
    </div>
  );
}

function Log({ desk }: { desk: string }) {
  const journal = useJournal(desk);
  return (
    <Panel title={t.log}>
      <p className="row wrap small">{t.files} {['latest_api_results.txt', 'management_log.txt', 'dfp_registry.txt', 'dfps_logs.txt'].map((f) => <a key={f} href={path('desks', desk, 'results_api', f)} download={f}>{f}</a>)} <a href={path('desks', desk, 'model.dss')} download={`${desk}.dss`}>{t.script}</a></p>
      <Loaded query={journal}>{(j) => j.entries.length === 0 ? <Empty title={t.nothing}>{t.nothingText}</Empty> : (
        <table className="simple" data-testid="journal"><thead><tr><th className="num">#</th><th>{t.time}</th><th>{t.user}</th><th>{t.what}</th><th>{t.did}</th></tr></thead>
          <tbody>{j.entries.map((e) => <tr key={e.seq}><td className="num">{e.seq}</td><td>{e.at.slice(0, 19).replace('T', ' ')}</td><td>{e.user}</td><td><code>{e.action?.action ?? 'undo'}</code></td><td>{e.message}{e.acts.map((a, i) => <div key={i} className="small quiet">{a.subject}: {a.cause} → {a.effect}</div>)}</td></tr>)}</tbody>
        </table>
      )}</Loaded>
    </Panel>
  );
}
