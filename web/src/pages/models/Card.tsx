/** A model's card: what it was made of, how good it is on what it has not seen, when not to use it; and what people do with it. */

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, asProblem, withQuery } from '../../api/client';
import { renew } from '../../api/renew';
import { token } from '../../state/preferences';
import { useMay } from '../../state/session';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { axis, Chart, tooltip } from '../../ui/Chart';
import { CopyRequest } from '../../ui/CopyRequest';
import { count, num, when } from '../../ui/format';
import { Dialog, Panel, ProblemView, RoleButton } from '../../ui/parts';
import { modelPath, type Card, type Metric, type ModelRow } from './data';
import { against, cardOf, figure, isOneTest, pairs, plotRange, unitOf, type Verdict } from './logic';

const t = strings.models.card;
const words = strings.models;

const SIGNS: Record<Verdict, string> = { better: '▲', worse: '▼', same: '=', within: '≈', unknown: '' };

/** Better or worse: a word and a sign. */
export function VerdictWord({ of }: { of: Verdict }) {
  if (of === 'unknown') return null;
  return <span className={`chip verdict ${of}`} title={words.verdictHint[of]}><span aria-hidden="true">{SIGNS[of]}</span>{words.verdict[of]}</span>;
}

const moment = (s: number) => when(new Date(s * 1000).toISOString());
const spanOf = (span: [number, number] | null) => (span ? `${moment(span[0])} – ${moment(span[1])}` : null);
const setting = (v: unknown) => (typeof v === 'boolean' ? (v ? strings.yes : strings.no) : typeof v === 'number' ? num(v, 10) : String(v));

/** A version with its card and all that can be done with it. */
export function CardView({ project, row, versions }: { project: string; row: ModelRow; versions: ModelRow[] }) {
  const url = useUrl();
  const may = useMay('engineer');
  const [doing, setDoing] = useState<'approve' | 'remove' | null>(null);
  const card = cardOf(row.card);
  const others = versions.filter((v) => v.version !== row.version);
  const other = others.find((v) => String(v.version) === url.get('cmp'));
  const address = modelPath(project, row.name);
  const file = withQuery(modelPath(project, row.name, 'file'), { version: row.version });
  return (
    <div className="stack" data-testid="card" data-model={row.name} data-version={row.version}>
      <Panel title={<>{row.name} <span className="quiet">{words.versionWord} {row.version}</span></>} actions={<>
        <RoleButton allowed={may} role="engineer" className="primary" onClick={() => url.set({ tab: 'modules', module: null, use: row.name, uv: row.version }, true)}>{t.use}</RoleButton>
        <RoleButton allowed={may} role="engineer" onClick={() => setDoing('approve')}>{t.approve}</RoleButton>
        <a className="button" href={file} download={`${row.name}-${row.version}.json`}>{t.download}</a>
        <CopyRequest of={{ address: withQuery(address, { version: row.version }) }} />
        <RoleButton allowed={may} role="engineer" className="danger" onClick={() => setDoing('remove')}>{t.remove}</RoleButton>
      </>}>
        <p className="headline">{card.question}</p>
        <dl className="facts">
          <dt>{t.method}</dt><dd>{card.method || '–'}</dd>
          {card.says && <><dt>{t.says}</dt><dd>{card.says}</dd></>}
          <dt>{t.made}</dt><dd>{words.by(row.author, when(row.time_utc))}</dd>
          <dt>{t.approval}</dt><dd>{row.approved ? <><b>{t.approvedBy(row.approved.by, when(row.approved.time_utc))}</b>: {row.approved.note}</> : words.notApproved}</dd>
          <dt>{t.program}</dt><dd>{strings.product} {row.engine_version}</dd>
          <dt>{t.sha}</dt><dd><code title={row.sha256}>{row.sha256.slice(0, 16)}…</code></dd>
        </dl>
        {others.length > 0 && (
          <label className="row" style={{ marginTop: 8 }}>{t.compare} <select value={other?.version ?? ''} onChange={(e) => url.set({ cmp: e.target.value || null })}><option value="">{t.compareNone}</option>{others.map((v) => <option key={v.version} value={v.version}>{t.ofVersion(String(v.version))} · {when(v.time_utc)}</option>)}</select></label>
        )}
      </Panel>
      {other && <Comparison mine={row} other={other} />}
      <CardBody card={card} />
      {doing === 'approve' && <Approve project={project} row={row} onClose={() => setDoing(null)} />}
      {doing === 'remove' && <Remove project={project} row={row} onClose={() => setDoing(null)} />}
    </div>
  );
}

/** All of a card but its head; answers that were not kept show it too. */
export function CardBody({ card }: { card: Card }) {
  return (
    <div className="cards">
      <Panel title={t.heldOut} className="wide">
        {card.held_out.how && <p>{card.held_out.how.charAt(0).toUpperCase() + card.held_out.how.slice(1)}</p>}
        {card.held_out.rows > 0 && <p className="quiet small">{[t.heldOutRows(count(card.held_out.rows)), spanOf(card.held_out.span_s)].filter(Boolean).join(' · ')}</p>}
        {card.metrics.length === 0 ? <p>{t.noMetrics}</p> : <Metrics metrics={card.metrics} />}
      </Panel>
      <Panel title={t.limits}>
        {card.limits.length === 0 ? <p className="quiet">{t.noLimits}</p> : <ul className="limits">{card.limits.map((l) => <li key={l}>{l}</li>)}</ul>}
      </Panel>
      <Panel title={t.calibration}>{card.calibration.length === 0 ? <p className="quiet">{t.noCalibration}</p> : <Calibration card={card} />}</Panel>
      <Panel title={t.features}>{card.features.length === 0 ? <p className="quiet">{t.noFeatures}</p> : <Features card={card} />}</Panel>
      <Panel title={t.madeOf}>
        <dl className="facts"><dt>{t.rows}</dt><dd>{card.rows > 0 ? t.rowsOf(count(card.rows)) : '–'}</dd><dt>{t.span}</dt><dd>{spanOf(card.span_s) ?? t.noSpan}</dd></dl>
        {card.made_of.length === 0 ? <p className="quiet">{t.noMade}</p> : (
          <table className="simple"><thead><tr><th>{t.input}</th><th>{t.from}</th><th className="num">{strings.models.card.groupRows}</th><th>{t.sha}</th></tr></thead><tbody>{card.made_of.map((m) => <tr key={m.name}><td>{m.name}</td><td className="break">{m.from}</td><td className="num">{count(m.rows)}</td><td><code title={m.sha256}>{m.sha256.slice(0, 12)}…</code></td></tr>)}</tbody></table>
        )}
      </Panel>
      <Panel title={t.settings}>
        {Object.keys(card.settings).length === 0 ? <p className="quiet">{t.noSettings}</p> : <dl className="facts">{Object.entries(card.settings).map(([k, v]) => [<dt key={`${k}t`}><code>{k}</code></dt>, <dd key={k}>{setting(v)}</dd>])}</dl>}
      </Panel>
    </div>
  );
}

const interval = (m: Metric) => (m.low === null || m.high === null ? '–' : `${num(m.low)} – ${num(m.high)}`);

const aim = (m: Metric) => (m.better === 'near' && m.target !== null ? t.target(figure(m.target, m.unit)) : t.direction[m.better]);

function Metrics({ metrics }: { metrics: Metric[] }) {
  return (
    <table className="simple">
      <thead><tr><th>{t.metric}</th><th className="num">{t.value}</th><th className="num">{t.interval}</th><th>{t.simpler}</th><th className="num">{t.value}</th><th>{t.difference}</th></tr></thead>
      <tbody>{metrics.map((m) => (
        <tr key={`${m.name} ${m.unit}`}>
          <td>{m.name} <span className="small quiet nowrap">({aim(m)})</span></td>
          <td className="num"><b>{figure(m.value, m.unit)}</b></td><td className="num">{interval(m)}</td>
          <td>{m.baseline?.name ?? <span className="quiet">{words.noBaseline}</span>}</td><td className="num">{m.baseline ? figure(m.baseline.value, m.unit) : '–'}</td>
          <td>{m.baseline ? <VerdictWord of={against(m, m.baseline.value)} /> : null}</td>
        </tr>
      ))}</tbody>
    </table>
  );
}

/** What was said against what came, with the line on which both are the same. */
function Calibration({ card }: { card: Card }) {
  const points = card.calibration.filter((p): p is { said: number; came: number; rows: number } => p.said !== null && p.came !== null);
  const all = points.flatMap((p) => [p.said, p.came]);
  const [from, to] = plotRange(all);
  const largest = Math.max(...points.map((p) => p.rows), 1);
  return (
    <>
      <p className="small quiet">{t.calibrationText}</p>
      {points.length > 0 && <Chart label={`${t.calibration}: ${points.map((p) => `${num(p.said, 3)} ${t.said}, ${num(p.came, 3)} ${t.came}`).join('; ')}`} height={300} deps={[card]} option={() => ({
        grid: { left: 62, right: 16, top: 12, bottom: 44 },
        tooltip: tooltip({ trigger: 'item', formatter: (p: { seriesIndex: number; data: [number, number, number] }) => (p.seriesIndex === 1 ? `${t.said} ${num(p.data[0])}<br>${t.came} ${num(p.data[1])}<br>${t.rowsOf(count(p.data[2]))}` : t.diagonal) }),
        xAxis: { type: 'value', ...axis(t.said), min: from, max: to, axisLabel: { color: token('text-2'), hideOverlap: true, formatter: (x: number) => num(x, 3) } },
        yAxis: { type: 'value', ...axis(t.came, { nameGap: 44 }), min: from, max: to, axisLabel: { color: token('text-2'), formatter: (x: number) => num(x, 3) } },
        series: [
          { type: 'line', name: t.diagonal, data: [[from, from], [to, to]], symbol: 'none', lineStyle: { color: token('equipment'), type: 'dashed', width: 1.5 }, silent: true },
          { type: 'scatter', name: t.came, data: points.map((p) => [p.said, p.came, p.rows]), symbolSize: (d: number[]) => 6 + 12 * Math.sqrt((d[2] ?? 0) / largest) },
        ],
      })} />}
      <details><summary>{t.asTable}</summary>
        <table className="simple"><thead><tr><th className="num">{t.said}</th><th className="num">{t.came}</th><th className="num">{t.groupRows}</th></tr></thead><tbody>{card.calibration.map((p, i) => <tr key={i}><td className="num">{num(p.said)}</td><td className="num">{num(p.came)}</td><td className="num">{count(p.rows)}</td></tr>)}</tbody></table>
      </details>
    </>
  );
}

function Features({ card }: { card: Card }) {
  const most = Math.max(...card.features.map((f) => f.importance ?? 0));
  const isWeighed = card.features.some((f) => f.importance !== null);
  const rows = isWeighed ? [...card.features].sort((a, b) => (b.importance ?? -1) - (a.importance ?? -1)) : card.features;
  return (
    <>
      <p className="small quiet">{t.featuresText}</p>
      <div className="featurelist" tabIndex={0} role="region" aria-label={t.features}>
        <table className="simple">
          <thead><tr><th>{t.feature}</th><th className="num">{t.range}</th>{isWeighed && <th>{t.importance}</th>}</tr></thead>
          <tbody>{rows.map((f) => (
            <tr key={f.name}>
              <td className="break">{f.name}</td>
              <td className="num">{f.low === null && f.high === null ? '–' : <>{num(f.low)} – {num(f.high)} <span className="quiet">{unitOf(f.unit)}</span></>}</td>
              {isWeighed && <td className="nowrap">{f.importance === null ? '–' : <><span className="bar" aria-hidden="true"><i style={{ width: `${most > 0 ? (100 * f.importance) / most : 0}%` }} /></span>{num(100 * f.importance, 3)}{'\u202f'}%</>}</td>}
            </tr>
          ))}</tbody>
        </table>
      </div>
    </>
  );
}

/** Two versions of a model, figure by figure. */
function Comparison({ mine, other }: { mine: ModelRow; other: ModelRow }) {
  const [a, b] = [cardOf(mine.card), cardOf(other.card)];
  const names = [...new Set([...Object.keys(a.settings), ...Object.keys(b.settings)])].filter((k) => a.settings[k] !== b.settings[k]);
  const [va, vb] = [t.ofVersion(String(mine.version)), t.ofVersion(String(other.version))];
  const cell = (m: Metric | null) => (m ? <>{figure(m.value, m.unit)}{m.low !== null && <div className="small quiet">{interval(m)}</div>}</> : '–');
  return (
    <Panel title={t.compareTitle(String(mine.version), String(other.version))} className="comparison">
      <p role="note">{isOneTest(a, b) ? t.oneTest : t.otherTest}</p>
      <table className="simple">
        <thead><tr><th>{t.metric}</th><th className="num">{va}</th><th className="num">{vb}</th><th>{va}</th></tr></thead>
        <tbody>
          {pairs(a.metrics, b.metrics).map((p) => <tr key={`${p.name} ${p.unit}`}><td>{p.name} <span className="small quiet">({aim((p.mine ?? p.other) as Metric)})</span></td><td className="num">{cell(p.mine)}</td><td className="num">{cell(p.other)}</td><td>{p.mine && p.other ? <VerdictWord of={p.verdict} /> : <span className="quiet">{t.alone}</span>}</td></tr>)}
          <tr><td>{t.rows}</td><td className="num">{t.rowsOf(count(a.rows))}</td><td className="num">{t.rowsOf(count(b.rows))}</td><td /></tr>
        </tbody>
      </table>
      {names.length === 0 ? <p className="quiet small">{t.noSettingsDiffer}</p> : (
        <table className="simple"><thead><tr><th>{t.settingsDiffer}</th><th className="num">{va}</th><th className="num">{vb}</th></tr></thead><tbody>{names.map((k) => <tr key={k}><td><code>{k}</code></td><td className="num">{k in a.settings ? setting(a.settings[k]) : '–'}</td><td className="num">{k in b.settings ? setting(b.settings[k]) : '–'}</td></tr>)}</tbody></table>
      )}
    </Panel>
  );
}

function Approve({ project, row, onClose }: { project: string; row: ModelRow; onClose: () => void }) {
  const client = useQueryClient();
  const [note, setNote] = useState('');
  const approve = useMutation({
    mutationFn: () => api.put<ModelRow>(modelPath(project, row.name, 'approval'), { version: row.version, note: note.trim() }),
    onSuccess: () => { onClose(); void renew(client, ['models', project]); },
  });
  return (
    <Dialog title={t.approve} onClose={onClose}>
      <form className="stack" onSubmit={(e) => { e.preventDefault(); if (note.trim() !== '') approve.mutate(); }}>
        <p>{t.approveText(row.name, String(row.version))}</p>
        <label className="field"><span>{t.note}</span><textarea required rows={3} maxLength={1000} value={note} onChange={(e) => setNote(e.target.value)} /></label>
        {approve.error ? <ProblemView problem={asProblem(approve.error)} /> : null}
        <div className="row"><button className="primary" disabled={note.trim() === '' || approve.isPending}>{t.approve}</button><button type="button" onClick={onClose}>{strings.cancel}</button></div>
      </form>
    </Dialog>
  );
}

function Remove({ project, row, onClose }: { project: string; row: ModelRow; onClose: () => void }) {
  const url = useUrl();
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => api.delete(modelPath(project, row.name), { version: row.version }),
    onSuccess: () => { onClose(); url.set({ model: null, mv: null, cmp: null }); void renew(client, ['models', project]); },
  });
  return (
    <Dialog title={t.remove} onClose={onClose}>
      <p>{t.removeText(row.name, String(row.version))}</p>
      {remove.error ? <ProblemView problem={asProblem(remove.error)} /> : null}
      <div className="row"><button className="danger" disabled={remove.isPending} onClick={() => remove.mutate()}>{t.remove}</button><button onClick={onClose}>{strings.cancel}</button></div>
    </Dialog>
  );
}
