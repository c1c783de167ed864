/** Guesses of which layer and field is what, with reason and confidence, to be looked over and corrected. */

import { useState } from 'react';
import { strings } from '../../strings';
import { num } from '../../ui/format';

const t = strings.exchange;

/** What a layer can be, in the words of a mapping. */
const KINDS = ['bus', 'line', 'switch', 'fuse', 'recloser', 'breaker', 'transformer', 'regulator', 'capacitor', 'load', 'meter', 'generator', 'pv', 'source', 'pole', 'structure', 'substation', 'other', 'ignore'];

interface Guess {
  reason: string;
  confidence: number;
}

type FieldSpec = string | { field?: string | string[]; unit?: string; guess?: Guess; [more: string]: unknown };

interface Layer {
  layer: string;
  kind: string;
  fields?: Record<string, FieldSpec>;
  guess?: Guess;
  [more: string]: unknown;
}

interface MappingValue {
  layers: Layer[];
  [more: string]: unknown;
}

function isMapping(value: unknown): value is MappingValue {
  return typeof value === 'object' && value !== null && Array.isArray((value as MappingValue).layers);
}

function Sure({ of }: { of: Guess | undefined }) {
  if (!of) return null;
  return <span className="small quiet" title={of.reason}><span className="confidence" style={{ '--at': `${Math.round(of.confidence * 100)}%` } as React.CSSProperties} /> {num(of.confidence * 100, 2)} % · {of.reason}</span>;
}

export function Mapping({ value, onChange }: { value: unknown; onChange: (value: unknown) => void }) {
  const [text, setText] = useState<string | null>(null);
  const [fault, setFault] = useState('');
  const setLayer = (at: number, layer: Layer) => {
    if (isMapping(value)) onChange({ ...value, layers: value.layers.map((l, i) => (i === at ? layer : l)) });
  };
  return (
    <fieldset className="stack">
      <legend>{t.mapping}</legend>
      <p className="quiet">{t.mappingHint}</p>
      {isMapping(value) && value.layers.map((layer, at) => (
        <details key={`${layer.layer}.${at}`} className="mapping-layer" open={(layer.guess?.confidence ?? 1) < 0.8}>
          <summary>
            <b>{layer.layer}</b>{' '}
            <select aria-label={`${layer.layer}`} value={layer.kind} onChange={(e) => setLayer(at, { ...layer, kind: e.target.value })}>
              {[...new Set([...KINDS, layer.kind])].map((k) => <option key={k}>{k}</option>)}
            </select>{' '}
            <Sure of={layer.guess} />
          </summary>
          <table className="simple">
            <tbody>
              {Object.entries(layer.fields ?? {}).map(([attribute, spec]) => {
                // The first of several fields that has a value counts.
                const field = typeof spec === 'string' ? spec : [spec.field ?? []].flat().join(', ');
                const write = (next: string) => {
                  const fields = { ...layer.fields };
                  if (next.trim() === '') delete fields[attribute];
                  else fields[attribute] = typeof spec === 'string' ? next : { ...spec, field: next.split(',').map((x) => x.trim()).filter(Boolean), guess: undefined };
                  setLayer(at, { ...layer, fields });
                };
                return (
                  <tr key={attribute}>
                    <td>{attribute}</td>
                    <td>{typeof spec === 'object' && spec.field === undefined ? <code>{JSON.stringify(spec)}</code> : <input aria-label={attribute} defaultValue={field} onBlur={(e) => e.target.value !== field && write(e.target.value)} />}</td>
                    <td className="quiet">{typeof spec === 'object' ? spec.unit : ''}</td>
                    <td>{typeof spec === 'object' && <Sure of={spec.guess} />}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </details>
      ))}
      <details>
        <summary>{t.mappingJson}</summary>
        <textarea className="mono" aria-label={t.mappingJson} value={text ?? JSON.stringify(value, null, 2)} onChange={(e) => {
          setText(e.target.value);
          try {
            onChange(JSON.parse(e.target.value));
            setFault('');
            setText(null);
          } catch (error) {
            setFault(`${t.notJson} ${error instanceof Error ? error.message : ''}`);
          }
        }} />
        {fault && <p role="alert">{fault}</p>}
      </details>
    </fieldset>
  );
}
