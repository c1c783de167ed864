/** A day of flexible demand on a desk: its document, its events in figures and courses, what is published of it, and what was measured. */

import { useState, type ReactNode } from 'react';
import { asProblem } from '../../api/client';
import { useMay } from '../../state/session';
import { strings } from '../../strings';
import { count, fixed, num, when } from '../../ui/format';
import { Empty, FigureCards, Loaded, Panel, Priority, ProblemView, RoleButton, Spinner } from '../../ui/parts';
import { Bar } from './Bar';
import { nextDate, pctOf, startsAt, useDay, useDayAct, useMeasured, weekdayOf, worstOf, type Baseline, type Day, type DayActing, type DayAnswer, type EventResult, type FlexibilityCase, type LeastAsked } from './day';
import { DevicesChart, TargetChart } from './DayCharts';
import { DocumentDialog, SampleDialog } from './DayForms';
import { BooksTable, Devices, FindingList, MeasuredTables, Transformers } from './DayTables';
import type { DeskState } from './desk';
import { useOpenFeed } from './openadr';

const t = strings.flexibility.day;

export function Events({ desk, of }: { desk: string; of: DeskState }) {
  const may = useMay('engineer');
  const day = useDay(desk);
  const act = useDayAct(desk);
  const [making, setMaking] = useState<'sample' | 'document' | null>(null);
  const ways = (
    <>
      <RoleButton allowed={may} role="engineer" disabled={act.isPending} onClick={() => setMaking('sample')}>{t.sample}</RoleButton>
      <RoleButton allowed={may} role="engineer" disabled={act.isPending} onClick={() => setMaking('document')}>{day.data ? t.change : t.load}</RoleButton>
    </>
  );
  return (
    <div className="stack events" data-testid="events">
      <Loaded query={day}>{(d) => d === null ? <Panel><Empty title={t.none} actions={ways}>{t.noneText}</Empty></Panel> : <Shown desk={desk} of={d} act={act} ways={ways} />}</Loaded>
      {making === 'sample' && <SampleDialog desk={desk} of={of} onClose={() => setMaking(null)} />}
      {making === 'document' && <DocumentDialog desk={desk} document={day.data?.document ?? ''} onClose={() => setMaking(null)} />}
    </div>
  );
}

interface Parts {
  desk: string;
  of: DayAnswer;
  act: DayActing;
  /** Buttons by which the day becomes another. */
  ways: ReactNode;
}

function Shown({ desk, of, act, ways }: Parts) {
  const { result, case: case_ } = of;
  const isRunning = (act.isPending && act.variables.what === 'run') || !!of.running;
  return (
    <>
      <Head of={of} act={act} ways={ways} />
      {isRunning && <Spinner text={of.running ? t.runningSince(of.running.slice(11, 19)) : t.running} />}
      {of.failed && <ProblemView problem={of.failed} />}
      {act.error && act.variables.what !== 'publish' && <ProblemView problem={asProblem(act.error)} />}
      {result?.is_stale && <p role="status" className="row"><Priority level={3} label={t.stale} /> {t.stale}</p>}
      {case_ && <Figures of={case_} result={result} />}
      {result !== null ? <Result of={result} /> : case_ && !isRunning && <Empty title={t.notRun}>{t.notRunText}</Empty>}
      {case_ && <Publish weekday={case_.day.weekday} of={of} act={act} />}
      {case_ && of.published && <MeasuredPanel desk={desk} />}
    </>
  );
}

function Head({ of, act, ways }: Omit<Parts, 'desk'>) {
  const may = useMay('engineer');
  return (
    <Panel title={of.case?.name ?? t.unfit} actions={<>
      {ways}
      <RoleButton allowed={may} role="engineer" disabled={act.isPending} onClick={() => act.mutate({ what: 'remove' })}>{t.remove}</RoleButton>
    </>}>
      {of.case ? <Run day={of.case.day} of={of} act={act} /> : <><p>{t.unfitText}</p><FindingList of={of.findings ?? []} /></>}
    </Panel>
  );
}

function Run({ day, of, act }: { day: FlexibilityCase['day']; of: DayAnswer; act: DayActing }) {
  const may = useMay('engineer');
  const [least, setLeast] = useState<LeastAsked>(of.result?.least === 'cost' ? 'cost' : 'energy');
  const [baseline, setBaseline] = useState<Baseline>(of.result?.baseline ?? 'high_five_of_ten');
  return (
    <form className="row wrap" aria-label={t.run} onSubmit={(e) => { e.preventDefault(); act.mutate({ what: 'run', least, baseline }); }}>
      <span className="quiet small">{t.dayOf(t.weekdays[day.weekday] ?? day.weekday, String(day.step_min), num(Math.min(...day.temperature_c), 3), num(Math.max(...day.temperature_c), 3))}</span>
      <span className="grow" />
      <label className="row">{t.least} <select value={least} onChange={(e) => setLeast(e.target.value as LeastAsked)}>{(['energy', 'cost'] as const).map((k) => <option key={k} value={k}>{t.leasts[k]}</option>)}</select></label>
      <label className="row">{t.settledBy} <select value={baseline} onChange={(e) => setBaseline(e.target.value as Baseline)}>{(['high_five_of_ten', 'regression'] as const).map((k) => <option key={k} value={k}>{t.baselines[k]}</option>)}</select></label>
      <RoleButton allowed={may} role="engineer" className="primary" type="submit" disabled={act.isPending || !!of.running}>{t.run}</RoleButton>
    </form>
  );
}

function Figures({ of, result }: { of: FlexibilityCase; result: Day | null }) {
  const { devices, programs, events = [] } = of;
  const worst = worstOf(result?.events ?? []);
  const rebound = result?.events.reduce<EventResult | null>((most, e) => (most === null || e.rebound_kw > most.rebound_kw ? e : most), null);
  const cards: [string, string, string][] = [
    [t.devices, count(devices.length), t.inPrograms(count(devices.filter((d) => d.program).length))],
    [t.programs, count(programs.length), programs.map((p) => p.name).join(', ')],
    [t.events, count(events.length), events.map((e) => `${e.name} ${e.start}`).join(', ')],
  ];
  if (result) cards.push(
    [t.curtailed, `${num(result.events.reduce((sum, e) => sum + e.asked_kwh, 0))} kWh`, t.netOfEvents(num(result.books.curtailed_kwh))],
    [t.rebound, rebound ? `${num(rebound.rebound_kw)} kW` : '–', rebound ? t.at(rebound.rebound_at) : t.noEvents],
    [t.target, worst ? `${fixed(pctOf(worst.before, worst.limit.value), 1)} → ${fixed(pctOf(worst.after, worst.limit.value), 1)} %` : '–', worst ? t.ofLimit(num(worst.limit.value), worst.limit.unit, worst.limit.element) : t.noEvents],
  );
  return <div data-testid="day-figures"><FigureCards of={cards} /></div>;
}

function Result({ of }: { of: Day }) {
  const [chosen, setChosen] = useState(0);
  const at = chosen < of.events.length ? chosen : 0;
  return (
    <>
      {of.findings.length > 0 && <Panel title={t.findings(of.findings.length)}><FindingList of={of.findings} /></Panel>}
      <div className="eventgrid">{of.events.map((e) => <EventPanel key={e.name} of={e} />)}</div>
      <div data-testid="day-charts">
        <Panel title={t.flowOf(of.events[at]?.limit.element ?? 'sources')} actions={of.events.length > 1 && <select value={at} onChange={(e) => setChosen(Number(e.target.value))} aria-label={t.event}>{of.events.map((e, i) => <option key={e.name} value={i}>{e.name}</option>)}</select>}>
          <TargetChart of={of} at={at} />
        </Panel>
        <Panel title={t.powerOfDevices}><DevicesChart of={of} /></Panel>
      </div>
      <Panel title={t.transformers}><Transformers of={of} /></Panel>
      <Panel title={t.devicesTitle(of.devices.length)}><Devices of={of} /></Panel>
      <Panel title={t.books}><BooksTable of={of} /><p className="small quiet">{t.ran(when(of.ran_at), t.leasts[of.least === 'cost' ? 'cost' : 'energy'], t.baselines[of.baseline])}</p></Panel>
    </>
  );
}

function EventPanel({ of }: { of: EventResult }) {
  const { limit, performance: p } = of;
  const flow = (x: number) => `${num(x)} ${limit.unit}`;
  const pct = { before: pctOf(of.before, limit.value), after: pctOf(of.after, limit.value) };
  const worth = (x: number) => (of.least === 'cost' ? t.money(fixed(x, 2)) : `${num(x)} kWh`);
  const facts: [string, string][] = [
    [t.limit, flow(limit.value)],
    [t.largest, t.fromTo(num(of.before), num(of.after), limit.unit)],
    [t.aboveLimit, t.fromTo(count(of.over_before_min), count(of.over_after_min), 'min')],
    [t.later, t.fromTo(num(of.later_before), num(of.later_after), limit.unit)],
    [t.rebound, `${num(of.rebound_kw)} kW ${t.at(of.rebound_at)}`],
    [t.gap, t.gapText(fixed(of.gap_pct, 3), worth(of.value), worth(of.optimum))],
    [t.told, t.toldOf(count(of.n_told), count(of.n_called))],
    [t.asked, `${num(of.asked_kwh)} kWh`],
    [t.measured, t.measuredText(num(p.measured_kwh), num(p.baseline_kwh), num(p.metered_kwh))],
    [t.regression, p.regression_kwh === null ? '–' : `${num(p.regression_kwh)} ± ${num(p.regression_se_kwh, 2)} kWh`],
    [t.paid, t.paidText(fixed(p.incentives, 2), fixed(p.penalties, 2))],
    [t.lowest, t.fromTo(fixed(of.lowest_v_before_pu, 4), fixed(of.lowest_v_after_pu, 4), 'pu')],
    ...(of.beyond_comfort_k > 0.005 ? [[t.comfort, `${num(of.beyond_comfort_k, 2)} K`] as [string, string]] : []),
    ...(of.beyond_shortfall_kwh > 0.005 ? [[t.shortfall, `${num(of.beyond_shortfall_kwh, 2)} kWh`] as [string, string]] : []),
    ...(of.not_returned_kwh > 0.005 ? [[t.notReturned, `${num(of.not_returned_kwh, 2)} kWh`] as [string, string]] : []),
  ];
  return (
    <div data-testid="event" data-event={of.name} data-before-pct={pct.before ?? ''} data-after-pct={pct.after ?? ''}>
      <Panel title={t.eventTitle(of.name, of.start, of.end)}>
        <p className="row wrap"><b>{limit.element}</b> <Bar now={pct.after} before={pct.before} said={t.targetSaid} /> <span className="small quiet">{t.markWithout}</span></p>
        {of.missing ? <p className="missed row" data-testid="missed"><Priority level={1} label={t.missedWord} /> {t.missed(of.missing.at, flow(of.missing.over))}</p> : <p className="small">{t.met}</p>}
        <dl className="facts">{facts.map(([what, value]) => <div key={what}><dt>{what}</dt><dd>{value}</dd></div>)}</dl>
      </Panel>
    </div>
  );
}

function Publish({ weekday, of, act }: { weekday: string; of: DayAnswer; act: DayActing }) {
  const may = useMay('engineer');
  const [date, setDate] = useState(() => nextDate(weekday, new Date()));
  const is = weekdayOf(date);
  const problem = act.error && act.variables.what === 'publish' ? asProblem(act.error) : null;
  const publish = (replace: boolean) => act.mutate({ what: 'publish', starts: startsAt(date), replace });
  return (
    <Panel title={t.publishTitle}>
      <p className="quiet small">{t.publishText}</p>
      <form className="row wrap" aria-label={t.publishTitle} onSubmit={(e) => { e.preventDefault(); publish(false); }}>
        <label className="row">{t.date} <input type="date" required value={date} onChange={(e) => setDate(e.target.value)} /></label>
        <RoleButton allowed={may} role="engineer" type="submit" disabled={act.isPending || date === '' || !of.result || of.result.is_stale}>{t.publish}</RoleButton>
        {date !== '' && <span className="small quiet">{t.midnight(startsAt(date))}</span>}
        {date !== '' && is !== weekday && <span className="small">{t.otherDay(t.weekdays[is] ?? is, t.weekdays[weekday] ?? weekday)}</span>}
        {(!of.result || of.result.is_stale) && <span className="small quiet">{t.runFirst}</span>}
      </form>
      {problem && <ProblemView problem={problem}>{problem.field === 'replace' && <p><RoleButton allowed={may} role="engineer" disabled={act.isPending} onClick={() => publish(true)}>{t.replace}</RoleButton></p>}</ProblemView>}
      {of.published && <p data-testid="published">{t.published(count(of.published.programs), count(of.published.events), when(of.published.starts), when(of.published.at))}</p>}
    </Panel>
  );
}

function MeasuredPanel({ desk }: { desk: string }) {
  const measured = useMeasured(desk);
  useOpenFeed();
  return (
    <Panel title={t.measuredTitle} actions={<button disabled={measured.isFetching} onClick={() => void measured.refetch()}>{strings.refresh}</button>}>
      <p className="quiet small">{t.measuredHow}</p>
      <Loaded query={measured}>{(m) => m.reports === 0 ? <Empty title={t.noReports}>{t.noReportsText}</Empty> : <MeasuredTables of={m} />}</Loaded>
    </Panel>
  );
}
