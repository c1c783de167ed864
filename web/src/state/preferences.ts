/** Preferences of this browser. Local storage holds these and nothing else. */

import { create } from 'zustand';

export type Theme = 'light' | 'dark';

function kept(key: string): string | null {
  try {
    return localStorage.getItem(`gridtwin.${key}`);
  } catch {
    return null;
  }
}

export function keep(key: string, value: string): void {
  try {
    localStorage.setItem(`gridtwin.${key}`, value);
  } catch {
    // Storage is refused or full: the preference lasts as long as the page.
  }
}

export { kept };

interface State {
  theme: Theme;
  setTheme: (theme: Theme) => void;
}

export const usePreferences = create<State>((set) => ({
  theme: typeof document !== 'undefined' && document.documentElement.dataset.theme === 'dark' ? 'dark' : 'light',
  setTheme: (theme) => {
    keep('theme', theme);
    document.documentElement.dataset.theme = theme;
    set({ theme });
  },
}));

/** The value of a colour token in the theme of now, for what is drawn outside CSS. */
export function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Red, green and blue of a colour as CSS writes it. A minifier may have made `#ffffff` into `#fff` or a name. */
export function rgb(color: string): [number, number, number] {
  let hex = color.replace('#', '');
  if (/^[0-9a-f]{3}$/i.test(hex)) hex = [...hex].map((c) => c + c).join('');
  if (!/^[0-9a-f]{6}$/i.test(hex)) {
    const to = document.createElement('canvas').getContext('2d');
    if (to) {
      to.fillStyle = color;
      hex = to.fillStyle.replace('#', '');
    }
  }
  return [parseInt(hex.slice(0, 2), 16), parseInt(hex.slice(2, 4), 16), parseInt(hex.slice(4, 6), 16)];
}
