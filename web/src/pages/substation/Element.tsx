/** What is known of an element, a bus or a piece of equipment: values, points, health, the history of an hour, and its commands. */

import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { Link } from 'react-router';
import { iso, twinApi, type AssetMoment, type EndMoment, type HistoryAnswer, type Moment, type PointMoment, type TwinDiagram, type YardEquipment } from '../../api/twin';
import { useMay } from '../../state/session';
import { patched } from '../../state/url';
import { strings } from '../../strings';
import { ago, count, fieldName, fixed, num, when } from '../../ui/format';
import { axis, Chart, escaped, seriesColors, tooltip } from '../../ui/Chart';
import { Loaded, Priority, RoleButton } from '../../ui/parts';
import { symbolOf } from '../../ui/symbols';
import { ControlDialog } from './Control';
import { DeviationBar, useRules } from './Kpis';
import { Marked } from './Marked';
import { shownName } from './singleLine';
import { byElement, delivers, intoOrOut, largest, limitsOf, markOf, markOfPoint, positionText, told, valueText } from './words';

const t = strings.twin;

export interface Chosen { element: string | null; asset: string | null }

interface Props {
  chosen: Chosen;
  moment: Moment | null;
  diagram: TwinDiagram | undefined;
  yard: YardEquipment[] | undefined;
  at: number | null;
  isStale: boolean;
  isSimulated: boolean;
  onClose: () => void;
}

export function ElementPanel({ chosen, moment, diagram, yard, at, isStale, isSimulated, onClose }: Props) {
  const may = useMay('operator');
  const [command, setCommand] = useState<string | null>(null);
  const of = diagram?.elements.find((e) => e.element === chosen.element);
  const bus = chosen.element?.startsWith('bus.') ? chosen.element.slice(4) : null;
  const assetId = chosen.asset ?? of?.asset ?? null;
  const equipment = yard?.find((y) => y.asset === assetId);
  const asset = moment?.assets.find((a) => a.asset === assetId);
  const now = useMemo(() => (moment ? byElement(moment) : null), [moment]);
  const key = chosen.element?.toLowerCase() ?? '';
  const values = now?.elements.get(key);
  const position = now?.switches.get(key);
  const busValues = bus ? now?.buses.get(bus.toLowerCase()) : undefined;
  const points = useQuery({
    queryKey: ['twin', 'points', 'of', chosen.element, assetId],
    // What measures a breaker may be a transformer of the register's; both are asked for.
    queryFn: async ({ signal }) => {
      const asked = await Promise.all([
        ...(chosen.element ? [twinApi.points({ element: chosen.element, size: 200 }, signal)] : []),
        ...(assetId ? [twinApi.points({ asset: assetId, size: 200 }, signal)] : []),
      ]);
      const seen = new Map<string, PointMoment>();
      for (const page of asked) for (const p of page.points) seen.set(p.point, p);
      return { points: [...seen.values()], total: seen.size };
    },
    enabled: (chosen.element !== null || assetId !== null) && at === null,
    refetchInterval: 2_000,
    placeholderData: (before, query) => (query?.queryKey[3] === chosen.element && query?.queryKey[4] === assetId ? before : undefined),
  });
  // An instrument at a breaker is not the breaker: what is switched is chosen itself, by its own name.
  const isItself = of !== undefined && (chosen.asset === null || of.asset === chosen.asset);
  const name = of && isItself ? shownName(of) : (equipment?.asset ?? bus ?? chosen.element ?? assetId ?? '');
  const kind = of ? symbolOf(of.kind).name.split(',')[0] : bus ? strings.detail.buses : (equipment?.kind ?? '').replaceAll('_', ' ');
  const isSwitch = position !== undefined;
  const isTap = of !== undefined && /^(power_|distribution_)?transformer|autotrans/.test(of.kind) && (points.data?.points.some((p) => p.controllable) ?? false);
  // What takes the order is the device of the point that tells the position; one that does not answer cannot.
  const teller = points.data?.points.find((p) => p.point === position?.point) ?? (isTap ? points.data?.points.find((p) => p.controllable) : undefined);
  const isSilent = teller !== undefined && (moment?.devices.some((d) => d.device === teller.device && !d.connected) ?? false);
  const commands = !isItself ? [] : isSwitch && position.controllable ? [position.closed === true ? 'open' : position.closed === false ? 'close' : 'open', ...(position.closed === null ? ['close'] : [])] : isTap ? ['raise', 'lower', 'automatic', 'manual'] : [];
  return (
    <aside className={`twindetail ${isStale ? 'stale' : ''}`} aria-label={name}>
      <div className="row top">
        <div className="grow">
          <h2 data-testid="twin-name" style={{ margin: 0 }}>{name} {isSimulated && <span className="simtag">{t.sim}</span>}</h2>
          <div className="quiet small">{[kind, equipment?.name, chosen.element].filter(Boolean).join(' · ')}</div>
        </div>
        <button className="plain" onClick={onClose} aria-label={strings.close}>✕</button>
      </div>
      {position && (
        <dl className="facts">
          <dt>{t.position}</dt><dd><Marked mark={markOf(position.quality)}><b data-testid="twin-position">{positionText(position)}</b></Marked>{position.point ? '' : ` (${t.quality.none})`}{position.doubted && <> <Priority level={2} label={t.doubted} /> {t.doubted}</>}</dd>
          <dt>{t.current}</dt><dd>{num(position.i_a, 4)} A</dd>
        </dl>
      )}
      {busValues && (
        <table className="simple"><thead><tr><th>{t.voltage}</th><th className="num">kV</th><th className="num">pu</th><th className="num">{t.angle} °</th><th>{t.table.origin}</th></tr></thead>
          <tbody>
            <tr><td>{num(busValues.kv_base)} kV</td><td className="num"><Est origin={busValues.origin}>{told(busValues.v_kv, busValues.origin, 5)}</Est></td><td className="num"><Est origin={busValues.origin}>{told(busValues.v_pu, busValues.origin)}</Est></td><td /><td>{t.origin[busValues.origin]}</td></tr>
            {busValues.phases.map((p) => <tr key={p.phase}><td>{p.phase}</td><td className="num"><Est origin={p.origin}>{told(p.v_kv, p.origin, 5)}</Est></td><td className="num"><Est origin={p.origin}>{told(p.v_pu, p.origin)}</Est></td><td className="num">{p.angle_deg === null ? '–' : fixed(p.angle_deg, 1)}</td><td>{t.origin[p.origin]}</td></tr>)}
          </tbody></table>
      )}
      {busValues && <Band what={t.voltage} unit="pu" decimals={3} value={busValues.v_pu} point={`twin.bus.${busValues.bus}.v_pu`} />}
      {values && (
        <>
          {values.ends.map((end) => <End key={end.bus} end={end} kind={of?.kind ?? ''} />)}
          <dl className="facts">
            {values.loading_pct !== null && <><dt>{t.loading}</dt><dd>{num(values.loading_pct, 3)} %</dd></>}
            {values.losses_kw !== null && <><dt>{t.losses}</dt><dd>{num(values.losses_kw, 3)} kW</dd></>}
          </dl>
        </>
      )}
      {asset && asset.loading_pct !== null && <Band what={t.loading} unit="%" decimals={1} value={asset.loading_pct} point={`twin.asset.${asset.asset}.loading_pct`} />}
      {at !== null ? <p className="quiet">{t.notNow}</p> : isStale ? <p className="quiet">{t.staleNow}</p> : (
        <div>
          <h3>{t.commands}</h3>
          {isSilent ? <p className="quiet small">{t.silent(teller.device)}</p> : commands.length === 0 ? <p className="quiet small">{t.noCommands}</p> : <div className="row wrap">{commands.map((c) => <RoleButton key={c} allowed={may} role="operator" onClick={() => setCommand(c)}>{t.command[c]} …</RoleButton>)}</div>}
        </div>
      )}
      {asset && <AssetHealth asset={asset} />}
      {at === null && <Loaded query={points} small>{(page) => <PointList points={page.points} />}</Loaded>}
      <LastHour points={at === null ? points.data?.points : undefined} chosen={chosen} asset={assetId} at={at} moment={moment} bus={bus} />
      {equipment && (
        <details className="section">
          <summary>{t.rating}</summary>
          <dl className="facts">
            {equipment.maker && <><dt>{t.maker}</dt><dd>{equipment.maker}</dd></>}
            {equipment.product && <><dt>{t.product}</dt><dd>{equipment.product}</dd></>}
            {equipment.commissioned && <><dt>{t.commissioned}</dt><dd>{equipment.commissioned}</dd></>}
            {equipment.bay && <><dt>{t.table.bay}</dt><dd>{equipment.bay}</dd></>}
            {Object.entries(equipment.rating).filter(([, v]) => v !== null && typeof v !== 'object').map(([k, v]) => { const f = fieldName(k); return [<dt key={`${k}t`}>{f.words}</dt>, <dd key={k}>{typeof v === 'number' ? num(v) : String(v)} {f.unit}</dd>]; })}
            <dt>{t.place}</dt><dd>{num(equipment.x_m)} · {num(equipment.y_m)} · {num(equipment.z_m)} m</dd>
          </dl>
        </details>
      )}
      {assetId && <Link to={{ pathname: '/alarms', search: patched('', { tab: 'log', asset: assetId }) }}>{strings.pages.alarms}: {assetId}</Link>}
      {command && <ControlDialog order={{ ...(chosen.element && isSwitch ? { element: chosen.element } : of && isTap ? { element: of.element } : { asset: assetId ?? '' }), command }} name={name} element={chosen.element} onClose={() => setCommand(null)} />}
    </aside>
  );
}

/** Where a value stands between the limits that the alarm rules set for it; nothing where they set none. */
function Band({ what, unit, decimals, value, point }: { what: string; unit: string; decimals: number; value: number | null; point: string }) {
  const rules = useRules();
  const limits = limitsOf(rules.data, point);
  if (!limits) return null;
  const text = (v: number | null) => (v === null ? '–' : fixed(v, decimals));
  return (
    <div>
      <DeviationBar what={what} unit={unit} decimals={decimals} value={value} limits={limits} range={null} />
      <div className="small quiet">{t.bandWord} {text(limits.bandLow)} … {text(limits.bandHigh)}, {t.limitWord} {text(limits.low)} … {text(limits.high)} {unit}</div>
    </div>
  );
}

function Est({ origin, children }: { origin: string; children: React.ReactNode }) {
  return <span className={origin === 'estimated' || origin === 'pseudo' ? 'estimated' : ''}>{children}</span>;
}

function End({ end, kind }: { end: EndMoment; kind: string }) {
  const phases = ['A', 'B', 'C'];
  const mega = (value: number | null) => told(value === null ? null : intoOrOut(kind, value) / 1000, end.origin);
  return (
    <table className="simple ends">
      <caption className="small quiet" style={{ textAlign: 'left' }}>{t.end(end.bus)}, {delivers(kind) ? t.delivered : t.into}, {t.origin[end.origin]}</caption>
      <thead><tr><th className="num">MW</th><th className="num">Mvar</th>{end.i_a.map((_, i) => <th key={i} className="num">{phases[i] ?? i + 1} (A)</th>)}</tr></thead>
      <tbody><tr>
        <td className="num"><Est origin={end.origin}>{mega(end.p_kw)}</Est></td>
        <td className="num"><Est origin={end.origin}>{mega(end.q_kvar)}</Est></td>
        {end.i_a.map((i, k) => <td key={k} className="num"><Est origin={end.origin}>{told(i, end.origin)}</Est></td>)}
      </tr></tbody>
    </table>
  );
}

export function AssetHealth({ asset }: { asset: AssetMoment }) {
  return (
    <details className="section" open={asset.health !== null && asset.health < 80}>
      <summary>{t.health} {asset.health === null ? '–' : `${fixed(asset.health, 0)} %`} · {t.status[asset.status] ?? asset.status}</summary>
      {asset.parts.length === 0 ? <p className="quiet">{t.noHealth}</p> : (
        <table className="simple">
          <thead><tr><th>{t.parts.indicator}</th><th className="num">{t.parts.value}</th><th className="num">{t.parts.good}</th><th className="num">{t.parts.bad}</th><th className="num">{t.parts.score}</th></tr></thead>
          <tbody>{asset.parts.map((p) => <tr key={p.indicator}><td>{p.indicator.replaceAll('_', ' ')}</td><td className="num">{num(p.value)} {p.unit}</td><td className="num">{num(p.good)}</td><td className="num">{num(p.bad)}</td><td className="num">{fixed(p.score, 0)}</td></tr>)}</tbody>
        </table>
      )}
    </details>
  );
}

const POINTS_SHOWN = 14;

function PointList({ points }: { points: PointMoment[] }) {
  if (points.length === 0) return null;
  return (
    <details className="section" open>
      <summary>{t.points} ({count(points.length)})</summary>
      <table className="simple">
        <tbody>
          {points.slice(0, POINTS_SHOWN).map((p) => (
            <tr key={p.point}>
              <td className="break" title={`${p.point} · ${p.device}`}>{p.quantity ? `${fieldName(p.quantity).words}${p.phase ? ` ${p.phase}` : ''}` : p.point}</td>
              <td className="num"><Marked mark={markOfPoint(p)} age={ago(iso(p.received_ms))}>{valueText(p.value, p.number)} {p.unit}</Marked></td>
            </tr>
          ))}
        </tbody>
      </table>
      {points.length > POINTS_SHOWN && <p className="small quiet">{t.more(count(points.length - POINTS_SHOWN))}</p>}
    </details>
  );
}

/** Which points say most of an element: currents and powers first, then voltages, temperatures, the rest. */
const ORDER = [/^p_kw|p_mw/, /i_a/, /v_kv|v_ll|v_ln/, /hot_spot|top_oil/, /q_kvar/];

function LastHour({ points, chosen, asset, at, moment, bus }: { points: PointMoment[] | undefined; chosen: Chosen; asset: string | null; at: number | null; moment: Moment | null; bus: string | null }) {
  const own = useMemo(() => {
    if (bus) return [`twin.bus.${bus}.v_pu`];
    const numeric = (points ?? []).filter((p) => p.number !== null && p.unit !== null && p.unit !== '');
    const rank = (p: PointMoment) => { const i = ORDER.findIndex((o) => o.test(p.quantity ?? p.point)); return (i < 0 ? 9 : i) + (p.phase && p.phase !== 'A' ? 0.5 : 0); };
    const best = [...numeric].sort((a, b) => rank(a) - rank(b))[0];
    if (best) return numeric.filter((p) => p.quantity === best.quantity && p.unit === best.unit && p.terminal === best.terminal).slice(0, 3).map((p) => p.point);
    const of = moment?.assets.find((a) => a.asset === asset);
    return of ? [`twin.asset.${of.asset}.${of.loading_pct !== null ? 'loading_pct' : 'health'}`] : [];
  }, [points, bus, asset, moment?.assets]);
  const [now] = useState(() => Date.now());
  const until = at ?? now;
  const history = useQuery({
    queryKey: ['twin', 'history', own, at],
    enabled: own.length > 0,
    refetchInterval: at === null ? 20_000 : false,
    queryFn: ({ signal }) => { const to = at ?? Date.now(); return twinApi.history(own, to - 3_600_000, to, 'auto', signal); },
  });
  if (own.length === 0) return chosen.element || asset ? <p className="small quiet">{at === null ? t.noNumbers : ''}</p> : null;
  return (
    <div>
      <h3>{at === null ? t.lastHour : t.hourBefore}</h3>
      <Loaded query={history} small>{(answer) => <HistoryChart answer={answer} from={until - 3_600_000} to={until} height={170} />}</Loaded>
    </div>
  );
}

/** Series of the history; what is not good is left out of the line, gaps stay gaps. */
export function HistoryChart({ answer, from, to, height = 220 }: { answer: HistoryAnswer; from: number; to: number; height?: number }) {
  const rows = answer.series.reduce((n, s) => n + s.rows.length, 0);
  if (rows === 0) return <p className="small quiet">{t.noHistory}</p>;
  const units = [...new Set(answer.series.map((s) => (s.unit === '1' ? '' : (s.unit ?? ''))))];
  const points = answer.series.map((s) => s.point).join(', ');
  return (
    <Chart label={t.history(points)} height={height} deps={[answer, from, to]} option={() => ({
      grid: { left: 52, right: 12, top: answer.series.length > 1 ? 28 : 12, bottom: 24 },
      legend: answer.series.length > 1 ? { top: 0, textStyle: { fontSize: 11 } } : undefined,
      tooltip: tooltip({ valueFormatter: (v: unknown) => (typeof v === 'number' ? `${num(v)} ${units.length === 1 ? units[0] : ''}` : '–') }),
      xAxis: axis('', { type: 'time', min: Math.min(from, ...answer.series.flatMap((s) => (s.rows[0] ? [s.rows[0][0]] : []))), max: to, name: '' }),
      yAxis: axis(units.join(', '), { type: 'value', scale: true, nameGap: 40 }),
      series: answer.series.map((s, i) => ({
        type: 'line', name: escaped(s.point), showSymbol: false, connectNulls: false, lineStyle: { width: 1.6, type: ['solid', 'dashed', 'dotted'][i % 3] }, color: seriesColors()[i % 6],
        data: s.rows.map((r) => [r[0], answer.resolution === 'raw' && r[2] === 'invalid' ? null : r[1]]),
        markArea: i === 0 && answer.gaps.length > 0 ? { silent: true, itemStyle: { color: 'rgba(128,128,128,0.18)' }, data: answer.gaps.map(([a, b]) => [{ xAxis: a }, { xAxis: b }]) } : undefined,
      })),
    })} />
  );
}

export const lastSeen = (ms: number | null): string => (ms === null ? '–' : `${ago(iso(ms))} (${when(iso(ms))})`);
export { largest };
