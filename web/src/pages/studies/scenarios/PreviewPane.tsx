/** What a text is and does: findings, one sentence, a week of the stack, the year's daily peaks, facts of each layer. */

import { strings } from '../../../strings';
import { axis, Chart, escaped, seriesColors, tooltip } from '../../../ui/Chart';
import { hourOfYear, num } from '../../../ui/format';
import { Empty, Panel } from '../../../ui/parts';
import { token } from '../../../state/preferences';
import { FindingLine, unitsOf } from './Cards';
import { dayOf, dayText, LENGTHS, monthOf } from './days';
import type { Course, Draft, Figures, LineFinding, Preview } from './data';

const t = strings.scenarios;

const signed = (value: number, digits = 4) => `${value > 0 ? '+' : ''}${num(value, digits)}`;

export function headline(figures: Figures): string {
  const { base, stacked } = figures;
  const change = base.peak_kw === 0 ? `${signed(stacked.peak_kw - base.peak_kw)} kW` : stacked.peak_kw === base.peak_kw ? t.same : `${signed(((stacked.peak_kw - base.peak_kw) / Math.abs(base.peak_kw)) * 100, 3)} %`;
  return `${t.headline(num(stacked.peak_kw), num(base.peak_kw), change, hourOfYear(stacked.peak_hour))} ${t.energy(num(stacked.energy_kwh), num(base.energy_kwh))}`;
}

/** A row a course: base, the layers, stacked. */
export function FiguresTable({ figures }: { figures: Figures }) {
  const row = (name: string, kind: string, units: string, customers: string, c: Course) => <tr key={name} data-course={name}><td className="nowrap">{name}</td><td>{kind}</td><td className="num">{units}</td><td className="num">{customers}</td><td className="num" data-value={c.energy_kwh}>{num(c.energy_kwh)}</td><td className="num" data-value={c.peak_kw}>{num(c.peak_kw)}</td><td>{hourOfYear(c.peak_hour)}</td></tr>;
  return (
    <div style={{ overflowX: 'auto' }} role="region" aria-label={t.layer} tabIndex={0}>
      <table className="simple">
        <thead><tr><th>{t.layer}</th><th>{t.kind}</th><th className="num">{t.count}</th><th className="num">{t.customers}</th><th className="num">{t.energyHead} (kWh)</th><th className="num">{t.peakHead} (kW)</th><th>{t.hourHead}</th></tr></thead>
        <tbody>
          {row(t.baseWord, '', '', '', figures.base)}
          {figures.layers.map((l) => row(l.layer, t.kinds[l.kind] ?? l.kind, unitsOf(l.kind, l.units), l.customers > 0 ? num(l.customers, 6) : '', l))}
          {row(t.stackedWord, '', '', '', figures.stacked)}
        </tbody>
      </table>
      <p className="small quiet">{t.residual(num(figures.residual, 2))}</p>
    </div>
  );
}

/** Base and layers stacked: what draws above zero, what feeds in below it, and the line of all together. */
export function WeekChart({ label, step_h, base, layers, stacked, height = 260 }: { label: string; step_h: number; base: number[]; layers: { layer: string; kw: number[] }[]; stacked: number[]; height?: number }) {
  const all = [{ layer: t.baseWord, kw: base }, ...layers];
  const hours = (course: number[], of: (kw: number) => number) => course.map((kw, i) => [(i + 1) * step_h, of(kw)]);
  return (
    <Chart label={label} height={height} deps={[base, stacked, layers]} option={() => {
      const hues = seriesColors();
      const colour = (i: number) => (i === 0 ? token('equipment') : hues[(i - 1) % hues.length]);
      return {
        grid: { left: 62, right: 12, top: 30, bottom: 42 },
        legend: { type: 'scroll', top: 0, icon: 'roundRect', textStyle: { color: token('text') } },
        tooltip: tooltip({ formatter: (p: { dataIndex: number }[]) => {
          const i = p[0]?.dataIndex ?? 0;
          return [`${num((i + 1) * step_h)} h`, ...all.map((c) => `${escaped(c.layer)}: ${num(c.kw[i])} kW`), `<b>${t.stackedWord}: ${num(stacked[i])} kW</b>`].join('<br>');
        } }),
        xAxis: axis(t.hour, { type: 'value', min: 0, max: base.length * step_h, interval: 24 }),
        yAxis: axis('kW', { type: 'value', nameGap: 46 }),
        series: [
          // What draws and what feeds in are stacked each for itself: a course that changes its sign would leap otherwise.
          ...all.flatMap((c, k) => ([['draws', (kw: number) => Math.max(0, kw)], ['feeds', (kw: number) => Math.min(0, kw)]] as const).filter(([, of], n) => n === 0 || c.kw.some((kw) => of(kw) !== 0)).map(([stack, of]) => ({ type: 'line', name: c.layer, stack, stackStrategy: 'all', symbol: 'none', color: colour(k), lineStyle: { width: 0 }, areaStyle: { opacity: k === 0 ? 0.3 : 0.75 }, data: hours(c.kw, of) }))),
          { type: 'line', name: t.stackedWord, symbol: 'none', color: token('text'), lineStyle: { width: 1.5 }, data: hours(stacked, (kw) => kw) },
        ],
      };
    }} />
  );
}

function YearChart({ of }: { of: Preview }) {
  return (
    <Chart label={t.year} height={150} deps={[of]} option={() => ({
      grid: { left: 62, right: 12, top: 26, bottom: 40 },
      legend: { top: 0, textStyle: { color: token('text') } },
      tooltip: tooltip({ valueFormatter: (v: number) => `${num(v)} kW` }),
      xAxis: axis(t.day, { type: 'category', data: of.base.daily.largest_kw.map((_, i) => dayText(i)) }),
      yAxis: axis('kW', { type: 'value', nameGap: 46, splitNumber: 3 }),
      series: ([[t.baseWord, of.base.daily.largest_kw, 'equipment', 'dashed'], [t.stackedWord, of.stacked.daily.largest_kw, 'text', 'solid']] as const).map(([name, data, color, type]) => ({ type: 'line', name, symbol: 'none', color: token(color), lineStyle: { width: 1.2, type }, data })),
    })} />
  );
}

interface Props {
  draft: Draft | undefined;
  network: string | null;
  isBusy: boolean;
  /** What is shown is of a text before. */
  isOld: boolean;
  fromDay: number | null;
  onDay: (day: number | null) => void;
  isOwn: (finding: LineFinding) => boolean;
  onLine: (line: number) => void;
}

export function PreviewPane({ draft, network, isBusy, isOld, fromDay, onDay, isOwn, onLine }: Props) {
  const preview = draft?.preview ?? null;
  return (
    <Panel title={preview ? `${t.preview}: ${preview.network}` : t.preview} actions={isBusy ? <span className="row small quiet" role="status"><span className="spinner" />{isOld ? t.old : t.checking}</span> : undefined}>
      {draft && (
        <div className={isOld ? 'stack is-old' : 'stack'} data-testid="draft" data-old={isOld} data-sound={draft.sound} data-week={preview?.week_first_day}>
          <h3>{t.findings}</h3>
          {draft.findings.length === 0 ? <p className="quiet">{t.noFindings}</p> : draft.findings.map((f, i) => <FindingLine key={i} finding={f} onGo={isOwn(f) ? () => onLine(f.source?.line ?? 1) : undefined} />)}
          {network === null ? <Empty title={t.noNetwork}>{t.noNetworkHint}</Empty> : !preview ? <p className="quiet">{t.withFaults}</p> : (
            <>
              <p className="headline">{headline(preview.figures)}</p>
              <FiguresTable figures={preview.figures} />
              <div className="toolbar"><h3 className="grow">{t.week}: {t.weekOf(dayText(preview.week_first_day), dayText(Math.min(364, preview.week_first_day + 6)))}</h3>
                <button type="button" aria-label={t.back} title={t.back} disabled={preview.week_first_day === 0} onClick={() => onDay(Math.max(0, preview.week_first_day - 7))}>◂</button>
                <DayPicker day={preview.week_first_day} onDay={onDay} />
                <button type="button" aria-label={t.on7} title={t.on7} disabled={preview.week_first_day >= 358} onClick={() => onDay(Math.min(358, preview.week_first_day + 7))}>▸</button>
                <button type="button" disabled={fromDay === null} onClick={() => onDay(null)}>{t.peakWeek}</button>
              </div>
              <WeekChart label={t.week} step_h={preview.step_h} base={preview.base.week_kw} layers={preview.layers.map((l) => ({ layer: l.layer, kw: l.week_kw }))} stacked={preview.stacked.week_kw} />
              <h3>{t.year}</h3>
              <YearChart of={preview} />
              <h3>{t.facts}</h3>
              {preview.layers.map((l) => l.facts.length > 0 && <div key={l.layer}><b>{l.layer}</b><ul className="plain-list">{l.facts.map((f, i) => <li key={i}>{f}</li>)}</ul></div>)}
            </>
          )}
        </div>
      )}
    </Panel>
  );
}

/** Month and day of a year of 365 days. */
function DayPicker({ day, onDay }: { day: number; onDay: (day: number) => void }) {
  const { month, date } = monthOf(day);
  return (
    <span className="row small" role="group" aria-label={t.weekFrom}>{t.weekFrom}
      <select aria-label={`${t.weekFrom}: ${t.dayOfMonth}`} value={date} onChange={(e) => onDay(dayOf(month, Number(e.target.value)))}>{Array.from({ length: LENGTHS[month] ?? 31 }, (_, i) => <option key={i} value={i + 1}>{i + 1}</option>)}</select>
      <select aria-label={`${t.weekFrom}: ${t.month}`} value={month} onChange={(e) => onDay(dayOf(Number(e.target.value), date))}>{LENGTHS.map((_, m) => <option key={m} value={m}>{dayText(dayOf(m, 1)).replace(/^\d+ /, '')}</option>)}</select>
    </span>
  );
}
