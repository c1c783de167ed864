/** Tables of a day: transformers, devices, the books, and what was measured. */

import { strings } from '../../strings';
import { count, fixed, num } from '../../ui/format';
import { Empty, Severity } from '../../ui/parts';
import { Bar } from './Bar';
import { byLoading, type Day, type Measured } from './day';
import type { Finding } from '../../api/types';

const t = strings.flexibility.day;

/** A sum of what comes and goes ends a rounding off zero. */
const energy = (kwh: number, decimals: number) => fixed(Math.abs(kwh) < 0.5 * 10 ** -decimals ? 0 : kwh, decimals);

/** Rows of a table of any length; its end says how many there are. */
const ROWS = 200;

function Cut({ of, columns }: { of: number; columns: number }) {
  return of > ROWS ? <tfoot><tr><td colSpan={columns} className="small quiet">{t.firstOf(count(ROWS), count(of))}</td></tr></tfoot> : null;
}

export function Transformers({ of }: { of: Day }) {
  if (of.transformers.length === 0) return <Empty title={t.noTransformers}>{t.noTransformersText}</Empty>;
  const rows = byLoading(of.transformers).slice(0, ROWS);
  return (
    <div className="wide" tabIndex={0} role="region" aria-label={t.transformers}>
      <table className="simple" data-testid="transformers">
        <thead><tr><th>{t.transformer}</th><th className="num">{t.rating}</th><th className="num">{t.most(t.without)}</th><th className="num">{t.most(t.with)}</th><th>{t.loading}</th><th className="num">{t.above}</th></tr></thead>
        <tbody>{rows.map((r) => (
          <tr key={r.transformer} data-transformer={r.transformer}>
            <td>{r.transformer}</td><td className="num">{num(r.rating_kva)} kVA</td>
            <td className="num">{num(r.before_kva)} kVA <span className="small quiet">{t.at(r.before_at)}</span></td>
            <td className="num"><b>{num(r.after_kva)} kVA</b> <span className="small quiet">{t.at(r.after_at)}</span></td>
            <td><Bar now={r.after_pct} before={r.before_pct} said={t.loadingSaid} /></td>
            <td className="num">{r.rating_kva === null ? '–' : t.fromTo(count(r.over_before_min), count(r.over_after_min), 'min')}</td>
          </tr>
        ))}</tbody>
        <Cut of={of.transformers.length} columns={6} />
      </table>
    </div>
  );
}

export function Devices({ of }: { of: Day }) {
  const rows = [...of.devices].sort((a, b) => b.curtailed_kwh - a.curtailed_kwh).slice(0, ROWS);
  return (
    <div className="wide tall" tabIndex={0} role="region" aria-label={t.devicesTitle(of.devices.length)}>
      <table className="simple" data-testid="day-devices">
        <thead><tr><th>{t.device}</th><th>{t.class}</th><th>{t.program}</th><th className="num">{t.curtailed} (kWh)</th><th className="num">{t.prepared} (kWh)</th><th className="num">{t.rebounded} (kWh)</th><th className="num">{t.shifted} (kWh)</th><th className="num">{t.saved} (kWh)</th></tr></thead>
        <tbody>{rows.map((d) => <tr key={d.device}><td>{d.device}</td><td>{t.classes[d.class] ?? d.class}</td><td>{d.program ?? '–'}</td>{[d.curtailed_kwh, d.prepared_kwh, d.rebounded_kwh, d.shifted_kwh, d.saved_kwh].map((x, i) => <td className="num" key={i}>{energy(x, 2)}</td>)}</tr>)}</tbody>
        <Cut of={of.devices.length} columns={8} />
      </table>
    </div>
  );
}

export function BooksTable({ of }: { of: Day }) {
  const b = of.books;
  const rows: [string, number, string][] = [
    [t.withoutEvents, b.base_kwh, t.booksText.base], [t.withEvents, b.event_kwh, t.booksText.event], [t.curtailed, b.curtailed_kwh, t.booksText.curtailed], [t.prepared, b.prepared_kwh, t.booksText.prepared],
    [t.rebounded, b.rebounded_kwh, t.booksText.rebounded], [t.shifted, b.shifted_kwh, t.booksText.shifted], [t.saved, b.saved_kwh, t.booksText.saved],
  ];
  return (
    <>
      <table className="simple" data-testid="books"><tbody>{rows.map(([what, kwh, text]) => <tr key={what}><th scope="row">{what}</th><td className="num">{energy(kwh, 3)} kWh</td><td className="small quiet">{text}</td></tr>)}</tbody></table>
      <p className="small">{t.residual(num(b.residual_kwh, 2), num(b.largest_residual_kwh, 2))} {t.mismatch(num(of.mismatch_va, 2))}</p>
    </>
  );
}

export function FindingList({ of }: { of: Finding[] }) {
  return <ul className="plainlist" data-testid="day-findings">{of.map((f, i) => <li key={i}><Severity of={f.severity} /> {f.message}{f.detail && <> · {f.detail}</>}{f.hint && <> <i>{f.hint}</i></>} <code>{f.code}</code></li>)}</ul>;
}

export function MeasuredTables({ of }: { of: Measured }) {
  return (
    <>
      <p className="small">{t.reports(count(of.reports), count(of.readings), of.left_out ? count(of.left_out) : '')}</p>
      <table className="simple" data-testid="measured">
        <thead><tr><th>{t.event}</th><th className="num">{t.participants}</th><th className="num">{t.baseline} (kWh)</th><th className="num">{t.metered} (kWh)</th><th className="num">{t.measured} (kWh)</th><th className="num">{t.incentives}</th><th className="num">{t.penalties}</th></tr></thead>
        <tbody>{of.events.map((e) => <tr key={e.name}><td>{e.name}</td><td className="num">{count(e.n_participants)}</td><td className="num">{num(e.baseline_kwh)}</td><td className="num">{num(e.metered_kwh)}</td><td className="num"><b>{num(e.measured_kwh)}</b></td><td className="num">{fixed(e.incentives, 2)}</td><td className="num">{fixed(e.penalties, 2)}</td></tr>)}</tbody>
      </table>
      {of.participants.length === 0 ? <p className="quiet">{t.noParticipants}</p> : (
        <div className="wide tall" tabIndex={0} role="region" aria-label={t.participants}>
          <table className="simple">
            <thead><tr><th>{t.event}</th><th>{t.device}</th><th>{t.program}</th><th className="num">{t.asked} (kWh)</th><th className="num">{t.baseline} (kWh)</th><th className="num">{t.metered} (kWh)</th><th className="num">{t.measured} (kWh)</th><th className="num">{t.incentives}</th><th className="num">{t.penalties}</th></tr></thead>
            <tbody>{of.participants.slice(0, ROWS).map((p) => <tr key={`${p.event} ${p.device}`}><td>{p.event}</td><td>{p.device}</td><td>{p.program}</td><td className="num">{num(p.asked_kwh)}</td><td className="num">{num(p.baseline_kwh)}{p.baseline_se_kwh !== null && <> ± {num(p.baseline_se_kwh, 2)}</>}</td><td className="num">{num(p.metered_kwh)}</td><td className="num"><b>{num(p.measured_kwh)}</b></td><td className="num">{fixed(p.payment?.incentive, 2)}</td><td className="num">{fixed(p.payment?.penalty, 2)}</td></tr>)}</tbody>
            <Cut of={of.participants.length} columns={9} />
          </table>
        </div>
      )}
    </>
  );
}
