/** The log: everything that was told, by time, kind, severity, asset and words; the whole of a filter as a file. */

import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { asProblem } from '../../api/client';
import { eventsCsv, iso, twinApi, useNewEvents, useYard, type TwinEvent } from '../../api/twin';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { count } from '../../ui/format';
import { Empty, Priority, ProblemView, Spinner } from '../../ui/parts';
import { Table, type Column } from '../../ui/Table';
import { RangeChoice } from './Range';
import { searchOf, useRange } from './range';

const t = strings.alarms.log;
const LEVELS: Record<string, 1 | 2 | 3 | 4> = { critical: 1, error: 1, high: 2, warning: 2, medium: 3, low: 4 };
const PAGE = 200;

export function Log() {
  const url = useUrl();
  const yard = useYard();
  const { range, renewed, now } = useRange();
  const [open, setOpen] = useState<number | null>(null);
  const kinds = url.params.getAll('kind').flatMap((k) => k.split(',')).filter(Boolean);
  const fresh = useNewEvents((s) => s.events.filter((e) => e.time_ms > now).length);
  const search = range ? searchOf(url.get, kinds, range) : null;
  const query = useInfiniteQuery({
    queryKey: ['twin', 'events', search?.toString()],
    enabled: search !== null,
    initialPageParam: '' as string,
    queryFn: ({ pageParam, signal }) => {
      const asked = new URLSearchParams(search ?? undefined);
      asked.set('order', 'newest');
      asked.set('size', String(PAGE));
      if (pageParam) asked.set('page', pageParam);
      return twinApi.events(asked, signal);
    },
    getNextPageParam: (last, pages) => (last.more ? String(last.next ?? pages.length + 1) : undefined),
  });
  const rows = query.data?.pages.flatMap((p) => p.events) ?? [];
  const chosen = rows.find((e) => e.sequence === open);
  const columns: Column<TwinEvent>[] = [
    { key: 'time', head: t.heads.time, value: (e) => e.time_ms, cell: (e) => <span className="mono">{(iso(e.time_ms) ?? '').replace('T', ' ').replace('Z', '')}</span> },
    { key: 'kind', head: t.heads.kind, value: (e) => t.kinds[e.kind] ?? e.kind },
    { key: 'severity', head: t.heads.severity, value: (e) => LEVELS[e.severity] ?? 9, cell: (e) => <span className="state">{LEVELS[e.severity] ? <Priority level={LEVELS[e.severity] as 1 | 2 | 3 | 4} label={e.severity} /> : <span className="tag quiet" aria-hidden="true">i</span>}{t.severities[e.severity] ?? e.severity}</span> },
    { key: 'subject', head: t.heads.subject, value: (e) => e.subject },
    { key: 'message', head: t.heads.message, value: (e) => e.message },
    { key: 'number', head: t.heads.number, numeric: true, value: (e) => e.sequence },
  ];
  return (
    <>
      <div className="toolbar">
        <RangeChoice now={now} onChange={renewed} />
        <select aria-label={t.kind} value={kinds.length === 1 ? kinds[0] : kinds.length > 1 ? '+' : ''} onChange={(e) => url.set({ kind: e.target.value, page: null })}><option value="">{t.kind}: {t.all}</option>{kinds.length > 1 && <option value="+">{kinds.map((k) => t.kinds[k] ?? k).join(', ')}</option>}{Object.entries(t.kinds).map(([id, label]) => <option key={id} value={id}>{label}</option>)}</select>
        <select aria-label={t.severity} value={url.get('severity') ?? ''} onChange={(e) => url.set({ severity: e.target.value })}><option value="">{t.severity}: {t.all}</option>{Object.entries(t.severities).map(([id, label]) => <option key={id} value={id}>{label}</option>)}</select>
        <input aria-label={t.asset} placeholder={t.asset} list="log-assets" value={url.get('asset') ?? ''} onChange={(e) => url.set({ asset: e.target.value })} style={{ width: 110 }} />
        <datalist id="log-assets">{(yard.data ?? []).map((y) => <option key={y.asset} value={y.asset} />)}</datalist>
        <input type="search" aria-label={t.text} placeholder={t.text} value={url.get('q') ?? ''} onChange={(e) => url.set({ q: e.target.value })} style={{ width: 220 }} />
        {query.isFetching && <span className="spinner" />}
        <span className="grow" />
        {fresh > 0 && (url.get('range') ?? 'h24') !== 'custom' && <button onClick={renewed}>{t.fresh(count(fresh))}</button>}
        {search && <a className="button" href={eventsCsv(search)} download>{t.csv}</a>}
      </div>
      {search === null ? <Empty title={strings.alarms.maintenance.order} /> : query.error && rows.length === 0 ? <ProblemView problem={asProblem(query.error)} onRetry={() => void query.refetch()} /> : query.isPending ? <Spinner /> : (
        <div className="alarmbody">
          <div className="alarmlist">
            <Table label={strings.alarms.tabs.log} columns={columns} rows={rows} rowKey={(e) => e.sequence} selected={open} follow onSelect={(e) => setOpen(e.sequence)} total={query.hasNextPage ? rows.length + 1 : rows.length} onEnd={() => query.hasNextPage && !query.isFetchingNextPage && void query.fetchNextPage()} sort={null} onSort={() => undefined} sortedOutside foot={false} empty={<Empty title={t.none}>{t.noneHint}</Empty>} />
            <div className="row"><span className="small quiet grow">{count(rows.length)}</span>{query.hasNextPage && <button disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>{t.older}</button>}</div>
          </div>
          {chosen && (
            <aside className="panel alarmdetail" aria-label={chosen.message}>
              <div className="row top"><h2 className="grow" style={{ margin: 0 }}>{chosen.message}</h2><button className="plain" onClick={() => setOpen(null)} aria-label={strings.close}>✕</button></div>
              <dl className="facts"><dt>{t.heads.time}</dt><dd>{iso(chosen.time_ms)}</dd><dt>{t.heads.kind}</dt><dd>{t.kinds[chosen.kind] ?? chosen.kind}</dd>{Object.entries(chosen.fields ?? {}).map(([k, v]) => [<dt key={`${k}t`}>{k.replaceAll('_', ' ')}</dt>, <dd key={k}>{typeof v === 'object' ? JSON.stringify(v) : String(v)}</dd>])}</dl>
            </aside>
          )}
        </div>
      )}
    </>
  );
}
