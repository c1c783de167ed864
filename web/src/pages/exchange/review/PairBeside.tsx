/** Both sides of a pair beside each other: attributes, why they were matched, where they lie, what was decided, and other partners. */

import { useQuery } from '@tanstack/react-query';
import { useDeferredValue, useState, type ReactNode } from 'react';
import { Link } from 'react-router';
import { api } from '../../../api/client';
import { pageOf } from '../../../api/data';
import type { Page } from '../../../api/types';
import { useUrl } from '../../../state/url';
import { strings } from '../../../strings';
import { num, plural } from '../../../ui/format';
import { Empty, Loaded, RoleButton } from '../../../ui/parts';
import { Facts } from '../../map/Detail';
import { useElement } from '../../map/data';
import { pairPath, usePair, type MatchRow, type PairDetail, type Reconciliation, type Subject } from './data';
import { pairDecision, type PairWord } from './logic';
import { CaseMark, History, Score, Sketch } from './parts';

const t = strings.review;

interface Props {
  project: string;
  of: Reconciliation;
  a: string | null;
  b: string | null;
  may: boolean;
  note: string;
  onNote: (note: string) => void;
  onWord: (word: PairWord, row: MatchRow) => void;
  onForce: (a: string, b: string) => void;
}

export function PairBeside(props: Props) {
  const query = usePair(props.project, props.of.network, props.of.with, props.a, props.b);
  return <Loaded query={query}>{(pair) => <Content {...props} pair={pair} />}</Loaded>;
}

function Content({ project, of, a, b, may, note, onNote, onWord, onForce, pair }: Props & { pair: PairDetail }) {
  const { row } = pair;
  const word = (w: PairWord, label: string, key: string, primary = false) => (
    <RoleButton allowed={may} role="engineer" className={primary ? 'primary' : ''} title={key} disabled={!row || pairDecision(row, w) === null} onClick={() => row && onWord(w, row)}>{label}</RoleButton>
  );
  return (
    <div className="stack" data-testid="pair" data-state={row?.state}>
      <h2 className="visually-hidden">{t.details}</h2>
      {row && <div className="row wrap"><CaseMark state={row.state} pending={row.pending} />{row.score !== null && <span className="row">{t.heads.score} <Score of={row.score} /></span>}{row.method && <span className="quiet">{t.method[row.method] ?? row.method}</span>}</div>}
      {a !== null && b !== null && (
        <>
          <div className="row wrap">{word('accept', t.accept, 'a', true)}{word('reject', t.reject, 'r')}{word('withdraw', t.withdraw, 'w')}</div>
          <label className="field"><span>{t.note}</span><input value={note} maxLength={2000} disabled={!may} onChange={(e) => onNote(e.target.value)} /></label>
        </>
      )}
      <Sides project={project} of={of} pair={pair} a={a} b={b} />
      {row?.tie && <p>{t.tie(row.tie)}</p>}
      {(pair.reasons.length > 0 || (a !== null && b !== null)) && (
        <section>
          <h3>{t.why}</h3>
          {pair.reasons.length === 0 ? <p className="quiet">{t.whyNone}</p> : (
            <table className="simple"><tbody>{pair.reasons.map((r, i) => <tr key={i}><td className="label">{t.reason[r.what] ?? r.what}</td><td className="num"><Score of={r.score} /></td><td className="quiet">{r.text}</td></tr>)}</tbody></table>
          )}
        </section>
      )}
      {pair.conflicts.length > 0 && (
        <section>
          <h3>{t.disagree}</h3>
          <table className="simple"><thead><tr><td /><th>{of.network}</th><th>{of.with}</th></tr></thead><tbody>{pair.conflicts.map((c, i) => <tr key={i}><td className="label">{t.conflict[c.kind] ?? c.kind}</td><td>{c.value_a}</td><td>{c.value_b}</td></tr>)}</tbody></table>
        </section>
      )}
      <section>
        <h3>{t.situation}</h3>
        <Sketch none={t.noPlaces} legend={{ a: of.network, b: of.with }} figures={[{ name: pair.a?.key ?? '', kind: 'a', places: pair.a?.places ?? [] }, { name: pair.b?.key ?? '', kind: 'b', places: pair.b?.places ?? [] }]} />
      </section>
      <Another key={`${a}\n${b}`} project={project} of={of} pair={pair} may={may} onForce={onForce} />
      <History of={pair.decisions} word={(v) => t.word[v] ?? v} />
    </div>
  );
}

/** The common fields of both, and all attributes of either one below. */
function Sides({ project, of, pair, a, b }: { project: string; of: Reconciliation; pair: PairDetail; a: string | null; b: string | null }) {
  const sides = [pair.a, pair.b];
  const field = (label: string, one: (s: Subject) => ReactNode, text: (s: Subject) => string | number | null) => {
    const [left, right] = sides.map((s) => (s ? text(s) : null));
    if (!left && !right) return null;
    const isOff = pair.a && pair.b && left !== right && left !== null && right !== null && label !== t.fields.ids && label !== t.fields.buses;
    return <tr className={isOff ? 'differs' : ''}><td className="quiet">{label}</td>{sides.map((s, i) => <td key={i}>{s && text(s) ? one(s) : <span className="quiet">–</span>}</td>)}</tr>;
  };
  return (
    <>
      <table className="simple sides">
        <thead><tr><td />{[of.network, of.with].map((n, i) => <th key={i} className="break">{n}</th>)}</tr></thead>
        <tbody>
          <tr><td className="quiet">{t.fields.class}</td>{[[a, pair.a] as const, [b, pair.b] as const].map(([key, s], i) => <td key={i}>{key === null ? <span className="quiet">{t.noPartner}</span> : <><b className="break">{key}</b>{s ? <ToMap project={project} network={s.network} version={s.version} id={s.id} /> : <div className="quiet">{t.gone}</div>}</>}</td>)}</tr>
          {field(t.fields.ids, (s) => s.ids.join(', '), (s) => s.ids.join(', '))}
          {field(t.fields.kv, (s) => `${num(s.kv)} kV`, (s) => (s.kv === null ? null : Number(s.kv.toPrecision(4))))}
          {field(t.fields.size, (s) => `${num(s.size)} ${s.size_unit ?? ''}`, (s) => s.size)}
          {field(t.fields.phases, (s) => s.phases, (s) => s.phases || null)}
          {field(t.fields.length, (s) => `${num(s.length_m)} m`, (s) => (s.length_m === null ? null : Number(s.length_m.toPrecision(4))))}
          {field(t.fields.buses, (s) => s.buses.slice(0, 6).join(', '), (s) => s.buses.slice(0, 6).join(', '))}
        </tbody>
      </table>
      {sides.some((s) => s?.id) && (
        <details><summary>{t.more}</summary>{sides.map((s, i) => (s?.id ? <Attributes key={i} project={project} of={s} /> : null))}</details>
      )}
    </>
  );
}

function Attributes({ project, of }: { project: string; of: Subject }) {
  const query = useElement(project, of.network, String(of.version), of.id);
  return (
    <section>
      <h3>{of.network}: {of.id}</h3>
      <Loaded query={query} small>{(e) => <Facts rows={[...e.attributes, ...e.assets.flatMap((asset) => Object.entries(asset.attributes).map(([name, value]) => ({ name, value })))]} />}</Loaded>
    </section>
  );
}

/** A link to the map with the thing in its middle. */
export function ToMap({ project, network, version, id }: { project: string; network: string; version: number | null; id: string | null }) {
  const url = useUrl();
  if (!id) return null;
  const search = new URLSearchParams({ project, network, sel: id, focus: '1', ...(version === null ? {} : { version: String(version) }), run: url.get('network') === network ? (url.get('run') ?? 'none') : 'none' });
  return <div><Link to={{ pathname: '/map', search: `?${search.toString()}` }}>{t.onMap}</Link></div>;
}

/** Another partner for one of the two: the nearest of its class, or by name. */
function Another({ project, of, pair, may, onForce }: { project: string; of: Reconciliation; pair: PairDetail; may: boolean; onForce: (a: string, b: string) => void }) {
  const [side, setSide] = useState<'a' | 'b'>(pair.a ? 'b' : 'a');
  const [text, setText] = useState('');
  const search = useDeferredValue(text);
  const own = side === 'b' ? pair.a : pair.b;
  const network = side === 'b' ? of.with : of.network;
  const query = useQuery<Page<Subject>>({
    queryKey: ['review', project, 'subjects', of.network, of.with, side, own?.key, search.trim()],
    enabled: own !== null,
    placeholderData: (old) => old,
    queryFn: async ({ signal }) => pageOf(await api.get<Page<Subject>>(pairPath(project, of.network, of.with, 'subjects'), { side, class: own?.class, near: own?.key, search: search.trim(), limit: 8 }, signal)),
  });
  if (!own) return null;
  const now = side === 'b' ? pair.b?.key : pair.a?.key;
  return (
    <section>
      <h3>{t.partnerFor(own.key)}</h3>
      <div className="row wrap">
        <input data-another type="search" className="grow" value={text} placeholder={t.searchIn(network)} aria-label={t.searchIn(network)} onChange={(e) => setText(e.target.value)} />
        {pair.a && pair.b && <button onClick={() => setSide(side === 'a' ? 'b' : 'a')}>⇄</button>}
      </div>
      <Loaded query={query} small>
        {(page) => page.items.length === 0 ? <Empty title={t.noSubjects} /> : (
          <ul className="plainlist">
            {page.items.map((s) => (
              <li key={s.key} className="row">
                <span className="grow break">{s.key} <span className="small quiet">{[s.distance_m === undefined ? '' : `${num(s.distance_m, 3)} m`, s.phases, s.size === null ? '' : `${num(s.size)} ${s.size_unit ?? ''}`, s.length_m === null ? '' : plural(Number(s.length_m.toPrecision(3)), 'm', 'm')].filter(Boolean).join(' · ')}</span></span>
                <RoleButton allowed={may} role="engineer" disabled={s.key === now} aria-label={t.matchWith(s.key)} onClick={() => (side === 'b' ? onForce(own.key, s.key) : onForce(s.key, own.key))}>{t.match}</RoleButton>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </section>
  );
}
