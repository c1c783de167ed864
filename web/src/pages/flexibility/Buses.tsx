/** One bus: what stands at it, what it draws, and what can be done there. */

import { useState } from 'react';
import { useMay } from '../../state/session';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { fixed, num } from '../../ui/format';
import { Panel, RoleButton } from '../../ui/parts';
import { given, typed, type Acting, type Bus, type Connected, type DeskState } from './desk';

const t = strings.flexibility;

export function BusPanel({ of, act }: { of: DeskState; act: Acting }) {
  const url = useUrl();
  const withLoad = of.buses.filter((b) => b.loads.length > 0);
  const name = url.get('bus') ?? withLoad[0]?.name ?? of.buses[0]?.name ?? '';
  const bus = of.buses.find((b) => b.name === name);
  return (
    <Panel title={t.bus} actions={
      <select value={name} onChange={(e) => url.set({ bus: e.target.value })} aria-label={t.bus}>
        {of.buses.map((b) => <option key={b.name} value={b.name}>{b.loads.length > 0 ? t.busWith(b.name, num(b.p_kw)) : b.name}</option>)}
      </select>
    }>
      {bus && <Shown of={bus} act={act} key={bus.name} />}
    </Panel>
  );
}

function Shown({ of, act }: { of: Bus; act: Acting }) {
  const may = useMay('engineer');
  const send = (address: string, body: Record<string, unknown>) => act.mutate({ method: 'POST', address, body: given({ bus_name: of.name, ...body }) });
  return (
    <div className="stack">
      <p className="small">{num(of.kv_base)} kV{of.neighbourhood !== null && <> · {t.inZone(of.neighbourhood)}</>} · {num(of.p_kw)} kW, {num(of.q_kvar)} kvar{of.dfps.length > 0 && <> · {t.inPrograms(of.dfps.join(', '))}</>}</p>
      <p className="small">{of.nodes.filter((n) => n.node > 0).map((n) => t.phase(n.node, fixed(n.v_pu, 4), fixed(n.angle_deg, 1))).join(' · ')}</p>
      <Things title={t.loadsHere} all={of.loads} />
      <Things title={t.devicesHere} all={of.devices} onRemove={(d) => send('/disconnect_device', { device_name: d.name })} busy={act.isPending} may={may} />
      <Things title={t.generatorsHere} all={of.generators} />
      {of.loads.length > 0 && <Ask title={t.setLoad} fields={[['load_name', t.loadName, of.loads.length === 1 ? '' : ''], ['new_kw', 'kW', ''], ['new_kvar', 'kvar', ''], ['factor', t.orFactor, '']]} busy={act.isPending} may={may} text={['load_name']} onSend={(body) => send('/modify_load_household', body)} />}
      <Ask title={t.addDevice} fields={[['device_name', t.name, 'EV_Charger_1'], ['kw', 'kW', '7.2'], ['pf', t.pf, '0.98'], ['phases', t.phases, '1']]} busy={act.isPending} may={may} text={['device_name']} onSend={(body) => send('/add_device', body)} />
      <Ask title={t.addGenerator} fields={[['kw', 'kW', '50'], ['kvar', 'kvar', '0'], ['kv', 'kV', ''], ['phases', t.phases, '']]} busy={act.isPending} may={may} text={[]} onSend={(body) => send('/add_generator', body)} />
    </div>
  );
}

function Things({ title, all, onRemove, busy, may = true }: { title: string; all: Connected[]; onRemove?: (of: Connected) => void; busy?: boolean; may?: boolean }) {
  if (all.length === 0) return null;
  return (
    <table className="simple"><thead><tr><th>{title}</th><th className="num">{t.asked}</th><th className="num">{t.solved}</th>{onRemove && <th />}</tr></thead>
      <tbody>{all.map((c) => <tr key={c.name}><td>{c.name}</td><td className="num">{num(c.asked_kw)} kW, {num(c.asked_kvar)} kvar</td><td className="num"><b>{num(c.p_kw)} kW</b>, {num(c.q_kvar)} kvar</td>{onRemove && <td><RoleButton allowed={may} role="engineer" disabled={busy} onClick={() => onRemove(c)} aria-label={t.disconnectOf(c.name)}>{t.disconnect}</RoleButton></td>}</tr>)}</tbody>
    </table>
  );
}

type Field = [key: string, label: string, first: string];

interface Asking {
  title: string;
  fields: Field[];
  /** Fields that stand behind a heading of their own. */
  further?: { title: string; text: string; fields: Field[] };
  /** Keys of fields that are text. */
  text: string[];
  busy: boolean;
  may: boolean;
  /** What the fields that are shown at first say, and all as they were typed. */
  onSend: (body: Record<string, unknown>, typed: Record<string, string>) => void;
}

/** A small form whose empty fields are left out of what is sent. */
export function Ask({ title, fields, further, text, busy, may, onSend }: Asking) {
  const [values, setValues] = useState<Record<string, string>>(() => Object.fromEntries([...fields, ...(further?.fields ?? [])].map(([key, , first]) => [key, first])));
  const inputs = (of: Field[]) => of.map(([key, label]) => <label key={key}><span className="small quiet">{label}</span><input className={text.includes(key) ? 'medium' : 'short'} inputMode={text.includes(key) ? 'text' : 'decimal'} value={values[key] ?? ''} onChange={(e) => setValues({ ...values, [key]: e.target.value })} /></label>);
  return (
    <form className="ask" aria-label={title} onSubmit={(e) => {
      e.preventDefault();
      onSend(Object.fromEntries(fields.map(([key]) => [key, text.includes(key) ? values[key] : typed(values[key] ?? '')])), values);
    }}>
      <b>{title}</b>
      {inputs(fields)}
      <RoleButton allowed={may} role="engineer" type="submit" disabled={busy}>{t.doIt}</RoleButton>
      {further && <details><summary>{further.title}</summary><p className="small quiet">{further.text}</p><div className="row wrap">{inputs(further.fields)}</div></details>}
    </form>
  );
}
