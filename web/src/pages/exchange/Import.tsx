import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { Link } from 'react-router';
import { api, asProblem, path } from '../../api/client';
import { isOpen, startJob, useJob } from '../../api/jobs';
import type { Finding, Problem } from '../../api/types';
import { upload } from '../../api/upload';
import { renew } from '../../api/renew';
import { JobProgress } from '../../app/JobTray';
import { useContext } from '../../state/context';
import { useMay } from '../../state/session';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { bytes, count } from '../../ui/format';
import { Boundary, Empty, Loaded, Panel, ProblemView, RoleButton, Severity, StateMark, Tabs } from '../../ui/parts';
import { Mapping } from './Mapping';
import { Findings, LedgerTable, Rejects, type LedgerRow, type Reject } from './rows';

const t = strings.exchange;

interface Candidate {
  path: string;
  format: string;
  confidence: string;
  reason: string;
}

interface Upload {
  id: string;
  files: { name: string; bytes: number }[];
  bytes: number;
  expires: string;
  detected: Candidate | null;
  candidates: Candidate[];
}

interface Preview {
  format: string;
  network: string;
  buses: number;
  classes: { class: string; count: number }[];
  counts: { what: string; count: number }[];
  findings_total: { errors: number; warnings: number; notes: number };
  finding_codes: { severity: string; code: string; count: number }[];
  findings: Finding[];
  ledger: LedgerRow[];
  ledger_total: number;
  rejects: Reject[];
  rejects_total: number;
  figures_total: number;
  mapping: unknown;
}

/** Files of a dropped folder with their paths, in whatever depth. */
async function droppedFiles(items: DataTransferItemList): Promise<{ file: File; name: string }[]> {
  const out: { file: File; name: string }[] = [];
  const walk = async (entry: FileSystemEntry): Promise<void> => {
    if (entry.isFile) {
      const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
      out.push({ file, name: entry.fullPath.replace(/^\//, '') });
      return;
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    // A reader gives a hundred entries at a time.
    for (;;) {
      const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
      if (some.length === 0) return;
      for (const next of some) await walk(next);
    }
  };
  for (const entry of [...items].map((i) => i.webkitGetAsEntry()).filter((e): e is FileSystemEntry => e !== null)) await walk(entry);
  return out;
}

export function Import() {
  const url = useUrl();
  const may = useMay('engineer');
  const id = url.get('upload');
  if (!may) return <Empty title={t.needs} />;
  return <div className="steps">{id ? <Steps id={id} key={id} /> : <DropZone />}</div>;
}

function DropZone() {
  const url = useUrl();
  const [over, setOver] = useState(false);
  const [sent, setSent] = useState<{ done: number; total: number } | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const abort = useRef<AbortController | null>(null);
  const client = useQueryClient();
  const send = async (files: { file: File; name: string }[]) => {
    if (files.length === 0) return;
    const form = new FormData();
    for (const { file, name } of files) form.append('files', file, name);
    abort.current = new AbortController();
    setProblem(null);
    setSent({ done: 0, total: files.reduce((n, f) => n + f.file.size, 0) });
    try {
      const made = await upload<Upload>('/api/uploads', form, (done, total) => setSent({ done, total }), abort.current.signal);
      client.setQueryData(['upload', made.id], made);
      url.set({ upload: made.id }, true);
    } catch (error) {
      if (!(error instanceof DOMException && error.name === 'AbortError')) setProblem(asProblem(error));
    } finally {
      setSent(null);
    }
  };
  const chosen = (list: FileList | null) => void send([...(list ?? [])].map((file) => ({ file, name: file.webkitRelativePath || file.name })));
  return (
    <Panel title={t.step1}>
      <div
        className={`dropzone ${over ? 'over' : ''}`}
        onDragOver={(e) => { e.preventDefault(); setOver(true); }}
        onDragLeave={() => setOver(false)}
        onDrop={(e) => { e.preventDefault(); setOver(false); void droppedFiles(e.dataTransfer.items).then(send, (error: unknown) => setProblem(asProblem(error))); }}
      >
        {sent ? (
          <>
            <progress max={sent.total || undefined} value={sent.total ? sent.done : undefined} />
            <span>{t.uploading(bytes(sent.done), bytes(sent.total))}</span>
            <button onClick={() => abort.current?.abort()}>{strings.cancel}</button>
          </>
        ) : (
          <>
            <strong>{t.drop}</strong>
            <span className="quiet">{t.dropHint}</span>
            <div className="row">
              <label className="button">{t.chooseFiles}<input className="visually-hidden" type="file" multiple onChange={(e) => chosen(e.target.files)} data-testid="files" /></label>
              <label className="button">{t.chooseFolder}<input className="visually-hidden" type="file" onChange={(e) => chosen(e.target.files)} {...{ webkitdirectory: '' }} /></label>
            </div>
          </>
        )}
      </div>
      {problem && <ProblemView problem={problem} />}
    </Panel>
  );
}

/** Chooses a project, or makes one. */
function ProjectChoice({ project, onProject }: { project: string | null; onProject: (id: string) => void }) {
  const context = useContext();
  const client = useQueryClient();
  const [name, setName] = useState('');
  const [isNew, setNew] = useState(false);
  const make = useMutation({
    mutationFn: () => api.post<{ id?: string; name: string }>('/api/projects', { name: name.trim() }),
    onSuccess: async (made) => {
      await renew(client, ['projects']);
      onProject(made.id ?? made.name);
      setNew(false);
    },
  });
  const none = context.projects?.length === 0;
  return (
    <div className="stack">
      <label className="field"><span>{t.project}</span>
        <select value={isNew || none ? '' : (project ?? '')} onChange={(e) => (e.target.value === '' ? setNew(true) : (setNew(false), onProject(e.target.value)))}>
          {context.projects?.map((p) => <option key={p.id} value={p.id} disabled={!!p.fault}>{p.name}</option>)}
          <option value="">{t.newProject}</option>
        </select>
      </label>
      {(isNew || none) && (
        <form className="row" onSubmit={(e) => { e.preventDefault(); make.mutate(); }}>
          <input required value={name} placeholder={t.newProjectName} aria-label={t.newProjectName} onChange={(e) => setName(e.target.value)} />
          <button disabled={make.isPending}>{t.create}</button>
        </form>
      )}
      {make.error ? <ProblemView problem={asProblem(make.error)} /> : null}
    </div>
  );
}

function Steps({ id }: { id: string }) {
  const url = useUrl();
  const context = useContext();
  const client = useQueryClient();
  const query = useQuery({ queryKey: ['upload', id], queryFn: ({ signal }) => api.get<Upload>(path('uploads', id), undefined, signal) });
  const [model, setModel] = useState<string | null>(null);
  const [network, setNetwork] = useState('');
  const [note, setNote] = useState('');
  const [options, setOptions] = useState<Record<string, unknown>>({});
  const [mapping, setMapping] = useState<unknown>(undefined);
  const chosen = query.data?.candidates.find((c) => c.path === model) ?? query.data?.detected ?? null;
  const format = chosen?.format ?? '';
  const allOptions = () => ({ ...options, ...(mapping !== undefined && mapping !== null ? { mapping } : {}) });
  const preview = useMutation({
    mutationFn: () => api.post<Preview>(path('uploads', id, 'preview'), { ...(model !== null ? { model } : {}), ...(network.trim() ? { network: network.trim() } : {}), options: allOptions() }),
    onSuccess: (got) => { if (got.mapping) setMapping(got.mapping); },
  });
  const { mutate: look } = preview;
  const seen = useRef(false);
  useEffect(() => {
    if (query.data?.detected && !seen.current) {
      seen.current = true;
      look();
    }
  }, [query.data, look]);
  const discard = () => {
    void api.delete(path('uploads', id)).catch(() => undefined);
    client.removeQueries({ queryKey: ['upload', id] });
    url.set({ upload: null, job: null }, true);
  };
  const key = useRef(crypto.randomUUID?.() ?? String(Math.random()).slice(2));
  const start = useMutation({
    mutationFn: () => startJob({ kind: 'import', project: context.project, params: { upload: id, ...(model !== null ? { model } : {}), ...(network.trim() ? { network: network.trim() } : {}), ...(note.trim() ? { note: note.trim() } : {}), options: allOptions() } }, key.current),
    onSuccess: (made) => url.set({ job: made.id }),
    // A job that was refused is another job when it is asked for again.
    onError: () => { key.current = crypto.randomUUID?.() ?? String(Math.random()).slice(2); },
  });
  const jobId = url.get('job');
  const set = (name: string, value: unknown) => setOptions((o) => { const next = { ...o }; if (value === '' || value === false || value === null) delete next[name]; else next[name] = value; return next; });
  const check = (name: string, label: string) => <label><input type="checkbox" checked={options[name] === true} onChange={(e) => set(name, e.target.checked)} />{label}</label>;
  const isCyme = /cyme/i.test(format);
  const isGis = /gis|map|shape|geojson/i.test(format) || mapping !== undefined;
  return (
    <Loaded query={query}>
      {(got) => (
        <>
          <Panel title={t.step2} actions={<button className="danger" onClick={discard}>{t.discard}</button>}>
            {got.detected && chosen ? <p><b>{t.detected} {chosen.format}</b>{chosen.path ? <> (<code>{chosen.path}</code>)</> : null}, {chosen.confidence}: {chosen.reason}</p> : <Empty title={t.none}>{t.noneHint}</Empty>}
            {got.candidates.length > 1 && (
              <label className="field" style={{ maxWidth: 560 }}><span>{t.candidates}</span>
                <select value={model ?? got.detected?.path ?? ''} onChange={(e) => { setModel(e.target.value); setMapping(undefined); preview.reset(); }}>
                  {got.candidates.map((c) => <option key={c.path} value={c.path}>{c.path || '.'} · {c.format} · {c.confidence}</option>)}
                </select>
              </label>
            )}
            <details><summary>{t.files}: {count(got.files.length)}, {bytes(got.bytes)}</summary><ul className="small">{got.files.slice(0, 500).map((f) => <li key={f.name}><code>{f.name}</code> {bytes(f.bytes)}</li>)}</ul></details>
          </Panel>
          {got.detected && (
            <Panel title={t.step3} actions={<button onClick={() => preview.mutate()} disabled={preview.isPending}>{preview.data || preview.error ? t.again : t.preview}</button>}>
              <div className="row wrap top" style={{ marginBottom: 8 }}>
                <label className="field"><span>{t.network}</span><input value={network} placeholder={preview.data?.network ?? t.networkHint} onChange={(e) => setNetwork(e.target.value)} /></label>
                {isGis && <label className="field"><span>{t.crs}</span><input placeholder="EPSG:26910" value={String(options.crs ?? '')} onChange={(e) => set('crs', e.target.value)} /></label>}
                {isCyme && <label className="field"><span>{t.loadModel}</span><input value={String(options.load_model ?? '')} onChange={(e) => set('load_model', e.target.value)} /></label>}
                <div className="stack">{check('lenient', t.lenient)}{check('strict', t.strict)}{isCyme && check('lon_lat', t.lonLat)}{isCyme && check('controls_act', t.controlsAct)}</div>
              </div>
              {preview.isPending && <p role="status" className="row"><span className="spinner" />{t.previewing}</p>}
              {preview.error ? <ProblemView problem={asProblem(preview.error)} onRetry={() => preview.mutate()} /> : null}
              {mapping !== undefined && mapping !== null && <Boundary name="mapping"><Mapping value={mapping} onChange={setMapping} /></Boundary>}
              {preview.data && <PreviewView of={preview.data} />}
            </Panel>
          )}
          {got.detected && (
            <Panel title={t.step4}>
              <div className="row wrap top">
                <ProjectChoice project={context.project} onProject={(id) => url.set({ project: id, network: null, run: null })} />
                <label className="field grow"><span>{t.note}</span><input value={note} onChange={(e) => setNote(e.target.value)} /></label>
              </div>
              {start.error ? <ProblemView problem={asProblem(start.error)} /> : null}
              <div className="row" style={{ marginTop: 8 }}>
                <RoleButton allowed role="engineer" className="primary" disabled={!context.project || start.isPending || jobId !== null} onClick={() => start.mutate()}>{t.go}</RoleButton>
              </div>
              {jobId && <ImportJob id={jobId} onAnother={() => url.set({ upload: null, job: null }, true)} />}
            </Panel>
          )}
        </>
      )}
    </Loaded>
  );
}

function ImportJob({ id, onAnother }: { id: string; onAnother: () => void }) {
  const job = useJob(id);
  return (
    <Loaded query={job}>
      {(j) => (
        <div className="stack" style={{ marginTop: 8 }} data-testid="import-job" data-state={j.state}>
          <StateMark state={j.state} />
          <JobProgress job={j} />
          {!isOpen(j) && j.state === 'done' && (
            <div className="row">
              <Link className="button" to={{ pathname: '/map', search: `?${new URLSearchParams({ project: j.project ?? '', network: String(j.result?.network ?? '') }).toString()}` }}>{t.toMap}</Link>
              <Link className="button" to={{ pathname: '/exchange', search: `?${new URLSearchParams({ tab: 'records', project: j.project ?? '', network: String(j.result?.network ?? '') }).toString()}` }}>{t.records}</Link>
              <button onClick={onAnother}>{t.another}</button>
            </div>
          )}
        </div>
      )}
    </Loaded>
  );
}

function PreviewView({ of: p }: { of: Preview }) {
  const [at, setAt] = useState(p.findings.length > 0 ? 'findings' : 'counts');
  const total = p.findings_total.errors + p.findings_total.warnings + p.findings_total.notes;
  const cut = (n: number, all: number) => n < all && <p className="small quiet">{t.shown(count(n), count(all))}</p>;
  return (
    <div className="stack" data-testid="preview">
      <div className="figures">
        <div className="figure"><b>{count(p.buses)}</b><span>{t.buses}</span></div>
        {p.classes.map((c) => <div className="figure" key={c.class}><b>{count(c.count)}</b><span>{c.class}</span></div>)}
      </div>
      <div className="row wrap">
        {p.findings_total.errors > 0 && <span className="row"><Severity of="error" /> {count(p.findings_total.errors)}</span>}
        {p.findings_total.warnings > 0 && <span className="row"><Severity of="warning" /> {count(p.findings_total.warnings)}</span>}
        {p.findings_total.notes > 0 && <span className="row"><Severity of="note" /> {count(p.findings_total.notes)}</span>}
      </div>
      <Tabs label={t.step3} at={at} onChange={setAt} tabs={[{ id: 'findings', label: `${t.findings} ${count(total)}` }, { id: 'ledger', label: `${t.ledger} ${count(p.ledger_total)}` }, { id: 'rejects', label: `${t.rejects} ${count(p.rejects_total)}` }, { id: 'counts', label: t.counts }]} />
      {at === 'findings' && <><Findings rows={p.findings} height={Math.min(340, 70 + 28 * p.findings.length)} />{cut(p.findings.length, total)}</>}
      {at === 'ledger' && <><LedgerTable rows={p.ledger} height={Math.min(340, 70 + 28 * p.ledger.length)} />{cut(p.ledger.length, p.ledger_total)}</>}
      {at === 'rejects' && <><Rejects rows={p.rejects} height={Math.min(340, 70 + 28 * p.rejects.length)} />{cut(p.rejects.length, p.rejects_total)}</>}
      {at === 'counts' && <table className="simple" style={{ maxWidth: 420 }}><tbody>{p.counts.map((c) => <tr key={c.what}><td>{c.what}</td><td className="num">{count(c.count)}</td></tr>)}</tbody></table>}
    </div>
  );
}
