/** Users, tokens, audit log, health and settings. What a role may not do says so. */

import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { api, asProblem, path, withQuery } from '../../api/client';
import { pageOf } from '../../api/data';
import type { Page, Role } from '../../api/types';
import { renew } from '../../api/renew';
import { useMay, useSession } from '../../state/session';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { ago, fieldName, num, when } from '../../ui/format';
import { Dialog, Empty, Loaded, Panel, ProblemView, RoleButton, Spinner, Tabs } from '../../ui/parts';
import { Table, type Column } from '../../ui/Table';

const t = strings.admin;
const ROLES: Role[] = ['ven', 'viewer', 'operator', 'engineer', 'admin'];

export default function Admin() {
  const url = useUrl();
  const isAdmin = useMay('admin');
  const tabs = [
    ...(isAdmin ? [{ id: 'users', label: t.users }] : []),
    { id: 'tokens', label: t.tokens },
    ...(isAdmin ? [{ id: 'audit', label: t.audit }] : []),
    { id: 'health', label: t.health },
    { id: 'settings', label: t.settings },
    { id: 'password', label: t.password },
  ];
  const at = tabs.find((x) => x.id === url.get('tab'))?.id ?? tabs[0]?.id ?? 'tokens';
  return (
    <div className="page">
      <header><h1>{strings.pages.admin}</h1>{!isAdmin && <span className="quiet">{t.someOnly}</span>}</header>
      <Tabs tabs={tabs} at={at} onChange={(tab) => url.set({ tab }, true)} label={strings.pages.admin} />
      {at === 'users' && <Users />}
      {at === 'tokens' && <Tokens />}
      {at === 'audit' && <Audit />}
      {at === 'health' && <Health />}
      {at === 'settings' && <SettingsForm />}
      {at === 'password' && <Password />}
    </div>
  );
}

interface User {
  user: string;
  role: Role;
  created_utc: string;
  password_utc: string;
  login_utc: string | null;
  failures: number;
  locked_until_utc: string | null;
}

function Users() {
  const client = useQueryClient();
  const own = useSession((s) => s.session?.user);
  const query = useQuery({ queryKey: ['users'], queryFn: async ({ signal }) => pageOf(await api.get<Page<User>>('/api/users', { limit: 1000 }, signal)) });
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<string | null>(null);
  const [setting, setSetting] = useState<string | null>(null);
  const done = () => renew(client, ['users']);
  const change = useMutation({ mutationFn: ({ user, body }: { user: string; body: object }) => api.patch(path('users', user), body), onSettled: done });
  const remove = useMutation({ mutationFn: (user: string) => api.delete(path('users', user)), onSuccess: () => setRemoving(null), onSettled: done });
  const failure = change.error;
  const columns: Column<User>[] = [
    { key: 'user', head: t.user, value: (u) => u.user },
    { key: 'role', head: t.role, value: (u) => ROLES.indexOf(u.role), cell: (u) => (
      <select aria-label={`${t.role} ${u.user}`} value={u.role} onChange={(e) => change.mutate({ user: u.user, body: { role: e.target.value } })}>{ROLES.map((r) => <option key={r}>{r}</option>)}</select>
    ) },
    { key: 'login', head: t.lastLogin, value: (u) => u.login_utc, cell: (u) => <span title={when(u.login_utc)}>{ago(u.login_utc)}</span> },
    { key: 'created', head: t.created, value: (u) => u.created_utc, cell: (u) => when(u.created_utc) },
    { key: 'failures', head: t.failures, numeric: true, value: (u) => u.failures },
    { key: 'locked', head: t.locked, value: (u) => u.locked_until_utc, cell: (u) => (u.locked_until_utc ? <button onClick={() => change.mutate({ user: u.user, body: { unlock: true } })}>{t.unlock} ({when(u.locked_until_utc)})</button> : '–') },
    { key: 'act', head: '', value: () => null, cell: (u) => (
      <span className="row"><button onClick={() => setSetting(u.user)}>{t.setPassword}</button><button className="danger" disabled={u.user === own} onClick={() => setRemoving(u.user)}>{t.remove}</button></span>
    ) },
  ];
  return (
    <Panel title={t.users} actions={<button className="primary" onClick={() => setAdding(true)}>{t.addUser}</button>}>
      {failure ? <ProblemView problem={asProblem(failure)} /> : null}
      <Loaded query={query}>{(page) => <Table label={t.users} columns={columns} rows={page.items} rowKey={(u) => u.user} height={Math.min(560, 40 + page.items.length * 36)} empty={<Empty title={t.noUsers}>{t.noUsersHint}</Empty>} />}</Loaded>
      {adding && <NewUser onClose={() => setAdding(false)} onDone={() => void done()} />}
      {setting && <Dialog title={`${t.setPassword}: ${setting}`} onClose={() => setSetting(null)}><PasswordForm user={setting} needsCurrent={false} onDone={() => setSetting(null)} /></Dialog>}
      {removing && (
        <Dialog title={t.removeUser(removing)} onClose={() => setRemoving(null)}>
          <p>{t.removeUserText}</p>
          {remove.error ? <ProblemView problem={asProblem(remove.error)} /> : null}
          <div className="row"><button className="danger" disabled={remove.isPending} onClick={() => remove.mutate(removing)}>{t.remove}</button><button onClick={() => setRemoving(null)}>{strings.cancel}</button></div>
        </Dialog>
      )}
    </Panel>
  );
}

function NewUser({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const [user, setUser] = useState('');
  const [password, setPassword] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const add = useMutation({ mutationFn: () => api.post('/api/users', { user: user.trim(), password, role }), onSuccess: () => { onDone(); onClose(); } });
  return (
    <Dialog title={t.addUser} onClose={onClose}>
      <form className="stack" onSubmit={(e) => { e.preventDefault(); add.mutate(); }}>
        <label className="field"><span>{t.user}</span><input required autoFocus value={user} onChange={(e) => setUser(e.target.value)} autoComplete="off" /></label>
        <label className="field"><span>{t.password}</span><input required type="password" value={password} onChange={(e) => setPassword(e.target.value)} autoComplete="new-password" /></label>
        <label className="field"><span>{t.role}</span><select value={role} onChange={(e) => setRole(e.target.value as Role)}>{ROLES.map((r) => <option key={r} value={r}>{r}: {t.roleText[r]}</option>)}</select></label>
        {add.error ? <ProblemView problem={asProblem(add.error)} /> : null}
        <div className="row"><button className="primary" disabled={add.isPending}>{t.addUser}</button><button type="button" onClick={onClose}>{strings.cancel}</button></div>
      </form>
    </Dialog>
  );
}

function PasswordForm({ user, needsCurrent, onDone }: { user: string; needsCurrent: boolean; onDone: () => void }) {
  const [current, setCurrent] = useState('');
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const save = useMutation({ mutationFn: () => api.post(path('users', user, 'password'), { password, ...(needsCurrent ? { current } : {}) }), onSuccess: onDone });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    if (password === again) save.mutate();
  };
  return (
    <form className="stack" style={{ maxWidth: 360 }} onSubmit={submit}>
      {needsCurrent && <label className="field"><span>{t.current}</span><input required type="password" value={current} onChange={(e) => setCurrent(e.target.value)} autoComplete="current-password" /></label>}
      <label className="field"><span>{t.newPassword}</span><input required type="password" value={password} onChange={(e) => setPassword(e.target.value)} autoComplete="new-password" /></label>
      <label className="field"><span>{strings.login.repeat}</span><input required type="password" value={again} onChange={(e) => setAgain(e.target.value)} autoComplete="new-password" /></label>
      {again !== '' && password !== again && <p role="alert">{strings.login.differ}</p>}
      {save.error ? <ProblemView problem={asProblem(save.error)} /> : null}
      {save.isSuccess && <p role="status">{t.saved}</p>}
      <div><button className="primary" disabled={save.isPending || password !== again}>{t.setPassword}</button></div>
    </form>
  );
}

function Password() {
  const session = useSession((s) => s.session);
  if (!session || session.no_auth) return <Empty title={t.noLogin} />;
  return <Panel title={`${t.password}: ${session.user}`}><p className="quiet">{t.passwordText}</p><PasswordForm user={session.user} needsCurrent onDone={() => undefined} /></Panel>;
}

interface Token {
  id: number;
  user: string;
  name: string;
  role: string;
  created_utc: string;
  expires_utc: string | null;
  used_utc: string | null;
}

function Tokens() {
  const client = useQueryClient();
  const session = useSession((s) => s.session);
  const query = useQuery({ queryKey: ['tokens'], enabled: !session?.no_auth, queryFn: async ({ signal }) => pageOf(await api.get<Page<Token>>('/api/tokens', { limit: 1000 }, signal)) });
  const [adding, setAdding] = useState(false);
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>(session?.role === 'ven' ? 'ven' : 'viewer');
  const [days, setDays] = useState('90');
  const done = () => renew(client, ['tokens']);
  const add = useMutation({ mutationFn: () => api.post<{ id: number; token: string }>('/api/tokens', { name: name.trim(), role, ...(days ? { days: Number(days) } : {}) }), onSuccess: () => void done() });
  const remove = useMutation({ mutationFn: (id: number) => api.delete(path('tokens', id)), onSettled: done });
  if (session?.no_auth) return <Empty title={t.noLogin}>{t.noLoginTokens}</Empty>;
  const columns: Column<Token>[] = [
    { key: 'name', head: t.name, value: (x) => x.name },
    { key: 'user', head: t.user, value: (x) => x.user },
    { key: 'role', head: t.role, value: (x) => x.role },
    { key: 'created', head: t.created, value: (x) => x.created_utc, cell: (x) => when(x.created_utc) },
    { key: 'expires', head: t.expires, value: (x) => x.expires_utc, cell: (x) => (x.expires_utc ? when(x.expires_utc) : t.never) },
    { key: 'used', head: t.used, value: (x) => x.used_utc, cell: (x) => ago(x.used_utc) },
    { key: 'act', head: '', value: () => null, cell: (x) => <button className="danger" onClick={() => remove.mutate(x.id)}>{t.revoke}</button> },
  ];
  return (
    <Panel title={t.tokens} actions={<button className="primary" onClick={() => { add.reset(); setAdding(true); }}>{t.addToken}</button>}>
      <p className="quiet">{t.tokensText}</p>
      {remove.error ? <ProblemView problem={asProblem(remove.error)} /> : null}
      <Loaded query={query}>{(page) => <Table label={t.tokens} columns={columns} rows={page.items} rowKey={(x) => x.id} height={Math.min(520, 40 + page.items.length * 36)} empty={<Empty title={t.noTokens} />} />}</Loaded>
      {adding && (
        <Dialog title={t.addToken} onClose={() => setAdding(false)}>
          {add.data ? (
            <div className="stack">
              <p>{t.tokenOnce}</p>
              <input readOnly className="mono" value={add.data.token} onFocus={(e) => e.target.select()} aria-label={t.tokens} style={{ width: '100%' }} />
              <div className="row"><button onClick={() => void navigator.clipboard?.writeText(add.data.token)}>{t.copy}</button><button onClick={() => setAdding(false)}>{strings.close}</button></div>
            </div>
          ) : (
            <form className="stack" onSubmit={(e) => { e.preventDefault(); add.mutate(); }}>
              <label className="field"><span>{t.name}</span><input required autoFocus value={name} onChange={(e) => setName(e.target.value)} /></label>
              <label className="field"><span>{t.role}</span><select value={role} onChange={(e) => setRole(e.target.value as Role)}>{ROLES.slice(0, ROLES.indexOf(session?.role ?? 'viewer') + 1).map((r) => <option key={r}>{r}</option>)}</select></label>
              <label className="field"><span>{t.days}</span><input type="number" min={1} max={3650} value={days} onChange={(e) => setDays(e.target.value)} /></label>
              {add.error ? <ProblemView problem={asProblem(add.error)} /> : null}
              <div className="row"><button className="primary" disabled={add.isPending}>{t.addToken}</button><button type="button" onClick={() => setAdding(false)}>{strings.cancel}</button></div>
            </form>
          )}
        </Dialog>
      )}
    </Panel>
  );
}

interface Entry {
  id: number;
  time_utc: string;
  user: string;
  address: string;
  action: string;
  subject: string;
  detail: unknown;
}

function Audit() {
  const url = useUrl();
  const filter = { user: url.get('by'), action: url.get('action'), from: dayStart(url.get('from')), to: dayEnd(url.get('to')) };
  const query = useInfiniteQuery({
    queryKey: ['audit', filter.user, filter.action, filter.from, filter.to],
    initialPageParam: null as number | null,
    queryFn: ({ pageParam, signal }) => api.get<{ items: Entry[]; next: number | null }>('/api/audit', { ...filter, before: pageParam, limit: 200 }, signal),
    getNextPageParam: (last) => last.next ?? undefined,
  });
  const rows = query.data?.pages.flatMap((p) => p.items) ?? [];
  const columns: Column<Entry>[] = [
    { key: 'time', head: t.time, value: (e) => e.time_utc, cell: (e) => when(e.time_utc) },
    { key: 'user', head: t.user, value: (e) => e.user },
    { key: 'action', head: t.action, value: (e) => e.action },
    { key: 'subject', head: t.subject, value: (e) => e.subject },
    { key: 'address', head: t.address, value: (e) => e.address },
    { key: 'detail', head: t.detail, value: (e) => (e.detail === null ? '' : JSON.stringify(e.detail)) },
  ];
  return (
    <Panel title={t.audit} className="fill" actions={<a className="button" href={withQuery('/api/audit.csv', filter)} download>CSV</a>}>
      <div className="toolbar" style={{ marginBottom: 8 }}>
        <label className="field"><span>{t.user}</span><input value={filter.user ?? ''} onChange={(e) => url.set({ by: e.target.value })} /></label>
        <label className="field"><span>{t.action}</span><input value={filter.action ?? ''} onChange={(e) => url.set({ action: e.target.value })} /></label>
        <label className="field"><span>{t.from}</span><input type="date" value={url.get('from') ?? ''} onChange={(e) => url.set({ from: e.target.value })} /></label>
        <label className="field"><span>{t.to}</span><input type="date" value={url.get('to') ?? ''} onChange={(e) => url.set({ to: e.target.value })} /></label>
      </div>
      {query.error ? <ProblemView problem={asProblem(query.error)} onRetry={() => void query.refetch()} /> : query.isPending ? <Spinner /> : (
        <Table label={t.audit} columns={columns} rows={rows} rowKey={(e) => e.id} height={520} total={query.hasNextPage ? rows.length + 1 : rows.length} foot={false} onEnd={() => query.hasNextPage && !query.isFetchingNextPage && void query.fetchNextPage()} empty={<Empty title={t.noAudit} />} />
      )}
    </Panel>
  );
}

const dayStart = (day: string | null) => (day ? `${day}T00:00:00Z` : null);
const dayEnd = (day: string | null) => (day ? `${day}T23:59:59Z` : null);

function Health() {
  const query = useQuery({ queryKey: ['health'], queryFn: ({ signal }) => api.get<Record<string, unknown>>('/api/health', undefined, signal), refetchInterval: 10_000 });
  const show = (value: unknown): string => (typeof value === 'number' ? num(value) : typeof value === 'object' && value !== null ? Object.entries(value).map(([k, v]) => `${fieldName(k).words}: ${show(v)}`).join(' · ') : String(value ?? '–'));
  return (
    <Panel title={t.health} actions={<a className="button" href="/metrics" target="_blank" rel="noreferrer">{t.metrics}</a>}>
      <Loaded query={query}>
        {(health) => <dl className="facts">{Object.entries(health).map(([key, value]) => { const { words, unit } = fieldName(key); return [<dt key={`${key}t`}>{words}{unit ? ` (${unit})` : ''}</dt>, <dd key={key}>{show(value)}</dd>]; })}</dl>}
      </Loaded>
    </Panel>
  );
}

interface Settings {
  time_zone: string;
  units: 'metric' | 'imperial';
  basemap: { url: string; attribution: string } | null;
  basemap_file?: boolean;
}

function SettingsForm() {
  const query = useQuery({ queryKey: ['settings'], queryFn: ({ signal }) => api.get<Settings>('/api/settings', undefined, signal) });
  return <Panel title={t.settings}><Loaded query={query}>{(settings) => <SettingsFields from={settings} />}</Loaded></Panel>;
}

function SettingsFields({ from }: { from: Settings }) {
  const client = useQueryClient();
  const may = useMay('admin');
  const [zone, setZone] = useState(from.time_zone);
  const [units, setUnits] = useState(from.units);
  const [address, setAddress] = useState(from.basemap?.url ?? '');
  const [attribution, setAttribution] = useState(from.basemap?.attribution ?? '');
  const zones = typeof Intl.supportedValuesOf === 'function' ? ['UTC', ...Intl.supportedValuesOf('timeZone')] : ['UTC'];
  const save = useMutation({
    mutationFn: () => api.put('/api/settings', { time_zone: zone, units, basemap: address.trim() ? { url: address.trim(), attribution: attribution.trim() } : null }),
    onSuccess: () => void renew(client, ['settings']),
  });
  return (
    <form className="stack" style={{ maxWidth: 560 }} onSubmit={(e) => { e.preventDefault(); save.mutate(); }}>
      <label className="field"><span>{t.zone}</span><input list="zones" value={zone} onChange={(e) => setZone(e.target.value)} disabled={!may} /><datalist id="zones">{zones.map((z) => <option key={z} value={z} />)}</datalist></label>
      <label className="field"><span>{t.units}</span><select value={units} onChange={(e) => setUnits(e.target.value as Settings['units'])} disabled={!may}><option value="metric">{t.metric}</option><option value="imperial">{t.imperial}</option></select></label>
      <label className="field"><span>{t.basemap}</span><input value={address} placeholder="https://tiles.example.org/{z}/{x}/{y}.png" onChange={(e) => setAddress(e.target.value)} disabled={!may} /></label>
      <label className="field"><span>{t.attribution}</span><input value={attribution} onChange={(e) => setAttribution(e.target.value)} disabled={!may || !address} /></label>
      <p className="quiet small">{t.basemapText} {from.basemap_file ? t.basemapFile : ''}</p>
      {save.error ? <ProblemView problem={asProblem(save.error)} /> : null}
      {save.isSuccess && <p role="status">{t.saved}</p>}
      <div><RoleButton allowed={may} role="admin" className="primary" disabled={save.isPending}>{t.save}</RoleButton></div>
    </form>
  );
}
