/** Versions of the model: which is followed, who made each and why, what differs, a new one checked before it is kept, and the way back. */

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useDeferredValue, useMemo, useState } from 'react';
import { create } from 'zustand';
import { asProblem } from '../../api/client';
import { renew } from '../../api/renew';
import { twinApi, type ModelVersion } from '../../api/twin';
import type { Finding } from '../../api/types';
import { useMay } from '../../state/session';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { Diff } from '../../ui/Diff';
import { bytes, plural, when } from '../../ui/format';
import { Dialog, Empty, Loaded, Panel, ProblemView, RoleButton, Severity } from '../../ui/parts';
import { Table, type Column } from '../../ui/Table';
import { diffLines, hunks } from '../studies/scenarios/diff';
import { TextView, type Goal } from '../studies/scenarios/TextView';
import { followedBefore, marksOf, placeOf, wholeOf, withGaps, type Draft } from './modelVersions';
import '../studies/scenarios/scenarios.css';

const t = strings.twin.versions;

/** What is being written, kept while another page is looked at. Of commands and of a whole text each. */
const useDrafts = create<{ how: Draft['how']; commands: string; text: string | null; description: string }>(() => ({ how: 'commands', commands: '', text: null, description: '' }));

const useVersion = (id: number | null) => useQuery({ queryKey: ['twin', 'versions', id], enabled: id !== null, staleTime: Infinity, queryFn: ({ signal }) => twinApi.version(id as number, signal) });

export function ModelVersions() {
  const query = useQuery({ queryKey: ['twin', 'versions'], refetchInterval: 30_000, queryFn: ({ signal }) => twinApi.versions(signal) });
  return <Loaded query={query}>{(versions) => <Versions versions={versions} />}</Loaded>;
}

function Versions({ versions }: { versions: ModelVersion[] }) {
  const url = useUrl();
  const may = useMay('engineer');
  const [asked, setAsked] = useState<ModelVersion | null>(null);
  const active = versions.find((v) => v.is_active) ?? null;
  const log = useQuery({
    queryKey: ['twin', 'events', 'versions', active?.version_number],
    queryFn: ({ signal }) => twinApi.events(new URLSearchParams({ kind: 'system', asset: 'model', order: 'newest', size: '100' }), signal),
  });
  const before = followedBefore(versions, log.data?.events ?? []);
  const back = versions.find((v) => v.version_number === before) ?? null;
  const number = (key: string) => { const n = Number(url.get(key)); return versions.find((v) => v.version_number === n)?.version_number ?? null; };
  const chosen = number('v') ?? active?.version_number ?? null;
  const columns: Column<ModelVersion>[] = [
    { key: 'number', head: t.heads.number, numeric: true, width: 64, value: (v) => v.version_number },
    { key: 'state', head: t.heads.state, value: (v) => (v.is_active ? 0 : 1), cell: (v) => <span className="state"><svg viewBox="0 0 14 14" aria-hidden="true"><circle cx="7" cy="7" r="4.500" fill={v.is_active ? 'currentColor' : 'none'} stroke="currentColor" strokeWidth="1.500" /></svg>{v.is_active ? <b>{t.followed}</b> : <span className="quiet">{t.kept}</span>}</span> },
    { key: 'description', head: t.heads.description, value: (v) => v.description },
    { key: 'by', head: t.heads.by, value: (v) => v.created_by, cell: (v) => (v.of_files ? `${v.created_by} (${t.files})` : v.created_by) },
    { key: 'at', head: t.heads.at, value: (v) => v.created_at, cell: (v) => when(v.created_at) },
    { key: 'size', head: t.heads.size, numeric: true, value: (v) => v.bytes, cell: (v) => bytes(v.bytes) },
    { key: 'act', head: '', value: () => null, cell: (v) => (v.is_active ? null : <RoleButton allowed={may} role="engineer" onClick={(e) => { e.stopPropagation(); setAsked(v); }}>{v.version_number === before ? t.rollBack : t.activate}</RoleButton>) },
  ];
  const newest = [...versions].reverse();
  return (
    <>
      <Panel title={t.title} actions={back && <RoleButton allowed={may} role="engineer" onClick={() => setAsked(back)}>{t.rollBackTo(String(back.version_number))}</RoleButton>}>
        <p className="small quiet">{t.text}</p>
        <Table label={t.title} columns={columns} rows={newest} rowKey={(v) => v.version_number} selected={chosen} onSelect={(v) => url.set({ v: v.version_number })} height={Math.min(320, 40 + 32 * newest.length)} foot={false} empty={<Empty title={t.none} />} />
      </Panel>
      {chosen !== null && <Shown versions={versions} chosen={chosen} active={active?.version_number ?? chosen} />}
      {active && <NewVersion key={active.version_number} active={active} onKept={(v) => url.set({ v: v.version_number, vb: active.version_number, vtext: null })} />}
      {asked && active && <ActivateDialog version={asked} active={active} isBack={asked.version_number === before} onClose={() => setAsked(null)} />}
    </>
  );
}

/** A version against another one, or its text. */
function Shown({ versions, chosen, active }: { versions: ModelVersion[]; chosen: number; active: number }) {
  const url = useUrl();
  // Of one version there is nothing to compare.
  const isText = url.get('vtext') === null ? versions.length === 1 : url.get('vtext') === '1';
  const isBeside = url.get('beside') === '1';
  const asked = versions.find((v) => v.version_number === Number(url.get('vb')))?.version_number;
  // Without a choice: against the one that is followed, or that one against the version before it.
  const against = asked ?? (chosen !== active ? active : (versions.filter((v) => v.version_number < chosen).at(-1)?.version_number ?? chosen));
  const of = versions.find((v) => v.version_number === chosen);
  return (
    <Panel title={isText ? t.textOf(String(chosen)) : t.difference(String(against), String(chosen))} actions={<>
      <div className="segmented"><button aria-pressed={!isText} onClick={() => url.set({ vtext: versions.length === 1 ? 0 : null })}>{t.differenceTab}</button><button aria-pressed={isText} onClick={() => url.set({ vtext: 1 })}>{t.textTab}</button></div>
      {!isText && <div className="segmented"><button aria-pressed={!isBeside} onClick={() => url.set({ beside: null })}>{t.unified}</button><button aria-pressed={isBeside} onClick={() => url.set({ beside: 1 })}>{t.beside}</button></div>}
    </>}>
      {of && <p className="small quiet break">{of.description} · SHA-256 <code>{of.sha256.slice(0, 16)}…</code></p>}
      {isText ? <VersionText id={chosen} /> : (
        <>
          <div className="toolbar">
            <label className="row">{t.from} <select value={against} onChange={(e) => url.set({ vb: e.target.value })}>{versions.map((v) => <option key={v.version_number} value={v.version_number}>{t.name(String(v.version_number), v.is_active)}</option>)}</select></label>
            <label className="row">{t.to} <select value={chosen} onChange={(e) => url.set({ v: e.target.value, vb: against })}>{versions.map((v) => <option key={v.version_number} value={v.version_number}>{t.name(String(v.version_number), v.is_active)}</option>)}</select></label>
          </div>
          <Compared from={against} to={chosen} isBeside={isBeside} />
        </>
      )}
    </Panel>
  );
}

function Compared({ from, to, isBeside }: { from: number; to: number; isBeside: boolean }) {
  const query = useQuery({ queryKey: ['twin', 'versions', 'diff', from, to], enabled: from !== to, staleTime: Infinity, queryFn: ({ signal }) => twinApi.versionDiff(to, from, signal) });
  if (from === to) return <p className="quiet">{t.sameVersion}</p>;
  return (
    <Loaded query={query}>{(d) => (d.lines.length === 0 ? <p className="quiet">{t.sameText}</p> : (
      <>
        <p data-testid="diff-counts">{t.counts(plural(d.removed, t.line), plural(d.added, t.line))}</p>
        <Diff lines={withGaps(d.lines)} beside={isBeside} label={t.difference(String(d.before), String(d.after))} />
      </>
    ))}</Loaded>
  );
}

function VersionText({ id }: { id: number }) {
  const query = useVersion(id);
  return <Loaded query={query}>{(of) => <TextView label={t.textOf(String(id))} text={of.text} disabled marks={NO_MARKS} goal={null} onText={() => undefined} />}</Loaded>;
}

const NO_MARKS = new Map<number, string>();

function NewVersion({ active, onKept }: { active: ModelVersion; onKept: (v: ModelVersion) => void }) {
  const text = useVersion(active.version_number);
  return <Panel title={t.new}><Loaded query={text}>{(of) => <Editor active={of.text} number={active.version_number} onKept={onKept} />}</Loaded></Panel>;
}

function Editor({ active, number, onKept }: { active: string; number: number; onKept: (v: ModelVersion) => void }) {
  const client = useQueryClient();
  const may = useMay('engineer');
  const { how, commands, text: whole, description } = useDrafts();
  const [goal, setGoal] = useState<Goal | null>(null);
  const text = how === 'commands' ? commands : (whole ?? active);
  const draft: Draft = { how, text, description };
  const setText = (next: string) => useDrafts.setState(how === 'commands' ? { commands: next } : { text: next });
  const keep = useMutation({
    mutationFn: (asked: Draft) => twinApi.addVersion({ ...(asked.how === 'commands' ? { changes: asked.text.trim() } : { text: asked.text }), description: asked.description.trim() }),
    onSuccess: (made, asked) => {
      useDrafts.setState({ description: '', ...(asked.how === 'commands' ? { commands: '' } : { text: null }) });
      void renew(client, ['twin', 'versions'], ['twin', 'events']);
      onKept(made);
    },
  });
  const shown = useDeferredValue(text);
  const changes = useMemo(() => hunks(diffLines(active, wholeOf({ how, text: shown, description: t.why }, active))), [active, how, shown]);
  const isEmpty = text.trim() === '' || (how === 'text' && text === active);
  // Findings of what was sent are not those of what is written since.
  const isSame = keep.variables?.text === text && keep.variables.how === how;
  const problem = keep.error && isSame ? asProblem(keep.error) : null;
  const findings: Finding[] = problem?.findings ?? [];
  const marks = isSame && keep.variables ? marksOf(findings, keep.variables, active) : NO_MARKS;
  return (
    <form className="stack" data-testid="new-version" onSubmit={(e) => { e.preventDefault(); if (!isEmpty && description.trim() !== '') keep.mutate(draft); }}>
      <div className="row wrap">
        <div className="segmented" role="group" aria-label={t.how}>{(['commands', 'text'] as const).map((h) => <button type="button" key={h} aria-pressed={how === h} onClick={() => useDrafts.setState({ how: h })}>{t.hows[h]}</button>)}</div>
        <span className="small quiet">{how === 'commands' ? t.commandsText(String(number)) : t.wholeText(String(number))}</span>
        <span className="grow" />
        {how === 'text' && whole !== null && whole !== active && <button type="button" onClick={() => useDrafts.setState({ text: null })}>{t.startAnew}</button>}
      </div>
      <div className="whatif versions-new">
        <div className="stack" style={{ minWidth: 0 }}>
          <TextView label={t.hows[how]} text={text} disabled={!may} marks={marks} goal={goal} onText={setText} />
          <label className="field"><span>{t.description}</span><input required maxLength={500} disabled={!may} value={description} onChange={(e) => useDrafts.setState({ description: e.target.value })} /></label>
          <div className="row wrap"><RoleButton allowed={may} role="engineer" className="primary" disabled={isEmpty || description.trim() === '' || keep.isPending}>{t.keep}</RoleButton>{keep.isPending && <span className="row" role="status"><span className="spinner" /> {t.checking}</span>}{keep.isSuccess && isEmpty && <span role="status">{t.keptAs(keep.data.version_id)}</span>}<span className="small quiet">{t.keepHint}</span></div>
        </div>
        <div className="stack" style={{ minWidth: 0 }}>
          <h3 style={{ margin: 0 }}>{t.findings}</h3>
          {problem && <ProblemView problem={{ ...problem, findings: [], field: undefined }} />}
          {findings.length > 0 ? <div data-testid="version-findings">{findings.map((f, i) => <FindingRow key={i} finding={f} draft={keep.variables as Draft} active={active} onLine={(line) => setGoal({ line })} />)}</div> : !problem && <p className="quiet small">{t.noFindings}</p>}
          <h3 style={{ margin: 0 }}>{t.wouldDiffer}</h3>
          {isEmpty ? <p className="quiet small">{t.nothingYet}</p> : <Diff lines={changes} label={t.wouldDiffer} />}
        </div>
      </div>
    </form>
  );
}

function FindingRow({ finding: f, draft, active, onLine }: { finding: Finding; draft: Draft; active: string; onLine: (line: number) => void }) {
  const at = placeOf(f, draft, active);
  return (
    <div className="finding">
      <Severity of={f.severity} />{' '}
      {at?.where === 'draft' ? <button type="button" className="link" onClick={() => onLine(at.line)}>{t.atLine(String(at.line))}</button> : at?.where === 'active' ? <span>{t.atActive(String(at.line))}</span> : at?.where === 'file' ? <span>{at.file}{at.line === null ? '' : `, ${t.atLine(String(at.line))}`}</span> : null}{' '}
      {f.message} {f.element && <code>{f.element}</code>} {f.detail} {f.hint && <i>{f.hint}</i>} <code>{f.code}</code>
    </div>
  );
}

/** What would change is seen before it does; the number is typed, as a breaker's name is. */
function ActivateDialog({ version, active, isBack, onClose }: { version: ModelVersion; active: ModelVersion; isBack: boolean; onClose: () => void }) {
  const client = useQueryClient();
  const may = useMay('engineer');
  const [typed, setTyped] = useState('');
  const id = String(version.version_number);
  const go = useMutation({ mutationFn: () => twinApi.activateVersion(version.version_number), onSettled: () => void renew(client, ['twin']) });
  const isTyped = typed.trim() === id;
  return (
    <Dialog title={isBack ? t.rollBackTo(id) : t.activateTitle(id)} onClose={onClose} className="wide">
      <form className="stack" data-testid="activate" onSubmit={(e) => { e.preventDefault(); if (isTyped) go.mutate(); }}>
        {go.isSuccess ? (
          <><p role="status"><b>{t.done(id)}</b></p><div className="row"><button type="button" onClick={onClose}>{strings.close}</button></div></>
        ) : (
          <>
            <p style={{ margin: 0 }}>{t.activateText(id, String(active.version_number))}</p>
            <p className="quiet" style={{ margin: 0 }}>{version.description} ({version.created_by}, {when(version.created_at)})</p>
            <Compared from={active.version_number} to={version.version_number} isBeside={false} />
            <label className="field"><span>{t.typeNumber(id)}</span><input autoFocus inputMode="numeric" autoComplete="off" value={typed} onChange={(e) => setTyped(e.target.value)} style={{ width: 120 }} /></label>
            {go.error ? <ProblemView problem={asProblem(go.error)} /> : null}
            <div className="row"><RoleButton allowed={may} role="engineer" className="primary" disabled={!isTyped || go.isPending}>{isBack ? t.rollBackGo : t.activateGo}</RoleButton><button type="button" onClick={onClose}>{strings.cancel}</button>{go.isPending && <span className="row" role="status"><span className="spinner" /> {t.activating}</span>}</div>
          </>
        )}
      </form>
    </Dialog>
  );
}
