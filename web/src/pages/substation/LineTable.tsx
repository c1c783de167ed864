/** The table that is equal to the single line: elements and buses with the same values and marks. */

import { useMemo } from 'react';
import type { BusMoment, DiagramElement, ElementMoment, Moment, SwitchMoment, TwinDiagram } from '../../api/twin';
import { strings } from '../../strings';
import { num } from '../../ui/format';
import { Empty } from '../../ui/parts';
import { symbolOf } from '../../ui/symbols';
import { Table, type Column } from '../../ui/Table';
import { Marked } from './Marked';
import { byElement, intoOrOut, largest, markOf, positionText, told } from './words';

const t = strings.twin;
const h = t.table;

interface Row { of: DiagramElement; e: ElementMoment | undefined; s: SwitchMoment | undefined }

/** MW or Mvar at the first end. */
function power({ of, e }: Row, quantity: 'p_kw' | 'q_kvar'): number | null {
  const value = e?.ends[0]?.[quantity] ?? null;
  return value === null ? null : intoOrOut(of.kind, value) / 1000;
}

export function LineTable({ diagram, moment, selected, onSelect }: { diagram: TwinDiagram; moment: Moment; selected: string | null; onSelect: (element: string, asset: string | null) => void }) {
  const rows = useMemo(() => {
    const now = byElement(moment);
    return diagram.elements.map((of): Row => ({ of, e: now.elements.get(of.element.toLowerCase()), s: now.switches.get(of.element.toLowerCase()) }));
  }, [diagram, moment]);
  const estimate = (origin: string | undefined) => (origin === 'estimated' || origin === 'pseudo' ? 'estimated' : '');
  const columns = useMemo<Column<Row>[]>(() => [
    { key: 'element', head: h.element, value: (r) => r.of.element },
    { key: 'asset', head: h.asset, value: (r) => r.of.asset },
    { key: 'bay', head: h.bay, value: (r) => r.of.bay },
    { key: 'kind', head: h.kind, value: (r) => symbolOf(r.of.kind).name.split(',')[0] ?? r.of.kind },
    { key: 'state', head: h.state, value: (r) => (r.s ? positionText(r.s) : null), cell: (r) => (r.s ? <Marked mark={markOf(r.s.quality)}>{positionText(r.s)}{r.s.doubted ? ` (${t.doubted})` : ''}</Marked> : '–') },
    { key: 'p', head: h.p, unit: 'MW', numeric: true, value: (r) => power(r, 'p_kw'), cell: (r) => <span className={estimate(r.e?.ends[0]?.origin)}>{told(power(r, 'p_kw'), r.e?.ends[0]?.origin)}</span> },
    { key: 'q', head: h.q, unit: 'Mvar', numeric: true, value: (r) => power(r, 'q_kvar'), cell: (r) => <span className={estimate(r.e?.ends[0]?.origin)}>{told(power(r, 'q_kvar'), r.e?.ends[0]?.origin)}</span> },
    { key: 'i', head: h.i, unit: 'A', numeric: true, value: (r) => r.s?.i_a ?? largest(r.e?.ends[0]?.i_a), cell: (r) => <span className={estimate(r.e?.ends[0]?.origin)}>{told(r.s?.i_a ?? largest(r.e?.ends[0]?.i_a), r.e?.ends[0]?.origin)}</span> },
    { key: 'loading', head: h.loading, unit: '%', numeric: true, value: (r) => r.e?.loading_pct, cell: (r) => num(r.e?.loading_pct, 3) },
    { key: 'losses', head: h.losses, unit: 'kW', numeric: true, value: (r) => r.e?.losses_kw, cell: (r) => num(r.e?.losses_kw, 3) },
    { key: 'origin', head: h.origin, value: (r) => (r.e?.ends[0] ? t.origin[r.e.ends[0].origin] : null) },
  ], []);
  const buses: Column<BusMoment>[] = [
    { key: 'bus', head: h.bus, value: (b) => b.bus },
    { key: 'kv', head: h.level, unit: 'kV', numeric: true, value: (b) => b.kv_base, cell: (b) => num(b.kv_base) },
    { key: 'v', head: h.voltage, unit: 'kV', numeric: true, value: (b) => b.v_kv, cell: (b) => <span className={estimate(b.origin)}>{told(b.v_kv, b.origin, 5)}</span> },
    { key: 'pu', head: h.pu, unit: 'pu', numeric: true, value: (b) => b.v_pu, cell: (b) => <span className={estimate(b.origin)}>{told(b.v_pu, b.origin)}</span> },
    { key: 'unbalance', head: t.unbalance, unit: '%', numeric: true, value: (b) => b.unbalance_pct, cell: (b) => num(b.unbalance_pct, 2) },
    { key: 'origin', head: h.origin, value: (b) => t.origin[b.origin] },
  ];
  return (
    <>
      <h2 style={{ margin: 0 }}>{h.elements}</h2>
      <Table label={h.elements} columns={columns} rows={rows} rowKey={(r) => r.of.element} selected={selected} onSelect={(r) => onSelect(r.of.element, r.of.asset ?? null)} height={420} empty={<Empty title={t.noNetwork} />} />
      <h2 style={{ margin: 0 }}>{h.buses}</h2>
      <Table label={h.buses} columns={buses} rows={moment.buses} rowKey={(b) => b.bus} selected={selected?.startsWith('bus.') ? selected.slice(4) : null} onSelect={(b) => onSelect(`bus.${b.bus}`, null)} height={300} empty={<Empty title={t.noNetwork} />} />
    </>
  );
}
