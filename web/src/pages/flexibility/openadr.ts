/** What clients of OpenADR see: objects of OpenADR 3.1 as the server keeps them. */

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { api } from '../../api/client';
import { link } from '../../api/socket';

export const BASE = '/openadr3/3.1.0';
/** Events and reports that are asked for. */
export const SHOWN = 50;

interface Made { id: string; createdDateTime: string; objectType?: string }
interface Payload { type: string; values: unknown[] }
interface Interval { id: number; payloads: Payload[] }
/** Names; of version 3.0 a type with values. */
type Targets = (string | { type: string; values: string[] })[];
export interface OpenProgram extends Made { programName: string; targets?: Targets | null }
export interface OpenEvent extends Made { programID: string; eventName?: string | null; targets?: Targets | null; intervalPeriod?: { start: string; duration?: string | null } | null; payloadDescriptors?: { payloadType: string; units?: string | null }[] | null; intervals: Interval[] }
export interface Ven extends Made { venName: string; clientID: string; targets?: Targets | null }
export interface OpenReport extends Made { eventID: string; clientName: string; resources: { resourceName: string; intervals: Interval[] }[] }

const QUERIES = { programs: undefined, events: { limit: SHOWN }, vens: undefined, reports: { limit: SHOWN } } as const;

/** Programs, events, clients or reports, asked anew when the server says that they have changed. */
export function useOpen<T>(what: keyof typeof QUERIES) {
  return useQuery({ queryKey: ['openadr', what], queryFn: ({ signal }) => api.get<T[]>(`${BASE}/${what}`, QUERIES[what], signal) });
}

/** Calls for all that OpenADR tells when a frame says that it has changed: reports are what is measured, too. */
export function useOpenFeed(): void {
  const client = useQueryClient();
  useEffect(() => {
    const anew = () => {
      void client.invalidateQueries({ queryKey: ['openadr'] });
      void client.invalidateQueries({ queryKey: ['desk-measured'] });
    };
    const leave = link.subscribe('openadr');
    const stop = link.listen((frame) => { if (frame.type === 'openadr') anew(); });
    const gap = link.onGap(anew);
    return () => {
      leave();
      stop();
      gap();
    };
  }, [client]);
}

const word = (value: unknown): string => (typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value));

/** The first payload of an event: its type, its values, and their unit where the event tells it. */
export function firstPayload({ intervals, payloadDescriptors }: Pick<OpenEvent, 'intervals' | 'payloadDescriptors'>): string {
  const payload = intervals[0]?.payloads[0];
  if (!payload) return '';
  const units = payloadDescriptors?.find((d) => d.payloadType === payload.type)?.units;
  return [payload.type, payload.values.map(word).join(', '), units ?? ''].filter((x) => x !== '').join(' ');
}

export function targetsText(targets: Targets | null | undefined): string {
  return (targets ?? []).map((x) => (typeof x === 'string' ? x : `${x.type} ${x.values.join(', ')}`)).join(', ');
}

/** Seconds of a duration of ISO 8601 without months and years; null where it is none. */
export function secondsOf(duration: string | null | undefined): number | null {
  const found = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/.exec(duration ?? '');
  if (!found || found.slice(1).every((x) => x === undefined)) return null;
  const [w = 0, d = 0, h = 0, m = 0, s = 0] = found.slice(1).map((x) => Number(x ?? 0));
  return (((w * 7 + d) * 24 + h) * 60 + m) * 60 + s;
}

export function intervalsOf(report: OpenReport): number {
  return report.resources.reduce((n, r) => n + r.intervals.length, 0);
}
