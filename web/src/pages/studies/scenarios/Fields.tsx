/** Fields of a scenario's parameters: what is not told stays absent from the text, its default stands in the empty field. */

import { useState } from 'react';
import { strings } from '../../../strings';
import { lineOf, toldAt, withoutValue, withValue, type Parsed, type Path } from './document';
import { labelOf, listOf, numberOrText, placeholderOf, type Field } from './schema';

const t = strings.scenarios;

/** What fields read and change. */
export interface Editing {
  parsed: Parsed;
  /** Names of the project's files. */
  files: string[];
  disabled: boolean;
  change: (next: (text: string) => string) => void;
}

/** A text field that shows what is typed, not what becomes of it: `1.` is on its way to `1.5`. */
export function Typed({ value, onType, ...rest }: { value: string; onType: (text: string) => void } & Omit<React.InputHTMLAttributes<HTMLInputElement>, 'value' | 'onChange'>) {
  const [typed, setTyped] = useState<string | null>(null);
  return <input {...rest} value={typed ?? value} onChange={(e) => { setTyped(e.target.value); onType(e.target.value); }} onBlur={() => setTyped(null)} />;
}

const isPlain = (value: unknown) => value === null || ['string', 'number', 'boolean'].includes(typeof value);

/** The label's words: the parameter's own name, which files, messages and sweeps use too; whole where it is pointed at. */
const headOf = (field: Field) => <span title={field.name}>{labelOf(field)}{field.unit ? ` (${field.unit})` : ''}{field.required ? ' *' : ''}</span>;

/** Help of a field: meaning, range, where the default comes from. */
function Help({ field }: { field: Field }) {
  const text = [field.help, field.range ? t.range(field.range) + (field.unit ? ` ${field.unit}` : '') + '.' : '', field.source ? `${t.byDefault(placeholderOf(field))} ${t.source(field.source)}` : ''].filter(Boolean).join(' ');
  return text ? <span className="small quiet">{text}</span> : null;
}

/** One value: what can be told in one line, in forms and in cells of tables. */
function Plain({ field, path, edit, label }: { field: Field; path: Path; edit: Editing; label?: string }) {
  const told = toldAt(edit.parsed.doc, path);
  const set = (value: unknown) => edit.change((text) => (value === '' || (Array.isArray(value) && value.length === 0) ? withoutValue(text, path) : withValue(text, path, value)));
  const common = { disabled: edit.disabled, 'aria-label': label, 'data-param': path.join('.') };
  const list = Array.isArray(told.value) ? told.value : told.is && isPlain(told.value) && told.value !== null ? [told.value] : [];
  if (told.is && ((field.kind === 'texts' || field.kind === 'files' || field.kind === 'numbers') ? !list.every(isPlain) || list.some((x) => String(x).includes(',')) : !isPlain(told.value))) {
    return <span className="small" role="note">{t.notField(String(lineOf(edit.parsed, path) ?? ''))}</span>;
  }
  const shown = told.value === undefined || told.value === null ? '' : String(told.value);
  const asDefault = placeholderOf(field);
  switch (field.kind) {
    case 'choice':
      return <select {...common} value={shown} onChange={(e) => set(e.target.value)}><option value="">{t.asDefault(asDefault)}</option>{field.choices.map((c) => <option key={c}>{c}</option>)}{shown !== '' && !field.choices.includes(shown) && <option>{shown}</option>}</select>;
    case 'flag':
      return <select {...common} value={shown} onChange={(e) => set(e.target.value === '' ? '' : e.target.value === 'true' ? true : e.target.value === 'false' ? false : e.target.value)}><option value="">{t.asDefault(asDefault === 'true' ? t.yes : asDefault === 'false' ? t.no : '')}</option><option value="true">{t.yes}</option><option value="false">{t.no}</option>{shown !== '' && shown !== 'true' && shown !== 'false' && <option>{shown}</option>}</select>;
    case 'file':
      return <select {...common} value={shown} onChange={(e) => set(e.target.value)}><option value="">{t.chooseFile}</option>{edit.files.map((f) => <option key={f}>{f}</option>)}{shown !== '' && !edit.files.includes(shown) && <option value={shown}>{`${shown} (${t.notUploaded})`}</option>}</select>;
    case 'texts':
      return <Typed {...common} value={list.join(', ')} placeholder={asDefault || t.listHint} onType={(text) => set(listOf(text))} />;
    case 'files':
      return <Typed {...common} list="scenario-files" value={list.join(', ')} placeholder={t.listHint} onType={(text) => set(listOf(text))} />;
    case 'numbers':
      return <Typed {...common} value={list.join(', ')} placeholder={asDefault || t.listHint} onType={(text) => set(text.split(/[\s,;]+/).filter(Boolean).map(numberOrText))} />;
    case 'number':
    case 'whole':
      return <Typed {...common} inputMode="decimal" value={shown} placeholder={asDefault} onType={(text) => set(numberOrText(text))} />;
    default:
      return <Typed {...common} value={shown} placeholder={field.kind === 'day' ? asDefault || t.dayHint : asDefault} onType={(text) => set(text)} />;
  }
}

/** Objects in a row each. */
function Objects({ field, path, edit }: { field: Field; path: Path; edit: Editing }) {
  const { value, is } = toldAt(edit.parsed.doc, path);
  const rows = Array.isArray(value) ? value : [];
  if (is && value !== null && !Array.isArray(value)) return <span className="small" role="note">{t.notField(String(lineOf(edit.parsed, path) ?? ''))}</span>;
  return (
    <div className="wide-field">
      {rows.length > 0 && (
        <div style={{ overflowX: 'auto' }}>
          <table className="simple cells">
            <thead><tr>{field.fields.map((f) => <th key={f.name} title={f.help}>{headOf(f)}</th>)}<th><span className="visually-hidden">{t.actions}</span></th></tr></thead>
            <tbody>{rows.map((_, i) => (
              <tr key={i}>
                {field.fields.map((f) => <td key={f.name}><Plain field={f} path={[...path, i, f.name]} edit={edit} label={`${field.name} ${t.row(String(i + 1))}: ${f.name}`} /></td>)}
                <td><button type="button" className="plain" disabled={edit.disabled} aria-label={`${field.name}: ${t.removeRow(String(i + 1))}`} onClick={() => edit.change((text) => withoutValue(text, rows.length === 1 ? path : [...path, i]))}>✕</button></td>
              </tr>
            ))}</tbody>
          </table>
        </div>
      )}
      <div><button type="button" disabled={edit.disabled} aria-label={`${field.name}: ${t.addRow}`} onClick={() => edit.change((text) => withValue(text, [...path, rows.length], {}))}>{t.addRow}</button></div>
    </div>
  );
}

/** A weight by name. */
function Weights({ field, path, edit }: { field: Field; path: Path; edit: Editing }) {
  const { value, keys } = toldAt(edit.parsed.doc, path);
  const [name, setName] = useState('');
  const of = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const add = () => { if (name.trim() !== '' && !keys.includes(name.trim())) edit.change((text) => withValue(text, [...path, name.trim()], 1)); setName(''); };
  return (
    <div className="wide-field">
      {keys.map((key) => (
        <div key={key} className="row"><span style={{ minWidth: 110 }}>{key}</span>
          <Typed inputMode="decimal" style={{ width: 90 }} disabled={edit.disabled} aria-label={`${field.name}: ${t.weight} ${key}`} value={String(of[key] ?? '')} onType={(text) => edit.change((all) => withValue(all, [...path, key], numberOrText(text)))} />
          <button type="button" className="plain" disabled={edit.disabled} aria-label={`${t.remove} ${key}`} onClick={() => edit.change((text) => withoutValue(text, keys.length === 1 ? path : [...path, key]))}>✕</button></div>
      ))}
      <div className="row"><input value={name} disabled={edit.disabled} placeholder={t.key} aria-label={`${field.name}: ${t.key}`} style={{ width: 140 }} onChange={(e) => setName(e.target.value)} onKeyDown={(e) => { if (e.key === 'Enter') { e.preventDefault(); add(); } }} /><button type="button" disabled={edit.disabled || name.trim() === ''} onClick={add}>{t.addGo}</button></div>
    </div>
  );
}

/** A group of parameters that is told or not: empty and told is something else than absent. */
function Group({ field, path, edit }: { field: Field; path: Path; edit: Editing }) {
  const told = toldAt(edit.parsed.doc, path);
  const isOdd = told.is && told.value !== null && (typeof told.value !== 'object' || Array.isArray(told.value));
  const line = String(lineOf(edit.parsed, path) ?? '');
  return (
    <fieldset className="wide-field">
      <legend><label><input type="checkbox" checked={told.is} disabled={edit.disabled} onChange={(e) => edit.change((text) => (e.target.checked ? withValue(text, path, {}) : withoutValue(text, path)))} />{headOf(field)}</label></legend>
      <Help field={field} />
      {isOdd ? <p className="small" role="note">{t.notField(line)}</p> : told.is && <><Notes known={field.fields.map((f) => f.name)} oneOf={field.oneOf} path={path} edit={edit} /><FieldList fields={field.fields} path={path} edit={edit} /></>}
    </fieldset>
  );
}

export function FieldView({ field, path, edit }: { field: Field; path: Path; edit: Editing }) {
  const at = [...path, field.name];
  if (field.kind === 'object') return <Group field={field} path={at} edit={edit} />;
  if (field.kind === 'objects' || field.kind === 'weights') {
    return <fieldset className="wide-field"><legend>{headOf(field)}</legend><Help field={field} />{field.kind === 'objects' ? <Objects field={field} path={at} edit={edit} /> : <Weights field={field} path={at} edit={edit} />}</fieldset>;
  }
  if (field.kind === 'other') {
    const { is, value } = toldAt(edit.parsed.doc, at);
    return is ? <p className="small" role="note"><b>{field.name}</b> <code>{JSON.stringify(value)}</code> {t.notField(String(lineOf(edit.parsed, at) ?? ''))}</p> : null;
  }
  return <label className="field"><span>{headOf(field)}</span><Plain field={field} path={at} edit={edit} /><Help field={field} /></label>;
}

/** What must be told, what comes from elsewhere, and what is kept without a field. */
export function Notes({ known, oneOf, path, edit }: { known: string[]; oneOf: string[][]; path: Path; edit: Editing }) {
  const told = toldAt(edit.parsed.doc, path);
  const unknown = told.keys.filter((k) => !known.includes(k));
  const missing = oneOf.filter((names) => !told.isShared && !names.some((n) => told.keys.includes(n)));
  return (
    <>
      {missing.map((names) => <p key={names.join()} className="small" role="note"><b>{t.oneOf(names.join(', '))}</b></p>)}
      {told.isShared && <p className="small" role="note">{t.shared(String(lineOf(edit.parsed, path) ?? ''))}</p>}
      {unknown.map((name) => <p key={name} className="small" role="note">{t.kept(name, String(lineOf(edit.parsed, [...path, name]) ?? ''))}</p>)}
    </>
  );
}

export const FieldList = ({ fields, path, edit }: { fields: Field[]; path: Path; edit: Editing }) => <div className="form-grid params">{fields.map((f) => <FieldView key={f.name} field={f} path={path} edit={edit} />)}</div>;
