/** All jobs, and one of them with its log. */

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { api, path } from '../../api/client';
import { isOpen, useJob, useJobs } from '../../api/jobs';
import { link } from '../../api/socket';
import type { Job } from '../../api/types';
import { jobTitle, JobProgress } from '../../app/JobTray';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { bytes, count, span, when } from '../../ui/format';
import { Empty, Loaded, Panel, StateMark } from '../../ui/parts';
import { Table, type Column } from '../../ui/Table';

const t = strings.studies;

const took = (job: Job) => (job.started ? ((job.ended ? Date.parse(job.ended) : Date.now()) - Date.parse(job.started)) / 1000 : null);

const COLUMNS: Column<Job>[] = [
  { key: 'what', head: t.kind, value: jobTitle },
  { key: 'state', head: t.state, value: (j) => j.state, cell: (j) => <StateMark state={j.state} /> },
  { key: 'progress', head: t.progress, numeric: true, value: (j) => (j.total > 0 ? j.done / j.total : null), cell: (j) => (j.total > 0 ? `${count(j.done)} / ${count(j.total)} ${j.unit}` : '–') },
  { key: 'user', head: t.user, value: (j) => j.user },
  { key: 'created', head: t.started2, value: (j) => j.created, cell: (j) => when(j.started ?? j.created) },
  { key: 'took', head: t.took, numeric: true, value: took, cell: (j) => span(took(j)) },
  { key: 'message', head: t.message, value: (j) => j.problem?.title ?? j.message },
];

export function Queue() {
  const url = useUrl();
  const jobs = useJobs();
  const id = url.get('job');
  return (
    <>
      <Panel title={t.jobs}>
        <Loaded query={jobs}>{(page) => <Table label={t.jobs} columns={COLUMNS} rows={page.items} rowKey={(j) => j.id} selected={id} onSelect={(j) => url.set({ job: j.id })} height={Math.min(420, 44 + page.items.length * 28)} total={page.total} empty={<Empty title={strings.job.none} />} />}</Loaded>
      </Panel>
      {id && <JobDetail id={id} />}
    </>
  );
}

interface LogLine {
  position: number;
  time: string;
  level: string;
  text: string;
}

export function JobDetail({ id }: { id: string }) {
  const job = useJob(id);
  const client = useQueryClient();
  const isRunning = job.data !== undefined && isOpen(job.data);
  const log = useQuery({
    queryKey: ['log', id],
    refetchInterval: isRunning ? 5000 : false,
    queryFn: async ({ signal }) => {
      const lines: LogLine[] = [];
      let after: number | null = null;
      for (let pages = 0; pages < 20; pages += 1) {
        const page: { items: LogLine[]; next: number | null } = await api.get(path('jobs', id, 'log'), { after, limit: 1000 }, signal);
        lines.push(...page.items);
        if (page.next === null || page.next === undefined || page.items.length === 0) break;
        after = page.next;
      }
      return lines;
    },
  });
  const files = useQuery({ queryKey: ['job-files', id, job.data?.state], enabled: job.data?.state === 'done', queryFn: ({ signal }) => api.get<{ name: string; bytes: number }[]>(path('jobs', id, 'files'), undefined, signal) });
  useEffect(() => {
    const leave = link.subscribe(`job:${id}`);
    const stop = link.listen((frame) => {
      if (frame.type === 'log' && (frame.job === id || frame.id === id)) void client.invalidateQueries({ queryKey: ['log', id] });
    });
    return () => {
      leave();
      stop();
    };
  }, [id, client]);
  return (
    <Loaded query={job}>
      {(j) => (
        <Panel title={jobTitle(j)} actions={<StateMark state={j.state} />}>
          <JobProgress job={j} />
          {(files.data?.length ?? 0) > 0 && <p>{t.files}: {files.data?.map((f) => <a key={f.name} className="button" href={path('jobs', id, 'files', f.name)} download>{f.name} ({bytes(f.bytes)})</a>)}</p>}
          <h3>{t.log}</h3>
          <pre className="log" tabIndex={0} aria-label={t.log}>{(log.data ?? []).map((l) => `${l.time.slice(11, 19)} ${l.level.padEnd(5)} ${l.text}`).join('\n') || '–'}</pre>
          <details><summary>{t.params}</summary><pre className="log">{JSON.stringify(j.params, null, 2)}</pre></details>
          {j.result && <details open={!isOpen(j)}><summary>{t.result}</summary><pre className="log">{JSON.stringify(j.result, null, 2)}</pre></details>}
        </Panel>
      )}
    </Loaded>
  );
}
