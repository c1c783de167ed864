/** Everything known of an element, beside the map. */

import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, type ReactNode } from 'react';
import { api, asProblem, path } from '../../api/client';
import { strings } from '../../strings';
import { fieldName, hourOfYear, num, when } from '../../ui/format';
import { Boundary, Priority, ProblemView, Severity, Spinner } from '../../ui/parts';
import { symbolOf } from '../../ui/symbols';
import { attributeRows, useElement, type Attribute, type ElementDetail, type Neighbour, type Solved } from './data';

const HeatStrip = lazy(() => import('../studies/HeatStrip'));

const t = strings.detail;

/** A value of any kind as text; numbers as numbers, nested things as JSON. */
function valueText(value: unknown): ReactNode {
  if (value === null || value === undefined || value === '') return <span className="quiet">–</span>;
  if (typeof value === 'number') return num(value, 5);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'string') return /^\d{4}-\d\d-\d\dT/.test(value) ? when(value) : value;
  if (Array.isArray(value) && value.length <= 12 && value.every((v) => typeof v === 'number' || typeof v === 'string')) return value.map((v) => (typeof v === 'number' ? num(v, 5) : v)).join(', ');
  const text = JSON.stringify(value, (_, v: unknown) => (typeof v === 'number' ? Number(v.toPrecision(6)) : v));
  return <code title={text}>{text.length > 160 ? `${text.slice(0, 160)}…` : text}</code>;
}

export function Facts({ rows }: { rows: Attribute[] }) {
  if (rows.length === 0) return null;
  return (
    <table className="simple">
      <tbody>
        {rows.map((row, i) => {
          const named = fieldName(row.name);
          const unit = row.unit ?? named.unit;
          return (
            <tr key={`${row.name}.${i}`}>
              <td className="quiet" title={row.name}>{row.label ?? named.words}</td>
              <td className={typeof row.value === 'number' ? 'num' : ''}>{valueText(row.value)}</td>
              <td className="quiet nowrap">{unit}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Section({ title, children, open = true }: { title: string; children: ReactNode; open?: boolean }) {
  return (
    <details open={open} className="section">
      <summary>{title}</summary>
      <Boundary name={title}>{children}</Boundary>
    </details>
  );
}

function Links({ of, onGo }: { of: Neighbour[] | undefined; onGo: (id: string) => void }) {
  if (!of || of.length === 0) return <span className="quiet">{t.none}</span>;
  return <span className="row wrap" style={{ gap: 4 }}>{of.map((n) => <button key={n.id} className="link" onClick={() => onGo(n.id)}>{n.id}</button>)}</span>;
}

interface Props {
  project: string;
  network: string;
  version: string | null;
  run: string | null;
  id: string;
  hour: number | null;
  solved: Solved | undefined;
  onClose: () => void;
  onGo: (id: string) => void;
  onFocus: () => void;
  onTrace: (direction: 'up' | 'down' | null) => void;
  onDiagram: () => void;
  onHour: (hour: number) => void;
  traced: boolean;
}

export function Detail(props: Props) {
  const { project, network, version, run, id, onClose } = props;
  const query = useElement(project, network, version, id, run);
  return (
    <aside className="detail" aria-label={t.title}>
      {query.data ? <Content {...props} of={query.data} /> : query.error ? (
        <div className="stack"><button className="plain" onClick={onClose}>{strings.close} ✕</button><ProblemView problem={asProblem(query.error)} onRetry={() => void query.refetch()} /></div>
      ) : <Spinner />}
    </aside>
  );
}

const SHOWN = new Set(['i', 'id', 'class', 'name', 'aliases', 'buses', 'kv', 'phases', 'feeder', 'lon', 'lat', 'attributes', 'catalogue', 'ratings', 'assets', 'asset', 'source', 'findings', 'upstream', 'downstream', 'results', 'outages', 'meters', 'history', 'version', 'network', 'project']);

function Content({ of: e, project, run, hour, solved, onClose, onGo, onFocus, onTrace, onDiagram, onHour, traced }: Props & { of: ElementDetail }) {
  const symbol = symbolOf(e.class);
  const isBus = e.class === 'bus';
  const nowElement = solved?.elements.find((x) => x.id.toLowerCase() === e.id.toLowerCase());
  const nowNodes = solved?.nodes.filter((n) => (isBus ? [e.name] : (e.buses ?? [])).some((b) => b.toLowerCase() === n.bus.toLowerCase()));
  const source = typeof e.source === 'string' ? e.source : e.source?.file ? `${e.source.file}${e.source.line ? `:${e.source.line}` : ''}` : null;
  const more = Object.entries(e).filter(([key, value]) => !SHOWN.has(key) && value !== null && (typeof value !== 'object' || Object.keys(value as object).length > 0));
  return (
    <>
      <header className="row top">
        <svg viewBox="-14 -14 28 28" width="30" height="30" className="symbol-icon" aria-hidden="true"><path d={symbol.stroke} />{symbol.fill && <path d={symbol.fill} className="fill" />}</svg>
        <div className="grow">
          <h2 className="break" style={{ margin: 0 }} data-testid="detail-name">{e.name}</h2>
          <div className="quiet small">{symbol.name} · <code>{e.id}</code></div>
        </div>
        <button className="plain" onClick={onClose} aria-label={strings.close} title={`${strings.close}  Esc`}>✕</button>
      </header>
      <div className="row wrap">
        {e.kv ? <span className="chip">{num(e.kv)} kV</span> : null}
        {e.phases !== null && e.phases !== undefined && e.phases !== '' ? <span className="chip">{t.phases} {String(e.phases)}</span> : null}
        {e.feeder ? <span className="chip">{t.feeder} {e.feeder}</span> : null}
      </div>
      <div className="row wrap">
        <button onClick={onFocus}>{strings.map.toElement}</button>
        <button onClick={onDiagram}>{strings.map.showDiagram}</button>
        <button onClick={() => onTrace('up')}>{strings.map.trace.up}</button>
        <button onClick={() => onTrace('down')}>{strings.map.trace.down}</button>
        {traced && <button onClick={() => onTrace(null)}>{strings.map.trace.clear}</button>}
      </div>
      {(e.findings?.length ?? 0) > 0 && (
        <Section title={t.findings}>
          {e.findings?.map((f, i) => <div key={i} className="finding"><Severity of={f.severity} /> {f.message} {f.detail} {f.hint && <i>{f.hint}</i>} <code className="quiet">{f.code}</code></div>)}
        </Section>
      )}
      {hour !== null && (nowElement || (nowNodes && nowNodes.length > 0)) && (
        <Section title={t.now(hourOfYear(hour))}>
          {nowElement && <Facts rows={Object.entries(nowElement).filter(([k, v]) => !['i', 'id'].includes(k) && v !== null && typeof v !== 'object').map(([name, value]) => ({ name, value }))} />}
          {nowNodes && nowNodes.length > 0 && (
            <table className="simple">
              <thead><tr><th>Node</th><th className="num">pu</th><th className="num">V</th><th className="num">°</th></tr></thead>
              <tbody>{nowNodes.map((n, i) => <tr key={i}><td>{n.node ?? `${n.bus}.${n.phase ?? ''}`}</td><td className="num">{num(n.v_pu)}</td><td className="num">{num(n.v_v)}</td><td className="num">{num(n.angle_deg)}</td></tr>)}</tbody>
            </table>
          )}
        </Section>
      )}
      {e.results?.map((r) => (
        <Section key={r.run} title={`${t.results}: ${r.run}`} open={r.run === run}>
          <table className="simple" data-testid={`results-${r.run}`}>
            <tbody>
              {attributeRows(r.values).map((v, i) => {
                const named = fieldName(v.name);
                const at = (v as { hour?: number | null }).hour;
                return (
                  <tr key={i} data-quantity={v.name}>
                    <td className="quiet" title={v.name}>{v.label ?? named.words}</td>
                    <td className="num" data-value={typeof v.value === 'number' ? v.value : undefined}>{isOver(v.name, v.value) && <Priority level={1} label={strings.map.violations} />} {valueText(v.value)}</td>
                    <td className="quiet nowrap">{v.unit ?? named.unit}</td>
                    <td className="nowrap">{typeof at === 'number' && <button className="link small" onClick={() => onHour(at)} title={hourOfYear(at)}>{t.hour} {at}</button>}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </Section>
      ))}
      {run && e.results?.some((r) => r.run === run) && (
        <Section title={strings.map.hot} open={false}>
          <Suspense fallback={<Spinner />}><Strip project={project} run={run} id={isBus ? e.name : e.id} isBus={isBus} onHour={onHour} /></Suspense>
        </Section>
      )}
      {attributeRows(e.ratings).length > 0 && <Section title={t.ratings}><Facts rows={attributeRows(e.ratings)} /></Section>}
      <Section title={t.attributes}>
        {(e.buses?.length ?? 0) > 0 && <p><span className="quiet">{t.buses} </span><Links of={e.buses?.map((b) => ({ id: `bus.${b.replace(/^bus\./, '')}` }))} onGo={onGo} /></p>}
        <Facts rows={attributeRows(e.attributes)} />
      </Section>
      {(e.upstream || e.downstream) && (
        <Section title={t.neighbours}>
          <dl className="facts"><dt>{t.upstream}</dt><dd><Links of={e.upstream} onGo={onGo} /></dd><dt>{t.downstream}</dt><dd><Links of={e.downstream} onGo={onGo} /></dd></dl>
        </Section>
      )}
      {e.catalogue && <Section title={`${t.catalogue} ${e.catalogue.name ?? ''}`} open={false}><Facts rows={attributeRows(e.catalogue.attributes ?? (e.catalogue as Record<string, unknown>))} /></Section>}
      {(['assets', 'outages', 'meters', 'history'] as const).map((key) => {
        const rows = e[key];
        if (!Array.isArray(rows) || rows.length === 0) return null;
        return <Section key={key} title={t[key]} open={key !== 'history'}>{rows.map((row, i) => <div key={i} className="finding"><Facts rows={attributeRows(row)} /></div>)}</Section>;
      })}
      {more.length > 0 && <Section title={t.other} open={false}><Facts rows={more.map(([name, value]) => ({ name, value }))} /></Section>}
      {((e.aliases?.length ?? 0) > 0 || source) && (
        <Section title={t.source}>
          {source && <p className="break"><code>{source}</code></p>}
          {(e.aliases?.length ?? 0) > 0 && <p><span className="quiet">{t.aliases} </span>{e.aliases?.map((a) => (typeof a === 'string' ? a : Object.values(a as object).join(' '))).join(', ')}</p>}
        </Section>
      )}
    </>
  );
}

function isOver(name: string, value: unknown): boolean {
  return name === 'loading_max_pct' && typeof value === 'number' && value > 100;
}

function Strip({ project, run, id, isBus, onHour }: { project: string; run: string; id: string; isBus: boolean; onHour: (hour: number) => void }) {
  const query = useQuery({
    queryKey: ['record', 'heat', project, run, id],
    queryFn: ({ signal }) => api.get<import('../studies/HeatStrip').Heat>(path('projects', project, 'runs', run, 'heat'), isBus ? { node: id } : { element: id }, signal),
  });
  if (query.error) return <ProblemView problem={asProblem(query.error)} />;
  if (!query.data) return <Spinner />;
  return <HeatStrip heat={query.data} height={180} onHour={onHour} />;
}
