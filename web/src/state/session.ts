/** Who is logged in, as the server says. */

import { create } from 'zustand';
import type { Role, Session } from '../api/types';
import { keep } from './preferences';

type Phase = 'asking' | 'out' | 'in' | 'unreachable';

interface State {
  phase: Phase;
  session: Session | null;
  /** True when a login that was there has ended, so that the login page can say so. */
  wasIn: boolean;
  enter: (session: Session) => void;
  ended: () => void;
  unreachable: () => void;
}

export const useSession = create<State>((set, get) => ({
  phase: 'asking',
  session: null,
  wasIn: false,
  enter: (session) => {
    // Tells early.js, which runs before anything of this, that asking is worth while.
    keep('in', 'yes');
    set({ phase: 'in', session, wasIn: true });
  },
  ended: () => {
    keep('in', 'no');
    set({ phase: 'out', session: null, wasIn: get().wasIn });
  },
  unreachable: () => set({ phase: 'unreachable' }),
}));

const ORDER: Role[] = ['ven', 'viewer', 'operator', 'engineer', 'admin'];

export function includes(role: Role | undefined, needed: Role): boolean {
  return role !== undefined && ORDER.indexOf(role) >= ORDER.indexOf(needed);
}

/** Whether the caller has at least a role; what may not be done is shown disabled with the reason. */
export function useMay(needed: Role): boolean {
  return useSession((s) => includes(s.session?.role, needed));
}
