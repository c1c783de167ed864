/** What became of a network's sources, version by version: findings, ledger, rejected records, figures, files. */

import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useNavigate } from 'react-router';
import { api, asProblem, path } from '../../api/client';
import { pageOf } from '../../api/data';
import type { Finding, Page } from '../../api/types';
import { useContext } from '../../state/context';
import { commonOf, patched, useUrl } from '../../state/url';
import { strings } from '../../strings';
import { Empty, Panel, ProblemView, Spinner, Tabs } from '../../ui/parts';
import { Table } from '../../ui/Table';
import { columnsOf } from '../map/Drawer';
import { Findings, LedgerTable, place, Rejects, type LedgerRow, type Reject } from './rows';

const t = strings.exchange;
const KINDS = ['findings', 'ledger', 'rejects', 'figures', 'sources', 'versions'] as const;
const PAGE = 500;

/** Nested places become text, so that rows are flat. */
function flat(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).map(([k, v]) => [k, typeof v === 'object' && v !== null ? place(v) || JSON.stringify(v) : v]));
}

export function Records() {
  const url = useUrl();
  const navigate = useNavigate();
  const { project, network, version, networks, projects } = useContext();
  const kind = KINDS.find((k) => k === url.get('record')) ?? 'findings';
  const severity = url.get('severity');
  const code = url.get('code');
  const query = useInfiniteQuery({
    queryKey: ['record', kind, project, network, version, severity, code],
    enabled: !!project && !!network,
    initialPageParam: 0,
    queryFn: async ({ pageParam, signal }) => pageOf(await api.get<Page<Record<string, unknown>>>(path('projects', project ?? '', 'networks', network ?? '', kind), { ...(kind === 'versions' ? {} : { version }), ...(kind === 'findings' ? { severity, code } : {}), offset: pageParam, limit: PAGE }, signal)),
    getNextPageParam: (last, pages) => {
      const have = pages.reduce((n, p) => n + p.items.length, 0);
      return last.items.length > 0 && have < last.total ? have : undefined;
    },
  });
  const versions = useQuery({
    queryKey: ['versions', project, network],
    enabled: !!project && !!network,
    queryFn: async ({ signal }) => pageOf(await api.get<Page<Record<string, unknown>>>(path('projects', project ?? '', 'networks', network ?? '', 'versions'), { limit: 1000 }, signal)).items,
  });
  if (projects?.length === 0) return <Empty title={strings.empty.noProjects}>{strings.empty.noProjectsHint}</Empty>;
  if (networks && !network) return <Empty title={strings.empty.noNetworks}>{strings.empty.noProjectsHint}</Empty>;
  if (!project || !network) return <Spinner />;
  const rows = query.data?.pages.flatMap((p) => p.items) ?? [];
  const common = { height: 520, total: query.data?.pages[0]?.total, onEnd: () => { if (query.hasNextPage && !query.isFetchingNextPage) void query.fetchNextPage(); } };
  const toElement = (id: string) => void navigate({ pathname: '/map', search: patched(commonOf(window.location.search), { sel: id, focus: true }) });
  return (
    <Panel title={t.recordsHint(network)} actions={
      <select aria-label={t.version} value={version ?? ''} onChange={(e) => url.set({ version: e.target.value }, true)}>
        <option value="">{t.version}: {t.newest}</option>
        {versions.data?.map((v) => { const n = String(v.number ?? v.version ?? v.id); return <option key={n} value={n}>{t.version} {n}</option>; })}
      </select>
    }>
      <div className="stack">
        <Tabs label={t.records} at={kind} onChange={(k) => url.set({ record: k }, true)} tabs={KINDS.map((k) => ({ id: k, label: t[k] }))} />
        {kind === 'findings' && (
          <div className="toolbar">
            <label className="row">{t.severity} <select value={severity ?? ''} onChange={(e) => url.set({ severity: e.target.value })}><option value="">{t.allSeverities}</option><option>error</option><option>warning</option><option>note</option></select></label>
            <label className="row">{t.code} <input value={code ?? ''} onChange={(e) => url.set({ code: e.target.value })} /></label>
          </div>
        )}
        {query.error && rows.length === 0 ? <ProblemView problem={asProblem(query.error)} onRetry={() => void query.refetch()} /> : query.isPending ? <Spinner /> : (
          <>
            {kind === 'findings' && <Findings rows={rows as unknown as Finding[]} onElement={toElement} {...common} />}
            {kind === 'ledger' && <LedgerTable rows={rows as unknown as LedgerRow[]} {...common} />}
            {kind === 'rejects' && <Rejects rows={rows as unknown as Reject[]} {...common} />}
            {(kind === 'figures' || kind === 'sources' || kind === 'versions') && <Table label={t[kind]} columns={columnsOf(rows.map(flat))} rows={rows.map(flat)} rowKey={(_, i) => i} empty={<Empty title={t.nothing} />} {...common} />}
          </>
        )}
      </div>
    </Panel>
  );
}
