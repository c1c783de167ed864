/** How a day comes to a desk: made up, or from a document. */

import { useRef, useState } from 'react';
import { asProblem } from '../../api/client';
import { useMay } from '../../state/session';
import { strings } from '../../strings';
import { Dialog, ProblemView, RoleButton } from '../../ui/parts';
import { useDayAct } from './day';
import { given, typed, type DeskState } from './desk';

const t = strings.flexibility.day;

/** Devices are asked for; what is left empty the server chooses. */
const FIELDS = ['devices', 'bus', 'target', 'limit_kw', 'step_min', 'seed'] as const;
const TEXTS: readonly string[] = ['bus', 'target'];

export function SampleDialog({ desk, of, onClose }: { desk: string; of: DeskState; onClose: () => void }) {
  const may = useMay('engineer');
  const act = useDayAct(desk);
  const [values, setValues] = useState<Record<string, string>>({ devices: '60' });
  const transformers = [...new Set(of.neighbourhoods.map((n) => n.transformer))].map((name) => (name.includes('.') ? name : `transformer.${name}`));
  const make = () => act.mutate({ what: 'sample', body: given(Object.fromEntries(FIELDS.map((key) => [key, TEXTS.includes(key) ? values[key]?.trim() : typed(values[key] ?? '')]))) }, { onSuccess: onClose });
  return (
    <Dialog title={t.sample} onClose={onClose}>
      <form className="stack" aria-label={t.sample} onSubmit={(e) => { e.preventDefault(); make(); }}>
        <p className="quiet small">{t.sampleText}</p>
        <div className="row wrap fields">
          {FIELDS.map((key) => (
            <label className="field" key={key}><span>{t.sampleFields[key]}</span><input className={TEXTS.includes(key) ? 'medium' : 'short'} inputMode={TEXTS.includes(key) ? 'text' : 'decimal'} required={key === 'devices'} list={TEXTS.includes(key) ? `day-${key}` : undefined} placeholder={key === 'target' ? 'transformer.xfm1' : undefined} value={values[key] ?? ''} onChange={(e) => setValues({ ...values, [key]: e.target.value })} /></label>
          ))}
        </div>
        <datalist id="day-bus">{of.buses.map((b) => <option key={b.name} value={b.name} />)}</datalist>
        <datalist id="day-target">{transformers.map((name) => <option key={name} value={name} />)}</datalist>
        {act.error && <ProblemView problem={asProblem(act.error)} />}
        <div className="row"><RoleButton allowed={may} role="engineer" className="primary" type="submit" disabled={act.isPending}>{t.make}</RoleButton><button type="button" onClick={onClose}>{strings.cancel}</button></div>
      </form>
    </Dialog>
  );
}

export function DocumentDialog({ desk, document, onClose }: { desk: string; document: string; onClose: () => void }) {
  const may = useMay('engineer');
  const act = useDayAct(desk);
  const file = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(document);
  const read = async (chosen: File | undefined) => { if (chosen) setText(await chosen.text()); };
  return (
    <Dialog title={t.load} onClose={onClose} className="daydocument">
      <form className="stack" aria-label={t.load} onSubmit={(e) => { e.preventDefault(); act.mutate({ what: 'load', document: text }, { onSuccess: onClose }); }}>
        <p className="quiet small">{t.loadText}</p>
        <div><button type="button" onClick={() => file.current?.click()}>{t.open}</button></div>
        <input ref={file} type="file" accept=".yaml,.yml,.json" hidden onChange={(e) => void read(e.target.files?.[0])} aria-label={t.open} data-testid="day-file" />
        <textarea className="mono" rows={18} value={text} onChange={(e) => setText(e.target.value)} aria-label={t.document} spellCheck={false} />
        {act.error && <ProblemView problem={asProblem(act.error)} />}
        <div className="row"><RoleButton allowed={may} role="engineer" className="primary" type="submit" disabled={act.isPending || text.trim() === ''}>{t.keep}</RoleButton><button type="button" onClick={onClose}>{strings.cancel}</button></div>
      </form>
    </Dialog>
  );
}
