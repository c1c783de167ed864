/** A question in plain words: how it is read is shown before anything runs, and nothing is guessed. */

import { useEffect, useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { api, asProblem, path } from '../../api/client';
import { pageOf } from '../../api/data';
import type { Page, Problem } from '../../api/types';
import type { Context } from '../../state/context';
import { commonOf, patched, useUrl } from '../../state/url';
import { strings } from '../../strings';
import { CopyRequest } from '../../ui/CopyRequest';
import { Loaded, Panel, ProblemView } from '../../ui/parts';
import { unsaved, type ScenarioRow } from '../studies/scenarios/data';
import { useQuestion, type QuestionAnswer, type Reading } from './data';
import { chipsOf, freeName, marked, studyOf } from './logic';
import { QuestionLine } from './QuestionLine';

const t = strings.models.question;

export function Question({ context, project }: { context: Context; project: string }) {
  const url = useUrl();
  const asked = url.get('ask') ?? '';
  const [text, setText] = useState(asked);
  // The address leads: back, forward and links show what was asked then.
  useEffect(() => setText(asked), [asked]);
  const study = url.get('of');
  const year = /^\d{4}$/.test(url.get('year') ?? '') ? Number(url.get('year')) : null;
  const query = useQuestion(project, asked, study, year);
  const body = { text: asked, ...(study ? { study } : {}), ...(year === null ? {} : { year }) };
  return (
    <Panel title={t.title} className="question" actions={asked !== '' ? <><CopyRequest of={{ method: 'POST', address: path('projects', project, 'questions'), body }} /><button onClick={() => url.set({ ask: null, of: null, year: null, reading: null }, true)}>{t.again}</button></> : undefined}>
      <QuestionLine text={text} onText={setText} onAsk={() => url.set({ ask: text.trim(), reading: null }, true)}>
        {asked !== '' && (context.runs?.length ?? 0) > 1 && <label className="row">{t.study} <select value={study ?? ''} onChange={(e) => url.set({ of: e.target.value || null })}><option value="">{t.anyStudy}</option>{context.runs?.map((r) => <option key={r.id}>{r.id}</option>)}</select></label>}
        {asked !== '' && <label className="row" title={t.yearHint}>{t.year} <input type="number" min={1900} max={2200} step={1} style={{ width: 84 }} value={url.get('year') ?? ''} onChange={(e) => url.set({ year: e.target.value || null })} /></label>}
      </QuestionLine>
      {asked === '' ? <p className="small quiet" style={{ margin: '6px 0 0' }}>{t.hint}</p> : <div style={{ marginTop: 8 }} data-testid="readings"><Loaded query={query} small>{(answer) => <Understood project={project} asked={asked} answer={answer} />}</Loaded></div>}
    </Panel>
  );
}

function Understood({ project, asked, answer }: { project: string; asked: string; answer: QuestionAnswer }) {
  const url = useUrl();
  const { readings } = answer;
  if (readings.length === 0) return <NotUnderstood asked={asked} answer={answer} />;
  const told = Number(url.get('reading'));
  const at = readings.length === 1 ? 0 : url.get('reading') !== null && Number.isInteger(told) && told >= 1 && told <= readings.length ? told - 1 : null;
  const chosen = at === null ? null : readings[at];
  return (
    <div className="stack">
      {readings.length === 1 ? <b role="status">{t.understood}</b> : <b role="status">{t.several(String(readings.length))}</b>}
      {readings.map((r, i) => (
        <div key={i} className={`reading ${i === at ? 'chosen' : ''}`} data-reading={i + 1}>
          <div className="row wrap"><span className="grow">{r.words}</span>{readings.length > 1 && <button aria-pressed={i === at} onClick={() => url.set({ reading: i + 1 })}>{i === at ? t.chosen : t.choose}</button>}</div>
          <Chips of={r} />
          {r.notes.length > 0 && <ul className="small quiet">{r.notes.map((n) => <li key={n}>{n}</li>)}</ul>}
        </div>
      ))}
      {chosen && <What project={project} reading={chosen} studies={answer.studies} />}
    </div>
  );
}

function Chips({ of }: { of: Reading }) {
  return <ul className="chips" aria-label={t.understood}>{chipsOf(of.query, t.chips).map((c, i) => <li key={i} className={`chip part-${c.part}`}><span className="quiet">{t.parts[c.part]}</span> {c.text}</li>)}</ul>;
}

/** What can be done with a reading: its query, and the scenario that it is about. */
function What({ project, reading, studies }: { project: string; reading: Reading; studies: string[] }) {
  const navigate = useNavigate();
  const [fault, setFault] = useState<Problem | null>(null);
  const common = commonOf(window.location.search);
  const study = studyOf(reading.query);
  const open = async (text: string) => {
    setFault(null);
    try {
      const rows = pageOf(await api.get<Page<ScenarioRow> | ScenarioRow[]>(path('projects', project, 'scenarios'))).items;
      const name = freeName('asked', (n) => rows.some((r) => r.name === n) || (unsaved.get(project, n)?.text ?? text) !== text);
      unsaved.set(project, name, { text, base: 0 });
      void navigate({ pathname: '/studies', search: patched(common, { tab: 'scenarios', scenario: name, part: 'new' }) });
    } catch (error) {
      setFault(asProblem(error));
    }
  };
  return (
    <>
      {reading.needs_scenario && (
        <div className="stack">
          <h3>{t.scenario}</h3>
          {reading.scenario !== null && <><pre className="log" tabIndex={0} aria-label={t.scenario}>{reading.scenario}</pre><div className="row"><button onClick={() => void open(reading.scenario ?? '')}>{t.openScenario}</button></div></>}
          {reading.no_scenario !== null && <p>{t.noScenario(reading.no_scenario)}</p>}
          {fault && <ProblemView problem={fault} />}
        </div>
      )}
      <div className="stack">
        <h3>{t.sql}</h3>
        {reading.needs_scenario && reading.sql !== null && <p role="note"><b>{t.needsScenario}</b></p>}
        {reading.sql !== null && <>
          <pre className="log" tabIndex={0} aria-label={t.sql} data-testid="asked-sql">{reading.sql}</pre>
          {reading.sql_notes.length > 0 && <ul className="small quiet">{reading.sql_notes.map((n) => <li key={n}>{n}</li>)}</ul>}
          {studies.length === 0 ? <p>{t.noStudies} <Link className="button" to={{ pathname: '/studies', search: patched(common, { tab: 'new' }) }}>{t.newStudy}</Link></p> : <div className="row"><Link className="button" to={{ pathname: '/studies', search: patched(common, { tab: 'sql', sql: reading.sql }) }}>{t.runSql}</Link></div>}
        </>}
        {reading.no_sql !== null && <p>{t.noSql(reading.no_sql)}{study !== null && <> <Link className="button" to={{ pathname: '/studies', search: patched(common, { tab: 'planning', part: 'ask', ask: study }) }}>{t.askStudy(strings.planning.studies[study] ?? study)}</Link></>}</p>}
      </div>
    </>
  );
}

function NotUnderstood({ asked, answer }: { asked: string; answer: QuestionAnswer }) {
  const unknown = [...answer.unknown_words, ...answer.unknown_names];
  return (
    <div className="stack" role="status">
      <b>{t.not}</b>
      <p className="asked">{marked(asked, unknown).map((piece, i) => (piece.isUnknown ? <mark key={i} title={t.unknownWord}>{piece.text}</mark> : piece.text))}</p>
      <ul>
        {answer.unknown_words.length > 0 && <li>{t.unknownWords(answer.unknown_words.join(', '))}</li>}
        {answer.unknown_names.length > 0 && <li>{t.unknownNames(answer.unknown_names.join(', '))}</li>}
        {answer.reasons.map((r) => <li key={r}>{r}</li>)}
      </ul>
    </div>
  );
}
