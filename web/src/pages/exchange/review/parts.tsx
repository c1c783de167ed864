/** What both reviews are made of. */

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useCallback, useState, type ReactNode } from 'react';
import { asProblem } from '../../../api/client';
import { isOpen, startJob, useJob } from '../../../api/jobs';
import { renew } from '../../../api/renew';
import { JobProgress } from '../../../app/JobTray';
import { useMay } from '../../../state/session';
import { useUrl } from '../../../state/url';
import { strings } from '../../../strings';
import { count, fixed, num, plural, when } from '../../../ui/format';
import { Priority, ProblemView, RoleButton, StateMark } from '../../../ui/parts';
import { decide, type Count, type Decision } from './data';
import { situate, scaleBar, type Figure, type Place } from './logic';

const t = strings.review;

const MARKS: Record<string, ReactNode> = {
  proposed: <circle cx="7" cy="7" r="5" fill="none" stroke="currentColor" strokeWidth="1.5" strokeDasharray="2 2" />,
  accepted: <path d="M2 7l3.5 4L12 3" fill="none" stroke="currentColor" strokeWidth="2" />,
  decided: <path d="M2 7l3.5 4L12 3" fill="none" stroke="currentColor" strokeWidth="2" />,
  forced: <path d="M1 7h5M8 7h5M5 4l3 3-3 3" fill="none" stroke="currentColor" strokeWidth="1.8" />,
  rejected: <path d="M3 3l8 8M11 3l-8 8" fill="none" stroke="currentColor" strokeWidth="2" />,
  overruled: <path d="M2 7h10M9 4l3 3-3 3" fill="none" stroke="currentColor" strokeWidth="1.8" strokeDasharray="3 2" />,
  waiting: <path d="M3 2h8L3 12h8z" fill="none" stroke="currentColor" strokeWidth="1.5" />,
  only_a: <path d="M1 4h5v6H1z" fill="currentColor" />,
  only_b: <path d="M8 4h5v6H8z" fill="currentColor" />,
};

/** A state as sign and word; what the kept result does not have yet says so. */
export function CaseMark({ state, pending, short }: { state: string; pending: boolean; short?: boolean }) {
  return (
    <span className="state" title={t.stateHint[state]}>
      <svg viewBox="0 0 14 14" aria-hidden="true">{MARKS[state]}</svg>
      {t.state[state] ?? state}
      {pending && <span className="quiet small" title={t.pendingMark}> · {short ? t.pendingShort : t.pendingMark}</span>}
    </span>
  );
}

/** A confidence as word and bar; the low ones carry a tag. */
export function Confidence({ of }: { of: string }) {
  return <span className="state">{of === 'low' ? <Priority level={3} label={t.confidence.low} /> : null}{t.confidence[of] ?? of}</span>;
}

/** A score from 0 to 1 as number and bar. */
export function Score({ of }: { of: number | null }) {
  if (of === null) return <span className="quiet">–</span>;
  return <span className="nowrap"><span className="confidence" style={{ '--at': `${Math.round(of * 100)}%` } as React.CSSProperties} aria-hidden="true" /> {fixed(of, 2)}</span>;
}

export const countOf = (counts: Count[] | undefined, name: string): number => counts?.find((c) => c.name === name)?.count ?? 0;

/** Decisions that were made, newest first. */
export function History({ of, word }: { of: Decision[]; word: (value: string) => string }) {
  if (of.length === 0) return null;
  return (
    <section>
      <h3>{t.history}</h3>
      <ul className="plainlist">
        {[...of].reverse().map((d, i) => <li key={i}><b>{d.value === null ? t.takenBack : word(d.value)}</b> <span className="quiet">{t.by(d.author, when(d.time_utc))}</span>{d.note && <div className="break">{d.note}</div>}</li>)}
      </ul>
    </section>
  );
}

/** Sends decisions and tells what became of them. */
export function useDecide(project: string, address: string) {
  const client = useQueryClient();
  const [told, setTold] = useState('');
  const [failed, setFailed] = useState<unknown>(null);
  const made = useMutation({
    mutationFn: ({ decisions, note }: { decisions: unknown[]; left: number; note: string }) => decide(address, decisions, note),
    onSuccess: (done, { left }) => setTold(t.done(plural(done.kept, 'decision'), done.withdrawn ? count(done.withdrawn) : '', left ? count(left) : '')),
    onSettled: () => void renew(client, ['review', project]),
  });
  const { mutate, reset } = made;
  const send = useCallback((decisions: unknown[], left = 0, note = '') => {
    setFailed(null);
    if (decisions.length === 0) {
      reset();
      setTold(t.nothing);
      return false;
    }
    setTold('');
    mutate({ decisions, left, note });
    return true;
  }, [mutate, reset]);
  return { send, told, busy: made.isPending, error: made.error ?? failed, fail: setFailed };
}

/** What was said of the last decisions. */
export function Told({ of }: { of: ReturnType<typeof useDecide> }) {
  return (
    <>
      <span role="status" className="small quiet" data-testid="decided">{of.busy ? <span className="spinner" /> : of.told}</span>
      {of.error ? <ProblemView problem={asProblem(of.error)} /> : null}
    </>
  );
}

/** A job that makes what is looked over: its button, and how far it is. */
export function Run({ kind, project, params, label, primary, disabled, onDone }: { kind: 'reconcile' | 'meter_map'; project: string; params: Record<string, unknown>; label: string; primary?: boolean; disabled?: boolean; onDone?: () => void }) {
  const may = useMay('engineer');
  const url = useUrl();
  const client = useQueryClient();
  const start = useMutation({
    mutationFn: () => startJob({ kind, project, params }, crypto.randomUUID?.() ?? String(Math.random()).slice(2)),
    onSuccess: (made) => { void renew(client, ['jobs']); url.set({ job: made.id }); onDone?.(); },
  });
  return (
    <>
      <RoleButton allowed={may} role="engineer" className={primary ? 'primary' : ''} disabled={disabled || start.isPending} onClick={() => start.mutate()}>{label}</RoleButton>
      {start.error ? <ProblemView problem={asProblem(start.error)} /> : null}
    </>
  );
}

/** The job of the address, while it runs and where it failed. */
export function Running({ kinds }: { kinds: string[] }) {
  const url = useUrl();
  const job = useJob(url.get('job')).data;
  if (!job || !kinds.includes(job.kind)) return null;
  return (
    <div className="panel stack" data-testid="review-job" data-state={job.state}>
      <div className="row"><StateMark state={job.state} /><b>{strings.job.kinds[job.kind]}</b><span className="grow" />{!isOpen(job) && <button className="plain" aria-label={strings.close} onClick={() => url.set({ job: null })}>✕</button>}</div>
      {job.state !== 'done' && <JobProgress job={job} />}
    </div>
  );
}

/** Buttons of which one is pressed: what part of the rows is shown. */
export function Parts({ label, parts, at, onChange }: { label: string; parts: { id: string; label: string; count: number; title?: string }[]; at: string; onChange: (id: string) => void }) {
  return (
    <div className="row wrap" role="group" aria-label={label} style={{ gap: 4 }}>
      {parts.filter((p) => p.count > 0 || p.id === at || p.id === '').map((p) => (
        <button key={p.id} aria-pressed={p.id === at} title={p.title} onClick={() => onChange(p.id)}>{p.label} <span className="quiet">{count(p.count)}</span></button>
      ))}
    </div>
  );
}

const WIDTH = 380;
const HEIGHT = 200;

/** Where things lie to one another, to scale; the map has the rest. */
export function Sketch({ figures, legend, none }: { figures: Figure[]; legend: Partial<Record<Figure['kind'], string>>; none: string }) {
  const found = situate(figures, WIDTH, HEIGHT);
  if (!found) return <p className="quiet">{none}</p>;
  const bar = scaleBar(found.metres * WIDTH * 0.4);
  const length = `${num(bar, 3)} m`;
  const label = figures.filter((f) => f.kind !== 'faint' && f.places.length > 0).map((f) => `${f.name} (${legend[f.kind] ?? f.kind})`).join(', ');
  const order: Figure['kind'][] = ['faint', 'second', 'b', 'a'];
  return (
    <figure className="sketch">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={t.sketch(label, length)}>
        {order.flatMap((kind) => found.drawn.filter((f) => f.kind === kind)).map((f, i) => (
          <g key={`${f.name}.${i}`} className={f.kind}>
            <title>{f.name}</title>
            {f.points.length > 1 && <polyline points={f.points.map((p) => p.join(',')).join(' ')} />}
            {f.points.map((p, k) => <Sign key={k} kind={f.kind} at={p} />)}
          </g>
        ))}
        <g className="bar"><path d={`M12 ${HEIGHT - 12}v4h${bar / found.metres}v-4`} /><text x="12" y={HEIGHT - 16}>{length}</text></g>
      </svg>
      <figcaption className="row wrap small">
        {order.filter((kind) => legend[kind] && found.drawn.some((f) => f.kind === kind)).reverse().map((kind) => <span key={kind} className="row" style={{ gap: 4 }}><svg viewBox="-9 -9 18 18" width="14" height="14" aria-hidden="true" className="sign"><g className={kind}><Sign kind={kind} at={[0, 0]} /></g></svg>{legend[kind]}</span>)}
      </figcaption>
    </figure>
  );
}

/** Signs differ in shape, so that they are told apart without colour. */
function Sign({ kind, at: [x, y] }: { kind: Figure['kind']; at: Place }) {
  if (kind === 'a') return <circle cx={x} cy={y} r="5" />;
  if (kind === 'b') return <rect x={x - 6.5} y={y - 6.5} width="13" height="13" />;
  if (kind === 'second') return <path d={`M${x} ${y - 7}l7 12h-14z`} />;
  return <circle cx={x} cy={y} r="2.5" />;
}
