/** Keys: one at a time, or two in a row (`g m`). Never while someone writes. */

import { useEffect, useRef } from 'react';

export type Keys = Record<string, (event: KeyboardEvent) => void>;

export function isWriting(target: EventTarget | null): boolean {
  const element = target as HTMLElement | null;
  if (!element?.tagName) return false;
  if (element.isContentEditable) return true;
  if (element.tagName === 'TEXTAREA' || element.tagName === 'SELECT') return true;
  return element.tagName === 'INPUT' && !['checkbox', 'radio', 'button', 'range'].includes((element as HTMLInputElement).type);
}

export function useKeys(keys: Keys): void {
  const kept = useRef(keys);
  useEffect(() => {
    kept.current = keys;
  });
  useEffect(() => {
    let first = '';
    let timer: ReturnType<typeof setTimeout> | undefined;
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (isWriting(event.target)) return;
      if (document.querySelector('dialog[open]') && event.key !== '?') return;
      // A button that has the focus takes the space bar and Enter itself.
      if ((event.key === ' ' || event.key === 'Enter') && (event.target as HTMLElement)?.closest?.('button, a, [role=tab], summary')) return;
      const pair = first ? `${first} ${event.key}` : event.key;
      // After a `g` only pairs count: the second key must not do here what it does alone.
      const act = kept.current[pair];
      clearTimeout(timer);
      first = '';
      if (act) {
        event.preventDefault();
        act(event);
      } else if (event.key === 'g') {
        first = 'g';
        timer = setTimeout(() => (first = ''), 1200);
      }
    };
    window.addEventListener('keydown', onKey);
    return () => {
      clearTimeout(timer);
      window.removeEventListener('keydown', onKey);
    };
  }, []);
}
