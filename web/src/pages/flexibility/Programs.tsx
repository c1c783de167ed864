/** Demand flexibility programs: their rules, who is in them, and what executing them does. */

import { useState } from 'react';
import { useMay } from '../../state/session';
import { strings } from '../../strings';
import { fixed, num } from '../../ui/format';
import { Empty, Panel, RoleButton } from '../../ui/parts';
import { Ask } from './Buses';
import { given, type Acting, type DeskState, type Program } from './desk';
import { NUMBERS, ruleWords, rulesBody, windowsText, type Rules } from './rules';

const t = strings.flexibility;

/** The further rules as fields, with what a program has. */
const further = (of: Rules = {}) => ({
  title: t.further.title,
  text: t.further.text,
  fields: [['windows', t.further.fields.windows, windowsText(of.windows)], ...NUMBERS.map((key) => [key, t.further.fields[key], of[key] === undefined ? '' : String(of[key])])] as [string, string, string][],
});

export function Programs({ of, act }: { of: DeskState; act: Acting }) {
  const may = useMay('engineer');
  return (
    <div className="stack">
      <Panel title={t.register}>
        <p className="quiet small">{t.rulesText}</p>
        <Ask title={t.newProgram} fields={[['name', t.name, ''], ['min_power_kw', t.minPower, '20'], ['target_pf', t.targetPf, '0.95']]} further={further()} text={['name', 'windows']} busy={act.isPending} may={may} onSend={(body, typed) => act.mutate({ method: 'POST', address: '/register_dfp', body: { ...given(body), ...rulesBody(typed) } })} />
      </Panel>
      {of.dfps.length === 0 ? <Empty title={t.noPrograms}>{t.noProgramsText}</Empty> : of.dfps.map((p) => <One key={p.dfp_number} of={p} state={of} act={act} may={may} />)}
    </div>
  );
}

function One({ of, state, act, may }: { of: Program; state: DeskState; act: Acting; may: boolean }) {
  const others = state.buses.filter((b) => b.loads.length + b.devices.length > 0 && !of.buses.includes(b.name));
  const [chosen, setChosen] = useState('');
  const bus = chosen && others.some((b) => b.name === chosen) ? chosen : (others[0]?.name ?? '');
  const members = state.buses.filter((b) => of.buses.includes(b.name));
  return (
    <Panel title={`${of.dfp_number}. ${of.name}`} actions={<>
      <RoleButton allowed={may} role="engineer" className="primary" disabled={act.isPending} onClick={() => act.mutate({ method: 'POST', address: '/execute_dfp', body: { dfp_name: of.name } })}>{t.execute}</RoleButton>
      <RoleButton allowed={may} role="engineer" disabled={act.isPending} onClick={() => act.mutate({ method: 'DELETE', address: '/delete_dfp', body: { name: of.name } })}>{t.deleteIt}</RoleButton>
    </>}>
      <p>{t.rules(num(of.min_power_kw), fixed(of.target_pf, 2))} <span className="quiet small">{t.since(of.registered_at.slice(0, 16).replace('T', ' '))}</span></p>
      {ruleWords(of) && <p data-testid="rules">{ruleWords(of)}</p>}
      <Ask title={t.update} fields={[['min_power_kw', t.minPower, String(of.min_power_kw)], ['target_pf', t.targetPf, String(of.target_pf)]]} further={further(of)} text={['windows']} busy={act.isPending} may={may} onSend={(body, typed) => act.mutate({ method: 'PUT', address: '/update_dfp', body: { ...given({ name: of.name, ...body }), ...rulesBody(typed, of) } })} />
      <form className="ask" aria-label={t.subscribe} onSubmit={(e) => { e.preventDefault(); act.mutate({ method: 'POST', address: '/subscribe_dfp', body: { bus_name: bus, dfp_number: of.dfp_number } }); }}>
        <b>{t.subscribe}</b>
        <select value={bus} onChange={(e) => setChosen(e.target.value)} aria-label={t.bus}>{others.map((b) => <option key={b.name} value={b.name}>{t.busWith(b.name, num(b.p_kw))}</option>)}</select>
        <RoleButton allowed={may} role="engineer" type="submit" disabled={act.isPending || !bus}>{t.doIt}</RoleButton>
      </form>
      {members.length === 0 ? <p className="quiet">{t.nobody}</p> : (
        <table className="simple"><thead><tr><th>{t.bus}</th><th className="num">{t.asked}</th><th className="num">{t.solved}</th><th className="num">{t.pf}</th><th /></tr></thead>
          <tbody>{members.map((b) => {
            const all = [...b.loads, ...b.devices];
            const sum = (of_: (c: (typeof all)[number]) => number) => all.reduce((total, c) => total + of_(c), 0);
            const [p, q] = [sum((c) => c.p_kw), sum((c) => c.q_kvar)];
            return <tr key={b.name}><td>{b.name}</td><td className="num">{num(sum((c) => c.asked_kw))} kW, {num(sum((c) => c.asked_kvar))} kvar</td><td className="num"><b>{num(p)} kW</b>, {num(q)} kvar</td><td className="num">{p > 0 ? fixed(p / Math.hypot(p, q), 3) : '–'}</td><td><RoleButton allowed={may} role="engineer" disabled={act.isPending} onClick={() => act.mutate({ method: 'POST', address: '/unsubscribe_dfp', body: { bus_name: b.name, dfp_number: of.dfp_number } })} aria-label={t.unsubscribeOf(b.name)}>{t.unsubscribe}</RoleButton></td></tr>;
          })}</tbody>
        </table>
      )}
    </Panel>
  );
}
