/** Asks a module or a kept model: inputs, settings, the name to keep it under; the job, and what it answers. */

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { asProblem } from '../../api/client';
import type { Asking } from '../../api/curl';
import { isOpen, startJob, useJob } from '../../api/jobs';
import { renew } from '../../api/renew';
import { upload } from '../../api/upload';
import { JobProgress } from '../../app/JobTray';
import type { Context } from '../../state/context';
import { useMay } from '../../state/session';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { CopyRequest } from '../../ui/CopyRequest';
import { bytes, num } from '../../ui/format';
import { Empty, Panel, ProblemView, StateMark } from '../../ui/parts';
import { AnswerView } from './Answers';
import { useModels, type About, type LearnParams, type ModelRow, type Setting } from './data';
import { InputFields, type Chosen } from './Inputs';
import { byName, isModelName, isNeeded, missing, NOTHING, paramsOf, settingFault, unitOf, uploadNames, type Given } from './logic';

const t = strings.models.form;

const newKey = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;

interface Sent { form: string; id: string }

export function Form({ context, project, about, model }: { context: Context; project: string; about: About; model: ModelRow | null }) {
  const url = useUrl();
  const client = useQueryClient();
  const may = useMay('engineer');
  const models = useModels(project);
  const applies = model !== null;
  const [given, setGiven] = useState<Record<string, Given>>(() => Object.fromEntries(about.inputs.map((i) => [i.name, { ...NOTHING, from: !isNeeded(i, applies) || (i.kind === 'network' && !context.network) ? 'none' : i.kind === 'network' ? 'network' : 'file', ...(i.kind === 'network' ? { network: context.network ?? '', version: context.version ?? '' } : {}) }])));
  const [files, setFiles] = useState<Record<string, Chosen[]>>({});
  const [told, setTold] = useState<Record<string, string>>({});
  const [keep, setKeep] = useState(about.id);
  const [progress, setProgress] = useState<{ done: number; total: number } | null>(null);
  const key = useRef(newKey());
  const sent = useRef<Sent | null>(null);
  const abort = useRef<AbortController | null>(null);

  // Of the inputs that come from files, each with the name that it has in the upload.
  const wanted = about.inputs.flatMap((i) => (given[i.name]?.from === 'file' ? (files[i.name] ?? []).map((c) => ({ input: i.name, ...c })) : []));
  const names = uploadNames(wanted);
  const renamed = Object.fromEntries(Object.entries(given).map(([input, g]) => {
    const at = g.from === 'file' ? wanted.findIndex((w) => w.input === input && w.name === g.file) : -1;
    return [input, at < 0 ? g : { ...g, file: names[at] as string }];
  }));
  const what = model ? { model: model.name, version: model.version } : { module: about.id };
  const params = (id: string | null): LearnParams => paramsOf(what, about, renamed, told, keep, id);
  const start = useMutation({
    mutationFn: async () => {
      let id: string | null = null;
      if (wanted.length > 0) {
        // The same files are not sent again when only a setting has changed.
        const form = wanted.map((w, i) => `${names[i]} ${w.file.size} ${w.file.lastModified}`).join('\n');
        if (sent.current?.form === form) id = sent.current.id;
        else {
          const data = new FormData();
          wanted.forEach((w, i) => data.append('files', w.file, names[i]));
          abort.current = new AbortController();
          setProgress({ done: 0, total: wanted.reduce((n, w) => n + w.file.size, 0) });
          id = (await upload<{ id: string }>('/api/uploads', data, (done, total) => setProgress({ done, total }), abort.current.signal)).id;
          sent.current = { form, id };
          setProgress(null);
        }
      }
      return startJob({ kind: 'learn', project, params: { ...params(id) } }, key.current);
    },
    onSuccess: (made) => { void renew(client, ['jobs']); url.set({ job: made.id, table: null, sort: null, q: null }); },
    // An upload that is gone has to be sent again.
    onError: () => { sent.current = null; },
    onSettled: () => { key.current = newKey(); setProgress(null); },
  });
  const job = useJob(url.get('job'));
  // The address may have the job of another module.
  const isOurs = model ? job.data?.params.model === model.name : job.data?.params.module === about.id;
  const made = job.data?.kind === 'learn' && job.data.project === project && isOurs ? job.data : null;
  const answer = made?.state === 'done' && typeof made.result?.analysis === 'string' ? made.result.analysis : null;

  if (!may) return <Empty title={t.needs} />;
  const open = missing(about, given, applies);
  const faults = about.settings.filter((s) => settingFault(s, told[s.name] ?? '') !== null);
  const keepFault = !applies && about.keeps && keep.trim() !== '' && !isModelName(keep.trim());
  const has = byName(models.data?.models ?? []).find((m) => m.name === keep.trim());
  const aborted = start.error instanceof DOMException && start.error.name === 'AbortError';
  const requests: Asking[] = [
    ...(wanted.length > 0 ? [{ method: 'POST', address: '/api/uploads', files: wanted.map((w) => w.name), note: t.requestFiles }] : []),
    { method: 'POST', address: '/api/jobs', body: { kind: 'learn', project, params: params(t.uploadId) }, ...(wanted.length > 0 ? { note: t.requestJob } : {}) },
  ];
  return (
    <>
      <Panel title={model ? t.ask(model.name, String(model.version)) : t.fit(about.title)} actions={<CopyRequest of={requests} />}>
        <p>{about.question}</p>
        <p className="small quiet">{about.method}{about.page && <> · {strings.models.modules.page(about.page)}</>}</p>
        <form className="stack" data-testid="learn" onSubmit={(e) => { e.preventDefault(); start.mutate(); }}>
          {about.inputs.map((i) => (
            <InputFields key={i.name} input={i} isNeeded={isNeeded(i, applies)} networks={context.networks?.map((n) => n.name) ?? []} given={given[i.name] ?? NOTHING} files={files[i.name] ?? []}
              onGiven={(g) => setGiven((all) => ({ ...all, [i.name]: g }))} onFiles={(f) => setFiles((all) => ({ ...all, [i.name]: f }))} />
          ))}
          {about.settings.length > 0 && (
            <details open={!applies}>
              <summary>{t.settings}</summary>
              <Settings of={about.settings} told={told} onTold={setTold} />
            </details>
          )}
          {!applies && about.keeps && (
            <label className="field" style={{ maxWidth: 420 }}><span>{t.keep}</span><input value={keep} maxLength={64} placeholder={t.keepHint} aria-invalid={keepFault} aria-describedby="keep-hint" onChange={(e) => setKeep(e.target.value)} />
              <span id="keep-hint" className="small quiet" role={keepFault ? 'alert' : undefined}>{keepFault ? t.keepFault : keep.trim() === '' ? t.keepHint : has ? t.keepNext(String(has.newest.version + 1)) : t.keepFirst}</span></label>
          )}
          {start.error && !aborted ? <ProblemView problem={asProblem(start.error)} /> : null}
          <div className="row wrap">
            <button className="primary" disabled={start.isPending || open.length > 0 || faults.length > 0 || keepFault || (made !== null && isOpen(made))}>{t.run}</button>
            {open.length > 0 && <span className="quiet" role="status">{t.missing(open.join(', '))}</span>}
            {progress && <><progress style={{ width: 160 }} max={progress.total || undefined} value={progress.total ? progress.done : undefined} aria-label={t.files} /><span className="small">{t.sending(bytes(progress.done), bytes(progress.total))}</span><button type="button" onClick={() => abort.current?.abort()}>{strings.cancel}</button></>}
          </div>
        </form>
        {made && (
          <div className="stack" style={{ marginTop: 10 }} data-testid="learn-job" data-state={made.state}>
            <div className="row"><StateMark state={made.state} />{answer && <button onClick={() => url.set({ tab: 'answers', answer, job: null, module: null, use: null, uv: null }, true)}>{t.openAnswer}</button>}</div>
            <JobProgress job={made} />
          </div>
        )}
      </Panel>
      {answer && <AnswerView key={answer} project={project} id={answer} />}
    </>
  );
}

const range = (s: Setting): string => (s.kind === 'number' || s.kind === 'count' ? t.range(num(s.low, 6), num(s.high, 6), unitOf(s.unit)) : '');

function Settings({ of, told, onTold }: { of: Setting[]; told: Record<string, string>; onTold: (told: Record<string, string>) => void }) {
  const set = (name: string, value: string) => onTold({ ...told, [name]: value });
  return (
    <table className="simple settings">
      <thead><tr><th>{t.setting}</th><th>{t.value}</th><th>{t.meaning}</th></tr></thead>
      <tbody>{of.map((s) => {
        const value = told[s.name] ?? '';
        const fault = settingFault(s, value);
        const hint = `setting-${s.name}`;
        const common = { 'aria-label': s.name, 'aria-describedby': hint, 'aria-invalid': fault !== null };
        return (
          <tr key={s.name}>
            <td><code>{s.name}</code></td>
            <td className="nowrap">
              {s.kind === 'choice' ? <select {...common} value={value || (s.default ?? '')} onChange={(e) => set(s.name, e.target.value)}>{s.default === null && <option value="">–</option>}{s.of.map((o) => <option key={o}>{o}</option>)}</select>
                : s.kind === 'flag' ? <input type="checkbox" {...common} checked={(value || s.default) === 'true'} onChange={(e) => set(s.name, String(e.target.checked))} />
                  : s.kind === 'text' ? <input {...common} value={value} placeholder={s.default ?? ''} onChange={(e) => set(s.name, e.target.value)} />
                    : <input type="number" step={s.kind === 'count' ? 1 : 'any'} min={s.low} max={s.high} {...common} value={value} placeholder={s.default ?? ''} onChange={(e) => set(s.name, e.target.value)} />}
              {' '}<span className="quiet">{unitOf(s.unit)}</span>
            </td>
            <td id={hint}>{s.meaning}<div className="small quiet">{[range(s), s.default === null ? t.open : t.byDefault(s.kind === 'flag' ? (t.flag[s.default] ?? s.default) : s.default)].filter(Boolean).join(' · ')}</div>{fault && <div role="alert" className="small"><b>{t.fault(num(fault.low, 6), num(fault.high, 6), fault.isCount)}</b></div>}</td>
          </tr>
        );
      })}</tbody>
    </table>
  );
}
