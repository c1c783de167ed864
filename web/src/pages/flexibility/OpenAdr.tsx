/** What clients of OpenADR see, and how one is connected. */

import { useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { strings } from '../../strings';
import { count, span, when } from '../../ui/format';
import { Empty, Loaded, Panel } from '../../ui/parts';
import { BASE, firstPayload, intervalsOf, secondsOf, SHOWN, targetsText, useOpen, useOpenFeed, type OpenEvent, type OpenProgram, type OpenReport, type Ven } from './openadr';

const t = strings.flexibility.open;

export function OpenAdr() {
  const client = useQueryClient();
  useOpenFeed();
  const programs = useOpen<OpenProgram>('programs');
  const events = useOpen<OpenEvent>('events');
  const vens = useOpen<Ven>('vens');
  const reports = useOpen<OpenReport>('reports');
  const nameOf = (programID: string) => programs.data?.find((p) => p.id === programID)?.programName ?? programID;
  const eventOf = (eventID: string) => events.data?.find((e) => e.id === eventID)?.eventName ?? eventID;
  return (
    <div className="stack openadr" data-testid="openadr">
      <Connect />
      <div className="row"><span className="grow quiet small">{t.text}</span><button onClick={() => void client.invalidateQueries({ queryKey: ['openadr'] })}>{strings.refresh}</button></div>
      <Panel title={t.events}><Loaded query={events}>{(all) => <Rows id="open-events" heads={[t.event, t.program, t.start, t.intervals, t.payload, t.targets, t.made]} limit={SHOWN} none={[t.noEvents, t.noEventsText]} rows={all.map((e) => {
        // The length is that of one interval.
        const seconds = secondsOf(e.intervalPeriod?.duration);
        const length = seconds === null ? (e.intervalPeriod?.duration ?? '–') : span(seconds);
        return { id: e.id, cells: [e.eventName ?? e.id, nameOf(e.programID), when(e.intervalPeriod?.start), `${count(e.intervals.length)} × ${length}`, <code key="p">{firstPayload(e) || '–'}</code>, targetsText(e.targets), when(e.createdDateTime)] };
      })} />}</Loaded></Panel>
      <Panel title={t.programs}><Loaded query={programs}>{(all) => <Rows id="open-programs" heads={[t.program, t.targets, t.made]} none={[t.noPrograms, t.noEventsText]} rows={all.map((p) => ({ id: p.id, cells: [p.programName, targetsText(p.targets), when(p.createdDateTime)] }))} />}</Loaded></Panel>
      <Panel title={t.vens}><Loaded query={vens}>{(all) => <Rows id="open-vens" heads={[t.ven, t.clientId, t.targets, t.made]} none={[t.noVens, t.noVensText]} rows={all.map((v) => ({ id: v.id, cells: [v.venName, <code key="c">{v.clientID}</code>, targetsText(v.targets), when(v.createdDateTime)] }))} />}</Loaded></Panel>
      <Panel title={t.reports}><Loaded query={reports}>{(all) => <Rows id="open-reports" heads={[t.ven, t.event, t.resources, t.intervals, t.made]} limit={SHOWN} none={[t.noReports, t.noReportsText]} rows={all.map((r) => ({ id: r.id, cells: [r.clientName, eventOf(r.eventID), r.resources.slice(0, 5).map((x) => x.resourceName).join(', ') + (r.resources.length > 5 ? ` … (${count(r.resources.length)})` : ''), count(intervalsOf(r)), when(r.createdDateTime)] }))} />}</Loaded></Panel>
    </div>
  );
}

interface Listed {
  id: string;
  heads: string[];
  rows: { id: string; cells: ReactNode[] }[];
  /** As many were asked for: there may be more. */
  limit?: number;
  none: [title: string, text: string];
}

function Rows({ id, heads, rows, limit, none }: Listed) {
  if (rows.length === 0) return <Empty title={none[0]}>{none[1]}</Empty>;
  return (
    <div className="wide tall" tabIndex={0} role="region" aria-label={heads[0]}>
      <table className="simple" data-testid={id}>
        <thead><tr>{heads.map((h) => <th key={h}>{h}</th>)}</tr></thead>
        <tbody>{rows.map((r) => <tr key={r.id} title={r.id}>{r.cells.map((c, i) => <td key={i}>{c}</td>)}</tr>)}</tbody>
        {limit !== undefined && rows.length >= limit && <tfoot><tr><td colSpan={heads.length} className="small quiet">{t.limited(count(limit))}</td></tr></tfoot>}
      </table>
    </div>
  );
}

/** What an administrator of a client needs to know. */
function Connect() {
  const base = `${window.location.origin}${BASE}`;
  const facts: [string, ReactNode][] = [
    [t.base, <code key="b">{base}</code>], [t.token, <code key="t">{base}/auth/token</code>], [t.clientId, t.clientIdText], [t.secret, t.secretText],
  ];
  return (
    <Panel title={t.connect}>
      <p className="small">{t.connectText}</p>
      <dl className="facts">{facts.map(([what, value]) => [<dt key={what}>{what}</dt>, <dd key={`${what} is`}>{value}</dd>])}</dl>
      <details><summary>{t.example}</summary><pre tabIndex={0}>{t.exampleText(base)}</pre></details>
    </Panel>
  );
}
