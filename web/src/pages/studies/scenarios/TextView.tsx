/** The text of a scenario with the numbers of its lines. */

import { useEffect, useRef } from 'react';
import { strings } from '../../../strings';

const t = strings.scenarios;

/** A line to go to; a new object each time, so that the same line can be gone to again. */
export interface Goal { line: number }

interface Props {
  text: string;
  disabled: boolean;
  /** Lines with findings, and how bad the worst is. */
  marks: Map<number, string>;
  goal: Goal | null;
  onText: (text: string) => void;
  /** What the text is, for who does not see it. */
  label?: string;
}

export function TextView({ text, disabled, marks, goal, onText, label = t.lines }: Props) {
  const area = useRef<HTMLTextAreaElement>(null);
  const gutter = useRef<HTMLPreElement>(null);
  const lines = text.split('\n');
  useEffect(() => {
    const box = area.current;
    if (!goal || !box) return;
    const all = box.value.split('\n');
    const from = all.slice(0, goal.line - 1).reduce((n, l) => n + l.length + 1, 0);
    box.focus();
    box.setSelectionRange(from, from + (all[goal.line - 1]?.length ?? 0));
    box.scrollTop = Math.max(0, (goal.line - 4) * (box.scrollHeight / Math.max(1, all.length)));
  }, [goal]);
  return (
    <div className="code">
      <div className="gutter" aria-hidden="true"><pre ref={gutter}>{lines.map((_, i) => { const mark = marks.get(i + 1); return <span key={i} className={mark ? `mark ${mark}` : undefined}>{mark ? `${mark === 'error' ? '■' : mark === 'warning' ? '▲' : '●'} ` : ''}{i + 1}{'\n'}</span>; })}</pre></div>
      <textarea ref={area} aria-label={label} value={text} readOnly={disabled} spellCheck={false} wrap="off" autoCapitalize="off" rows={Math.min(34, Math.max(16, lines.length + 1))} onChange={(e) => onText(e.target.value)} onScroll={(e) => { if (gutter.current) gutter.current.style.transform = `translateY(${-e.currentTarget.scrollTop}px)`; }} />
    </div>
  );
}
