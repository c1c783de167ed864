/** Meters and the transformers that they hang on: rows, what is decided about them, and what speaks for each. */

import { useDeferredValue, useMemo, useState } from 'react';
import { Link } from 'react-router';
import { asProblem, path } from '../../../api/client';
import { useContext } from '../../../state/context';
import { useMay } from '../../../state/session';
import { useUrl } from '../../../state/url';
import { strings } from '../../../strings';
import { count, num, plural, when } from '../../../ui/format';
import { useKeys } from '../../../ui/keys';
import { Boundary, Empty, Loaded, Panel, ProblemView, RoleButton, Spinner } from '../../../ui/parts';
import { Table, type Column } from '../../../ui/Table';
import { everyRow, useMeterMap, useRows, type MeterMap, type MeterRow } from './data';
import { all, meterDecision, onward, sortOf, sortText, step } from './logic';
import { Bulk, NOTHING_CHOSEN } from './Matches';
import { MeterBeside } from './MeterBeside';
import { CaseMark, Confidence, countOf, Parts, Run, Running, Told, useDecide } from './parts';

const t = strings.review;

const STATES = ['proposed', 'decided', 'waiting'];
const METHODS = ['explicit', 'traced', 'inferred', 'override', 'none'];
const keyOf = (row: MeterRow) => row.meter;

/** The transformer that counts: the decided one where there is a decision. */
export const transformerOf = (row: MeterRow): string | null => (row.decision ? row.decision.value || null : row.transformer);

export function Meters() {
  const { project, networks, projects } = useContext();
  const map = useMeterMap(project);
  if (projects?.length === 0) return <Empty title={strings.empty.noProjects} actions={<Link className="button" to="/exchange">{strings.empty.import}</Link>}>{strings.empty.noProjectsHint}</Empty>;
  if (!project || !networks) return <Spinner />;
  return (
    <div className="stack">
      <Running kinds={['meter_map']} />
      {networks.length === 0 ? <Empty title={strings.empty.noNetworks} actions={<Link className="button" to={{ pathname: '/exchange', search: `?project=${encodeURIComponent(project)}` }}>{strings.empty.import}</Link>}>{t.noMapHint}</Empty> : (
        <Loaded query={map}>
          {(of) => of === null
            ? <Empty title={t.noMap} actions={<MapThem project={project} names={networks.map((n) => n.name)} used={null} label={t.map} primary />}>{t.noMapHint} {t.placesHint}</Empty>
            : <><Head project={project} of={of} names={networks.map((n) => n.name)} /><Rows project={project} of={of} /></>}
        </Loaded>
      )}
    </div>
  );
}

/** Begins a map of the meters, on all networks or on some. */
function MapThem({ project, names, used, label, primary }: { project: string; names: string[]; used: string[] | null; label: string; primary?: boolean }) {
  // What is not told is every network, also those that come later.
  const [off, setOff] = useState<string[]>(used ? names.filter((n) => !used.includes(n)) : []);
  const on = names.filter((n) => !off.includes(n));
  return (
    <div className="row wrap">
      {names.length > 1 && (
        <details className="networks">
          <summary>{t.networksUsed(count(on.length), count(names.length))}</summary>
          <p className="small quiet">{t.networksHint}</p>
          <div className="list">{names.map((n) => <label key={n}><input type="checkbox" checked={!off.includes(n)} onChange={(e) => setOff(e.target.checked ? off.filter((x) => x !== n) : [...off, n])} />{n}</label>)}</div>
        </details>
      )}
      <Run kind="meter_map" project={project} params={off.length === 0 ? {} : { networks: on }} label={label} primary={primary} disabled={on.length === 0} />
    </div>
  );
}

function Head({ project, of, names }: { project: string; of: MeterMap; names: string[] }) {
  const isOld = of.versions.some((v) => v.newest !== v.version);
  return (
    <Panel>
      <div className="row wrap">
        <b>{t.mapOf(count(of.number), plural(of.meters, 'meter'), plural(of.transformers, 'transformer'))}</b>
        <span className="quiet small">{t.by(of.author, when(of.time_utc))}</span>
        <span className="grow" />
        <MapThem key={of.number} project={project} names={names} used={of.versions.map((v) => v.network)} label={t.mapAgain} />
      </div>
      {(of.pending > 0 || isOld || of.unknown_meters > 0 || of.transformers === 0) && (
        <div data-testid="stale" style={{ marginTop: 6 }}>
          {of.pending > 0 && <div>{t.pendingMeters(plural(of.pending, 'decision is', 'decisions are'))}</div>}
          {isOld && <div>{t.old}</div>}
          {of.unknown_meters > 0 && <div>{t.unknownMeters(plural(of.unknown_meters, 'decision is', 'decisions are'))}</div>}
          {of.transformers === 0 && <div>{t.oldMap}</div>}
        </div>
      )}
    </Panel>
  );
}

function Rows({ project, of }: { project: string; of: MeterMap }) {
  const url = useUrl();
  const may = useMay('engineer');
  const address = path('projects', project, 'meter-map', 'meters');
  const search = useDeferredValue(url.get('q') ?? '');
  const part = url.get('part') ?? '';
  const filter = {
    confidence: ['high', 'medium', 'low'].includes(part) ? part : null,
    state: STATES.includes(part) ? part : null,
    pending: part === 'pending' ? true : null,
    mapped: part === 'unmapped' ? false : null,
    method: url.get('method'),
    search: search.trim() || null,
    sort: url.get('sort') ?? 'probability',
  };
  const query = useRows<MeterRow>([project, 'meters'], address, filter, true);
  const rows = useMemo(() => query.data?.pages.flatMap((p) => p.items) ?? [], [query.data]);
  const total = query.data?.pages[0]?.total ?? 0;
  const [picked, setPicked] = useState<Map<string, MeterRow>>(new Map());
  const [note, setNote] = useState('');
  const decided = useDecide(project, path('projects', project, 'meter-map', 'decisions'));

  const at = url.get('meter');
  const row = rows.find((r) => r.meter === at) ?? null;
  const go = (to: MeterRow | null) => { if (to) url.set({ meter: to.meter }); };
  const one = (word: 'accept' | 'none' | 'withdraw', of: MeterRow | null = row) => {
    if (!of || !may) return;
    const decision = meterDecision(of, word);
    if (!decided.send(decision ? [decision] : [], 0, note)) return;
    setNote('');
    go(onward(rows, keyOf, of.meter));
  };
  const many = (word: 'accept' | 'none' | 'withdraw') => {
    const found = all([...picked.values()], (r) => meterDecision(r, word));
    if (decided.send(found.decisions, found.left, note)) setPicked(new Map());
  };
  const setAll = (transformer: string) => {
    const meters = picked.size > 0 ? [...picked.keys()] : at ? [at] : [];
    if (decided.send(meters.map((meter) => ({ meter, decision: 'set', transformer })), 0, note)) setPicked(new Map());
    setNote('');
  };
  const toggle = (r: MeterRow) => setPicked((old) => { const next = new Map(old); if (!next.delete(r.meter)) next.set(r.meter, r); return next; });
  useKeys({
    j: () => go(step(rows, keyOf, at, 1)), k: () => go(step(rows, keyOf, at, -1)),
    ArrowDown: () => go(step(rows, keyOf, at, 1)), ArrowUp: () => go(step(rows, keyOf, at, -1)),
    a: () => one('accept'), n: () => one('none'), w: () => one('withdraw'),
    x: () => row && toggle(row), m: () => document.querySelector<HTMLInputElement>('[data-another]')?.focus(),
    Escape: () => url.set({ meter: null }),
  });

  const columns = useMemo<Column<MeterRow>[]>(() => [
    { key: 'pick', head: '', width: 34, value: () => null, cell: (r) => <label className="box"><input type="checkbox" aria-label={t.pick(r.meter)} checked={picked.has(r.meter)} onClick={(e) => e.stopPropagation()} onChange={() => toggle(r)} /></label> },
    { key: 'meter', head: t.heads.meter, value: (r) => r.meter },
    { key: 'transformer', head: t.heads.transformer, value: (r) => transformerOf(r), cell: (r) => <>{transformerOf(r) ?? <span className="quiet">{t.none}</span>}{r.decision && transformerOf(r) !== r.transformer && <span className="quiet small"> ({r.transformer ?? t.none})</span>}</> },
    { key: 'distance_m', head: t.heads.distance, unit: ' m', numeric: true, value: (r) => r.distance_m, cell: (r) => num(r.distance_m, 3) },
    { key: 'probability', head: t.heads.probability, unit: ' %', numeric: true, value: (r) => r.probability, cell: (r) => num(r.probability === null ? null : r.probability * 100, 3) },
    { key: 'confidence', head: t.heads.confidence, value: (r) => r.confidence, cell: (r) => <Confidence of={r.confidence} /> },
    { key: 'method', head: t.heads.method, value: (r) => r.method, cell: (r) => t.method[r.method] ?? r.method },
    { key: 'feeder', head: t.heads.feeder, value: (r) => r.feeder },
    { key: 'state', head: t.heads.state, value: (r) => r.state, cell: (r) => <CaseMark state={r.state} pending={r.pending} short /> },
  ], [picked]);
  const parts = [
    { id: '', label: t.all, count: of.meters },
    ...['low', 'medium', 'high'].map((c) => ({ id: c, label: `${t.heads.confidence} ${t.confidence[c]}`, count: countOf(of.confidences, c) })),
    { id: 'unmapped', label: t.unmapped, count: of.unmapped },
    ...['decided', 'waiting'].map((s) => ({ id: s, label: t.state[s] as string, count: countOf(of.states, s), title: t.stateHint[s] })),
    { id: 'pending', label: t.pendingOnly, count: of.pending },
  ];
  const isFiltered = ['part', 'method', 'q'].some((k) => url.get(k) !== null);
  return (
    <div className="review">
      <div className="stack">
        <Parts label={t.show} parts={parts} at={part} onChange={(id) => url.set({ part: id, meter: null })} />
        <div className="toolbar">
          <input type="search" placeholder={t.search} aria-label={t.search} value={url.get('q') ?? ''} onChange={(e) => url.set({ q: e.target.value })} />
          <select aria-label={t.found} value={url.get('method') ?? ''} onChange={(e) => url.set({ method: e.target.value })}><option value="">{t.allMethods}</option>{METHODS.filter((m) => countOf(of.methods, m) > 0).map((m) => <option key={m} value={m}>{t.method[m]}</option>)}</select>
          {query.isFetching && <span className="spinner" />}
        </div>
        <Bulk n={picked.size} total={total} may={may} onAll={() => void everyRow<MeterRow>(address, filter).then((every) => setPicked(new Map(every.map((r) => [r.meter, r]))), decided.fail)} onClear={() => setPicked(new Map())}>
          <RoleButton allowed={may} role="engineer" onClick={() => many('accept')}>{t.accept}</RoleButton>
          <RoleButton allowed={may} role="engineer" onClick={() => many('none')}>{t.onNone}</RoleButton>
          <RoleButton allowed={may} role="engineer" onClick={() => many('withdraw')}>{t.withdraw}</RoleButton>
        </Bulk>
        <Told of={decided} />
        {query.error && rows.length === 0 ? <ProblemView problem={asProblem(query.error)} onRetry={() => void query.refetch()} /> : query.isPending ? <Spinner /> : (
          <Table label={t.meters} columns={columns} rows={rows} rowKey={keyOf} selected={at} onSelect={go} follow height="58vh" total={total}
            sort={sortOf(filter.sort)} onSort={(s) => !['pick', 'method'].includes(s.key) && url.set({ sort: sortText(s) })} sortedOutside
            onEnd={() => { if (query.hasNextPage && !query.isFetchingNextPage) void query.fetchNextPage(); }}
            empty={<Empty title={t.noFit} actions={isFiltered ? <button onClick={() => url.set({ ...NOTHING_CHOSEN })}>{t.noFilter}</button> : undefined} />} />
        )}
        <p className="small quiet">{t.keysMeters}</p>
      </div>
      <aside className="beside panel" aria-label={t.details}>
        <Boundary name="meter" key={at ?? ''}>
          {at === null ? <Empty title={t.pickMeter} /> : <MeterBeside project={project} meter={at} chosen={picked.size} may={may} note={note} onNote={setNote} onWord={(word, r) => one(word, r)} onSet={setAll} />}
        </Boundary>
      </aside>
    </div>
  );
}
