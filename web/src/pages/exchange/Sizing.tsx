/** A plant sized: a brief in, rounds with what failed and what it taught, and the cheapest plant that passes every study. */

import { useMutation } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { api, asProblem, path } from '../../api/client';
import { strings } from '../../strings';
import { count, num } from '../../ui/format';
import { Loaded, Panel, ProblemView, Spinner } from '../../ui/parts';
import { Dashboard, LookView, Word } from './Designs';
import { figure, save, useSamples, type Chosen, type Failure, type Look, type Round, type Samples, type Sized } from './designs';
import { Findings } from './rows';

const d = strings.designs;
const t = d.sizing;

export function Sizing() {
  return <Loaded query={useSamples()}>{(samples) => <Brief samples={samples} />}</Loaded>;
}

function Brief({ samples }: { samples: Samples }) {
  const [text, setText] = useState(samples.sizing);
  const [criteria, setCriteria] = useState('');
  const file = useRef<HTMLInputElement>(null);
  const sized = useMutation({ mutationFn: () => api.post<Sized>(path('exchange', 'sizing'), { brief: text, ...(criteria.trim() ? { criteria } : {}) }) });
  const read = async (chosen: File | undefined) => { if (chosen) setText(await chosen.text()); };
  return (
    <div className="stack">
      <Panel title={t.brief} actions={<>
        <button onClick={() => file.current?.click()}>{d.open}</button>
        <button onClick={() => setText(samples.sizing)}>{d.sample}</button>
        <button className="primary" onClick={() => sized.mutate()} disabled={sized.isPending}>{t.run}</button>
      </>}>
        <p className="quiet small">{t.briefText}</p>
        <input ref={file} type="file" accept=".yaml,.yml,.json" hidden onChange={(e) => void read(e.target.files?.[0])} aria-label={d.open} />
        <textarea className="mono" value={text} onChange={(e) => setText(e.target.value)} spellCheck={false} aria-label={t.brief} rows={14} />
        <details><summary>{d.criteria}</summary><p className="quiet small">{d.criteriaText}</p><textarea className="mono" value={criteria} onChange={(e) => setCriteria(e.target.value)} placeholder={samples.criteria} spellCheck={false} aria-label={d.criteria} rows={10} /></details>
        {sized.isPending && <Spinner small text={t.working} />}
        {sized.error && <ProblemView problem={asProblem(sized.error)} />}
      </Panel>
      {sized.data && !sized.error && !sized.isPending && <Result of={sized.data} />}
    </div>
  );
}

const million = (cost: number, currency: string) => t.million(num(cost / 1e6, 5), currency);

function said(of: Chosen[]): string {
  return of.map((c) => (c.unit === 'units' ? `${num(c.value)} ${c.id}` : `${c.id} ${num(c.value)} ${c.unit}`)).join(', ');
}

function failure(f: Failure): string {
  const subject = [f.subject, f.scenario_id && t.inScenario(f.scenario_id)].filter(Boolean).join(' ');
  const digits = (x: number, n: number) => num(x, n);
  const value = f.value === null ? f.words : `${figure(f.value, digits)}${f.unit ? ` ${f.unit}` : ''}${f.limit === null ? '' : `, ${t.limit(figure(f.limit, digits))}`}`;
  return `${f.stage} ${d.metrics[f.metric] ?? f.metric}${subject ? ` ${subject}` : ''}: ${value}`;
}

const SHOWN = 6;

function Result({ of }: { of: Sized }) {
  const { sizing, currency } = of;
  const last = sizing.rounds.at(-1);
  const passes = sizing.status === 'all_pass';
  return (
    <div className="stack" data-testid="sized" data-status={sizing.status}>
      <Panel title={t.status[sizing.status] ?? sizing.status}>
        <p className="headline"><Word of={passes ? 'pass' : sizing.status === 'infeasible' ? 'fail' : 'not_run'} /> {t.statusText[sizing.status]}</p>
        {passes && last?.cost && <>
          <p><b>{t.cost}: {million(last.cost.total, currency)}</b> <span className="quiet">({(['capital', 'fixed', 'energy'] as const).map((k) => `${t.parts[k]} ${million(last.cost![k], currency)}`).join(', ')}; {t.present})</span></p>
          <p>{last.layout}: {said(last.chosen)}</p>
        </>}
        {of.findings.length > 0 && <Findings rows={of.findings} />}
        {sizing.relaxations.length > 0 && <section><h3>{t.without}</h3><p className="quiet small">{t.withoutText}</p>
          <table className="simple"><thead><tr><th>{t.without}</th><th className="num">{t.cost}</th><th>{t.chosen}</th></tr></thead><tbody>{sizing.relaxations.map((r) => <tr key={r.without}><td>{t.families[r.without] ?? r.without}</td><td className="num">{r.cost === null ? t.noneEither : million(r.cost, currency)}</td><td>{said(r.chosen)}</td></tr>)}</tbody></table>
        </section>}
      </Panel>
      <Panel title={`${t.rounds} (${count(sizing.rounds.length - 1)})`}>
        <p className="quiet small">{t.roundsText}</p>
        <Course rounds={sizing.rounds} currency={currency} />
        <div className="scroll tall" tabIndex={0}>
          <table className="simple rounds">
            <thead><tr><th>{t.round}</th><th>{t.layout}</th><th className="num">{t.cost}</th><th>{t.chosen}</th><th>{t.stages}</th><th>{t.failed}</th><th>{t.learned}</th></tr></thead>
            <tbody>{sizing.rounds.map((r) => <Row key={r.number} of={r} currency={currency} />)}</tbody>
          </table>
        </div>
      </Panel>
      {sizing.design && sizing.acceptance && <Panel title={t.the} actions={<button onClick={() => save(new Blob([JSON.stringify(sizing.design, null, 2)], { type: 'application/json' }), 'design.json')}>{t.save}</button>}>
        <Drawn design={sizing.design} />
        <details><summary>{t.judged}</summary><Dashboard of={{ acceptance: sizing.acceptance, found: [], solved: null, tables: [], findings: [] }} /></details>
      </Panel>}
    </div>
  );
}

function Row({ of, currency }: { of: Round; currency: string }) {
  return (
    <tr data-round={of.number}>
      <td>{of.number === 0 ? t.given : count(of.number)}</td>
      <td>{of.layout}</td>
      <td className="num">{of.cost ? million(of.cost.total, currency) : '–'}</td>
      <td>{said(of.chosen) || '–'}</td>
      <td><div className="verdicts">{of.stages.map((s) => <span key={s.id} title={s.title}>{s.id} <Word of={s.verdict} /></span>)}</div></td>
      <td>{of.failures.length === 0 ? '–' : <ul className="plainlist">{of.failures.slice(0, SHOWN).map((f, i) => <li key={i}>{failure(f)}</li>)}{of.failures.length > SHOWN && <li className="quiet">+ {count(of.failures.length - SHOWN)}</li>}</ul>}</td>
      <td>{of.learned.length === 0 ? '–' : <ul className="plainlist">{of.learned.map((l, i) => <li key={i}>{l.words}</li>)}</ul>}</td>
    </tr>
  );
}

/** Cost by round: it rises until a plant passes. */
function Course({ rounds, currency }: { rounds: Round[]; currency: string }) {
  const priced = rounds.flatMap((r) => (r.cost ? [{ number: r.number, cost: r.cost.total, passes: r.failures.length === 0 }] : []));
  if (priced.length < 2) return null;
  const [low, high] = [priced[0]!.cost, priced.at(-1)!.cost];
  const [width, height, left, base] = [640, 120, 16, 96];
  const x = (i: number) => left + ((width - 2 * left) * i) / (priced.length - 1);
  const y = (cost: number) => base - (high > low ? (72 * (cost - low)) / (high - low) : 0);
  return (
    <figure className="course">
      <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={`${t.course(count(priced.length))}: ${million(low, currency)} – ${million(high, currency)}`}>
        <polyline points={priced.map((p, i) => `${x(i)},${y(p.cost)}`).join(' ')} />
        {priced.map((p, i) => <circle key={p.number} cx={x(i)} cy={y(p.cost)} r={p.passes ? 5 : priced.length > 60 ? 1.5 : 3} className={p.passes ? 'passes' : 'fails'}><title>{`${t.round} ${p.number}: ${million(p.cost, currency)}`}</title></circle>)}
        <text x={left} y={height - 4}>{million(low, currency)}</text>
        <text x={width - left} y={height - 4} textAnchor="end">{million(high, currency)}</text>
      </svg>
      <figcaption className="small quiet">{t.course(count(priced.length))}</figcaption>
    </figure>
  );
}

function Drawn({ design }: { design: object }) {
  const look = useMutation({ mutationFn: () => api.post<Look>(path('exchange', 'design'), { design: JSON.stringify(design) }) });
  if (look.data) return <LookView of={look.data} />;
  return <>{look.isPending ? <Spinner small /> : <button onClick={() => look.mutate()}>{t.show}</button>}{look.error && <ProblemView problem={asProblem(look.error)} />}</>;
}
