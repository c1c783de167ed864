import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';
import { asProblem } from '../api/client';
import { cancelJob, isOpen, left, retryJob, useJobs } from '../api/jobs';
import type { Job } from '../api/types';
import { renew } from '../api/renew';
import { useMay } from '../state/session';
import { strings } from '../strings';
import { ago, count, span } from '../ui/format';
import { ProblemView, RoleButton, StateMark } from '../ui/parts';

/** Progress of a job in counts, with what is left and a way to stop it. */
export function JobProgress({ job }: { job: Job }) {
  const client = useQueryClient();
  const may = useMay('engineer');
  const done = () => renew(client, ['jobs'], ['job', job.id]);
  const cancel = useMutation({ mutationFn: () => cancelJob(job.id), onSettled: done });
  const retry = useMutation({ mutationFn: () => retryJob(job.id), onSettled: done });
  const rest = left(job);
  const failure = cancel.error ?? retry.error;
  return (
    <div className="stack" style={{ gap: 4 }}>
      {job.state === 'running' && (job.total > 0
        ? <progress max={job.total} value={job.done} aria-label={strings.job.kinds[job.kind] ?? job.kind} />
        : <progress aria-label={strings.job.kinds[job.kind] ?? job.kind} />)}
      <div className="row wrap">
        <span className="small grow break">
          {job.total > 0 && isOpen(job) && <b>{count(job.done)} of {count(job.total)} {job.unit} </b>}
          {rest !== null && <span className="quiet">{strings.job.left(span(rest))} </span>}
          <span className="quiet">{job.message}</span>
          {job.attempts > 1 && <span className="quiet"> ({strings.job.attempt(job.attempts)})</span>}
        </span>
        {isOpen(job) && <RoleButton allowed={may} role="engineer" disabled={cancel.isPending} onClick={() => cancel.mutate()}>{strings.cancel}</RoleButton>}
        {(job.state === 'failed' || job.state === 'cancelled') && <RoleButton allowed={may} role="engineer" disabled={retry.isPending} onClick={() => retry.mutate()}>{strings.retry}</RoleButton>}
      </div>
      {job.problem && job.state === 'failed' && <ProblemView problem={job.problem} />}
      {failure ? <ProblemView problem={asProblem(failure)} /> : null}
    </div>
  );
}

export function jobTitle(job: Job): string {
  const kind = strings.job.kinds[job.kind] ?? job.kind;
  const what = [job.project, job.params?.network, job.params?.study ?? job.params?.run, job.params?.module ?? job.params?.model].filter((x) => typeof x === 'string');
  return what.length ? `${kind}: ${what.join(' · ')}` : kind;
}

/** Jobs on every page: what runs, what has ended and what it changed. */
export function JobTray() {
  const [open, setOpen] = useState(false);
  const jobs = useJobs();
  const items = jobs.data?.items ?? [];
  const running = items.filter(isOpen);
  const first = running.find((j) => j.state === 'running');
  return (
    <>
      <button aria-expanded={open} aria-haspopup="dialog" onClick={() => setOpen(!open)}>
        {strings.jobs}
        {running.length > 0 && <b>{running.length}</b>}
        {first && first.total > 0 && <progress style={{ width: 60 }} max={first.total} value={first.done} aria-label={jobTitle(first)} />}
      </button>
      {open && (
        <div className="popover tray" role="dialog" aria-label={strings.jobs} onKeyDown={(e) => e.key === 'Escape' && setOpen(false)}>
          <div className="row">
            <h2 className="grow">{strings.jobs}</h2>
            <Link to={{ pathname: '/studies', search: '?tab=queue' }} onClick={() => setOpen(false)}>{strings.job.all}</Link>
            <button className="plain" onClick={() => setOpen(false)} aria-label={strings.close}>✕</button>
          </div>
          {jobs.error && !jobs.data ? <ProblemView problem={asProblem(jobs.error)} onRetry={() => void jobs.refetch()} /> : null}
          {!jobs.error && items.length === 0 && <p className="quiet">{strings.job.none}</p>}
          {items.slice(0, 12).map((job) => (
            <div className="job" key={job.id}>
              <div className="row">
                <b className="grow clip">{jobTitle(job)}</b>
                <StateMark state={job.state} />
                <span className="small quiet nowrap">{ago(job.ended ?? job.started ?? job.created)}</span>
              </div>
              <JobProgress job={job} />
            </div>
          ))}
        </div>
      )}
    </>
  );
}
