/** The line that a question in plain words is typed into, on this page and on others. */

import { strings } from '../../strings';

const t = strings.models.question;

/** Longest that is read, characters. */
const LONGEST = 400;

export function QuestionLine({ text, onText, onAsk, children }: { text: string; onText: (text: string) => void; onAsk: () => void; children?: React.ReactNode }) {
  return (
    <form className="toolbar" role="search" aria-label={t.title} onSubmit={(e) => { e.preventDefault(); if (text.trim() !== '') onAsk(); }}>
      <input className="grow" aria-label={t.label} placeholder={t.placeholder} maxLength={LONGEST} value={text} onChange={(e) => onText(e.target.value)} />
      {children}
      <button className="primary" disabled={text.trim() === ''}>{t.read}</button>
    </form>
  );
}
