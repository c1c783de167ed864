/** Two networks matched to one another: rows, what is decided about them, and both sides beside each other. */

import { useDeferredValue, useMemo, useState } from 'react';
import { Link } from 'react-router';
import { asProblem } from '../../../api/client';
import { useContext } from '../../../state/context';
import { useMay } from '../../../state/session';
import { useUrl, type Patch } from '../../../state/url';
import { strings } from '../../../strings';
import { count, num, plural, when } from '../../../ui/format';
import { useKeys } from '../../../ui/keys';
import { Boundary, Empty, Loaded, Panel, ProblemView, RoleButton, Spinner } from '../../../ui/parts';
import { Table, type Column } from '../../../ui/Table';
import { everyRow, MOST, pairPath, useReconciliation, useReconciliations, useRows, type MatchRow, type Reconciliation, type ReconciliationDetail } from './data';
import { all, matchKey, onward, pairDecision, sortOf, sortText, step, type PairWord } from './logic';
import { PairBeside } from './PairBeside';
import { CaseMark, countOf, Parts, Run, Running, Score, Told, useDecide } from './parts';

const t = strings.review;

const STATES = ['proposed', 'accepted', 'forced', 'rejected', 'overruled', 'waiting', 'only_a', 'only_b'];
const METHODS = ['identity', 'place', 'topology', 'override'];
/** What another pair of networks or another review does not keep. */
export const NOTHING_CHOSEN: Patch = { part: null, class: null, method: null, q: null, sort: null, ca: null, cb: null, meter: null, confidence: null, smin: null };

export function Matches() {
  const url = useUrl();
  const { project, networks, projects } = useContext();
  const list = useReconciliations(project);
  if (projects?.length === 0) return <Empty title={strings.empty.noProjects} actions={<Link className="button" to="/exchange">{strings.empty.import}</Link>}>{strings.empty.noProjectsHint}</Empty>;
  if (!project || !networks) return <Spinner />;
  return (
    <div className="stack">
      <Running kinds={['reconcile']} />
      <Loaded query={list}>
        {(kept) => {
          // Of several results of the same two networks the last one is looked over.
          const pairs = kept.filter((r, i) => kept.findIndex((o) => o.network === r.network && o.with === r.with) === i);
          const at = pairs.find((r) => r.network === url.get('left') && r.with === url.get('right')) ?? pairs[0];
          if (!at) return <NothingMatched project={project} names={networks.map((n) => n.name)} />;
          return <Pair key={`${at.network}\n${at.with}`} project={project} at={at} pairs={pairs} names={networks.map((n) => n.name)} />;
        }}
      </Loaded>
    </div>
  );
}

function NothingMatched({ project, names }: { project: string; names: string[] }) {
  const toImport = <Link className="button" to={{ pathname: '/exchange', search: `?project=${encodeURIComponent(project)}` }}>{t.import}</Link>;
  if (names.length < 2) return <Empty title={names.length === 0 ? strings.empty.noNetworks : t.oneNetwork} actions={toImport}>{t.oneNetworkHint}</Empty>;
  return <Empty title={t.noReconciliation} actions={<><MatchTwo project={project} names={names} primary />{toImport}</>}>{t.noReconciliationHint}</Empty>;
}

/** Chooses two networks and matches them. */
function MatchTwo({ project, names, primary }: { project: string; names: string[]; primary?: boolean }) {
  const url = useUrl();
  const [first, setFirst] = useState(names[0] ?? '');
  const [second, setSecond] = useState(names[1] ?? '');
  return (
    <span className="row wrap">
      <select aria-label={t.first} value={first} onChange={(e) => setFirst(e.target.value)}>{names.map((n) => <option key={n}>{n}</option>)}</select>
      <select aria-label={t.second} value={second} onChange={(e) => setSecond(e.target.value)}>{names.map((n) => <option key={n}>{n}</option>)}</select>
      <Run kind="reconcile" project={project} params={{ network: first, with: second }} label={t.match} primary={primary} disabled={first === second} onDone={() => url.set({ ...NOTHING_CHOSEN, left: first, right: second })} />
    </span>
  );
}

function Pair({ project, at, pairs, names }: { project: string; at: Reconciliation; pairs: Reconciliation[]; names: string[] }) {
  const url = useUrl();
  const summary = useReconciliation(project, at.network, at.with);
  const [matchTwo, setMatchTwo] = useState(false);
  return (
    <>
      <Panel>
        <div className="row wrap">
          <label className="row">{t.pairLabel}{' '}
            <select value={`${at.network}\n${at.with}`} onChange={(e) => { const [left, right] = e.target.value.split('\n'); url.set({ ...NOTHING_CHOSEN, left, right }, true); }}>
              {pairs.map((r) => <option key={`${r.network}\n${r.with}`} value={`${r.network}\n${r.with}`}>{r.network} – {r.with}</option>)}
            </select>
          </label>
          {summary.data && <span className="quiet small">{t.of(summary.data.network, count(summary.data.version), summary.data.with, count(summary.data.with_version))}, {t.by(summary.data.author, when(summary.data.time_utc))}</span>}
          <span className="grow" />
          {matchTwo ? <MatchTwo project={project} names={names} /> : <button onClick={() => setMatchTwo(true)} disabled={names.length < 2}>{t.matchTwo}</button>}
        </div>
        {summary.data && <Stale project={project} of={summary.data} />}
      </Panel>
      <Loaded query={summary}>{(of) => <Rows project={project} of={of} />}</Loaded>
    </>
  );
}

/** Says what the result does not have yet, and makes it anew. */
function Stale({ project, of }: { project: string; of: ReconciliationDetail }) {
  const isOld = of.newest_version !== of.version || of.newest_with_version !== of.with_version;
  if (of.pending === 0 && !isOld) return null;
  return (
    <div className="row wrap" data-testid="stale" style={{ marginTop: 8 }}>
      <span>{of.pending > 0 && t.pending(plural(of.pending, 'decision is', 'decisions are'))} {isOld && t.old}</span>
      <Run kind="reconcile" project={project} params={{ network: of.network, with: of.with }} label={t.again} />
    </div>
  );
}

/** Filter of the address as the server takes it. */
function filterOf(url: { get: (key: string) => string | null }, search: string) {
  const part = url.get('part') ?? '';
  return {
    state: STATES.includes(part) ? part : part === 'alone' ? 'only_a,only_b' : part === 'ties' ? 'proposed' : null,
    tie: part === 'ties' ? true : null,
    conflict: part === 'conflicts' ? true : null,
    pending: part === 'pending' ? true : null,
    class: url.get('class'),
    method: url.get('method'),
    search: search.trim() || null,
    score_min: url.get('smin'),
    sort: url.get('sort') ?? 'score',
  };
}

function Rows({ project, of }: { project: string; of: ReconciliationDetail }) {
  const url = useUrl();
  const may = useMay('engineer');
  const address = pairPath(project, of.network, of.with);
  const search = useDeferredValue(url.get('q') ?? '');
  const filter = filterOf(url, search);
  const query = useRows<MatchRow>([project, 'matches', of.network, of.with], `${address}/matches`, filter, true);
  const rows = useMemo(() => query.data?.pages.flatMap((p) => p.items) ?? [], [query.data]);
  const total = query.data?.pages[0]?.total ?? 0;
  const [picked, setPicked] = useState<Map<string, MatchRow>>(new Map());
  const [note, setNote] = useState('');
  const decided = useDecide(project, `${address}/decisions`);

  const [ca, cb] = [url.get('ca'), url.get('cb')];
  const at = ca !== null || cb !== null ? matchKey({ a: ca, b: cb }) : null;
  const row = rows.find((r) => matchKey(r) === at) ?? null;
  const go = (to: MatchRow | null) => { if (to) url.set({ ca: to.a, cb: to.b }); };
  const one = (word: PairWord, of: MatchRow | null = row) => {
    if (!of || !may) return;
    const decision = pairDecision(of, word);
    if (!decided.send(decision ? [decision] : [], 0, note)) return;
    setNote('');
    go(onward(rows, matchKey, matchKey(of)));
  };
  const many = (word: PairWord) => {
    const found = all([...picked.values()], (r) => pairDecision(r, word));
    if (decided.send(found.decisions, found.left, note)) setPicked(new Map());
  };
  const toggle = (r: MatchRow) => setPicked((old) => { const next = new Map(old); if (!next.delete(matchKey(r))) next.set(matchKey(r), r); return next; });
  const search1 = () => document.querySelector<HTMLInputElement>('[data-another]')?.focus();
  useKeys({
    j: () => go(step(rows, matchKey, at, 1)), k: () => go(step(rows, matchKey, at, -1)),
    ArrowDown: () => go(step(rows, matchKey, at, 1)), ArrowUp: () => go(step(rows, matchKey, at, -1)),
    a: () => one('accept'), r: () => one('reject'), w: () => one('withdraw'),
    x: () => row && toggle(row), m: search1,
    Escape: () => url.set({ ca: null, cb: null }),
  });

  const columns = useMemo<Column<MatchRow>[]>(() => [
    { key: 'pick', head: '', width: 34, value: () => null, cell: (r) => <label className="box"><input type="checkbox" aria-label={t.pick(`${r.a ?? ''} ${r.b ?? ''}`.trim())} checked={picked.has(matchKey(r))} onClick={(e) => e.stopPropagation()} onChange={() => toggle(r)} /></label> },
    { key: 'a', head: of.network, value: (r) => r.a, cell: (r) => r.a ?? <span className="quiet">{t.noPartner}</span> },
    { key: 'b', head: of.with, value: (r) => r.b, cell: (r) => r.b ?? <span className="quiet">{t.noPartner}</span> },
    { key: 'score', head: t.heads.score, numeric: true, width: 120, value: (r) => r.score, cell: (r) => <Score of={r.score} /> },
    { key: 'distance_m', head: t.heads.distance, unit: ' m', numeric: true, value: (r) => r.distance_m, cell: (r) => num(r.distance_m, 3) },
    { key: 'method', head: t.heads.method, value: (r) => r.method, cell: (r) => (r.method ? (t.method[r.method] ?? r.method) : '–') },
    { key: 'conflicts', head: t.heads.conflicts, numeric: true, value: (r) => r.conflicts, cell: (r) => (r.conflicts > 0 ? count(r.conflicts) : '') },
    { key: 'state', head: t.heads.state, value: (r) => r.state, cell: (r) => <CaseMark state={r.state} pending={r.pending} short /> },
  ], [picked, of.network, of.with]);

  const alone = countOf(of.states, 'only_a') + countOf(of.states, 'only_b');
  const parts = [
    { id: '', label: t.all, count: of.states.reduce((n, s) => n + s.count, 0) },
    ...['proposed', 'accepted', 'forced', 'rejected', 'overruled', 'waiting'].map((s) => ({ id: s, label: t.state[s] as string, count: countOf(of.states, s), title: t.stateHint[s] })),
    { id: 'only_a', label: `${t.state.only_a}`, count: countOf(of.states, 'only_a'), title: `${of.network}: ${t.stateHint.only_a}` },
    { id: 'only_b', label: `${t.state.only_b}`, count: countOf(of.states, 'only_b'), title: `${of.with}: ${t.stateHint.only_b}` },
    { id: 'ties', label: t.ties, count: of.ties, title: t.tieHint },
    { id: 'conflicts', label: t.conflicts, count: of.conflicted, title: t.conflictHint },
    { id: 'pending', label: t.pendingOnly, count: of.pending },
  ];
  const isFiltered = ['part', 'class', 'method', 'q', 'smin'].some((k) => url.get(k) !== null);
  return (
    <div className="review" data-alone={alone}>
      <div className="stack">
        <Parts label={t.show} parts={parts} at={url.get('part') ?? ''} onChange={(part) => url.set({ part, ca: null, cb: null })} />
        <div className="toolbar">
          <input type="search" placeholder={t.search} aria-label={t.search} value={url.get('q') ?? ''} onChange={(e) => url.set({ q: e.target.value })} />
          <select aria-label={t.class} value={url.get('class') ?? ''} onChange={(e) => url.set({ class: e.target.value })}><option value="">{t.allClasses}</option>{of.classes.map((c) => <option key={c.name} value={c.name}>{c.name}</option>)}</select>
          <select aria-label={t.found} value={url.get('method') ?? ''} onChange={(e) => url.set({ method: e.target.value })}><option value="">{t.allMethods}</option>{METHODS.filter((m) => countOf(of.methods, m) > 0).map((m) => <option key={m} value={m}>{t.method[m]}</option>)}</select>
          <label className="row">{t.scoreFrom} <input type="number" min={0} max={1} step={0.05} style={{ width: 76 }} value={url.get('smin') ?? ''} onChange={(e) => url.set({ smin: e.target.value })} /></label>
          {query.isFetching && <span className="spinner" />}
        </div>
        <Bulk n={picked.size} total={total} may={may} onAll={() => void everyRow<MatchRow>(`${address}/matches`, filter).then((every) => setPicked(new Map(every.map((r) => [matchKey(r), r]))), decided.fail)} onClear={() => setPicked(new Map())}>
          <RoleButton allowed={may} role="engineer" onClick={() => many('accept')}>{t.accept}</RoleButton>
          <RoleButton allowed={may} role="engineer" onClick={() => many('reject')}>{t.reject}</RoleButton>
          <RoleButton allowed={may} role="engineer" onClick={() => many('withdraw')}>{t.withdraw}</RoleButton>
        </Bulk>
        <Told of={decided} />
        {query.error && rows.length === 0 ? <ProblemView problem={asProblem(query.error)} onRetry={() => void query.refetch()} /> : query.isPending ? <Spinner /> : (
          <Table label={t.matches} columns={columns} rows={rows} rowKey={matchKey} selected={at} onSelect={go} follow height="58vh" total={total}
            sort={sortOf(filter.sort)} onSort={(s) => !['pick', 'method'].includes(s.key) && url.set({ sort: sortText(s) })} sortedOutside
            onEnd={() => { if (query.hasNextPage && !query.isFetchingNextPage) void query.fetchNextPage(); }}
            empty={<Empty title={t.noFit} actions={isFiltered ? <button onClick={() => url.set({ ...NOTHING_CHOSEN })}>{t.noFilter}</button> : undefined} />} />
        )}
        <p className="small quiet">{t.keys}</p>
      </div>
      <aside className="beside panel" aria-label={t.details}>
        <Boundary name="pair" key={at ?? ''}>
          {at === null ? <Empty title={t.pickRow} /> : <PairBeside project={project} of={of} a={ca} b={cb} may={may} note={note} onNote={setNote} onWord={(word, row) => one(word, row)} onForce={(a, b) => { decided.send([{ decision: 'force', a, b }], 0, note); setNote(''); url.set({ ca: a, cb: b }); }} />}
        </Boundary>
      </aside>
    </div>
  );
}

/** What is done with many rows at once. */
export function Bulk({ n, total, may, onAll, onClear, children }: { n: number; total: number; may: boolean; onAll: () => void; onClear: () => void; children: React.ReactNode }) {
  if (!may || total === 0) return null;
  return (
    <div className="row wrap" role="group" aria-label={t.choose}>
      {n > 0 && <b data-testid="chosen">{t.chosen(count(n))}</b>}
      {n > 0 && children}
      <button className="plain" onClick={onAll} disabled={total > MOST}>{t.chooseAll(count(total))}</button>
      {n > 0 && <button className="plain" onClick={onClear}>{t.clear}</button>}
    </div>
  );
}
