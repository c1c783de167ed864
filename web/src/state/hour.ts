/** The clock of the page: the whole of a study, or one of its hours, in the address. An hour is named by its end, so the first is 1. */

import { create } from 'zustand';
import { useUrl } from './url';

export const useClock = create<{ playing: boolean; setPlaying: (playing: boolean) => void }>((set) => ({
  playing: false,
  setPlaying: (playing) => set({ playing }),
}));

export function clampHour(hour: number, hours: number): number {
  return Math.max(1, Math.min(hours, Math.round(hour)));
}

export interface Hour {
  /** null: the whole year. */
  hour: number | null;
  setHour: (hour: number | null) => void;
}

export function useHour(hours = 8760): Hour {
  const url = useUrl();
  const text = url.get('hour');
  const number = text === null ? NaN : Number(text);
  return {
    hour: Number.isFinite(number) ? clampHour(number, hours) : null,
    setHour: (hour) => url.set({ hour: hour === null ? null : clampHour(hour, hours) }),
  };
}
