/** Tables equal to the map: elements, violations, changes. They are also what a screen reader reads. */

import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useDeferredValue, useMemo, useState } from 'react';
import { api, asProblem, path } from '../../api/client';
import { allPages, pageOf } from '../../api/data';
import type { Page } from '../../api/types';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { fieldName, hourOfYear, num, when } from '../../ui/format';
import { Empty, Loaded, ProblemView, Spinner } from '../../ui/parts';
import { Table, type Column, type Sort } from '../../ui/Table';
import { indexOf } from '../../api/geometry';
import type { ElementRow } from './data';

const t = strings.map;

const PAGE = 500;

export function ElementsTable({ project, network, version, feeder, selected, onSelect, readings, firstBus, classes }: {
  project: string; network: string; version: string | null; feeder: string | null; selected: string | null; onSelect: (row: ElementRow) => void;
  readings: { key: string; head: string; unit: string; values: Float32Array }[]; firstBus: number; classes: string[];
}) {
  const url = useUrl();
  const [sort, setSort] = useState<Sort | null>(null);
  const search = useDeferredValue(url.get('q') ?? '');
  const cls = url.get('class');
  const sortable = sort && ['id', 'class', 'kv', 'feeder'].includes(sort.key) ? `${sort.down ? '-' : ''}${sort.key === 'id' ? 'name' : sort.key}` : null;
  const query = useInfiniteQuery({
    queryKey: ['elements', project, network, version, search, cls, feeder, sortable],
    initialPageParam: 0,
    queryFn: async ({ pageParam, signal }) => pageOf(await api.get<Page<ElementRow>>(path('projects', project, 'networks', network, 'elements'), { search, class: cls, feeder, sort: sortable, version, offset: pageParam, limit: PAGE }, signal)),
    getNextPageParam: (last, pages) => {
      const have = pages.reduce((n, p) => n + p.items.length, 0);
      return last.items.length > 0 && have < last.total ? have : undefined;
    },
  });
  const rows = useMemo(() => query.data?.pages.flatMap((p) => p.items) ?? [], [query.data]);
  const columns = useMemo<Column<ElementRow>[]>(() => [
    { key: 'id', head: 'Name', value: (r) => r.id },
    { key: 'class', head: 'Class', value: (r) => r.class },
    { key: 'buses', head: 'Buses', value: (r) => r.buses?.join(' – ') },
    { key: 'phases', head: 'Phases', value: (r) => (r.phases === null || r.phases === undefined ? null : String(r.phases)) },
    { key: 'kv', head: 'Voltage', unit: 'kV', numeric: true, value: (r) => r.kv, cell: (r) => num(r.kv) },
    { key: 'feeder', head: 'Feeder', value: (r) => r.feeder },
    ...readings.map((q): Column<ElementRow> => ({ key: q.key, head: q.head, unit: q.unit, numeric: true, value: (r) => q.values[indexOf(r, firstBus) ?? -1], cell: (r) => num(q.values[indexOf(r, firstBus) ?? -1]) })),
  ], [readings, firstBus]);
  return (
    <>
      <div className="toolbar">
        <input type="search" placeholder={t.search} aria-label={t.search} value={url.get('q') ?? ''} onChange={(e) => url.set({ q: e.target.value })} style={{ width: 280 }} />
        <select aria-label={t.classes} value={cls ?? ''} onChange={(e) => url.set({ class: e.target.value })}>
          <option value="">{t.allClasses}</option>
          {[...new Set([...classes, 'bus'])].map((c) => <option key={c} value={c}>{c.replaceAll('_', ' ')}</option>)}
        </select>
        {query.isFetching && <span className="spinner" />}
      </div>
      {query.error && rows.length === 0 ? <ProblemView problem={asProblem(query.error)} onRetry={() => void query.refetch()} /> : query.isPending ? <Spinner /> : (
        <Table label={t.table} columns={columns} rows={rows} rowKey={(r) => r.id} selected={selected} onSelect={onSelect} total={query.data?.pages[0]?.total} onEnd={() => query.hasNextPage && !query.isFetchingNextPage && void query.fetchNextPage()}
          sort={sort} onSort={setSort} sortedOutside={sortable !== null} empty={<Empty title={t.noElements} />} />
      )}
    </>
  );
}

export interface Violation {
  kind?: string;
  i?: number | null;
  id?: string;
  element?: string;
  node?: string;
  class?: string;
  feeder?: string;
  hours?: number;
  hour?: number;
  [more: string]: unknown;
}

/** Columns of rows whose fields the server decides: name in words, unit from the name. */
export function columnsOf(rows: Record<string, unknown>[], first: string[] = [], skip: string[] = []): Column<Record<string, unknown>>[] {
  const keys = new Set<string>();
  for (const row of rows.slice(0, 200)) for (const key of Object.keys(row)) if (!skip.includes(key) && typeof row[key] !== 'object') keys.add(key);
  const ordered = [...first.filter((k) => keys.has(k)), ...[...keys].filter((k) => !first.includes(k))];
  return ordered.map((key) => {
    const named = fieldName(key);
    const words = named.words;
    const numeric = rows.some((r) => typeof r[key] === 'number');
    const isHour = key === 'hour' || key.endsWith('_hour');
    const unit = isHour ? '' : named.unit;
    return {
      key,
      head: words,
      unit,
      numeric,
      value: (row) => row[key] as string | number | null,
      cell: (row) => {
        const value = row[key];
        if (typeof value === 'number') return isHour ? hourOfYear(value) : num(value);
        if (typeof value === 'boolean') return value ? 'yes' : 'no';
        if (value === null || value === undefined) return '–';
        return typeof value === 'string' && key.endsWith('_utc') ? when(value) : String(value);
      },
    };
  });
}

/** Columns of what changed between two studies: the values of each under its name, each with its unit, which differs by row. */
export function changeColumns(rows: Record<string, unknown>[], first: string, second: string): Column<Record<string, unknown>>[] {
  const heads: Record<string, string> = { value: first, with: second, change: 'Change' };
  return columnsOf(rows, ['id', 'node', 'feeder', 'quantity', 'value', 'with', 'change', 'unit', 'state'], ['i', 'study', 'element']).map((c) => ({ ...c, head: heads[c.key] ?? c.head, ...(c.key === 'quantity' ? { cell: (r: Record<string, unknown>) => fieldName(String(r.quantity)).words } : {}) }));
}

export function useViolations(project: string | null, run: string | null, kind: 'voltage' | 'thermal') {
  return useQuery({
    queryKey: ['record', 'violations', project, run, kind],
    enabled: !!project && !!run,
    queryFn: ({ signal }) => allPages<Violation>(path('projects', project ?? '', 'runs', run ?? '', 'violations'), { kind }, 5000, signal),
  });
}

/** What is worst first; the rating and what the rest of it was stand behind. */
export const violationColumns = (rows: Record<string, unknown>[]) => columnsOf(rows, ['element', 'node', 'feeder', 'loading_max_pct', 'loading_max_hour', 'hours_above_normal', 'hours_above_emergency', 'rating_a', 'rating_kva', 'v_min_pu', 'v_min_hour', 'v_max_pu', 'v_max_hour'], ['i', 'kind', 'study', 'bus', 'bus_1', 'bus_2']);

/** The element that a row of a violation is about: a node `bus.1` is at the bus. */
export function elementOf(row: Violation): string | null {
  if (typeof row.id === 'string') return row.id;
  if (typeof row.element === 'string') return row.element;
  const bus = typeof row.bus === 'string' ? row.bus : typeof row.node === 'string' ? row.node.replace(/\.\d+$/, '') : null;
  return bus ? `bus.${bus}` : null;
}

export function ViolationsTable({ project, run, onSelect, onHour, selected }: { project: string; run: string; selected: string | null; onSelect: (id: string) => void; onHour: (hour: number) => void }) {
  const url = useUrl();
  const kind = url.get('kind') === 'thermal' ? 'thermal' : 'voltage';
  const query = useViolations(project, run, kind);
  return (
    <>
      <div className="toolbar">
        <div className="segmented">
          {(['voltage', 'thermal'] as const).map((k) => <button key={k} aria-pressed={kind === k} onClick={() => url.set({ kind: k })}>{k === 'voltage' ? t.voltage : t.thermal}</button>)}
        </div>
      </div>
      <Loaded query={query}>
        {(page) => (
          <Table label={t.violations} columns={violationColumns(page.items)} rows={page.items as Record<string, unknown>[]} rowKey={(r, i) => elementOf(r as Violation) ?? i} selected={selected} total={page.total}
            onSelect={(r) => { const id = elementOf(r as Violation); if (id) onSelect(id); const hour = Object.entries(r).find(([k, v]) => (k === 'hour' || k.endsWith('_hour')) && typeof v === 'number'); if (hour && url.get('hour') !== null) onHour(hour[1] as number); }}
            empty={<Empty title={t.noViolations}>{t.noViolationsHint}</Empty>} />
        )}
      </Loaded>
    </>
  );
}

export function ChangesTable({ project, run, second, onSelect, selected }: { project: string; run: string; second: string; selected: string | null; onSelect: (id: string) => void }) {
  const query = useQuery({
    queryKey: ['record', 'compare', project, run, second],
    queryFn: ({ signal }) => allPages<Violation>(path('projects', project, 'runs', run, 'compare'), { with: second }, 5000, signal),
  });
  return (
    <Loaded query={query}>
      {(page) => <Table label={t.changes} columns={changeColumns(page.items, run, second)} rows={page.items as Record<string, unknown>[]} rowKey={(r, i) => elementOf(r as Violation) ?? i} selected={selected} total={page.total} onSelect={(r) => { const id = elementOf(r as Violation); if (id) onSelect(id); }} />}
    </Loaded>
  );
}
