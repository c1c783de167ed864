/** The WebSocket: one for the page, with what is subscribed to, reconnecting, and telling when it is gone. */

import { create } from 'zustand';

export interface Frame {
  type: string;
  seq?: number;
  [more: string]: unknown;
}

interface State {
  /** `off` before the first try, `up`, or `down` with the time since. */
  link: 'off' | 'up' | 'down';
  downSince: number | null;
  retryAt: number | null;
}

export const useLink = create<State>(() => ({ link: 'off', downSince: null, retryAt: null }));

type Listener = (frame: Frame) => void;

const listeners = new Set<Listener>();
const gaps = new Set<() => void>();
const topics = new Map<string, number>();
let socket: WebSocket | null = null;
let wanted = false;
let failures = 0;
let lastSeq: number | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Seconds until the next try: 1, 2, 4 … 30, with a little chance so that many pages do not come back at once. */
export function backoff(failures: number, chance = Math.random()): number {
  return Math.min(30, 2 ** Math.min(failures, 5)) * (0.75 + chance / 2);
}

/** Whether frames were lost between two sequence numbers. */
export function isGap(last: number | null, next: number | undefined): boolean {
  return last !== null && next !== undefined && next > last + 1;
}

function open(): void {
  if (!wanted || socket) return;
  const address = `${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}/api/ws`;
  let here: WebSocket;
  try {
    here = new WebSocket(address);
  } catch {
    lost();
    return;
  }
  socket = here;
  here.onopen = () => {
    const wasDown = useLink.getState().link === 'down';
    failures = 0;
    lastSeq = null;
    useLink.setState({ link: 'up', downSince: null, retryAt: null });
    send();
    // What happened while the link was gone was not told: whoever shows it asks again.
    if (wasDown) gaps.forEach((f) => f());
  };
  here.onmessage = (event) => {
    let frame: Frame;
    try {
      frame = JSON.parse(String(event.data)) as Frame;
    } catch {
      return;
    }
    if (isGap(lastSeq, frame.seq) || frame.type === 'gap' || frame.type === 'lagged') gaps.forEach((f) => f());
    if (frame.seq !== undefined) lastSeq = frame.seq;
    listeners.forEach((f) => f(frame));
  };
  here.onclose = () => {
    if (socket === here) {
      socket = null;
      lost();
    }
  };
}

function lost(): void {
  if (!wanted) return;
  const wait = backoff(failures) * 1000;
  failures += 1;
  useLink.setState((s) => ({ link: 'down', downSince: s.downSince ?? Date.now(), retryAt: Date.now() + wait }));
  clearTimeout(timer);
  timer = setTimeout(open, wait);
}

function send(): void {
  if (socket?.readyState === WebSocket.OPEN && topics.size > 0) socket.send(JSON.stringify({ subscribe: [...topics.keys()] }));
}

export const link = {
  start(): void {
    wanted = true;
    open();
  },
  stop(): void {
    wanted = false;
    clearTimeout(timer);
    socket?.close();
    socket = null;
    useLink.setState({ link: 'off', downSince: null, retryAt: null });
  },
  retryNow(): void {
    clearTimeout(timer);
    open();
  },
  subscribe(topic: string): () => void {
    const users = topics.get(topic) ?? 0;
    topics.set(topic, users + 1);
    if (users === 0) send();
    return () => {
      const left = (topics.get(topic) ?? 1) - 1;
      if (left > 0) topics.set(topic, left);
      else {
        topics.delete(topic);
        if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ unsubscribe: [topic] }));
      }
    };
  },
  listen(listener: Listener): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  onGap(listener: () => void): () => void {
    gaps.add(listener);
    return () => gaps.delete(listener);
  },
};
