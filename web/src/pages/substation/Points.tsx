/** Devices and what they say: every point with value, quality and age; a value may be set by hand. */

import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useDeferredValue, useState } from 'react';
import { asProblem } from '../../api/client';
import { renew } from '../../api/renew';
import { iso, twinApi, type DeviceMoment, type Moment, type PointMoment } from '../../api/twin';
import { useMay } from '../../state/session';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { ago, count, num, when } from '../../ui/format';
import { Dialog, Empty, Loaded, Panel, Priority, ProblemView, RoleButton } from '../../ui/parts';
import { Table, type Column } from '../../ui/Table';
import { Marked } from './Marked';
import { markOfPoint, valueText } from './words';

const t = strings.twin;
const h = t.deviceHeads;
const p = t.pointHeads;
const SIZE = 200;

export function Devices({ moment }: { moment: Moment }) {
  const columns: Column<DeviceMoment>[] = [
    { key: 'device', head: h.device, value: (d) => d.device },
    { key: 'state', head: h.state, value: (d) => Number(d.connected) + Number(d.recovered), cell: (d) => d.connected === null ? '–' : <span className="state">{d.connected ? <svg viewBox="0 0 14 14" aria-hidden="true"><circle cx="7" cy="7" r="4.500" fill={d.recovered ? 'currentColor' : 'none'} stroke="currentColor" strokeWidth="1.500" /></svg> : <Priority level={2} label={t.disconnected} />}{d.connected ? (d.recovered ? t.connected : t.recovering) : t.disconnected}</span> },
    { key: 'protocol', head: h.protocol, value: (d) => d.protocol },
    { key: 'address', head: h.address, value: (d) => d.address },
    { key: 'points', head: h.points, numeric: true, value: (d) => d.points },
    { key: 'good', head: h.good, numeric: true, value: (d) => d.good },
    { key: 'questionable', head: h.questionable, numeric: true, value: (d) => d.questionable },
    { key: 'invalid', head: h.invalid, numeric: true, value: (d) => d.invalid },
    { key: 'last', head: h.last, value: (d) => d.last_ms, cell: (d) => <span title={when(iso(d.last_ms))}>{ago(iso(d.last_ms))}</span> },
    { key: 'remark', head: h.remark, value: (d) => d.remark },
  ];
  return <Table label={t.devices} columns={columns} rows={moment.devices} rowKey={(d) => d.device} height={Math.min(260, 46 + 30 * Math.max(1, moment.devices.length))} foot={false} empty={<Empty title={t.noPoints} />} />;
}

export function Points({ moment, isLive }: { moment: Moment; isLive: boolean }) {
  const url = useUrl();
  const client = useQueryClient();
  const may = useMay('operator');
  const text = useDeferredValue(url.get('q') ?? '');
  const device = url.get('device');
  const page = Math.max(1, Number(url.get('page') ?? 1) || 1);
  const [held, setHeld] = useState<PointMoment | null>(null);
  const query = useQuery({ queryKey: ['twin', 'points', 'page', text, device, page], enabled: isLive, refetchInterval: 3_000, placeholderData: keepPreviousData, queryFn: ({ signal }) => twinApi.points({ text, device, page, size: SIZE }, signal) });
  const columns: Column<PointMoment>[] = [
    { key: 'point', head: p.point, value: (x) => x.point },
    { key: 'value', head: p.value, numeric: true, value: (x) => x.number, cell: (x) => <Marked mark={markOfPoint(x)} age={ago(iso(x.received_ms))}>{valueText(x.value, x.number)} {x.unit}</Marked> },
    { key: 'quality', head: p.quality, value: (x) => x.validity, cell: (x) => [...new Set([t.quality[markOfPoint(x)], ...x.details.filter((d) => d !== 'substituted')])].join(', ') },
    { key: 'time', head: p.time, value: (x) => x.time_ms, cell: (x) => <span title={when(iso(x.time_ms))}>{ago(iso(x.time_ms))}</span> },
    { key: 'asset', head: p.asset, value: (x) => x.asset },
    { key: 'element', head: p.element, value: (x) => x.element },
    { key: 'quantity', head: p.quantity, value: (x) => x.quantity },
    { key: 'device', head: p.device, value: (x) => x.device },
    { key: 'act', head: '', value: () => null, cell: (x) => (isLive ? <RoleButton allowed={may} role="operator" onClick={() => setHeld(x)}>{markOfPoint(x) === 'substituted' ? t.letGo : t.substitute}</RoleButton> : null) },
  ];
  const total = query.data?.total ?? 0;
  return (
    <div className="stack" style={{ flex: '1 1 auto', minHeight: 0 }}>
      <Panel title={t.devices}><Devices moment={moment} /></Panel>
      <Panel title={t.points}>
        {!isLive ? <p className="quiet">{t.notNow}</p> : (
          <>
            <div className="toolbar" style={{ marginBottom: 8 }}>
              <input type="search" placeholder={t.search} aria-label={t.search} value={url.get('q') ?? ''} onChange={(e) => url.set({ q: e.target.value, page: null })} style={{ width: 260 }} />
              <select aria-label={h.device} value={device ?? ''} onChange={(e) => url.set({ device: e.target.value, page: null })}><option value="">{strings.alarms.log.all}</option>{moment.devices.map((d) => <option key={d.device}>{d.device}</option>)}</select>
              <span className="grow" />
              {total > 0 && <span className="small quiet">{t.page(count((page - 1) * SIZE + 1), count(Math.min(total, page * SIZE)), count(total))}</span>}
              <button disabled={page <= 1} onClick={() => url.set({ page: page - 1 === 1 ? null : page - 1 })}>{t.before}</button>
              <button disabled={page * SIZE >= total} onClick={() => url.set({ page: page + 1 })}>{t.next}</button>
            </div>
            <Loaded query={query}>{(of) => <Table label={t.points} columns={columns} rows={of.points} rowKey={(x) => x.point} height={460} foot={false} empty={<Empty title={t.noPoints} />} />}</Loaded>
          </>
        )}
      </Panel>
      {held && <Substitute point={held} onClose={() => { setHeld(null); void renew(client, ['twin', 'points']); }} />}
    </div>
  );
}

function Substitute({ point, onClose }: { point: PointMoment; onClose: () => void }) {
  const isHeld = markOfPoint(point) === 'substituted';
  const kind = typeof point.value === 'object' && point.value !== null ? Object.keys(point.value as object)[0] : 'float';
  const choices = kind === 'bool' ? ['true', 'false'] : kind === 'double_point' ? ['on', 'off', 'intermediate', 'bad'] : null;
  const [value, setValue] = useState(choices ? (choices[0] as string) : point.number === null ? '' : String(point.number));
  const [reason, setReason] = useState('');
  const made = (): unknown => (kind === 'bool' ? { bool: value === 'true' } : kind === 'double_point' ? { double_point: value } : kind === 'integer' ? { integer: Math.round(Number(value)) } : kind === 'step' ? { step: { position: Math.round(Number(value)), moving: false } } : kind === 'text' ? { text: value } : { float: Number(value) });
  const isValid = isHeld || choices !== null || kind === 'text' || (value.trim() !== '' && Number.isFinite(Number(value)));
  const set = useMutation({ mutationFn: () => twinApi.substitute(point.point, isHeld ? null : made(), reason.trim()), onSuccess: onClose });
  return (
    <Dialog title={`${isHeld ? t.letGo : t.substitute}: ${point.point}`} onClose={onClose}>
      <form className="stack" onSubmit={(e) => { e.preventDefault(); if (isValid) set.mutate(); }}>
        <p>{isHeld ? '' : t.substituteText(point.point)}</p>
        {!isHeld && <label className="field"><span>{t.substituteValue} {point.unit}</span>{choices ? <select value={value} onChange={(e) => setValue(e.target.value)}>{choices.map((c) => <option key={c}>{c}</option>)}</select> : <input required inputMode={kind === 'text' ? 'text' : 'decimal'} value={value} onChange={(e) => setValue(e.target.value)} />}</label>}
        {(point.low !== null || point.high !== null) && !isHeld && <p className="small quiet">{num(point.low)} … {num(point.high)} {point.unit}</p>}
        <label className="field"><span>{t.reason}</span><input required maxLength={500} value={reason} onChange={(e) => setReason(e.target.value)} /></label>
        {set.error ? <ProblemView problem={asProblem(set.error)} /> : null}
        <div className="row"><button className="primary" disabled={set.isPending || !isValid}>{isHeld ? t.letGo : t.substitute}</button><button type="button" onClick={onClose}>{strings.cancel}</button></div>
      </form>
    </Dialog>
  );
}
