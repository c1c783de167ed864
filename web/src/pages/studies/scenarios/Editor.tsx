/** One scenario: its text as cards or as it stands, what it does beside it, versions, saving. */

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useCallback, useMemo, useRef, useState } from 'react';
import { api, ApiError, asProblem } from '../../../api/client';
import { startJob, useJob } from '../../../api/jobs';
import { renew } from '../../../api/renew';
import { JobProgress } from '../../../app/JobTray';
import type { Context } from '../../../state/context';
import { useMay } from '../../../state/session';
import { useUrl } from '../../../state/url';
import { strings } from '../../../strings';
import { Dialog, Loaded, Panel, ProblemView, RoleButton, StateMark, Tabs } from '../../../ui/parts';
import { Cards } from './Cards';
import { scenarioPath, unsaved, useDraft, useFiles, useScenario, useSchema, useVersions, type LineFinding, type Scenario, type ScenarioRow } from './data';
import { begun, layerOfLine, layersOf, parsed } from './document';
import { PreviewPane } from './PreviewPane';
import { TextView, type Goal } from './TextView';
import { Difference, Versions } from './Versions';

const t = strings.scenarios;

/** A scenario that is kept, at the version of the address. */
export function Opened({ context, project, name }: { context: Context; project: string; name: string }) {
  const url = useUrl();
  const query = useScenario(project, name, url.get('sv'));
  return <Loaded query={query}>{(of) => <Editor key={`${name} ${of.version}`} context={context} project={project} name={name} opened={of} />}</Loaded>;
}

/** One that is not kept yet. */
export function Begun({ context, project, name }: { context: Context; project: string; name: string }) {
  const kept = useMemo(() => unsaved.get(project, name), [project, name]);
  const row: Scenario = { name, version: 0, title: name, layers: [], author: '', time_utc: '', note: '', files: [], text: kept?.text ?? begun(name) };
  return <Editor key={name} context={context} project={project} name={name} opened={row} />;
}

/** Diagnostics of the text itself have its file's name; those of a file that it includes have that one's. */
const ownFindings = (files: string[]) => (f: LineFinding) => typeof f.source?.line === 'number' && !files.includes((f.source.file ?? '').replace(/^.*\//, ''));

function Editor({ context, project, name, opened }: { context: Context; project: string; name: string; opened: Scenario }) {
  const url = useUrl();
  const client = useQueryClient();
  const may = useMay('engineer');
  const schema = useSchema();
  const files = useFiles(project);
  const isNew = opened.version === 0;
  const versions = useVersions(project, isNew ? '' : name);
  const newest = isNew ? 0 : (versions.data?.[0]?.version ?? opened.version);
  // The newest version of now is compared with that of the address: without one there, what is opened is the newest.
  const isOlder = url.get('sv') !== null && opened.version < newest;
  const [text, setText] = useState(opened.text);
  const [base, setBase] = useState(opened.version);
  const [kept, setKept] = useState(() => { const found = isNew ? null : unsaved.get(project, name); return found && found.text !== opened.text ? found : null; });
  const [goal, setGoal] = useState<Goal | null>(null);
  const [note, setNote] = useState('');
  const [fromDay, setFromDay] = useState<number | null>(null);
  const [removing, setRemoving] = useState(false);
  const latest = useRef(text);
  const disabled = !may || isOlder;
  const change = useCallback((next: string) => {
    latest.current = next;
    setText(next);
    unsaved.set(project, name, next === opened.text && opened.version !== 0 ? null : { text: next, base });
  }, [project, name, opened.text, opened.version, base]);
  const isChanged = text !== opened.text || isNew;
  const of = useMemo(() => parsed(text), [text]);
  const draft = useDraft(project, text, context.network, context.version, fromDay);
  const isOwn = ownFindings((files.data ?? []).map((f) => f.name));
  const layers = useMemo(() => (of.fault ? [] : layersOf(of)), [of]);
  // Lines are those of the text that was looked at, not of the one that is typed now.
  const fresh = draft.isPlaceholderData ? [] : (draft.data?.findings ?? []).filter(isOwn);
  const marks = new Map<number, string>();
  for (const f of fresh) { const line = f.source?.line as number; if (marks.get(line) !== 'error') marks.set(line, f.severity); }
  const look = url.get('look') === 'text' ? 'text' : url.get('look') === 'versions' && !isNew ? 'versions' : 'cards';
  const goLine = (line: number) => { url.set({ look: 'text' }); setGoal({ line }); };

  const save = useMutation({
    mutationFn: (asked: { text: string; base: number; note: string }) => api.put<ScenarioRow>(scenarioPath(project, name), asked),
    onSuccess: (row, asked) => {
      if (latest.current === asked.text) unsaved.set(project, name, null);
      else unsaved.set(project, name, { text: latest.current, base: row.version });
      setNote('');
      client.setQueryData(['scenarios', project, name, null], { ...row, text: asked.text });
      url.set({ part: null, sv: null, scenario: name });
      void renew(client, ['scenarios', project]);
    },
  });
  const isConflict = save.error instanceof ApiError && save.error.problem.status === 409;
  const remove = useMutation({
    mutationFn: () => api.delete(scenarioPath(project, name)),
    onSuccess: () => { unsaved.set(project, name, null); url.set({ scenario: null, sv: null, look: null, part: null }); void renew(client, ['scenarios', project]); },
  });
  const keep = useMutation({
    mutationFn: () => startJob({ kind: 'scenario', project, params: { scenario: { name }, network: context.network, ...(context.version ? { version: Number(context.version) } : {}) } }, crypto.randomUUID?.() ?? String(Math.random())),
    onSuccess: (made) => { url.set({ job: made.id }); void renew(client, ['jobs']); },
  });
  const job = useJob(url.get('job'));
  const made = job.data?.kind === 'scenario' ? job.data : null;
  const openNewest = () => { unsaved.set(project, name, null); save.reset(); url.set({ sv: null, part: null }); void renew(client, ['scenarios', project]); };
  const later = isChanged || isOlder || isNew;
  const go = (patch: Record<string, string | null>) => url.set({ sv: null, look: null, job: null, part: null, ...patch }, true);
  return (
    <div className="stack">
      <Panel className="scenario-head" title={<>{name} <span className="quiet">{isNew ? t.new : `${t.version} ${opened.version}`}</span>{isChanged && !isOlder && <span className="chip">{t.unsavedMark}</span>}</>} actions={<>
        <RoleButton allowed={may} role="engineer" disabled={later} title={later ? t.unsavedFirst : undefined} onClick={() => go({ tab: 'new', scenario: name })}>{t.run}</RoleButton>
        <RoleButton allowed={may} role="engineer" disabled={later || !context.network || keep.isPending} title={later ? t.unsavedFirst : undefined} onClick={() => keep.mutate()}>{t.keep}</RoleButton>
        <RoleButton allowed={may} role="engineer" disabled={later} title={later ? t.unsavedFirst : undefined} onClick={() => go({ tab: 'planning', part: 'ask', ask: 'sweep', scenario: name })}>{t.sweep}</RoleButton>
        {!isNew && <RoleButton allowed={may} role="engineer" className="danger" onClick={() => setRemoving(true)}>{t.delete}</RoleButton>}
      </>}>
        {kept && !isOlder && (
          <div className="banner info row wrap" role="status"><span className="grow">{t.unsaved(String(kept.base))}</span>
            <button onClick={() => { setBase(kept.base); latest.current = kept.text; setText(kept.text); setKept(null); }}>{t.take}</button>
            <button onClick={() => { unsaved.set(project, name, null); setKept(null); }}>{t.drop}</button></div>
        )}
        {isOlder && <div className="banner info row wrap" role="status"><span className="grow">{t.older(String(opened.version), String(newest))}</span><RoleButton allowed={may} role="engineer" disabled={save.isPending} onClick={() => save.mutate({ text: opened.text, base: newest, note: t.noteOf(String(opened.version)) })}>{t.makeNewest}</RoleButton><button onClick={() => url.set({ sv: null })}>{t.toNewest}</button></div>}
        {keep.error ? <ProblemView problem={asProblem(keep.error)} /> : null}
        {made && <div className="stack" data-testid="scenario-job" data-state={made.state}><div className="row"><StateMark state={made.state} />{made.state === 'done' && typeof made.result?.analysis === 'string' && <button onClick={() => go({ tab: 'planning', scenario: null, answer: made.result?.analysis as string })}>{strings.planning.openAnswer}</button>}</div><JobProgress job={made} /></div>}
        <form className="toolbar" onSubmit={(e) => { e.preventDefault(); save.mutate({ text, base, note: note.trim() }); }}>
          <label className="row grow">{t.note} <input className="grow" maxLength={1000} value={note} disabled={disabled} onChange={(e) => setNote(e.target.value)} /></label>
          <RoleButton allowed={may} role="engineer" className="primary" disabled={!isChanged || isOlder || save.isPending || of.fault !== null}>{t.save}</RoleButton>
          {isChanged && !isNew && !isOlder && <button type="button" onClick={() => { change(opened.text); setBase(opened.version); save.reset(); }}>{t.discard}</button>}
          <span role="status" className="small quiet">{!isChanged && !isOlder ? t.saved(String(opened.version)) : ''}</span>
        </form>
        {isConflict ? <Conflict project={project} name={name} base={base} mine={text} onNewest={openNewest} onTop={(n) => save.mutate({ text, base: n, note: note.trim() })} /> : save.error ? <ProblemView problem={asProblem(save.error)} /> : null}
      </Panel>
      <div className="scenario-editor">
        <Panel>
          <Tabs label={t.look} at={look} onChange={(id) => url.set({ look: id === 'cards' ? null : id })} tabs={[{ id: 'cards', label: t.cards }, { id: 'text', label: t.text }, ...(isNew ? [] : [{ id: 'versions', label: t.versions }])]} />
          <div style={{ paddingTop: 10 }}>
            {look === 'text' ? <TextView text={text} disabled={disabled} marks={marks} goal={goal} onText={change} /> : look === 'versions' ? <Versions project={project} name={name} open={opened.version} mine={text} /> : (
              <Loaded query={schema}>{(of2) => <Cards schema={of2} draft={draft.data} edit={{ parsed: of, files: (files.data ?? []).map((f) => f.name), disabled, change: (next) => change(next(latest.current)) }} onLine={goLine} findingsOf={(layer) => fresh.filter((f) => (layerOfLine(layers, f.source?.line as number) ?? -1) === layer)} />}</Loaded>
            )}
          </div>
        </Panel>
        <div className="stack">
          {draft.error ? <ProblemView problem={asProblem(draft.error)} onRetry={() => void draft.refetch()} /> : null}
          <PreviewPane draft={draft.data} network={context.network} isBusy={draft.isFetching} isOld={draft.isPlaceholderData} fromDay={fromDay} onDay={setFromDay} isOwn={isOwn} onLine={goLine} />
        </div>
      </div>
      {removing && (
        <Dialog title={t.deleteSure(name)} onClose={() => setRemoving(false)}>
          <p>{t.deleteText}</p>
          {remove.error ? <ProblemView problem={asProblem(remove.error)} /> : null}
          <div className="row"><button className="danger" disabled={remove.isPending} onClick={() => remove.mutate()}>{t.delete}</button><button onClick={() => setRemoving(false)}>{strings.cancel}</button></div>
        </Dialog>
      )}
    </div>
  );
}

/** Somebody else was quicker: what is newest now, and the two ways on. */
function Conflict({ project, name, base, mine, onNewest, onTop }: { project: string; name: string; base: number; mine: string; onNewest: () => void; onTop: (newest: number) => void }) {
  const client = useQueryClient();
  const [shown, setShown] = useState(false);
  const versions = useVersions(project, name);
  // What was known before the conflict is not the newest.
  useState(() => { void renew(client, ['scenarios', project, name, 'versions']); });
  const newest = versions.data?.[0]?.version;
  return (
    <div className="problem" role="alert">
      <h3>{t.conflict}</h3>
      <Loaded query={versions} small>{() => <p>{t.conflictText(String(newest), String(base))}</p>}</Loaded>
      {newest !== undefined && (
        <div className="row wrap"><button type="button" onClick={onNewest}>{t.openNewest}</button><button type="button" onClick={() => onTop(newest)}>{t.mineOnTop}</button><button type="button" aria-expanded={shown} onClick={() => setShown(!shown)}>{t.seeDifference}</button></div>
      )}
      {shown && newest !== undefined && <Difference project={project} name={name} from={String(newest)} to="mine" mine={mine} />}
    </div>
  );
}
