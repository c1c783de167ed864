/** The maintenance schedule: while work is under way the alarms of its asset are out of service. */

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { asProblem } from '../../api/client';
import { renew } from '../../api/renew';
import { instantMs, iso, twinApi, useYard, type MaintenanceEntry } from '../../api/twin';
import { useMay, useSession } from '../../state/session';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { when } from '../../ui/format';
import { Empty, Loaded, Panel, ProblemView, RoleButton } from '../../ui/parts';
import { Table, type Column } from '../../ui/Table';
import { local } from '../substation/Clock';

const t = strings.alarms.maintenance;
const OPEN = ['planned', 'due', 'overdue'];

export function Maintenance() {
  const url = useUrl();
  const client = useQueryClient();
  const may = useMay('operator');
  const own = useSession((s) => s.session?.user ?? '');
  const yard = useYard();
  const query = useQuery({ queryKey: ['twin', 'maintenance'], refetchInterval: 15_000, queryFn: ({ signal }) => twinApi.maintenance(signal) });
  const done = () => void renew(client, ['twin', 'maintenance'], ['twin', 'alarms']);
  const end = useMutation({ mutationFn: ({ id, how }: { id: number; how: 'finish' | 'cancel' }) => twinApi.endMaintenance(id, how, ''), onSettled: done });
  const [from, setFrom] = useState(() => local(Date.now() + 3_600_000).slice(0, 16));
  const [to, setTo] = useState(() => local(Date.now() + 5 * 3_600_000).slice(0, 16));
  const [kind, setKind] = useState('preventive');
  const [who, setWho] = useState('');
  const [note, setNote] = useState('');
  const assets = (yard.data ?? []).map((y) => y.asset);
  const asset = url.get('asset') ?? '';
  const [begin, finish] = [new Date(from).getTime(), new Date(to).getTime()];
  const plan = useMutation({ mutationFn: () => twinApi.plan({ asset, from_ms: begin, to_ms: finish, kind, who: who.trim() || own, note: note.trim() }), onSuccess: () => { setNote(''); done(); } });
  const isOrdered = begin < finish;
  const columns: Column<MaintenanceEntry>[] = [
    { key: 'asset', head: t.asset, value: (e) => e.asset },
    { key: 'state', head: t.state, value: (e) => t.states[e.progress] ?? e.progress },
    { key: 'from', head: t.from, value: (e) => e.from, cell: (e) => when(iso(instantMs(e.from))) },
    { key: 'to', head: t.to, value: (e) => e.to, cell: (e) => when(iso(instantMs(e.to))) },
    { key: 'kind', head: t.kind, value: (e) => t.kinds[e.kind] ?? e.kind },
    { key: 'who', head: t.who, value: (e) => e.who },
    { key: 'note', head: t.note, value: (e) => e.note },
    { key: 'act', head: '', value: () => null, cell: (e) => (OPEN.includes(e.progress) ? <span className="row"><RoleButton allowed={may} role="operator" disabled={end.isPending} onClick={() => end.mutate({ id: e.id, how: 'finish' })}>{t.finish}</RoleButton><RoleButton allowed={may} role="operator" disabled={end.isPending} onClick={() => end.mutate({ id: e.id, how: 'cancel' })}>{t.cancel}</RoleButton></span> : null) },
  ];
  return (
    <>
      <Panel title={t.plan}>
        <p className="quiet small">{t.text}</p>
        <form className="row wrap" onSubmit={(e) => { e.preventDefault(); if (isOrdered) plan.mutate(); }}>
          <label className="field"><span>{t.asset}</span><select required value={assets.includes(asset) ? asset : ''} onChange={(e) => url.set({ asset: e.target.value })}><option value="" />{assets.map((a) => <option key={a}>{a}</option>)}</select></label>
          <label className="field"><span>{t.from}</span><input type="datetime-local" required value={from} onChange={(e) => setFrom(e.target.value)} /></label>
          <label className="field"><span>{t.to}</span><input type="datetime-local" required value={to} onChange={(e) => setTo(e.target.value)} /></label>
          <label className="field"><span>{t.kind}</span><select value={kind} onChange={(e) => setKind(e.target.value)}>{Object.entries(t.kinds).map(([id, label]) => <option key={id} value={id}>{label}</option>)}</select></label>
          <label className="field"><span>{t.who}</span><input value={who} placeholder={own} maxLength={100} onChange={(e) => setWho(e.target.value)} /></label>
          <label className="field grow"><span>{t.note}</span><input value={note} maxLength={1000} onChange={(e) => setNote(e.target.value)} /></label>
          <RoleButton allowed={may} role="operator" className="primary" disabled={plan.isPending || !isOrdered || !assets.includes(asset)}>{t.save}</RoleButton>
        </form>
        {!isOrdered && <p role="alert">{t.order}</p>}
        {plan.error ? <ProblemView problem={asProblem(plan.error)} /> : null}
      </Panel>
      {end.error ? <ProblemView problem={asProblem(end.error)} /> : null}
      <Loaded query={query}>{(rows) => <Table label={strings.alarms.tabs.maintenance} columns={columns} rows={[...rows].sort((a, b) => Number(OPEN.includes(b.progress)) - Number(OPEN.includes(a.progress)) || a.from - b.from)} rowKey={(e) => e.id} height={420} empty={<Empty title={t.none} />} />}</Loaded>
    </>
  );
}
