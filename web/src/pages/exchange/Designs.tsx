/** Designs out to ETAP, PSS/E and Windchill, their results judged by stages, the same studies run here, and what has to change. */

import { useMutation } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { api, asProblem, path } from '../../api/client';
import { upload } from '../../api/upload';
import { useMay } from '../../state/session';
import { strings } from '../../strings';
import { bytes, count, num } from '../../ui/format';
import { Loaded, Panel, ProblemView, RoleButton, Spinner, Tabs } from '../../ui/parts';
import { download, figure, useSamples, type Acceptance, type ExportLook, type Judged, type Look, type Metric, type Preview, type Samples, type StudyTable, type Tool, type Verdict } from './designs';
import { Findings } from './rows';

const t = strings.designs;

const SIGNS: Record<Verdict, string> = { pass: '✓', warning: '▲', not_run: '○', fail: '✕' };

export function Word({ of }: { of: Verdict }) {
  return <span className={`chip verdict-${of}`}><span aria-hidden="true">{SIGNS[of]}</span> {t.verdicts[of]}</span>;
}

export function Designs() {
  return <Loaded query={useSamples()}>{(samples) => <Design samples={samples} />}</Loaded>;
}

function Design({ samples }: { samples: Samples }) {
  const [text, setText] = useState(samples.design);
  const [criteria, setCriteria] = useState('');
  const [at, setAt] = useState('judge');
  const file = useRef<HTMLInputElement>(null);
  const look = useMutation({ mutationFn: () => api.post<Look>(path('exchange', 'design'), { design: text }) });
  const read = async (chosen: File | undefined) => { if (chosen) setText(await chosen.text()); };
  return (
    <div className="stack">
      <Panel title={t.design} actions={<>
        <button onClick={() => file.current?.click()}>{t.open}</button>
        <button onClick={() => setText(samples.design)}>{t.sample}</button>
        <button className="primary" onClick={() => look.mutate()} disabled={look.isPending}>{t.look}</button>
      </>}>
        <p className="quiet small">{t.designText}</p>
        <input ref={file} type="file" accept=".yaml,.yml,.json" hidden onChange={(e) => void read(e.target.files?.[0])} aria-label={t.open} />
        <textarea className="mono" value={text} onChange={(e) => setText(e.target.value)} spellCheck={false} aria-label={t.design} rows={14} />
        <details><summary>{t.criteria}</summary><p className="quiet small">{t.criteriaText}</p><textarea className="mono" value={criteria} onChange={(e) => setCriteria(e.target.value)} placeholder={samples.criteria} spellCheck={false} aria-label={t.criteria} rows={10} /></details>
        {look.isPending && <Spinner small />}
        {look.error && <ProblemView problem={asProblem(look.error)} />}
        {look.data && !look.error && <LookView of={look.data} />}
      </Panel>
      <Tabs label={t.what} at={at} onChange={setAt} tabs={[{ id: 'judge', label: t.judge }, { id: 'export', label: t.export }]} />
      {at === 'judge' ? <Judge text={text} criteria={criteria} samples={samples} /> : <Export text={text} />}
    </div>
  );
}

const picture = (svg: string) => `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;

export function LookView({ of }: { of: Look }) {
  return (
    <div className="stack" data-testid="look">
      <p><b>{of.name}</b> · {num(of.load_mw)} MW · {t.fingerprint} <code title={of.fingerprint}>{of.fingerprint.slice(0, 16)}…</code></p>
      <p className="small">{Object.entries(of.counts).filter(([, n]) => n > 0).map(([k, n]) => `${count(n)} ${t.kinds[k] ?? k}`).join(', ')}</p>
      {of.findings.length > 0 && <Findings rows={of.findings} />}
      {of.single_line_svg && <figure className="picture"><img src={picture(of.single_line_svg)} alt={t.singleLine(of.name)} /><figcaption>{t.singleLine(of.name)} <a href={picture(of.single_line_svg)} download="single-line.svg">{t.save}</a></figcaption></figure>}
      {of.blocks_svg && <figure className="picture"><img src={picture(of.blocks_svg)} alt={t.blocks(of.name)} /><figcaption>{t.blocks(of.name)} <a href={picture(of.blocks_svg)} download="blocks.svg">{t.save}</a></figcaption></figure>}
      <details><summary>{t.scenarios(count(of.scenarios.length))}</summary>
        <table className="simple"><thead><tr><th>{t.scenario}</th><th>{t.kind}</th><th className="num">{t.load}</th><th className="num">{t.pf}</th><th>{t.tripped}</th></tr></thead><tbody>{of.scenarios.map((s) => <tr key={s.scenario_id}><td>{s.scenario_id}</td><td>{s.type}</td><td className="num">{num(s.load_mw)} MW</td><td className="num">{num(s.load_pf)}</td><td>{s.tripped_equipment.join(', ') || '–'}</td></tr>)}</tbody></table>
      </details>
    </div>
  );
}

function Judge({ text, criteria, samples }: { text: string; criteria: string; samples: Samples }) {
  const may = useMay('engineer');
  const file = useRef<HTMLInputElement>(null);
  const body = () => ({ design: text, ...(criteria.trim() ? { criteria } : {}) });
  const judged = useMutation({
    mutationFn: async (of: { sample: string } | { files: FileList } | 'study'): Promise<Judged> => {
      if (of === 'study') return api.post<Judged>(path('exchange', 'study'), body());
      if ('sample' in of) return api.post<Judged>(path('exchange', 'validate'), { ...body(), sample: of.sample });
      const form = new FormData();
      for (const f of of.files) form.append('file', f, f.name);
      const sent = await upload<{ id: string }>(path('uploads'), form, () => {});
      return api.post<Judged>(path('exchange', 'validate'), { ...body(), upload: sent.id });
    },
  });
  const named = (of: typeof judged.variables) => (typeof of === 'object' && 'sample' in of ? (t.demos[of.sample] ?? of.sample) : '');
  return (
    <Panel title={t.judge}>
      <p className="quiet small">{t.judgeText}</p>
      <div className="row wrap">
        <button className="primary" onClick={() => judged.mutate('study')} disabled={judged.isPending}>{t.study}</button>
        <RoleButton allowed={may} role="engineer" onClick={() => file.current?.click()} disabled={judged.isPending}>{t.results}</RoleButton>
        <input ref={file} type="file" multiple hidden accept=".csv,.xlsx,.raw,.json" aria-label={t.results} onChange={(e) => { if (e.target.files?.length) judged.mutate({ files: e.target.files }); }} />
        <span className="quiet small">{t.demo}</span>
        {samples.results.map((name) => <button key={name} onClick={() => judged.mutate({ sample: name })} disabled={judged.isPending}>{t.demos[name] ?? name}</button>)}
      </div>
      {judged.isPending && <Spinner small text={t.working} />}
      {judged.error && <ProblemView problem={asProblem(judged.error)} />}
      {judged.data && !judged.error && !judged.isPending && <Dashboard of={judged.data} name={named(judged.variables)} />}
    </Panel>
  );
}

const DIGITS = (x: number, n: number) => num(x, n);
const show = (value: number | null, unit: string) => (value === null ? '–' : `${figure(value, DIGITS)}${unit ? ` ${unit}` : ''}`);

/** `name` says of what: a sample, or nothing for own files and studies. */
export function Dashboard({ of, name = '' }: { of: Judged; name?: string }) {
  const { acceptance } = of;
  return (
    <div className="stack" data-testid="dashboard" data-of={name} data-overall={acceptance.overall}>
      <p className="headline"><b>{t.overall}</b> <Word of={acceptance.overall} />{of.solved && <> · {t.solved(count(of.solved[0]), count(of.solved[1]))}</>}</p>
      {of.found.length > 0 && <p className="small quiet">{of.found.map((f) => `${f.name}: ${f.kind}`).join(' · ')}</p>}
      {of.findings.length > 0 && <Findings rows={of.findings} />}
      {acceptance.stages.map((s) => (
        <section key={s.id} data-stage={s.id} data-verdict={s.verdict}>
          <h3>{t.stage(s.id, s.title)} <Word of={s.verdict} /></h3>
          {s.metrics.length > 0 && <Metrics metrics={s.metrics} />}
          {s.findings.map((f, i) => <p key={i} className="small quiet">{f.message}. {f.hint}</p>)}
        </section>
      ))}
      <Updates of={acceptance} />
      {acceptance.own_availability.length > 0 && (
        <section><h3>{t.own}</h3>
          <table className="simple"><thead><tr><th>{t.block}</th><th className="num">{t.imported}</th><th className="num">{t.byCount}</th><th className="num">{t.byCapacity}</th><th className="num">{t.withBatteries}</th></tr></thead><tbody>{acceptance.own_availability.map((o) => <tr key={o.block_id}><td>{o.block_id}</td>{[o.imported, o.by_count, o.by_capacity, o.by_capacity_with_batteries].map((v, i) => <td key={i} className="num">{show(v, '')}</td>)}</tr>)}</tbody></table>
        </section>
      )}
      {of.tables.map((x) => <StudyRows key={x.name} of={x} />)}
    </div>
  );
}

function Metrics({ metrics }: { metrics: Metric[] }) {
  return (
    <table className="simple stagetable">
      <thead><tr><th>{t.metric}</th><th className="num">{t.value}</th><th className="num">{t.margin}</th><th>{t.verdict}</th><th>{t.governed}</th><th>{t.limit}</th></tr></thead>
      <tbody>{metrics.map((m) => [
        <tr key={m.name}><td>{t.metrics[m.name] ?? m.name}</td><td className="num"><b>{show(m.value, m.unit)}</b></td><td className="num">{show(m.margin, m.unit)}</td><td><Word of={m.verdict} /></td><td>{m.governing ? [m.governing.subject, m.governing.scenario_id].filter(Boolean).join(', ') : '–'}</td><td>{m.limit}</td></tr>,
        (m.failed.length > 0 || m.note) && <tr key={`${m.name} more`}><td colSpan={6} className="small">
          {m.note && <p className="quiet">{m.note}</p>}
          {m.failed.length > 0 && <details open><summary>{t.failed(count(m.failed.length), m.action)}</summary><ul>{m.failed.slice(0, 30).map((r, i) => <li key={i}>{[r.subject, r.scenario_id].filter(Boolean).join(', ')}: {show(r.value, m.unit)}</li>)}</ul></details>}
        </td></tr>,
      ])}</tbody>
    </table>
  );
}

function Updates({ of }: { of: Acceptance }) {
  if (of.updates.length === 0) return null;
  return (
    <section data-testid="updates"><h3>{t.updates}</h3>
      <table className="simple"><thead><tr><th>{t.parameter}</th><th>{t.subject}</th><th className="num">{t.old}</th><th className="num">{t.new}</th><th>{t.reason}</th></tr></thead><tbody>{of.updates.map((u) => <tr key={`${u.parameter} ${u.subject}`}><td><code>{u.parameter}</code></td><td>{u.subject}</td><td className="num">{show(u.old, u.unit)}</td><td className="num"><b>{show(u.new, u.unit)}</b></td><td>{u.reason}</td></tr>)}</tbody></table>
    </section>
  );
}

const SHOWN = 200;

function StudyRows({ of }: { of: StudyTable }) {
  return (
    <details><summary>{of.meaning || of.name} ({count(of.n_rows)})</summary>
      <div className="scroll" tabIndex={0}><table className="simple"><thead><tr>{of.columns.map((c) => <th key={c.name} title={c.meaning}>{c.name}{c.unit && <span className="quiet"> {c.unit}</span>}</th>)}</tr></thead><tbody>{of.rows.slice(0, SHOWN).map((r, i) => <tr key={i}>{r.map((v, k) => <td key={k} className={typeof v === 'number' ? 'num' : undefined}>{v === null ? '–' : typeof v === 'number' ? figure(v, DIGITS) : String(v)}</td>)}</tr>)}</tbody></table></div>
      {of.n_rows > SHOWN && <p className="small quiet">{t.firstRows(count(SHOWN))}</p>}
    </details>
  );
}

function Export({ text }: { text: string }) {
  const [tool, setTool] = useState<Tool>('etap');
  const [version, setVersion] = useState(35);
  const body = { design: text, tool, version };
  const look = useMutation({ mutationFn: () => api.post<ExportLook>(path('exchange', 'export'), body) });
  const get = useMutation({ mutationFn: () => download(body) });
  return (
    <Panel title={t.export}>
      <p className="quiet small">{t.exportText}</p>
      <div className="row wrap">
        <label className="row">{t.tool} <select value={tool} onChange={(e) => { setTool(e.target.value as Tool); look.reset(); }}><option value="etap">ETAP</option><option value="psse">PSS/E</option><option value="windchill">Windchill RAM</option></select></label>
        {tool === 'psse' && <label className="row">{t.version} <select value={version} onChange={(e) => { setVersion(Number(e.target.value)); look.reset(); }}><option>33</option><option>34</option><option>35</option></select></label>}
        <button className="primary" onClick={() => look.mutate()} disabled={look.isPending}>{t.preview}</button>
        <button onClick={() => get.mutate()} disabled={get.isPending}>{t.archive}</button>
      </div>
      {(look.isPending || get.isPending) && <Spinner small />}
      {look.error && <ProblemView problem={asProblem(look.error)} />}
      {get.error && <ProblemView problem={asProblem(get.error)} />}
      {look.data && !look.error && (
        <div className="stack" data-testid="export">
          {look.data.findings.length > 0 && <Findings rows={look.data.findings} />}
          {look.data.files.map((f) => <details key={f.name} open={look.data?.files[0] === f}><summary><b>{f.name}</b> <span className="quiet small">{bytes(f.bytes)} · {t.sha} {f.sha256.slice(0, 12)}…</span></summary><FilePreview of={f.preview} /></details>)}
          {look.data.dropped.length > 0 && <details><summary>{t.dropped}</summary><table className="simple"><thead><tr><th>{t.field}</th><th className="num">{t.times}</th><th>{t.reason}</th></tr></thead><tbody>{look.data.dropped.map((d, i) => <tr key={i}><td>{d.field}</td><td className="num">{count(d.times)}</td><td>{d.reason}</td></tr>)}</tbody></table></details>}
        </div>
      )}
    </Panel>
  );
}

function FilePreview({ of }: { of: Preview }) {
  if (of.kind === 'workbook') return <p>{t.sheets(of.sheets.join(', '))}</p>;
  if (of.kind === 'text') return <><pre className="mono scroll" tabIndex={0}>{of.lines.join('\n')}</pre>{of.n_lines > of.lines.length && <p className="small quiet">{t.lines(count(of.lines.length), count(of.n_lines))}</p>}</>;
  return (
    <>
      <div className="scroll" tabIndex={0}><table className="simple"><thead><tr>{of.headers.map((h) => <th key={h}>{h}</th>)}</tr></thead><tbody>{of.rows.map((r, i) => <tr key={i}>{r.map((v, k) => <td key={k}>{v}</td>)}</tr>)}</tbody></table></div>
      {of.n_rows > of.rows.length && <p className="small quiet">{t.lines(count(of.rows.length), count(of.n_rows))}</p>}
    </>
  );
}
