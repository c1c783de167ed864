/** A scenario as cards: what holds for all of it, then one card a layer in the order in which they are stacked. */

import { useLayoutEffect, useState } from 'react';
import { strings } from '../../../strings';
import { count, num } from '../../../ui/format';
import { Empty, Severity } from '../../../ui/parts';
import type { Draft, LineFinding } from './data';
import { copiedLayer, layersOf, lineOf, movedLayer, toldAt, withLayer, withoutLayer, type LayerAt } from './document';
import { FieldList, Notes, type Editing } from './Fields';
import { layerKinds, topFields, type LayerKind, type Schema } from './schema';

const t = strings.scenarios;

/** Course of a layer in the week that is shown, as a line without axes. */
function Spark({ of }: { of: number[] }) {
  if (of.length < 2) return null;
  const [least, most] = [Math.min(0, ...of), Math.max(0, ...of)];
  const span = most - least || 1;
  const points = of.map((v, i) => `${((i / (of.length - 1)) * 120).toFixed(1)},${(22 - ((v - least) / span) * 20).toFixed(1)}`).join(' ');
  return <svg className="spark" viewBox="0 0 120 24" aria-hidden="true"><line x1="0" x2="120" y1={22 + (least / span) * 20} y2={22 + (least / span) * 20} /><polyline points={points} /></svg>;
}

export function FindingLine({ finding, onGo }: { finding: LineFinding; onGo?: () => void }) {
  const line = finding.source?.line;
  return (
    <div className="row top finding" role="note"><Severity of={finding.severity} />
      <span className="grow break"><b>{finding.message}</b>{finding.detail ? ` ${finding.detail}` : ''} {finding.hint && <span className="quiet">{finding.hint} </span>}{onGo && typeof line === 'number' ? <button type="button" className="link" onClick={onGo} aria-label={t.goLine(String(line))}>{t.line(String(line))}</button> : finding.source?.file && <span className="quiet">{t.inFile(finding.source.file, typeof line === 'number' ? String(line) : '')}</span>} <code className="small quiet">{finding.code}</code></span>
    </div>
  );
}

interface CardsProps {
  schema: Schema;
  edit: Editing;
  draft: Draft | undefined;
  /** Findings of the text itself, by the layer that they are in; -1: none. */
  findingsOf: (layer: number) => LineFinding[];
  onLine: (line: number) => void;
}

export function Cards({ schema, edit, draft, findingsOf, onLine }: CardsProps) {
  const [kind, setKind] = useState('ev');
  // Cards are made anew when their order changes: which of their fields stand in front is decided then.
  const [generation, setGeneration] = useState(0);
  // Where the keyboard goes on after a move: with the card, before another key can come.
  const [wanted, setWanted] = useState<{ to: number; button: string } | null>(null);
  useLayoutEffect(() => {
    if (!wanted) return;
    const buttons = [wanted.button, wanted.button === 'up' ? 'down' : 'up'].map((b) => document.getElementById(`layer-${wanted.to}-${b}`) as HTMLButtonElement | null);
    (buttons.find((b) => b && !b.disabled) ?? buttons[0])?.focus();
  }, [wanted]);
  const kinds = layerKinds(schema);
  const { parsed } = edit;
  if (parsed.fault) {
    const { fault } = parsed;
    return <Empty title={t.notYaml} actions={<button onClick={() => onLine(fault.line)}>{t.goLine(String(fault.line))}</button>}>{fault.message || t.noMap}</Empty>;
  }
  const layers = layersOf(parsed);
  const shown = draft?.preview?.layers ?? [];
  // Layers of files that are included come first.
  const own = (draft?.layers ?? []).slice(-layers.length || undefined).map((l) => l.name);
  const reorder = (change: (text: string) => string, to: number, button: string) => {
    edit.change(change);
    setGeneration((g) => g + 1);
    setWanted({ to, button });
  };
  return (
    <div className="stack">
      <datalist id="scenario-files">{edit.files.map((f) => <option key={f} value={f} />)}</datalist>
      <section className="layer-card" aria-label={t.whole}>
        <h3>{t.whole}</h3>
        {findingsOf(-1).map((f, i) => <FindingLine key={i} finding={f} onGo={() => onLine(f.source?.line ?? 1)} />)}
        <Sides fields={topFields(schema)} front={['scenario', 'seed', 'year', 'weather']} oneOf={[]} path={[]} edit={edit} ignore={['layers']} />
      </section>
      <h3>{t.layers}</h3>
      {layers.length === 0 && <p className="quiet">{t.noLayers}</p>}
      {layers.map((layer, i) => (
        <Card key={`${generation}-${layer.index}-${layer.kind}`} layer={layer} of={kinds.find((k) => k.kind === layer.kind)} last={layers.length - 1} edit={edit} findings={findingsOf(i)} onLine={onLine} preview={shown.find((s) => s.layer === own[i])}
          onMove={(by) => { const to = layer.index + by; if (to >= 0 && to < layers.length) reorder((text) => movedLayer(text, layer.index, to), to, by < 0 ? 'up' : 'down'); }}
          onCopy={() => reorder((text) => copiedLayer(text, layer.index), layer.index + 1, 'up')}
          onRemove={() => { edit.change((text) => withoutLayer(text, layer.index)); setGeneration((g) => g + 1); }} />
      ))}
      <div className="row"><label className="row">{t.add} <select value={kind} disabled={edit.disabled} onChange={(e) => setKind(e.target.value)}>{kinds.map((k) => <option key={k.kind} value={k.kind}>{t.kinds[k.kind] ?? k.kind}</option>)}</select></label><button type="button" disabled={edit.disabled} onClick={() => { edit.change((text) => withLayer(text, kind)); }}>{t.addGo}</button></div>
    </div>
  );
}

/** Fields that are told or must be, and the rest behind a line. */
function Sides({ fields, front, oneOf, path, edit, ignore = [] }: { fields: LayerKind['fields']; front: string[]; oneOf: string[][]; path: (string | number)[]; edit: Editing; ignore?: string[] }) {
  const [first] = useState(() => new Set([...front, ...oneOf.flat(), ...fields.filter((f) => f.required).map((f) => f.name), ...toldAt(edit.parsed.doc, path).keys]));
  const rest = fields.filter((f) => !first.has(f.name));
  const { keys } = toldAt(edit.parsed.doc, path);
  const told = rest.filter((f) => keys.includes(f.name)).length;
  return (
    <>
      <Notes known={[...fields.map((f) => f.name), ...ignore]} oneOf={oneOf} path={path} edit={edit} />
      <FieldList fields={fields.filter((f) => first.has(f.name))} path={path} edit={edit} />
      {rest.length > 0 && <details><summary>{told > 0 ? t.moreTold(count(rest.length), count(told)) : t.more(count(rest.length))}</summary><div style={{ marginTop: 8 }}><FieldList fields={rest} path={path} edit={edit} /></div></details>}
    </>
  );
}

interface CardProps {
  layer: LayerAt;
  of: LayerKind | undefined;
  last: number;
  edit: Editing;
  findings: LineFinding[];
  preview: NonNullable<Draft['preview']>['layers'][number] | undefined;
  onLine: (line: number) => void;
  onMove: (by: number) => void;
  onCopy: () => void;
  onRemove: () => void;
}

function Card({ layer, of, last, edit, findings, preview, onLine, onMove, onCopy, onRemove }: CardProps) {
  const name = of ? (t.kinds[of.kind] ?? of.kind) : (layer.kind ?? '?');
  const what = `${name} ${layer.name}`;
  const id = `layer-${layer.index}`;
  const told = toldAt(edit.parsed.doc, layer.path);
  const isOdd = !of || (told.is && told.value !== null && (typeof told.value !== 'object' || Array.isArray(told.value)));
  return (
    <section className="layer-card" aria-label={what} data-layer={layer.name} onKeyDown={(e) => {
      if (!e.altKey || (e.key !== 'ArrowUp' && e.key !== 'ArrowDown') || edit.disabled) return;
      e.preventDefault();
      onMove(e.key === 'ArrowUp' ? -1 : 1);
    }}>
      <header className="row wrap">
        <b>{layer.index + 1}. {name}</b>{layer.name !== layer.kind && <code>{layer.name}</code>}
        {preview && <><Spark of={preview.week_kw} /><span className="small quiet">{unitsOf(preview.kind, preview.units)}</span></>}
        <span className="grow" />
        <button type="button" id={`${id}-up`} disabled={edit.disabled || layer.index === 0} onClick={() => onMove(-1)} aria-label={`${t.up}: ${what}`} title={`${t.up}. ${t.moveHint}`}>▴</button>
        <button type="button" id={`${id}-down`} disabled={edit.disabled || layer.index === last} onClick={() => onMove(1)} aria-label={`${t.down}: ${what}`} title={`${t.down}. ${t.moveHint}`}>▾</button>
        <button type="button" disabled={edit.disabled || !of} onClick={onCopy} aria-label={`${t.copy}: ${what}`}>{t.copy}</button>
        <button type="button" disabled={edit.disabled} onClick={onRemove} aria-label={`${t.remove}: ${what}`}>{t.remove}</button>
      </header>
      {findings.map((f, i) => <FindingLine key={i} finding={f} onGo={() => onLine(f.source?.line ?? layer.line)} />)}
      {isOdd ? <p role="note">{t.notShown(String(lineOf(edit.parsed, layer.path) ?? layer.line))} <button type="button" className="link" onClick={() => onLine(layer.line)}>{t.goText}</button></p> : (
        <>
          <p className="small quiet">{of?.help}</p>
          <Sides fields={of?.fields ?? []} front={['name']} oneOf={of?.oneOf ?? []} path={layer.path} edit={edit} />
        </>
      )}
    </section>
  );
}

/** `45 vehicles`; nothing where a layer has no units. */
export function unitsOf(kind: string, units: number): string {
  const [one, many] = t.units[kind] ?? t.unit;
  return units === 0 && !t.units[kind] ? '' : `${num(units, 6)} ${units === 1 ? one : many}`;
}
