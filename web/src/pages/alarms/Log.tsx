/** The log: everything that was told, by time, kind, level, asset and words; the whole of a filter as a file. What is chosen stands in the address. */

import { useInfiniteQuery, useQueries } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { Link } from 'react-router';
import { asProblem } from '../../api/client';
import { eventsCsv, iso, twinApi, useNewEvents, useYard, type TwinEvent } from '../../api/twin';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { count } from '../../ui/format';
import { Empty, Priority, ProblemView, Spinner } from '../../ui/parts';
import { Table, type Column } from '../../ui/Table';
import { RangeChoice } from './Range';
import { searchOf, toggled, useRange, wordsOf } from './range';

const t = strings.alarms.log;
const LEVELS: Record<string, 1 | 2 | 3 | 4> = { critical: 1, error: 1, high: 2, warning: 2, medium: 3, low: 4 };
const SEVERITIES = Object.keys(t.severities);
const KINDS = Object.keys(t.kinds);
/** Events that come first, so that there is something to see soon; and with each piece after that: the most that the server gives. */
const FIRST = 200;
const NEXT = 1_000;
/** Events that are counted of each level; beyond it says "200+". */
const COUNTED = 200;

const ordered = (search: URLSearchParams, size: number): URLSearchParams => { const asked = new URLSearchParams(search); asked.set('order', 'newest'); asked.set('size', String(size)); return asked; };

const LevelTag = ({ of }: { of: string }) => (LEVELS[of] ? <Priority level={LEVELS[of] as 1 | 2 | 3 | 4} label={of} /> : <span className="tag quiet" aria-hidden="true">i</span>);

export function Log() {
  const url = useUrl();
  const yard = useYard();
  const { range, renewed, now } = useRange();
  const [open, setOpen] = useState<number | null>(null);
  // An address may name a parameter several times.
  const kinds = wordsOf(url.params.getAll('kind').join(','), KINDS);
  const severities = wordsOf(url.params.getAll('severity').join(','), SEVERITIES);
  const fresh = useNewEvents((s) => s.events.filter((e) => e.time_ms > now).length);
  const search = range ? searchOf(url.get, kinds, severities, range) : null;
  const query = useInfiniteQuery({
    // Of a range that is over nothing changes: it is not asked for anew piece by piece whenever something happens.
    queryKey: ['twin-log', search?.toString()],
    enabled: search !== null,
    staleTime: Infinity,
    gcTime: 60_000,
    initialPageParam: '' as string,
    queryFn: ({ pageParam, signal }) => {
      const asked = ordered(search as URLSearchParams, pageParam ? NEXT : FIRST);
      if (pageParam) asked.set('page', pageParam);
      return twinApi.events(asked, signal);
    },
    getNextPageParam: (last, pages) => (last.more ? String(last.next ?? pages.length + 1) : undefined),
  });
  const rows = useMemo(() => query.data?.pages.flatMap((p) => p.events) ?? [], [query.data]);
  const facets = useQueries({ queries: SEVERITIES.map((s) => {
    const asked = range ? ordered(searchOf(url.get, kinds, [s], range), COUNTED) : null;
    return { queryKey: ['twin-log', 'count', asked?.toString()], enabled: asked !== null, staleTime: Infinity, gcTime: 60_000, queryFn: async ({ signal }: { signal: AbortSignal }) => { const of = await twinApi.events(asked as URLSearchParams, signal); return { n: of.events.length, more: of.more }; } };
  }) });
  const chosen = rows.find((e) => e.sequence === open);
  const isFiltered = ['kind', 'severity', 'asset', 'q'].some((k) => url.get(k));
  const columns = useMemo<Column<TwinEvent>[]>(() => [
    { key: 'time', head: t.heads.time, value: (e) => e.time_ms, cell: (e) => <span className="mono">{(iso(e.time_ms) ?? '').replace('T', ' ').replace('Z', '')}</span> },
    { key: 'severity', head: t.heads.severity, value: (e) => LEVELS[e.severity] ?? 9, cell: (e) => <span className="state"><LevelTag of={e.severity} />{t.severities[e.severity] ?? e.severity}</span> },
    { key: 'kind', head: t.heads.kind, value: (e) => t.kinds[e.kind] ?? e.kind },
    { key: 'subject', head: t.heads.subject, value: (e) => e.subject },
    { key: 'message', head: t.heads.message, value: (e) => e.message },
    { key: 'number', head: t.heads.number, numeric: true, value: (e) => e.sequence, cell: (e) => count(e.sequence) },
  ], []);
  return (
    <>
      <div className="toolbar">
        <RangeChoice now={now} onChange={renewed} />
        <input aria-label={t.asset} placeholder={t.asset} list="log-assets" value={url.get('asset') ?? ''} onChange={(e) => url.set({ asset: e.target.value })} style={{ width: 110 }} />
        <datalist id="log-assets">{(yard.data ?? []).map((y) => <option key={y.asset} value={y.asset} />)}</datalist>
        <input type="search" aria-label={t.text} placeholder={t.text} value={url.get('q') ?? ''} onChange={(e) => url.set({ q: e.target.value })} style={{ width: 220 }} />
        {isFiltered && <button onClick={() => url.set({ kind: null, severity: null, asset: null, q: null })}>{t.clear}</button>}
        {query.isFetching && <span className="spinner" />}
        <span className="grow" />
        {fresh > 0 && (url.get('range') ?? 'h24') !== 'custom' && <button onClick={renewed}>{t.fresh(count(fresh))}</button>}
        {search && <a className="button" href={eventsCsv(search)} download>{t.csv}</a>}
      </div>
      <div className="facets">
        <div className="segmented" role="group" aria-label={t.severity} data-testid="facets">{SEVERITIES.map((s, i) => {
          const n = facets[i]?.data;
          return <button key={s} aria-pressed={severities.includes(s)} onClick={() => url.set({ severity: toggled(severities.join(','), s, SEVERITIES) })}><LevelTag of={s} /> {t.severities[s]} <b>{n ? (n.more ? t.atLeast(count(n.n)) : count(n.n)) : '…'}</b></button>;
        })}</div>
        <div className="segmented" role="group" aria-label={t.kind}>{KINDS.map((k) => <button key={k} aria-pressed={kinds.includes(k)} onClick={() => url.set({ kind: toggled(kinds.join(','), k, KINDS) })}>{t.kinds[k]}</button>)}</div>
      </div>
      {search === null ? <Empty title={strings.alarms.maintenance.order} /> : query.error && rows.length === 0 ? <ProblemView problem={asProblem(query.error)} onRetry={() => void query.refetch()} /> : query.isPending ? <Spinner /> : (
        <div className="alarmbody">
          <div className="alarmlist">
            <Table label={strings.alarms.tabs.log} columns={columns} rows={rows} rowKey={(e) => e.sequence || `${e.time_ms} ${e.message}`} selected={open} follow onSelect={(e) => setOpen(e.sequence)} total={query.hasNextPage ? rows.length + 1 : rows.length} onEnd={() => query.hasNextPage && !query.isFetchingNextPage && void query.fetchNextPage()} sort={null} onSort={() => undefined} sortedOutside foot={false} empty={<Empty title={t.none}>{t.noneHint}</Empty>} />
            <div className="row"><span className="small quiet grow" data-testid="log-count">{query.hasNextPage ? t.shown(count(rows.length)) : t.shownAll(count(rows.length))}</span>{query.hasNextPage && <button disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>{t.older}</button>}</div>
            {query.error && rows.length > 0 ? <ProblemView problem={asProblem(query.error)} onRetry={() => void query.fetchNextPage()} /> : null}
          </div>
          {chosen && (
            <aside className="panel alarmdetail" aria-label={chosen.message}>
              <div className="row top"><h2 className="grow break" style={{ margin: 0 }}>{chosen.message}</h2><button className="plain" onClick={() => setOpen(null)} aria-label={strings.close}>✕</button></div>
              <dl className="facts"><dt>{t.heads.time}</dt><dd>{iso(chosen.time_ms)}</dd><dt>{t.heads.kind}</dt><dd>{t.kinds[chosen.kind] ?? chosen.kind}</dd>{Object.entries(chosen.fields ?? {}).map(([k, v]) => [<dt key={`${k}t`}>{k.replaceAll('_', ' ')}</dt>, <dd key={k}>{typeof v === 'object' ? JSON.stringify(v) : String(v)}</dd>])}</dl>
              <Link className="button" to={`/substation?at=${chosen.time_ms}`}>{t.then}</Link>
            </aside>
          )}
        </div>
      )}
    </>
  );
}
