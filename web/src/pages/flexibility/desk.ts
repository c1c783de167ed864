/** A desk as the server tells it, and what is asked of it. */

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { api, path, request, withQuery } from '../../api/client';
import { link } from '../../api/socket';
import { useSession } from '../../state/session';
import type { Rules } from './rules';

export interface Connected { name: string; asked_kw: number; asked_kvar: number; set_kw: number; set_kvar: number; p_kw: number; q_kvar: number }
export interface Bus {
  name: string;
  kv_base: number;
  neighbourhood: number | null;
  nodes: { node: number; v_pu: number | null; angle_deg: number }[];
  p_kw: number;
  q_kvar: number;
  loads: Connected[];
  devices: Connected[];
  generators: Connected[];
  dfps: number[];
}
interface Flow { p_kw: number; q_kvar: number; s_kva: number; loading_pct: number | null }
export interface Neighbourhood extends Flow { pincode: number; transformer: string; kva: number | null; load_kw: number; load_kvar: number; generation_kw: number; share: number; before?: Flow }
export interface Program extends Rules { dfp_number: number; name: string; min_power_kw: number; target_pf: number; registered_at: string; buses: string[] }
export interface DeskState {
  model: string;
  seq: number;
  converged: boolean;
  total_power_kw: number;
  total_power_kvar: number;
  total_losses_kw: number;
  load_kw: number;
  generation_kw: number;
  voltage_profile: { n: number; least_pu: number; least_node: string; most_pu: number; most_node: string; mean_pu: number; n_below: number; n_above: number };
  buses: Bus[];
  neighbourhoods: Neighbourhood[];
  dfps: Program[];
}
export interface Act { subject: string; cause: string; effect: string }
export interface Entry { seq: number; at: string; user: string; action?: { action: string }; undoes?: number; message: string; acts: Act[]; notes: string[]; changes: unknown[] }
export interface Answer { seq: number; message: string; actions: Act[]; notes: string[] }
export interface DeskRow { name: string; model: string; created_at: string }

export const DEFAULT = 'default';

export function useDesks() {
  return useQuery({ queryKey: ['desks'], queryFn: ({ signal }) => api.get<{ desks: DeskRow[] }>(path('desks'), undefined, signal) });
}

/** State, journal and day of a desk, asked anew when the server says that it has changed. */
export function useDesk(desk: string) {
  const client = useQueryClient();
  const user = useSession((s) => s.session?.user ?? '');
  const topic = `desk:${user}/${desk}`;
  useEffect(() => {
    const leave = link.subscribe(topic);
    const anew = () => {
      void client.invalidateQueries({ queryKey: ['desk', desk] });
      void client.invalidateQueries({ queryKey: ['desk-journal', desk] });
      void client.invalidateQueries({ queryKey: ['desk-day', desk] });
      void client.invalidateQueries({ queryKey: ['desk-measured', desk] });
    };
    const stop = link.listen((frame) => { if (frame.type === 'desk' && (frame as { topic?: string }).topic === topic) anew(); });
    const gap = link.onGap(anew);
    return () => {
      leave();
      stop();
      gap();
    };
  }, [client, desk, topic]);
  return useQuery({ queryKey: ['desk', desk], queryFn: ({ signal }) => api.get<DeskState>('/get_state', { desk }, signal) });
}

export function useJournal(desk: string) {
  return useQuery({ queryKey: ['desk-journal', desk], queryFn: ({ signal }) => api.get<{ total: number; entries: Entry[] }>(path('desks', desk, 'journal'), undefined, signal) });
}

/** What is asked: an address of the document with its body, or an undo. */
export interface Asked { method: 'POST' | 'PUT' | 'DELETE'; address: string; body: Record<string, unknown> }

export function useAct(desk: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (asked: Asked): Promise<Answer> => {
      const answer = await request(asked.method, withQuery(asked.address, asked.address.startsWith('/api') ? {} : { desk }), { body: asked.body });
      return (await answer.json()) as Answer;
    },
    onSettled: () => {
      void client.invalidateQueries({ queryKey: ['desk', desk] });
      void client.invalidateQueries({ queryKey: ['desk-journal', desk] });
      void client.invalidateQueries({ queryKey: ['desk-day', desk] });
      void client.invalidateQueries({ queryKey: ['desks'] });
    },
  });
}

export type Acting = ReturnType<typeof useAct>;

/** A number that was typed; nothing where the field is empty. */
export function typed(text: string): number | undefined {
  const trimmed = text.trim().replace(',', '.');
  return trimmed === '' ? undefined : Number(trimmed);
}

/** Without the keys that have no value. */
export function given(body: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(body).filter(([, v]) => v !== undefined && v !== ''));
}
