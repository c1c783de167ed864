/** Jobs: asked once, then told over the WebSocket, or asked every two seconds while it is gone. */

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { api, path } from './client';
import { renew } from './renew';
import { link, useLink } from './socket';
import type { Job, Page } from './types';

export const isOpen = (job: Job) => job.state === 'queued' || job.state === 'running';

/** Accepts a frame's job wherever the frame has it. */
function jobOf(frame: Record<string, unknown>): Job | null {
  const inner = (frame.job ?? frame.data ?? frame) as Partial<Job>;
  return typeof inner?.id === 'string' && typeof inner.state === 'string' ? (inner as Job) : null;
}

/** Keeps the cache up to date with what the server tells. Mounted once, in the shell. */
export function useJobFeed(): void {
  const client = useQueryClient();
  useEffect(() => {
    const leave = link.subscribe('jobs');
    const stop = link.listen((frame) => {
      if (frame.type !== 'job') return;
      const job = jobOf(frame);
      if (!job) {
        void renew(client, ['jobs']);
        return;
      }
      const before = client.getQueryData<Page<Job>>(['jobs'])?.items.find((j) => j.id === job.id);
      client.setQueryData<Page<Job>>(['jobs'], (page) => {
        if (!page) return page;
        const known = page.items.some((j) => j.id === job.id);
        return known ? { ...page, items: page.items.map((j) => (j.id === job.id ? { ...j, ...job } : j)) } : { ...page, items: [job, ...page.items], total: page.total + 1 };
      });
      client.setQueryData<Job>(['job', job.id], (old) => (old ? { ...old, ...job } : job));
      if (!isOpen(job) && (!before || isOpen(before))) {
        // A job that ended has changed what others show.
        void renew(client, ...['projects', 'networks', 'versions', 'runs', 'overview', 'record', 'review', 'analyses', 'facts', 'models', 'question'].map((key) => [key]), ['job', job.id]);
      }
    });
    const gap = link.onGap(() => void renew(client, ['jobs'], ['job']));
    return () => {
      leave();
      stop();
      gap();
    };
  }, [client]);
}

export function useJobs() {
  const up = useLink((s) => s.link === 'up');
  return useQuery({
    queryKey: ['jobs'],
    queryFn: ({ signal }) => api.get<Page<Job>>('/api/jobs', { limit: 100 }, signal),
    refetchInterval: up ? 30_000 : 2_000,
  });
}

export function useJob(id: string | null) {
  const up = useLink((s) => s.link === 'up');
  return useQuery({
    queryKey: ['job', id],
    enabled: id !== null,
    queryFn: ({ signal }) => api.get<Job>(path('jobs', id ?? ''), undefined, signal),
    refetchInterval: (query) => {
      const job = query.state.data;
      if (job && !isOpen(job)) return false;
      return up ? 10_000 : 1_000;
    },
  });
}

export const cancelJob = (id: string) => api.post<void>(path('jobs', id, 'cancel'));
export const retryJob = (id: string) => api.post<void>(path('jobs', id, 'retry'));

export interface StartJob {
  kind: string;
  project?: string | null;
  params: Record<string, unknown>;
}

/** Starts a job once, however often the button is pressed or the request repeated. */
export function startJob(job: StartJob, key: string): Promise<{ id: string }> {
  return api.post<{ id: string }>('/api/jobs', job, { headers: { 'Idempotency-Key': key } });
}

/** Seconds left by the pace so far, when that says something. */
export function left(job: Job, now = Date.now()): number | null {
  if (job.state !== 'running' || !job.started || !(job.total > 0) || !(job.done > 0)) return null;
  const passed = (now - Date.parse(job.started)) / 1000;
  if (passed < 2) return null;
  return (passed * (job.total - job.done)) / job.done;
}
