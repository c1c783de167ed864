/** Tables of findings, ledger and rejected records, from a preview or from a version that is kept. */

import type { Finding } from '../../api/types';
import { strings } from '../../strings';
import { count } from '../../ui/format';
import { Empty, Severity } from '../../ui/parts';
import { Table, type Column } from '../../ui/Table';

export interface SourceRef {
  file?: string;
  line?: number;
}

export const place = (s: unknown): string => {
  const source = s as SourceRef | null | undefined;
  return source?.file ? `${source.file}${source.line ? `:${source.line}` : ''}` : typeof s === 'string' ? s : '';
};

export interface LedgerRow {
  field: string;
  disposition: string;
  formula?: string;
  value?: string;
  reason?: string;
  count: number;
  first?: unknown;
}

const MARKS: Record<string, string> = { kept: '✓', converted: '⇄', defaulted: '~', dropped: '✕' };

interface Common {
  height?: number;
  total?: number;
  onEnd?: () => void;
}

export function Findings({ rows, onElement, ...rest }: { rows: Finding[]; onElement?: (id: string) => void } & Common) {
  const columns: Column<Finding>[] = [
    { key: 'severity', head: strings.exchange.severity, value: (f) => ['note', 'notice', 'warning', 'error'].indexOf(f.severity), cell: (f) => <Severity of={f.severity} />, width: 110 },
    { key: 'message', head: 'What', value: (f) => f.message },
    { key: 'detail', head: 'Detail', value: (f) => f.detail },
    { key: 'hint', head: 'What to do', value: (f) => f.hint },
    { key: 'element', head: 'Element', value: (f) => f.element, cell: (f) => (f.element && onElement ? <button className="link" onClick={(e) => { e.stopPropagation(); onElement(f.element as string); }}>{f.element}</button> : (f.element ?? '')) },
    { key: 'source', head: 'Source', value: (f) => place(f.source) },
    { key: 'code', head: strings.exchange.code, value: (f) => f.code, cell: (f) => <code>{f.code}</code> },
  ];
  return <Table label={strings.exchange.findings} columns={columns} rows={rows} rowKey={(_, i) => i} empty={<Empty title={strings.exchange.nothing} />} {...rest} />;
}

export function LedgerTable({ rows, ...rest }: { rows: LedgerRow[] } & Common) {
  const columns: Column<LedgerRow>[] = [
    { key: 'field', head: 'Field of the source', value: (r) => r.field },
    { key: 'disposition', head: 'What became of it', value: (r) => r.disposition, cell: (r) => <span>{MARKS[r.disposition] ?? ''} {r.disposition}</span> },
    { key: 'how', head: 'How, or why', value: (r) => [r.value, r.formula, r.reason].filter(Boolean).join('; ') },
    { key: 'count', head: 'Times', numeric: true, value: (r) => r.count, cell: (r) => count(r.count) },
    { key: 'first', head: 'First at', value: (r) => place(r.first) },
  ];
  return <Table label={strings.exchange.ledger} columns={columns} rows={rows} rowKey={(_, i) => i} empty={<Empty title={strings.exchange.nothing} />} {...rest} />;
}

export interface Reject {
  source?: unknown;
  reason?: string;
  text?: string;
}

export function Rejects({ rows, ...rest }: { rows: Reject[] } & Common) {
  const columns: Column<Reject>[] = [
    { key: 'source', head: 'Source', value: (r) => place(r.source) },
    { key: 'reason', head: 'Reason', value: (r) => r.reason },
    { key: 'text', head: 'Record', value: (r) => r.text, cell: (r) => <code>{r.text}</code> },
  ];
  return <Table label={strings.exchange.rejects} columns={columns} rows={rows} rowKey={(_, i) => i} empty={<Empty title={strings.exchange.nothing} />} {...rest} />;
}
