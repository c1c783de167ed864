/** A table of an answer. */

import { useDeferredValue, useMemo, useState, type ReactNode } from 'react';
import { Link } from 'react-router';
import { asProblem } from '../../../api/client';
import { patched, useUrl } from '../../../state/url';
import { strings } from '../../../strings';
import { count, num } from '../../../ui/format';
import { Empty, ProblemView, Spinner } from '../../../ui/parts';
import { Table, type Column } from '../../../ui/Table';
import { answerPath, useAnswerRows, type Answer, type AnswerTable, type Cells } from './data';
import { headOf, layersOf, thingOf } from './logic';

const t = strings.planning;

/** A criterion in words. */
export const wordOf = (criterion: string): string => t.criteria.find((c) => c.name === criterion)?.label ?? t.statuses[criterion] ?? criterion;

/** Rows of a table, piece by piece, with a search and files. `above` stands before all rows, not before some that were searched for. */
export function Rows({ project, answer, table, above }: { project: string; answer: Answer; table: AnswerTable; above?: ReactNode }) {
  const url = useUrl();
  const search = useDeferredValue(url.get('q') ?? '');
  const query = useAnswerRows(project, answer.id, table.name, { sort: url.get('sort'), search: search.trim() || null, filter: null });
  const rows = useMemo(() => query.data?.pages.flatMap((p) => p.items) ?? [], [query.data]);
  const total = query.data?.pages[0]?.total ?? 0;
  const columns = useMemo<Column<Cells>[]>(() => table.columns.map((c) => {
    const known = headOf(c);
    const isNumber = c.kind === 'number' || c.kind === 'count';
    return {
      key: c.name, head: known.words, unit: known.unit || undefined, numeric: isNumber,
      value: (r) => { const v = r[c.name]; return typeof v === 'boolean' ? (v ? strings.yes : strings.no) : v; },
      ...(isNumber ? { cell: (r: Cells) => (typeof r[c.name] === 'number' ? num(r[c.name] as number, 6) : '–') } : c.name === 'criterion' ? { cell: (r: Cells) => (typeof r.criterion === 'string' ? wordOf(r.criterion) : '–') } : {}),
    };
  }), [table]);
  const sort = url.get('sort');
  const thing = (r: Cells) => thingOf(table, r);
  const go = (r: Cells) => { const sel = thing(r); setChosen(sel === null ? null : r); };
  const [chosen, setChosen] = useState<Cells | null>(null);
  const file = (form: string) => `${answerPath(project, answer.id, 'tables', table.name, 'file')}?form=${form}`;
  const sel = chosen ? thing(chosen) : null;
  return (
    <div className="stack" style={{ marginTop: 8 }}>
      {!search && above}
      <div className="toolbar">
        <input type="search" aria-label={t.search} placeholder={t.search} value={url.get('q') ?? ''} onChange={(e) => url.set({ q: e.target.value })} />
        <span className="quiet small">{table.meaning}; {t.rows(count(total))}</span>
        <span className="grow" />
        {sel && answer.network && <Link className="button" to={`/map${patched('', { project, network: answer.network, version: answer.version, sel, focus: '1', run: 'none', facts: layersOf(answer).join(',') })}`}>{t.showThing(sel)}</Link>}
        <a className="button" href={file('csv')} download>CSV</a><a className="button" href={file('parquet')} download>Parquet</a>
      </div>
      {query.error && rows.length === 0 ? <ProblemView problem={asProblem(query.error)} onRetry={() => void query.refetch()} /> : query.isPending ? <Spinner /> : (
        <Table label={table.meaning} columns={columns} rows={rows} rowKey={(_, i) => i} height={Math.min(520, 44 + rows.length * 28)} total={total} selected={chosen ? rows.indexOf(chosen) : null} onSelect={go}
          sort={sort ? { key: sort.replace(/^-/, ''), down: sort.startsWith('-') } : null} onSort={(s) => url.set({ sort: `${s.down ? '-' : ''}${s.key}` })} sortedOutside
          onEnd={() => { if (query.hasNextPage && !query.isFetchingNextPage) void query.fetchNextPage(); }}
          empty={<Empty title={t.noRows} actions={search ? <button onClick={() => url.set({ q: null })}>{t.noFilter}</button> : undefined} />} />
      )}
    </div>
  );
}
