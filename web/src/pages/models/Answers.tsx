/** Answers of modules and kept models: what there is, and one of them with its figures, notes, card and tables. */

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, asProblem } from '../../api/client';
import { renew } from '../../api/renew';
import type { Finding } from '../../api/types';
import { useMay } from '../../state/session';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { CopyRequest } from '../../ui/CopyRequest';
import { fieldName, when } from '../../ui/format';
import { Dialog, Empty, Loaded, Panel, ProblemView, RoleButton, Severity, Tabs } from '../../ui/parts';
import { answerPath, useAnswer, type AnswerRow } from '../studies/planning/data';
import { Rows } from '../studies/planning/Rows';
import { CardBody } from './Card';
import { useLearnAnswers, useModules, type LearnAnswer } from './data';
import { cardOf, figure } from './logic';

const t = strings.models.answers;

/** What was asked: the module's title, or the model. */
function useTitle(): (a: AnswerRow) => string {
  const modules = useModules();
  return ({ params }) => {
    if (typeof params.model === 'string') return t.asked(params.model, typeof params.version === 'number' ? String(params.version) : '');
    return modules.data?.find((m) => m.id === params.module)?.title ?? String(params.module ?? strings.job.kinds.learn);
  };
}

export function Answers({ project }: { project: string }) {
  const url = useUrl();
  const query = useLearnAnswers(project);
  const title = useTitle();
  return (
    <Loaded query={query}>
      {(answers) => {
        if (answers.length === 0) return <Panel><Empty title={t.none} actions={<button onClick={() => url.set({ tab: 'modules' }, true)}>{strings.models.allModules}</button>}>{t.noneHint}</Empty></Panel>;
        const asked = url.get('answer');
        const at = asked === null ? answers[0] : answers.find((a) => a.id === asked);
        return (
          <div className="learned">
            <Panel title={t.title}>
              <ul className="runlist">
                {answers.map((a) => <li key={a.id}><button aria-current={a.id === at?.id} onClick={() => url.set({ answer: a.id, table: null, sort: null, q: null }, true)}><b className="break">{title(a)}</b><span className="small quiet">{strings.models.by(a.author, when(a.time_utc))}</span></button></li>)}
              </ul>
            </Panel>
            {at ? <AnswerView key={at.id} project={project} id={at.id} /> : <Empty title={t.unknown} actions={<button onClick={() => url.set({ answer: null })}>{t.title}</button>}>{t.unknownHint}</Empty>}
          </div>
        );
      }}
    </Loaded>
  );
}

export function AnswerView({ project, id }: { project: string; id: string }) {
  const query = useAnswer(project, id);
  return <Loaded query={query}>{(answer) => <Content project={project} answer={answer as LearnAnswer} />}</Loaded>;
}

function Content({ project, answer }: { project: string; answer: LearnAnswer }) {
  const url = useUrl();
  const client = useQueryClient();
  const may = useMay('engineer');
  const title = useTitle();
  const [removing, setRemoving] = useState(false);
  const remove = useMutation({
    mutationFn: () => api.delete(answerPath(project, answer.id)),
    onSuccess: () => { setRemoving(false); url.set({ answer: null, job: null }); void renew(client, ['analyses']); },
  });
  const { headline, figures = [], notes = [], card, model } = answer.summary;
  const table = answer.tables.find((x) => x.name === url.get('table')) ?? answer.tables[0];
  // The findings have the notes too, as far as there is room for them.
  const findings = [...answer.findings, ...notes.filter((n) => !answer.findings.some((f) => f.code === n.code && f.message === n.message && f.detail === n.detail))];
  return (
    <div className="stack" data-testid="answer" data-answer={answer.id}>
      <Panel title={title(answer)} actions={<><CopyRequest of={{ address: answerPath(project, answer.id) }} /><RoleButton allowed={may} role="engineer" onClick={() => setRemoving(true)}>{strings.planning.remove}</RoleButton></>}>
        {headline && <p className="headline" data-testid="headline"><b>{headline}</b></p>}
        <p className="quiet small">{strings.models.by(answer.author, when(answer.time_utc))} · {strings.product} {answer.engine_version}</p>
        {figures.length > 0 && <div className="figures" aria-label={t.figures} role="group">{figures.map((f) => <div className="figure" key={f.name} title={fieldName(f.name).words}><b>{figure(f.value, f.unit, 5)}</b><span>{f.meaning}</span></div>)}</div>}
        {model ? <p style={{ marginTop: 6 }}><button className="link" onClick={() => url.set({ tab: null, model: model.name, mv: model.version, cmp: null }, true)}>{typeof answer.params.model === 'string' ? t.of(model.name, String(model.version)) : t.kept(model.name, String(model.version))}</button></p> : card ? <p className="quiet">{t.notKept}</p> : null}
        {findings.length > 0 && <><h3>{t.notes}</h3><div className="stack">{findings.map((f, i) => <Note key={i} of={f} />)}</div></>}
        <details><summary>{strings.studies.params}</summary><pre className="small break">{JSON.stringify(answer.params, null, 2)}</pre></details>
      </Panel>
      {answer.tables.length === 0 ? <Panel><p className="quiet">{t.noTables}</p></Panel> : (
        <Panel>
          <Tabs label={strings.planning.tables} at={table?.name ?? ''} onChange={(name) => url.set({ table: name, sort: null, q: null })} tabs={answer.tables.map((x) => ({ id: x.name, label: x.name.replaceAll('_', ' ') }))} />
          {table && <Rows key={table.name} project={project} answer={answer} table={table} />}
        </Panel>
      )}
      {card && <><h2 className="over">{t.card}</h2><CardBody card={cardOf(card)} /></>}
      {removing && (
        <Dialog title={strings.planning.remove} onClose={() => setRemoving(false)}>
          <p>{strings.planning.removeSure}</p>
          {remove.error ? <ProblemView problem={asProblem(remove.error)} /> : null}
          <div className="row"><button className="danger" onClick={() => remove.mutate()}>{strings.planning.remove}</button><button onClick={() => setRemoving(false)}>{strings.cancel}</button></div>
        </Dialog>
      )}
    </div>
  );
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

function Note({ of }: { of: Finding }) {
  return <div className="row top" role="note"><Severity of={of.severity} /><span><b>{capital(of.message)}</b>{of.element ? ` (${of.element})` : ''}. {of.detail} {of.hint && <i>{of.hint}</i>} <code className="quiet">{of.code}</code></span></div>;
}
