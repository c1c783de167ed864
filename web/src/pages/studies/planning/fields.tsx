/** Fields that the forms of planning share. */

import type { Context } from '../../../state/context';

export type Params = Record<string, unknown>;

export interface FormProps {
  context: Context;
  onParams: (params: Params) => void;
}

/** A number that may be left open, with its unit. */
export function NumberField({ label, unit, value, onChange, ...rest }: { label: string; unit?: string; value: string; onChange: (v: string) => void } & Omit<React.InputHTMLAttributes<HTMLInputElement>, 'value' | 'onChange'>) {
  return <label className="field"><span>{label}{unit ? ` (${unit})` : ''}</span><input type="number" step="any" {...rest} value={value} onChange={(e) => onChange(e.target.value)} /></label>;
}

export const number = (text: string | undefined) => (text === undefined || text.trim() === '' ? undefined : Number(text));

export function Choice({ label, words, value, onChange }: { label: string; words: Record<string, string>; value: string; onChange: (v: string) => void }) {
  return <label className="field"><span>{label}</span><select value={value} onChange={(e) => onChange(e.target.value)}>{Object.entries(words).map(([k, text]) => <option key={k} value={k}>{text}</option>)}</select></label>;
}

export function Flags({ label, words, on, onChange }: { label: string; words: Record<string, string>; on: string[]; onChange: (on: string[]) => void }) {
  return <fieldset><legend>{label}</legend>{Object.entries(words).map(([k, text]) => <label key={k} style={{ display: 'block' }}><input type="checkbox" checked={on.includes(k)} onChange={(e) => onChange(e.target.checked ? [...on, k] : on.filter((x) => x !== k))} />{text}</label>)}</fieldset>;
}
