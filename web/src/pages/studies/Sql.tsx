/** SQL over the results, with a chart and files of the answer. */

import { useMutation } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { api, asProblem, path, request } from '../../api/client';
import type { Problem } from '../../api/types';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { axis, Chart, tooltip } from '../../ui/Chart';
import { count } from '../../ui/format';
import { Empty, Panel, ProblemView } from '../../ui/parts';
import { Table } from '../../ui/Table';
import { columnsOf } from '../map/Drawer';

const t = strings.studies;

const EXAMPLE = 'SELECT feeder, element, loading_max_pct, hours_above_normal\nFROM element_statistics\nORDER BY loading_max_pct DESC';

interface Answer {
  columns?: (string | { name: string; type?: string })[];
  rows?: unknown[];
  items?: Record<string, unknown>[];
  truncated?: boolean;
}

/** Rows as objects, whether they came as objects or as lists beside their columns. */
export function sqlRows(answer: Answer): Record<string, unknown>[] {
  if (answer.items) return answer.items;
  const names = (answer.columns ?? []).map((c) => (typeof c === 'string' ? c : c.name));
  return (answer.rows ?? []).map((row) => (Array.isArray(row) ? Object.fromEntries(names.map((name, i) => [name, row[i]])) : (row as Record<string, unknown>)));
}

export function Sql({ project }: { project: string | null }) {
  const url = useUrl();
  const [query, setQuery] = useState(url.get('sql') ?? EXAMPLE);
  const [limit, setLimit] = useState(1000);
  const [fault, setFault] = useState<Problem | null>(null);
  const run = useMutation({ mutationFn: () => api.post<Answer>(path('projects', project ?? '', 'sql'), { query, limit }), onMutate: () => url.set({ sql: query }) });
  const rows = useMemo(() => (run.data ? sqlRows(run.data) : []), [run.data]);
  const columns = useMemo(() => columnsOf(rows), [rows]);
  const numeric = columns.filter((c) => c.numeric).map((c) => c.key);
  const x = url.get('x') ?? columns.find((c) => !c.numeric)?.key ?? columns[0]?.key ?? '';
  const y = url.get('y') ?? numeric.find((k) => k !== x) ?? '';
  const save = async (type: string, name: string) => {
    setFault(null);
    try {
      const response = await request('POST', path('projects', project ?? '', 'sql'), { body: { query, limit }, headers: { Accept: type } });
      const address = URL.createObjectURL(await response.blob());
      const a = document.createElement('a');
      a.href = address;
      a.download = name;
      a.click();
      URL.revokeObjectURL(address);
    } catch (error) {
      setFault(asProblem(error));
    }
  };
  if (!project) return <Empty title={strings.empty.noProjects} />;
  return (
    <Panel title={t.sql}>
      <p className="quiet">{t.sqlText}</p>
      <textarea className="sql" aria-label={t.sql} value={query} spellCheck={false} onChange={(e) => setQuery(e.target.value)} onKeyDown={(e) => e.key === 'Enter' && (e.ctrlKey || e.metaKey) && run.mutate()} />
      <div className="toolbar" style={{ margin: '6px 0' }}>
        <button className="primary" disabled={run.isPending} onClick={() => run.mutate()} title={t.sqlHint}>{t.sqlRun}</button>
        <label className="row">{t.limit} <input type="number" min={1} max={100000} value={limit} onChange={(e) => setLimit(Number(e.target.value))} style={{ width: 90 }} /></label>
        <button onClick={() => void save('text/csv', 'query.csv')}>{t.csv}</button>
        <button onClick={() => void save('application/vnd.apache.parquet', 'query.parquet')}>{t.parquet}</button>
        {run.isPending && <span className="spinner" />}
        {run.data && <span className="quiet">{t.sqlTook(count(rows.length))}</span>}
      </div>
      {fault && <ProblemView problem={fault} />}
      {run.error ? <ProblemView problem={asProblem(run.error)} /> : null}
      {run.data && (
        <>
          <Table label={t.rows} columns={columns} rows={rows} rowKey={(_, i) => i} height={Math.min(420, 44 + rows.length * 28)} empty={<Empty title={t.noRows} />} />
          {numeric.length > 0 && rows.length > 0 && (
            <>
              <div className="toolbar" style={{ marginTop: 8 }}>
                <label className="row">{t.x} <select value={x} onChange={(e) => url.set({ x: e.target.value })}>{columns.map((c) => <option key={c.key}>{c.key}</option>)}</select></label>
                <label className="row">{t.y} <select value={y} onChange={(e) => url.set({ y: e.target.value })}>{numeric.map((c) => <option key={c}>{c}</option>)}</select></label>
              </div>
              <Chart label={`${y} ${x}`} height={300} deps={[rows, x, y]} option={() => {
                const isNumber = numeric.includes(x);
                return {
                  grid: { left: 70, right: 16, top: 16, bottom: 56 },
                  tooltip: tooltip(),
                  xAxis: axis(x, isNumber ? { type: 'value', scale: true } : { type: 'category', data: rows.map((r) => String(r[x] ?? '')) }),
                  yAxis: axis(y, { type: 'value', nameGap: 52 }),
                  series: [isNumber ? { type: 'scatter', symbolSize: 5, data: rows.map((r) => [r[x], r[y]]) } : { type: 'bar', data: rows.map((r) => r[y]) }],
                };
              }} />
            </>
          )}
        </>
      )}
    </Panel>
  );
}
