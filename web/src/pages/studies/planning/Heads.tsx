/** What each kind of answer says first: one sentence and its few figures. */

import { strings } from '../../../strings';
import { count, fieldName, num, plural } from '../../../ui/format';
import { FiguresTable, headline } from '../scenarios/PreviewPane';
import type { Figures } from '../scenarios/data';
import type { Answer } from './data';

const t = strings.planning;
const scenarios = strings.scenarios;

type Facts = Record<string, number | null | undefined>;

/** Words of a list; a dash for none. */
const listed = (names: unknown) => (Array.isArray(names) && names.length > 0 ? names.join(', ') : '–');

const momentOf = (moment: unknown): string => (moment === 'snapshot' || moment === undefined || moment === null ? (t.hourWords.snapshot ?? '') : String(moment));

export function ContingencyHead({ answer }: { answer: Answer }) {
  const s = answer.summary;
  const worst = s.worst as { outage: string; moment: string; solved: unknown; unserved_kw: number | null } | null;
  const facts = Object.entries(t.outageFacts).filter(([key]) => typeof s[key] === 'number' && (s[key] as number) > 0);
  return (
    <>
      <p className="headline">{t.outagesHead(plural(s.outages as number, 'outage'), count(s.harmless as number))}</p>
      <ul>{facts.map(([key, words]) => <li key={key} data-field={key}>{count(s[key] as number)} {words}</li>)}</ul>
      {worst && <p>{t.worstOutage(worst.outage, momentOf(worst.moment), num(worst.unserved_kw), t.solvedWords[String(worst.solved)] ?? String(worst.solved))}</p>}
    </>
  );
}

export function RestorationHead({ answer }: { answer: Answer }) {
  const s = answer.summary;
  const isolated = (s.isolated ?? {}) as Facts;
  const restored = (s.restored ?? {}) as Facts;
  const lost = isolated.unserved_kw ?? null;
  const faulted = s.faulted_kw as number | null | undefined;
  const moment = momentOf(s.moment);
  const operations = (s.operations ?? []) as string[];
  const upper = moment.charAt(0).toUpperCase() + moment.slice(1);
  return (
    <>
      <p className="headline">{lost === 0 ? t.nothingLost(upper) : t.restoredHead(upper, num(s.restored_kw as number), num(lost), num(restored.unserved_kw ?? (lost !== null && typeof s.restored_kw === 'number' ? lost - s.restored_kw : null)))}</p>
      {typeof faulted === 'number' && faulted > 0 && <p>{t.faultedKw(num(faulted))}</p>}
      <p>{t.partedBy}: {listed(s.isolation)}</p>
      {operations.length === 0 ? <p>{t.noOperations}</p> : <><b>{t.order}</b><ol>{operations.map((o) => <li key={o}>{o}</li>)}</ol></>}
      <p className="quiet small">{s.is_exact === true ? t.exact : typeof s.gap_kw === 'number' ? t.gap(num(s.gap_kw)) : ''} {t.work(plural(s.plans as number, 'plan'), plural(s.power_flows as number, 'power flow'))}</p>
    </>
  );
}

interface HourRow { moment: string; losses_today_kw: number | null; losses_found_kw: number | null; v_min_today_pu: number | null; v_min_found_pu: number | null }

export function ReconfigurationHead({ answer }: { answer: Answer }) {
  const s = answer.summary;
  const today = (s.today ?? {}) as Facts;
  const found = (s.found ?? {}) as Facts;
  const operations = (s.operations ?? []) as string[];
  const hours = (s.hours ?? []) as HourRow[];
  const [a, b] = [today.losses_kwh ?? null, found.losses_kwh ?? null];
  const change = a !== null && b !== null && a !== 0 ? `${b > a ? '+' : ''}${num(((b - a) / a) * 100, 3)} %` : scenarios.same;
  // A snapshot lasts no time: its losses are a power.
  const isSnapshot = hours.length === 1 && hours[0]?.moment === 'snapshot';
  return (
    <>
      <p className="headline">{operations.length === 0 ? t.nothingBetter : answer.params.aim === 'overload' ? t.overloadHead(num(today.overload_pct), num(found.overload_pct)) : (isSnapshot ? t.snapshotHead : t.movedHead)(num(a), num(b), change)}</p>
      {operations.length > 0 && <><b>{t.order}</b><ol>{operations.map((o) => <li key={o}>{o}</li>)}</ol></>}
      <dl className="facts"><dt>{t.openToday}</dt><dd>{listed(s.open_today)}</dd><dt>{t.openFound}</dt><dd>{listed(s.open_found)}</dd></dl>
      {hours.length > 0 && (
        <table className="simple" style={{ width: 'auto' }}>
          <thead><tr><th>{t.momentHead}</th><th className="num">{t.lossesToday} (kW)</th><th className="num">{t.lossesFound} (kW)</th><th className="num">{t.vToday} (pu)</th><th className="num">{t.vFound} (pu)</th></tr></thead>
          <tbody>{hours.slice(0, 24).map((h) => <tr key={h.moment}><td>{momentOf(h.moment)}</td><td className="num">{num(h.losses_today_kw)}</td><td className="num">{num(h.losses_found_kw)}</td><td className="num">{num(h.v_min_today_pu)}</td><td className="num">{num(h.v_min_found_pu)}</td></tr>)}</tbody>
        </table>
      )}
      <p className="quiet small">{s.is_exact === true ? t.proven : t.notProven} {t.trees(plural(s.trees as number, 'tree'), plural(s.power_flows as number, 'power flow'))}</p>
    </>
  );
}

export interface LimitCounts { new: number; worsened: number; added: number; same: number; eased: number; mended: number; gone: number; base_h: number; case_h: number; new_h: number; mended_h: number }
export interface CaseSummary { case: string; scenario: unknown; feeders: number; steps_left_out: number; limits: Record<string, LimitCounts>; totals_base: Facts; totals_case: Facts }

export const casesOf = (answer: Answer): CaseSummary[] => (answer.summary.cases ?? []) as CaseSummary[];

/** A scenario's name, however it is told. */
const scenarioName = (of: unknown): string => (typeof of === 'string' ? of : typeof of === 'object' && of !== null && typeof (of as { name?: unknown }).name === 'string' ? (of as { name: string }).name : '');

export function ComparisonHead({ answer }: { answer: Answer }) {
  const base = String(answer.summary.base ?? answer.params.base ?? '');
  return (
    <>
      {casesOf(answer).map((c) => {
        const limits = Object.entries(c.limits);
        const sum = (key: keyof LimitCounts) => limits.reduce((n, [, l]) => n + (l[key] ?? 0), 0);
        const scenario = scenarioName(c.scenario);
        const totals = Object.keys(c.totals_base).filter((k) => typeof c.totals_case[k] === 'number' && typeof c.totals_base[k] === 'number');
        return (
          <div key={c.case} className="stack" data-case={c.case}>
            <p className="headline">{t.compareHead(scenario ? `${c.case} (${t.ofScenario(scenario)})` : c.case, base, num(sum('new_h')), num(sum('mended_h')))} {t.newAssets(plural(sum('new'), 'limit'), plural(sum('mended'), 'limit'))}</p>
            {c.steps_left_out > 0 && <p role="note">{t.leftOut(count(c.steps_left_out))}</p>}
            <div className="row wrap top" style={{ gap: 24 }}>
              {limits.length > 0 && (
                <table className="simple" style={{ width: 'auto' }}>
                  <thead><tr><th>{t.limitHead}</th><th className="num">{t.baseWord} (h)</th><th className="num">{t.case} (h)</th><th className="num">{t.newH} (h)</th><th className="num">{t.mendedH} (h)</th></tr></thead>
                  <tbody>{limits.map(([limit, l]) => <tr key={limit} data-limit={limit}><td>{t.limitsOf[limit] ?? limit}</td><td className="num">{num(l.base_h)}</td><td className="num">{num(l.case_h)}</td><td className="num" data-value={l.new_h}>{num(l.new_h)}</td><td className="num">{num(l.mended_h)}</td></tr>)}</tbody>
                </table>
              )}
              <table className="simple" style={{ width: 'auto' }}>
                <thead><tr><th>{t.totalsHead}</th><th className="num">{t.baseWord}</th><th className="num">{t.case}</th><th>{strings.studies.unit}</th></tr></thead>
                <tbody>{totals.map((k) => { const f = fieldName(k); return <tr key={k}><td>{f.words}</td><td className="num">{num(c.totals_base[k])}</td><td className="num">{num(c.totals_case[k])}</td><td className="quiet">{f.unit}</td></tr>; })}</tbody>
              </table>
            </div>
          </div>
        );
      })}
    </>
  );
}

export function ScenarioHead({ answer }: { answer: Answer }) {
  const figures = answer.summary.figures as Figures | undefined;
  const facts = (answer.summary.facts ?? []) as { layer: string; facts: string[] }[];
  if (!figures) return null;
  return (
    <>
      <p className="headline">{headline(figures)}</p>
      <FiguresTable figures={figures} />
      {facts.some((f) => f.facts.length > 0) && <details><summary>{scenarios.facts}</summary>{facts.filter((f) => f.facts.length > 0).map((f) => <div key={f.layer}><b>{f.layer}</b><ul>{f.facts.map((x) => <li key={x}>{x}</li>)}</ul></div>)}</details>}
    </>
  );
}

export function SweepHead({ answer }: { answer: Answer }) {
  const s = answer.summary;
  const failed = Number(s.failed ?? 0);
  return <p className="headline">{t.sweepHead(plural(s.samples as number, 'sample'), listed(s.parameters), failed > 0 ? count(failed) : '')}</p>;
}

export const HEADS: Record<string, (props: { answer: Answer }) => React.ReactNode> = { contingency: ContingencyHead, restoration: RestorationHead, reconfiguration: ReconfigurationHead, comparison: ComparisonHead, scenario: ScenarioHead, sweep: SweepHead };
