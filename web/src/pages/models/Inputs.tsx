/** One input of a module: where it comes from, and which columns it has to have. */

import { useId, useState } from 'react';
import { strings } from '../../strings';
import { bytes } from '../../ui/format';
import type { Input } from './data';
import { headersFor, headersOf, unitOf, type Given } from './logic';

const t = strings.models.form;

export interface Chosen { file: File; name: string }

/** Enough for a header, however many columns it has. */
const HEAD_BYTES = 1 << 16;

async function headersIn(file: File): Promise<string[]> {
  if (!/\.(csv|tsv|txt)$/i.test(file.name)) return [];
  return headersOf(await file.slice(0, HEAD_BYTES).text());
}

interface Props {
  input: Input;
  isNeeded: boolean;
  networks: string[];
  given: Given;
  files: Chosen[];
  onGiven: (given: Given) => void;
  onFiles: (files: Chosen[]) => void;
}

export function InputFields({ input, isNeeded, networks, given, files, onGiven, onFiles }: Props) {
  const [headers, setHeaders] = useState<string[]>([]);
  const sources = input.kind === 'network' ? ['network', 'file'] : ['file', 'sql'];
  const choose = async (list: FileList | null) => {
    const chosen = [...(list ?? [])].map((file) => ({ file, name: file.name }));
    onFiles(chosen);
    // Headers that were told belong to the table that was there before.
    onGiven({ ...given, file: chosen[0]?.name ?? '', columns: {} });
    const first = chosen[0];
    setHeaders(first && input.kind === 'table' ? await headersIn(first.file).catch(() => []) : []);
  };
  return (
    <fieldset data-input={input.name}>
      <legend>{input.name} <span className="chip">{isNeeded ? t.needed : t.optional}</span></legend>
      <p>{input.meaning.charAt(0).toUpperCase() + input.meaning.slice(1)}.</p>
      <div className="form-grid">
        <label className="field"><span>{t.from}</span>
          <select value={given.from} onChange={(e) => onGiven({ ...given, from: e.target.value as Given['from'], network: e.target.value === 'network' ? given.network || (networks[0] ?? '') : given.network, columns: {} })}>
            {(!isNeeded || given.from === 'none') && <option value="none">{t.sources.none}</option>}
            {sources.map((s) => <option key={s} value={s} disabled={s === 'network' && networks.length === 0}>{t.sources[s]}</option>)}
          </select></label>
        {given.from === 'file' && <div className="field"><span>{input.kind === 'network' ? t.files : t.file}</span>
          <label className="button filebutton">{strings.exchange.chooseFiles}<input className="visually-hidden" type="file" aria-label={`${t.file}: ${input.name}`} multiple={input.kind === 'network'} accept={input.kind === 'table' ? '.csv,.tsv,.txt,.gz' : undefined} onChange={(e) => void choose(e.target.files)} data-testid={`file-${input.name}`} /></label>
          <span className="small quiet break">{files.length > 0 ? files.map((f) => `${f.name} (${bytes(f.file.size)})`).join(', ') : input.kind === 'network' ? t.modelHint : t.fileHint}</span></div>}
        {given.from === 'file' && files.length > 1 && <label className="field"><span>{t.main}</span><select value={given.file} onChange={(e) => onGiven({ ...given, file: e.target.value })}>{files.map((f) => <option key={f.name}>{f.name}</option>)}</select></label>}
        {given.from === 'network' && <>
          <label className="field"><span>{t.network}</span><select value={given.network} onChange={(e) => onGiven({ ...given, network: e.target.value, version: '' })}>{networks.map((n) => <option key={n}>{n}</option>)}</select></label>
          <label className="field"><span>{t.version}</span><input type="number" min={1} step={1} value={given.version} placeholder={t.versionHint} onChange={(e) => onGiven({ ...given, version: e.target.value })} /></label>
        </>}
      </div>
      {given.from === 'sql' && <label className="field" style={{ marginTop: 6 }}><span>{t.sql}</span><textarea className="sql" spellCheck={false} value={given.sql} onChange={(e) => onGiven({ ...given, sql: e.target.value })} /></label>}
      {input.kind === 'table' && given.from !== 'none' && <Columns input={input} headers={given.from === 'file' ? headers : []} given={given} onGiven={onGiven} />}
    </fieldset>
  );
}

function Columns({ input, headers, given, onGiven }: { input: Input & { kind: 'table' }; headers: string[]; given: Given; onGiven: (given: Given) => void }) {
  const list = useId();
  const set = (column: string, header: string) => onGiven({ ...given, columns: { ...given.columns, [column]: header } });
  const all = headersFor(input.columns, headers, given.columns);
  const isLacking = headers.length > 0 && input.columns.some((c) => all[c.name]?.isExact !== true && (c.needed || all[c.name]));
  return (
    <details open={input.columns.length <= 8 || isLacking} style={{ marginTop: 6 }}>
      <summary>{t.columns}</summary>
      <table className="simple">
        <thead><tr><th>{t.column}</th><th>{t.unit}</th><th>{t.kind}</th><th>{t.meaning}</th><th>{t.header}</th></tr></thead>
        <tbody>{input.columns.map((c) => {
          const found = all[c.name];
          const asked = given.columns[c.name]?.trim() ?? '';
          return (
            <tr key={c.name}>
              <td><code>{c.name}</code> {c.needed && <span className="chip">{t.needed}</span>}</td><td>{unitOf(c.unit) || '–'}</td><td>{t.kinds[c.kind] ?? c.kind}</td>
              <td>{c.meaning}{c.aliases.length > 0 && <div className="small quiet">{t.orAs(c.aliases.join(', '))}</div>}</td>
              <td><input list={list} aria-label={t.headerOf(c.name)} placeholder={t.headerHint} value={given.columns[c.name] ?? ''} onChange={(e) => set(c.name, e.target.value)} />
                {headers.length === 0 ? null : found === undefined ? (c.needed || asked !== '') && <div className="small" role="status"><b>{asked === '' ? t.notFound : t.notThere}</b></div> : asked !== '' ? null : found.isExact ? <div className="small quiet">{t.found(found.header)}</div> : <div className="small" role="status"><b>{t.taken(found.header)}</b></div>}</td>
            </tr>
          );
        })}</tbody>
      </table>
      <datalist id={list}>{headers.map((h) => <option key={h} value={h} />)}</datalist>
      <p className="small quiet">{input.others ? t.others(input.others) : t.noOthers}</p>
    </details>
  );
}
