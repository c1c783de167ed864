/** A table of any length: only the rows in sight are drawn; sorted by its heads, walked by arrows. */

import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { strings } from '../strings';
import { count } from './format';

export interface Column<T> {
  key: string;
  head: string;
  unit?: string;
  /** Numbers stand right. */
  numeric?: boolean;
  value: (row: T) => string | number | null | undefined;
  cell?: (row: T) => ReactNode;
  width?: number;
}

export interface Sort {
  key: string;
  down: boolean;
}

/** Order of two cells: numbers by size, text as people count (bus 2 before bus 10), nothing last either way. */
export function compareCells(a: unknown, b: unknown, down: boolean): number {
  const noneA = a === null || a === undefined || a === '' || (typeof a === 'number' && Number.isNaN(a));
  const noneB = b === null || b === undefined || b === '' || (typeof b === 'number' && Number.isNaN(b));
  if (noneA || noneB) return Number(noneA) - Number(noneB);
  const order = typeof a === 'number' && typeof b === 'number' ? a - b : collator.compare(String(a), String(b));
  return down ? -order : order;
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

export function sorted<T>(rows: T[], columns: Column<T>[], sort: Sort | null): T[] {
  const column = sort && columns.find((c) => c.key === sort.key);
  if (!sort || !column) return rows;
  return [...rows].sort((a, b) => compareCells(column.value(a), column.value(b), sort.down));
}

interface Props<T> {
  columns: Column<T>[];
  rows: T[];
  rowKey: (row: T, index: number) => string | number;
  label: string;
  selected?: string | number | null;
  onSelect?: (row: T) => void;
  /** Height of the box; it fills its parent without one. */
  height?: number | string;
  sort?: Sort | null;
  onSort?: (sort: Sort) => void;
  /** Rows come sorted from the server. */
  sortedOutside?: boolean;
  total?: number;
  onEnd?: () => void;
  empty?: ReactNode;
  foot?: boolean;
  /** Arrows choose the row that they come to. */
  follow?: boolean;
  /** A click or Enter, where that does more than to choose. */
  onOpen?: (row: T) => void;
  rowClass?: (row: T) => string;
}

const ROW = 28;

export function Table<T>(props: Props<T>) {
  const { columns, rows, rowKey, label, selected, onSelect, height, total, onEnd } = props;
  const [ownSort, setOwnSort] = useState<Sort | null>(null);
  const sort = props.sort !== undefined ? props.sort : ownSort;
  const shown = useMemo(() => (props.sortedOutside ? rows : sorted(rows, columns, sort)), [rows, columns, sort, props.sortedOutside]);
  const open = props.onOpen ?? onSelect;
  // Who chooses may take a moment to say so: the next arrow goes on from where the last one came to.
  const latest = useRef(selected);
  useEffect(() => { latest.current = selected; }, [selected]);
  const box = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState(-1);
  const virtual = useVirtualizer({ count: shown.length, getScrollElement: () => box.current, estimateSize: () => ROW, overscan: 12, scrollPaddingStart: 32 });
  const items = virtual.getVirtualItems();
  const before = items[0]?.start ?? 0;
  const after = virtual.getTotalSize() - (items.at(-1)?.end ?? 0);
  const lastShown = items.at(-1)?.index ?? 0;
  const isMore = total !== undefined && shown.length < total;
  useEffect(() => {
    if (isMore && onEnd && lastShown >= shown.length - 20) onEnd();
  }, [isMore, onEnd, lastShown, shown.length]);

  // A selection made elsewhere comes into sight here.
  useEffect(() => {
    if (selected === null || selected === undefined) return;
    const index = shown.findIndex((row, i) => rowKey(row, i) === selected);
    if (index >= 0) virtual.scrollToIndex(index, { align: 'auto' });
    // Only when the selection changes, not with every new row.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [selected]);

  const click = (key: string) => {
    const next = { key, down: sort?.key === key ? !sort.down : columns.find((c) => c.key === key)?.numeric === true };
    if (props.onSort) props.onSort(next);
    else setOwnSort(next);
  };
  const onKey = (e: React.KeyboardEvent) => {
    if (e.target !== box.current) return;
    const chosen = props.follow && latest.current !== null && latest.current !== undefined ? shown.findIndex((row, i) => rowKey(row, i) === latest.current) : -1;
    const from = chosen >= 0 ? chosen : at;
    const page = Math.max(1, Math.floor((box.current?.clientHeight ?? 300) / ROW) - 2);
    const moves: Record<string, number> = { ArrowDown: from + 1, ArrowUp: from - 1, PageDown: from + page, PageUp: from - page, Home: 0, End: shown.length - 1 };
    const to = moves[e.key];
    if (to !== undefined) {
      const next = Math.max(0, Math.min(shown.length - 1, to));
      setAt(next);
      virtual.scrollToIndex(next, { align: 'auto' });
      if (props.follow && shown[next] !== undefined) {
        latest.current = rowKey(shown[next], next);
        onSelect?.(shown[next]);
      }
      e.preventDefault();
      e.stopPropagation();
    } else if ((e.key === 'Enter' || e.key === ' ') && open && shown[from]) {
      open(shown[from]);
      e.preventDefault();
      e.stopPropagation();
    }
  };
  if (rows.length === 0) return <>{props.empty ?? <p className="quiet">{strings.empty.noAccess}</p>}</>;
  return (
    <>
      <div className="table-wrap" ref={box} style={{ height: height ?? undefined, flex: height === undefined ? '1 1 auto' : undefined }} tabIndex={0} role="region" aria-label={label} onKeyDown={onKey}>
        <table className="data" aria-rowcount={total ?? shown.length}>
          <thead>
            <tr>
              {columns.map((c) => (
                <th key={c.key} className={c.numeric ? 'num' : ''} style={c.width ? { width: c.width } : undefined} aria-sort={sort?.key === c.key ? (sort.down ? 'descending' : 'ascending') : 'none'}>
                  {c.head === '' ? <span className="visually-hidden">{strings.table.actions}</span> : <button tabIndex={-1} onClick={() => click(c.key)}>
                    {c.head}
                    {c.unit && <span className="unit">{c.unit}</span>}
                    <span aria-hidden="true">{sort?.key === c.key ? (sort.down ? '▾' : '▴') : ''}</span>
                  </button>}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {before > 0 && <tr aria-hidden="true"><td colSpan={columns.length} style={{ height: before, padding: 0, border: 0 }} /></tr>}
            {items.map((item) => {
              const row = shown[item.index];
              if (row === undefined) return null;
              const key = rowKey(row, item.index);
              return (
                <tr key={key} aria-rowindex={item.index + 2} aria-selected={selected === key} className={`${open ? 'act' : ''} ${item.index === at ? 'at' : ''} ${props.rowClass?.(row) ?? ''}`} onClick={() => { setAt(item.index); open?.(row); }}>
                  {columns.map((c) => {
                    const text = c.cell ? undefined : c.value(row);
                    return <td key={c.key} className={c.numeric ? 'num' : ''} title={typeof text === 'string' && text.length > 40 ? text : undefined}>{c.cell ? c.cell(row) : (text ?? '–')}</td>;
                  })}
                </tr>
              );
            })}
            {after > 0 && <tr aria-hidden="true"><td colSpan={columns.length} style={{ height: after, padding: 0, border: 0 }} /></tr>}
          </tbody>
        </table>
      </div>
      {props.foot !== false && <div className="small quiet">{strings.table.rows(count(shown.length), count(total ?? shown.length))}</div>}
    </>
  );
}
