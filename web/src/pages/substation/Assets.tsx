/** The register of equipment with health and loading of now; one of them in detail with its history. */

import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { Link } from 'react-router';
import { instantMs, iso, twinApi, useAlarms, type AssetMoment, type Moment, type YardEquipment } from '../../api/twin';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { fixed, num, when } from '../../ui/format';
import { Empty, Loaded, Panel } from '../../ui/parts';
import { Table, type Column } from '../../ui/Table';
import { HistoryChart } from './Element';

const t = strings.twin;
const h = t.assetHeads;

interface Row { of: YardEquipment; now: AssetMoment | undefined }

export function Assets({ yard, moment, selected, at, onSelect }: { yard: YardEquipment[]; moment: Moment; selected: string | null; at: number | null; onSelect: (asset: string, element: string | null) => void }) {
  const url = useUrl();
  const kind = url.get('kind');
  const text = (url.get('q') ?? '').toLowerCase();
  const kinds = useMemo(() => [...new Set(yard.map((y) => y.kind))].sort(), [yard]);
  const rows = useMemo(() => {
    const now = new Map(moment.assets.map((a) => [a.asset, a]));
    return yard.map((of): Row => ({ of, now: now.get(of.asset) })).filter((r) => (!kind || r.of.kind === kind) && (!text || `${r.of.asset} ${r.of.name} ${r.of.bay ?? ''}`.toLowerCase().includes(text)));
  }, [yard, moment.assets, kind, text]);
  const columns: Column<Row>[] = [
    { key: 'asset', head: h.asset, value: (r) => r.of.asset },
    { key: 'name', head: h.name, value: (r) => r.of.name },
    { key: 'kind', head: h.kind, value: (r) => r.of.kind.replaceAll('_', ' ') },
    { key: 'bay', head: h.bay, value: (r) => r.of.bay },
    { key: 'status', head: h.status, value: (r) => t.status[r.now?.status ?? 'unknown'] ?? r.now?.status },
    { key: 'health', head: h.health, unit: '%', numeric: true, value: (r) => r.now?.health, cell: (r) => fixed(r.now?.health, 0) },
    { key: 'loading', head: h.loading, unit: '%', numeric: true, value: (r) => r.now?.loading_pct, cell: (r) => num(r.now?.loading_pct, 3) },
    { key: 'temperature', head: h.temperature, unit: '°C', numeric: true, value: (r) => r.now?.temperature_c, cell: (r) => fixed(r.now?.temperature_c, 1) },
    { key: 'i', head: h.current, unit: 'A', numeric: true, value: (r) => r.now?.i_a, cell: (r) => num(r.now?.i_a, 4) },
    { key: 'p', head: h.power, unit: 'MW', numeric: true, value: (r) => r.now?.p_mw, cell: (r) => num(r.now?.p_mw, 4) },
    { key: 'v', head: h.voltage, unit: 'kV', numeric: true, value: (r) => r.now?.v_kv, cell: (r) => num(r.now?.v_kv, 4) },
    { key: 'alarms', head: h.alarms, numeric: true, value: (r) => r.now?.alarms },
  ];
  if (yard.length === 0) return <Empty title={t.noAssets} />;
  return (
    <>
      <div className="toolbar">
        <input type="search" placeholder={t.search} aria-label={t.search} value={url.get('q') ?? ''} onChange={(e) => url.set({ q: e.target.value })} style={{ width: 240 }} />
        <select aria-label={h.kind} value={kind ?? ''} onChange={(e) => url.set({ kind: e.target.value })}><option value="">{t.kinds}</option>{kinds.map((k) => <option key={k} value={k}>{k.replaceAll('_', ' ')}</option>)}</select>
      </div>
      <Table label={t.tabs.assets} columns={columns} rows={rows} rowKey={(r) => r.of.asset} selected={selected} onSelect={(r) => onSelect(r.of.asset, r.of.elements[0]?.split(':')[0] ?? null)} height={selected ? 340 : 'calc(100vh - 330px)'} empty={<Empty title={strings.table.none} />} />
      {selected && <AssetDetail asset={selected} now={moment.assets.find((a) => a.asset === selected)} at={at} />}
    </>
  );
}

/** Of a point that the twin records of an asset, what it says; its unit where it is one. */
function seriesName(point: string, unit: string | null): string {
  const quantity = point.slice(point.lastIndexOf('.') + 1);
  const words = { health: `${h.health}, %`, loading_pct: `${h.loading}, %`, temperature_c: `${h.temperature}, °C` }[quantity];
  return words ?? `${point}${unit && unit !== '1' ? ` ${unit}` : ''}`;
}

const RANGES: [string, number][] = [['1 h', 1], ['24 h', 24], ['7 d', 168], ['30 d', 720]];

/** History charts of an asset, its work and its alarms; its values and ratings stand in the panel beside. */
function AssetDetail({ asset, now, at }: { asset: string; now: AssetMoment | undefined; at: number | null }) {
  const [hours, setHours] = useState(24);
  const [opened] = useState(() => Date.now());
  const to = at ?? opened;
  // What is known now is what is recorded.
  const names = (['health', 'loading_pct', 'temperature_c'] as const).filter((k) => now?.[k] !== null && now?.[k] !== undefined).map((k) => `twin.asset.${asset}.${k}`);
  const history = useQuery({
    queryKey: ['twin', 'history', 'asset', names, hours, at],
    enabled: names.length > 0,
    queryFn: ({ signal }) => { const until = at ?? Date.now(); return twinApi.history(names, until - hours * 3_600_000, until, 'auto', signal); },
  });
  const maintenance = useQuery({ queryKey: ['twin', 'maintenance'], queryFn: ({ signal }) => twinApi.maintenance(signal) });
  const alarms = useAlarms();
  const own = (alarms.data?.alarms ?? []).filter((a) => a.asset === asset && a.state !== 'normal');
  return (
    <div className="grid-cards">
      <Panel title={`${asset}: ${strings.detail.history}`} actions={<div className="segmented">{RANGES.map(([label, of]) => <button key={of} aria-pressed={hours === of} onClick={() => setHours(of)}>{label}</button>)}</div>}>
        {names.length === 0 ? <p className="quiet small">{t.noHealth}</p> : <Loaded query={history} small>{(answer) => (answer.series.every((s) => s.rows.length === 0) ? <p className="quiet small">{t.noHistory}</p> : (
          <>{answer.series.filter((s) => s.rows.length > 0).map((s) => <div key={s.point}><div className="small quiet" title={s.point}>{seriesName(s.point, s.unit)}</div><HistoryChart answer={{ ...answer, series: [s] }} from={to - hours * 3_600_000} to={to} height={120} /></div>)}</>
        ))}</Loaded>}
      </Panel>
      <Panel title={strings.alarms.tabs.maintenance} actions={<Link className="button" to={`/alarms?tab=maintenance&asset=${encodeURIComponent(asset)}`}>{strings.alarms.maintenance.plan}</Link>}>
        <Loaded query={maintenance} small>{(rows) => { const of = rows.filter((r) => r.asset === asset); return of.length === 0 ? <p className="quiet">{strings.alarms.maintenance.none}</p> : <ul>{of.map((r) => <li key={r.id}>{strings.alarms.maintenance.states[r.progress] ?? r.progress}: {strings.alarms.maintenance.kinds[r.kind] ?? r.kind}, {when(iso(instantMs(r.from)))} – {when(iso(instantMs(r.to)))}, {r.who}{r.note ? `: ${r.note}` : ''}</li>)}</ul>; }}</Loaded>
      </Panel>
      <Panel title={strings.alarms.tabs.list}>
        {own.length === 0 ? <p className="quiet">{strings.alarms.none}</p> : <ul>{own.map((a) => <li key={a.rule}>{a.text} ({strings.alarms.states[a.state]})</li>)}</ul>}
      </Panel>
    </div>
  );
}
