/** Federated training: rounds, sites, and how good the common model is beside each site's own. */

import { strings } from '../../strings';
import { axis, Chart, tooltip } from '../../ui/Chart';
import { CopyRequest } from '../../ui/CopyRequest';
import { ago, bytes, count, num, when } from '../../ui/format';
import { token } from '../../state/preferences';
import { Empty, Loaded, Panel } from '../../ui/parts';
import { standing, useFederations, type Federation, type FederationPage, type SitePage, type Version } from './federations';

const t = strings.models.federated;

export function Federated() {
  return (
    <Loaded query={useFederations()}>
      {(all) => (all.length === 0 ? <Panel><Empty title={t.none}>{t.noneHint}</Empty></Panel> : <div className="stack">{all.map((f) => <One key={f.index} of={f} />)}</div>)}
    </Loaded>
  );
}

function One({ of }: { of: Federation }) {
  if (of.kind === null) return <Panel title={t.numbered(String(of.index + 1))}><p className="quiet">{of.reason}</p></Panel>;
  return of.kind === 'coordinator' ? <OfCoordinator of={of.page} row={of} /> : <OfSite of={of.page} row={of} />;
}

const Written = ({ row }: { row: Federation }) => (row.written_utc ? <p className="quiet small">{t.written(ago(row.written_utc), when(row.written_utc))}</p> : null);

function Notices({ row }: { row: Federation }) {
  if (row.notices.length === 0) return null;
  return <details open><summary>{t.notices}</summary><ol className="notices">{[...row.notices].reverse().slice(0, 20).map((n, i) => <li key={`${row.notices.length - i}`}>{n}</li>)}</ol></details>;
}

function OfCoordinator({ of, row }: { of: FederationPage; row: Federation }) {
  const at = standing(of.status);
  const running = typeof of.status === 'object' && 'running' in of.status ? of.status.running : null;
  const halted = typeof of.status === 'object' && 'halted' in of.status ? of.status.halted.reason : null;
  const last = of.versions.findLast((v) => v.global);
  return (
    <Panel title={<>{of.name} <span className="quiet">{t.coordinator}</span></>} actions={<CopyRequest of={{ address: '/api/federations' }} />} className="federation">
      <div data-testid="federation" data-state={at} className="stack">
        {halted !== null && <div className="problem" role="alert"><h3>{t.halted}</h3><p>{halted}</p><p className="hint">{t.haltedHint}</p></div>}
        <p className="headline"><b>{t.state[at]}</b>{running && <> · {t.running(String(running.round), String(running.attempt), t.steps[running.step] ?? running.step)}</>}{of.waiting_for.length > 0 && at !== 'finished' && <> · {t.waitingFor(of.waiting_for.join(', '))}</>}</p>
        <div className="row"><progress aria-label={t.progress} max={Math.max(of.planned, 1)} value={of.done} /> <span>{t.done(count(of.done), count(of.planned), of.training === 'trees')}</span></div>
        <div className="figures" role="group" aria-label={t.figures}>
          <div className="figure"><b>{score(last?.global?.accuracy)}</b><span>{t.global}</span></div>
          <div className="figure"><b>{score(last?.local?.accuracy)}</b><span>{t.local}</span></div>
          <div className="figure"><b>{of.privacy && of.epsilon !== null ? `${num(of.epsilon, 3)} / ${num(of.privacy.epsilon_limit, 3)}` : t.noNoise}</b><span>{of.privacy ? t.epsilon(num(of.privacy.delta, 3)) : t.epsilonNone}</span></div>
          <div className="figure"><b>{of.participants.length}</b><span>{t.sites(String(of.threshold))}</span></div>
          <div className="figure"><b>{bytes(of.sent_bytes)}</b><span>{t.sent}</span></div>
        </div>
        <p className="small quiet">{of.aggregation === 'masked' ? t.masked : t.open}</p>
        <Course versions={of.versions} />
        <h3>{t.participants}</h3>
        <table className="simple"><thead><tr><th>{t.site}</th><th>{t.stands}</th><th className="num">{t.inVersions}</th><th className="num">{t.globalHere}</th><th className="num">{t.localHere}</th><th className="num">{t.sentHead}</th><th className="num">{t.received}</th><th>{t.certificate}</th></tr></thead><tbody>
          {of.participants.map((p) => (
            <tr key={p.name}><td>{p.name}</td><td>{t.standing[p.standing] ?? p.standing}</td><td className="num">{count(p.versions)}</td><td className="num">{score(p.global?.accuracy)}</td><td className="num">{score(p.local?.accuracy)}</td><td className="num">{bytes(p.sent_bytes)}</td><td className="num">{bytes(p.received_bytes)}</td><td><code title={p.certificate_sha256}>{p.certificate_sha256.slice(0, 12)}…</code></td></tr>
          ))}
        </tbody></table>
        <details><summary>{t.versions(count(of.versions.length))}</summary>
          <table className="simple"><thead><tr><th className="num">{t.version}</th><th className="num">{t.round}</th><th>{t.sitesHead}</th><th className="num">{t.globalHead}</th><th className="num">{t.localHead}</th><th className="num">{t.loss}</th><th className="num">{t.epsilonHead}</th><th>{t.sha}</th></tr></thead><tbody>
            {[...of.versions].reverse().map((v) => (
              <tr key={v.version}><td className="num">{v.version}</td><td className="num">{v.round}</td><td>{v.sites.length === of.participants.length ? t.all : v.sites.join(', ') || '–'}</td><td className="num">{score(v.global?.accuracy)}</td><td className="num">{score(v.local?.accuracy)}</td><td className="num">{num(v.global?.loss)}</td><td className="num">{num(v.epsilon, 3)}</td><td><code title={v.sha256}>{v.sha256.slice(0, 12)}…</code></td></tr>
            ))}
          </tbody></table>
        </details>
        <Notices row={row} />
        <Written row={row} />
      </div>
    </Panel>
  );
}

const score = (value: number | null | undefined) => (value === null || value === undefined ? '–' : num(value, 4));

/** Accuracy by version: the common model's and, on the same rows, the sites' own. */
function Course({ versions }: { versions: Version[] }) {
  const judged = versions.filter((v) => v.global);
  if (judged.length < 2) return null;
  const points = (of: 'global' | 'local') => judged.filter((v) => v[of]?.accuracy != null).map((v) => [v.version, v[of]?.accuracy ?? null]);
  return (
    <Chart label={`${t.course}: ${judged.map((v) => `${t.version} ${v.version} ${score(v.global?.accuracy)}`).slice(-5).join('; ')}`} height={240} deps={[judged.length, judged.at(-1)?.version]} option={() => ({
      grid: { left: 62, right: 16, top: 30, bottom: 44 },
      legend: { top: 0, right: 0, textStyle: { color: token('text') } },
      tooltip: tooltip({ trigger: 'axis', valueFormatter: (x: number) => score(x) }),
      xAxis: { type: 'value', ...axis(t.version), min: 'dataMin', max: 'dataMax', minInterval: 1 },
      yAxis: { type: 'value', ...axis(t.accuracy, { nameGap: 44 }), scale: true },
      series: [{ type: 'line', name: t.globalHead, data: points('global'), symbol: 'none' }, { type: 'line', name: t.localHead, data: points('local'), symbol: 'none', lineStyle: { type: 'dashed' } }],
    })} />
  );
}

function OfSite({ of, row }: { of: SitePage; row: Federation }) {
  const line = typeof of.line === 'string' ? t.lines[of.line] ?? of.line : t.cut(of.line.cut.reason, count(of.line.cut.failures));
  return (
    <Panel title={<>{of.site} <span className="quiet">{t.participant(of.federation)}</span></>} actions={<CopyRequest of={{ address: '/api/federations' }} />} className="federation">
      <div data-testid="federation" data-state={of.finished ? 'finished' : 'running'} className="stack">
        <dl className="facts">
          <dt>{t.line}</dt><dd>{of.finished ? t.state.finished : line}</dd>
          <dt>{t.lastRound}</dt><dd>{of.last ? t.lastOf(String(of.last[0]), String(of.last[1])) : t.notAsked}</dd>
          <dt>{t.contributions}</dt><dd>{count(of.contributions)}</dd>
          <dt>{t.version}</dt><dd>{of.version ? <>{of.version[0]} · <code title={of.version[1]}>{of.version[1].slice(0, 16)}…</code></> : '–'}</dd>
          <dt>{t.epsilonHead}</dt><dd>{of.epsilon === null ? t.noNoise : num(of.epsilon, 3)}</dd>
          <dt>{t.sentHead}</dt><dd>{bytes(of.sent_bytes)}</dd>
          <dt>{t.received}</dt><dd>{bytes(of.received_bytes)}</dd>
        </dl>
        <p className="small quiet">{t.siteText}</p>
        <Notices row={row} />
        <Written row={row} />
      </div>
    </Panel>
  );
}
