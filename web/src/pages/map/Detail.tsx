/** Everything known of an element, beside the map. */

import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, type ReactNode } from 'react';
import { api, asProblem, path } from '../../api/client';
import { strings } from '../../strings';
import { count, fieldName, hourOfYear, knownField, num, when } from '../../ui/format';
import { Boundary, Priority, ProblemView, Severity, Spinner } from '../../ui/parts';
import { symbolOf } from '../../ui/symbols';
import { useElement, type Attribute, type ElementDetail, type Neighbour, type Solved } from './data';

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

/** Rows of field, value and unit; what has a field `…_hour` beside it leads to that hour. */
export function Facts({ rows, onHour, study }: { rows: Attribute[]; onHour?: (hour: number) => void; study?: string }) {
  if (rows.length === 0) return null;
  const nameOf = (row: Attribute) => row.field ?? row.name ?? '';
  return (
    <table className="simple" data-testid={study ? `results-${study}` : undefined}>
      <tbody>
        {rows.map((row, i) => {
          const name = nameOf(row);
          const named = fieldName(name);
          const isHour = onHour && name.endsWith('_hour') && typeof row.value === 'number';
          return (
            <tr key={`${name}.${i}`} data-field={name} data-value={typeof row.value === 'number' ? row.value : undefined}>
              <td className="quiet" title={name}>{!knownField(name) && row.label && row.label !== name.replaceAll('_', ' ') ? row.label : named.words}</td>
              <td className={typeof row.value === 'number' ? 'num' : ''}>
                {isOver(name, row.value) && <><Priority level={1} label={strings.map.violations} /> </>}
                {isHour ? <button className="link" onClick={() => onHour(row.value as number)}>{hourOfYear(row.value as number)}</button> : valueText(row.value)}
              </td>
              <td className="quiet nowrap">{isHour ? '' : (row.unit ?? named.unit)}</td>
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
  trace: { elements: number[]; customers: number; load_kw: number; line_km: number | null; looped: boolean } | undefined;
}

export function Detail(props: Props) {
  const { project, network, version, id, onClose } = props;
  const query = useElement(project, network, version, id);
  return (
    <aside className="detail" aria-label={t.title}>
      {query.data ? <Content {...props} of={query.data} /> : query.error ? (
        <div className="stack"><button className="plain" onClick={onClose}>{strings.close} ✕</button><ProblemView problem={asProblem(query.error)} onRetry={() => void query.refetch()} /></div>
      ) : <Spinner />}
    </aside>
  );
}

function Content({ of: e, project, run, hour, solved, onClose, onGo, onFocus, onTrace, onDiagram, onHour, trace }: Props & { of: ElementDetail }) {
  const symbol = symbolOf(e.class, e.open);
  const isBus = e.of === 'bus';
  const nowElement = solved?.elements.find((x) => x.id.toLowerCase() === e.id.toLowerCase());
  const nowNodes = solved?.nodes.filter((n) => e.buses?.some((b) => b.toLowerCase() === n.bus.toLowerCase()));
  const go = (ids: string[]) => ids.map((id) => ({ id, i: 0 }));
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
        {e.phases ? <span className="chip">{t.phases} {e.phases}</span> : null}
        {e.feeder ? <span className="chip">{t.feeder} {e.feeder}</span> : null}
        {e.distance_km !== null && <span className="chip" title={t.distance}>{num(e.distance_km)} km</span>}
        {!e.supplied && e.of !== 'asset' && <span className="chip">{t.notSupplied}</span>}
        {!e.in_service && <span className="chip">{t.outOfService}</span>}
      </div>
      <div className="row wrap">
        <button onClick={onFocus}>{strings.map.toElement}</button>
        <button onClick={onDiagram}>{strings.map.showDiagram}</button>
        <button onClick={() => onTrace('up')}>{strings.map.trace.up}</button>
        <button onClick={() => onTrace('down')}>{strings.map.trace.down}</button>
        {trace && <button onClick={() => onTrace(null)}>{strings.map.trace.clear}</button>}
      </div>
      {trace && <p className="small" role="status">{strings.map.traced(count(trace.elements.length), count(trace.customers), num(trace.load_kw), num(trace.line_km))} {trace.looped && strings.map.looped}</p>}
      {e.findings.length > 0 && (
        <Section title={t.findings}>
          {e.findings.map((f, i) => <div key={i} className="finding"><Severity of={f.severity} /> {f.message} {f.detail} {f.hint && <i>{f.hint}</i>} <code className="quiet">{f.code}</code></div>)}
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
      {e.results.map((r, at) => (
        <Section key={at} title={`${t.results}: ${r.study}${r.feeder && r.feeder !== e.feeder ? `, ${r.feeder}` : ''}`} open={r.study === run}>
          <Facts rows={r.values} onHour={onHour} study={r.study} />
        </Section>
      ))}
      {run && e.results.some((r) => r.study === run) && (
        <Section title={strings.map.hot} open={false}>
          <Suspense fallback={<Spinner />}><Strip project={project} run={run} id={isBus ? e.name : e.id} isBus={isBus} onHour={onHour} /></Suspense>
        </Section>
      )}
      <Section title={t.attributes}>
        {!isBus && (e.buses?.length ?? 0) > 0 && <p><span className="quiet">{t.buses} </span><Links of={go(e.buses?.map((b) => `bus.${b}`) ?? [])} onGo={onGo} /></p>}
        <Facts rows={e.attributes} />
      </Section>
      {e.elements.length > 0 && <Section title={t.elements}><Links of={go(e.elements)} onGo={onGo} /></Section>}
      {(e.neighbours.upstream.length > 0 || e.neighbours.downstream.length > 0 || e.attached.length > 0 || e.subjects.length > 0) && (
        <Section title={t.neighbours}>
          <dl className="facts">
            <dt>{t.upstream}</dt><dd><Links of={e.neighbours.upstream} onGo={onGo} /></dd>
            <dt>{t.downstream}</dt><dd><Links of={e.neighbours.downstream} onGo={onGo} /></dd>
            {e.attached.length > 0 && <><dt>{t.attached}</dt><dd><Links of={go(e.attached)} onGo={onGo} /></dd></>}
            {e.subjects.length > 0 && <><dt>{t.subjects}</dt><dd><Links of={go(e.subjects)} onGo={onGo} /></dd></>}
          </dl>
        </Section>
      )}
      {e.catalogue.map((c) => <Section key={`${c.class}.${c.name}`} title={`${t.catalogue}: ${c.class} ${c.name}`} open={false}><Facts rows={c.attributes} /></Section>)}
      {e.assets.length > 0 && <Section title={t.assets}>{e.assets.map((a) => <div key={a.id} className="finding"><b>{a.kind} {a.id}</b><Facts rows={Object.entries(a.attributes).map(([name, value]) => ({ name, value }))} /></div>)}</Section>}
      {(['outages', 'meters', 'history'] as const).map((key) => (e[key].length === 0 ? null : (
        <Section key={key} title={`${t[key]} ${key !== 'history' ? count(e[`${key}_total`]) : ''}`} open={key !== 'history'}>{e[key].map((row, i) => <div key={i} className="finding"><Facts rows={Object.entries(row).map(([name, value]) => ({ name, value }))} /></div>)}</Section>
      )))}
      {(e.aliases.length > 0 || e.source) && (
        <Section title={t.source}>
          {e.source && <p className="break"><code>{e.source.file}{e.source.line ? `:${e.source.line}` : ''}</code></p>}
          {e.aliases.length > 0 && <p><span className="quiet">{t.aliases} </span>{e.aliases.map((a) => `${a.id} (${a.system})`).join(', ')}</p>}
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
