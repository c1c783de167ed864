/** One meter: its transformer and why, where it lies, what was decided, and other transformers. */

import { useQuery } from '@tanstack/react-query';
import { useDeferredValue, useState } from 'react';
import { api, path } from '../../../api/client';
import { pageOf } from '../../../api/data';
import type { Page } from '../../../api/types';
import { strings } from '../../../strings';
import { count, num, plural } from '../../../ui/format';
import { Empty, Loaded, RoleButton } from '../../../ui/parts';
import { useMeter, type MeterDetail, type MeterRow, type Site } from './data';
import { meterDecision, type Figure, type Place } from './logic';
import { ToMap } from './PairBeside';
import { CaseMark, Confidence, History, Sketch } from './parts';

const t = strings.review;

interface Props {
  project: string;
  meter: string;
  /** Meters that are chosen: another transformer is set for all of them. */
  chosen: number;
  may: boolean;
  note: string;
  onNote: (note: string) => void;
  onWord: (word: 'accept' | 'none' | 'withdraw', row: MeterRow) => void;
  onSet: (transformer: string) => void;
}

export function MeterBeside(props: Props) {
  const query = useMeter(props.project, props.meter);
  return <Loaded query={query}>{(of) => <Content {...props} of={of} />}</Loaded>;
}

function figuresOf(of: MeterDetail): Figure[] {
  const { row, site, second, near, beside } = of;
  const at = (s: Site): Place[] => [[s.lon, s.lat]];
  const place: Place[] = row.lon !== null && row.lat !== null ? [[row.lon, row.lat]] : [];
  const shown = new Set([site?.transformer, second?.transformer]);
  // A line leads from the meter to what it hangs on.
  return [
    ...near.filter((s) => !shown.has(s.transformer)).map((s): Figure => ({ name: s.transformer, kind: 'faint', places: at(s) })),
    ...beside.filter((m) => m.lon !== null && m.lat !== null && site).slice(0, 30).map((m): Figure => ({ name: m.meter, kind: 'faint', places: [[m.lon as number, m.lat as number]] })),
    ...(second ? [{ name: second.transformer, kind: 'second' as const, places: at(second) }] : []),
    ...(site ? [{ name: site.transformer, kind: 'b' as const, places: at(site) }] : []),
    { name: row.meter, kind: 'a', places: place },
  ];
}

function Content({ project, meter, chosen, may, note, onNote, onWord, onSet, of }: Props & { of: MeterDetail }) {
  const { row, site, second, decided } = of;
  const word = (w: 'accept' | 'none' | 'withdraw', label: string, key: string, primary = false) => (
    <RoleButton allowed={may} role="engineer" className={primary ? 'primary' : ''} title={key} disabled={meterDecision(row, w) === null} onClick={() => onWord(w, row)}>{label}</RoleButton>
  );
  const siteText = (s: Site) => [s.distance_m === null ? '' : `${num(s.distance_m, 3)} m`, s.phases, s.kva === null ? '' : `${num(s.kva)} kVA`, plural(s.meters, 'meter'), s.feeder].filter(Boolean).join(' · ');
  return (
    <div className="stack" data-testid="meter" data-state={row.state}>
      <div className="row wrap"><h2 style={{ margin: 0 }} className="break">{row.meter}</h2><CaseMark state={row.state} pending={row.pending} /></div>
      <div className="row wrap">{word('accept', t.accept, 'a', true)}{word('none', t.onNone, 'n')}{word('withdraw', t.withdraw, 'w')}</div>
      <label className="field"><span>{t.note}</span><input value={note} maxLength={2000} disabled={!may} onChange={(e) => onNote(e.target.value)} /></label>
      <table className="simple">
        <tbody>
          {row.decision && <tr><td className="quiet label">{t.meterFacts.decided}</td><td><b>{row.decision.value || t.none}</b>{decided && <div className="small quiet">{siteText(decided)}</div>}</td></tr>}
          <tr><td className="quiet label">{t.meterFacts.transformer}</td><td><b className="break">{row.transformer ?? t.none}</b>{site && <><div className="small quiet">{siteText(site)}</div><ToMap project={project} network={site.network} version={site.version} id={site.id} /></>}</td></tr>
          <tr><td className="quiet label">{t.meterFacts.confidence}</td><td><Confidence of={row.confidence} /></td></tr>
          <tr><td className="quiet label">{t.meterFacts.probability}</td><td>{row.probability === null ? '–' : `${num(row.probability * 100, 3)} %`}</td></tr>
          {row.correlation !== null && <tr><td className="quiet label">{t.meterFacts.correlation}</td><td>{num(row.correlation, 2)}</td></tr>}
          {row.second_transformer && <tr><td className="quiet label">{t.meterFacts.second}</td><td><span className="break">{row.second_transformer}</span> <span className="small quiet">{[row.second_probability === null ? '' : `${num(row.second_probability * 100, 3)} %`, second ? siteText(second) : row.second_distance_m === null ? '' : `${num(row.second_distance_m, 3)} m`].filter(Boolean).join(' · ')}</span></td></tr>}
          <tr><td className="quiet label">{t.meterFacts.feeder}</td><td>{row.feeder || '–'}</td></tr>
          <tr><td className="quiet label">{t.meterFacts.method}</td><td>{t.method[row.method] ?? row.method}</td></tr>
        </tbody>
      </table>
      {row.reasons.length > 0 && <section><h3>{t.why}</h3><ul className="plainlist">{row.reasons.map((r, i) => <li key={i}>{r}</li>)}</ul></section>}
      <section>
        <h3>{t.situation}</h3>
        <Sketch none={t.noMeterPlace} legend={{ a: t.legend.meter, b: t.legend.transformer, second: t.legend.second, faint: t.legend.faint }} figures={row.lon === null ? [] : figuresOf(of)} />
        {of.beside_total > 0 && <p className="small quiet">{t.besideMore(plural(of.beside_total, 'other meter'))}</p>}
      </section>
      <Another project={project} meter={meter} chosen={chosen} may={may} now={row.decision ? row.decision.value : null} onSet={onSet} siteText={siteText} />
      <History of={of.decisions} word={(v) => v || t.onNone} />
    </div>
  );
}

/** Another transformer: the nearest, or by name. */
function Another({ project, meter, chosen, may, now, onSet, siteText }: { project: string; meter: string; chosen: number; may: boolean; now: string | null; onSet: (transformer: string) => void; siteText: (s: Site) => string }) {
  const [text, setText] = useState('');
  const search = useDeferredValue(text);
  const query = useQuery<Page<Site>>({
    queryKey: ['review', project, 'transformers', meter, search.trim()],
    placeholderData: (old) => old,
    queryFn: async ({ signal }) => pageOf(await api.get<Page<Site>>(path('projects', project, 'meter-map', 'transformers'), { near: meter, search: search.trim(), limit: 8 }, signal)),
  });
  return (
    <section>
      <h3>{t.anotherTransformer}{chosen > 0 && <span className="quiet"> ({t.chosen(count(chosen))})</span>}</h3>
      <input data-another type="search" style={{ width: '100%' }} value={text} placeholder={t.search} aria-label={t.anotherTransformer} onChange={(e) => setText(e.target.value)} />
      <Loaded query={query} small>
        {(page) => page.items.length === 0 ? <Empty title={t.noTransformers} /> : (
          <ul className="plainlist">
            {page.items.map((s) => (
              <li key={s.transformer} className="row">
                <span className="grow break">{s.transformer} <span className="small quiet">{siteText(s)}</span></span>
                <RoleButton allowed={may} role="engineer" disabled={chosen === 0 && s.transformer === now} aria-label={t.hangHere(s.transformer)} onClick={() => onSet(s.transformer)}>{t.hang}</RoleButton>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </section>
  );
}
