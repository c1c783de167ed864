/** Small parts that every page is made of. */

import { Component, useEffect, useRef, useState, type ErrorInfo, type ReactNode } from 'react';
import { asProblem } from '../api/client';
import type { JobState, Problem } from '../api/types';
import { strings } from '../strings';

/** What failed, where, why, what to do: never only "an error". */
export function ProblemView({ problem, onRetry, children }: { problem: Problem; onRetry?: () => void; children?: ReactNode }) {
  const [copied, setCopied] = useState(false);
  const findings = problem.findings ?? [];
  const copy = () => {
    const text = JSON.stringify({ ...problem, page: location.href, time: new Date().toISOString() }, null, 2);
    void navigator.clipboard?.writeText(text).then(() => setCopied(true), () => setCopied(false));
  };
  return (
    <div className="problem" role="alert">
      <h3>{problem.title}</h3>
      {problem.detail && <p className="break">{problem.detail}</p>}
      {(problem.element || problem.field) && <p>{strings.problem.at} <code>{problem.element ?? problem.field}</code></p>}
      {findings.length > 0 && (
        <ul>
          {findings.slice(0, 50).map((f, i) => (
            <li key={i}>
              {f.message} {f.detail} {f.hint && <i>{f.hint}</i>} <code>{f.code}</code>
            </li>
          ))}
        </ul>
      )}
      {problem.hint && <p className="hint">{problem.hint}</p>}
      {children}
      <div className="row wrap">
        {problem.code && <span className="small quiet">{strings.problem.code} <code>{problem.code}</code></span>}
        {problem.instance && <span className="small quiet">{strings.problem.incident} <code>{problem.instance}</code></span>}
        <span className="grow" />
        {onRetry && <button onClick={onRetry}>{strings.retry}</button>}
        <button className="plain" onClick={copy}>{copied ? strings.copied : strings.copy}</button>
      </div>
    </div>
  );
}

/** Keeps a failure of one panel from taking the others along. */
export class Boundary extends Component<{ children: ReactNode; name?: string }, { error: unknown }> {
  override state = { error: null as unknown };
  static getDerivedStateFromError(error: unknown) {
    return { error };
  }
  override componentDidCatch(error: unknown, info: ErrorInfo) {
    console.error(this.props.name, error, info.componentStack);
  }
  override render() {
    if (this.state.error === null) return this.props.children;
    return <ProblemView problem={asProblem(this.state.error)} onRetry={() => this.setState({ error: null })} />;
  }
}

interface QueryLike<T> {
  data: T | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
}

/** The content of a request: a spinner after a moment, the problem, or what came. */
export function Loaded<T>({ query, children, small }: { query: QueryLike<T>; children: (data: T) => ReactNode; small?: boolean }) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error) return <ProblemView problem={asProblem(query.error)} onRetry={() => void query.refetch()} />;
  return <Spinner small={small} />;
}

/** Shown after 0.2 s only: what is quicker needs no sign. */
export function Spinner({ small, text }: { small?: boolean; text?: string }) {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), 200);
    return () => clearTimeout(timer);
  }, []);
  if (!shown) return null;
  return (
    <div className={small ? 'row' : 'empty'} role="status">
      <span className="spinner" />
      <span className="quiet">{text ?? strings.loading}</span>
    </div>
  );
}

/** Nothing to show: what, why, what to do next. */
export function Empty({ title, children, actions }: { title: string; children?: ReactNode; actions?: ReactNode }) {
  return (
    <div className="empty">
      <strong>{title}</strong>
      {children && <p>{children}</p>}
      {actions && <div className="row wrap">{actions}</div>}
    </div>
  );
}

export function Panel({ title, actions, children, className }: { title?: ReactNode; actions?: ReactNode; children: ReactNode; className?: string }) {
  return (
    <section className={`panel ${className ?? ''}`}>
      {(title || actions) && (
        <header>
          {title && <h2>{title}</h2>}
          {actions}
        </header>
      )}
      <Boundary>{children}</Boundary>
    </section>
  );
}

const SHAPES: Record<number, string> = { 1: 'M2 2h16v16H2z', 2: 'M10 1 19.5 18.5H.5z', 3: 'M10 .5 19.5 10 10 19.5.5 10z', 4: 'M10 1a9 9 0 1 1 0 18a9 9 0 1 1 0-18z' };

/** Priority 1 to 4: shape, number and colour. */
export function Priority({ level, label }: { level: 1 | 2 | 3 | 4; label?: string }) {
  return (
    <span className="tag" role="img" aria-label={label ?? `priority ${level}`} title={label} style={{ color: `var(--p${level}-text)` }}>
      <svg viewBox="0 0 20 20" aria-hidden="true"><path d={SHAPES[level]} fill={`var(--p${level})`} stroke={`var(--p${level}-edge)`} strokeWidth="1.4" /></svg>
      <b style={level === 2 ? { top: 2 } : undefined}>{level}</b>
    </span>
  );
}

/** Severity of a finding as a tag and its word. */
export function Severity({ of }: { of: string }) {
  const name = of.toLowerCase();
  const level = name === 'error' || name === 'critical' ? 1 : name === 'warning' ? 2 : name === 'notice' ? 3 : 0;
  return (
    <span className="state">
      {level !== 0 ? <Priority level={level as 1 | 2 | 3} label={name} /> : <span className="tag quiet" aria-hidden="true">i</span>}
      {name}
    </span>
  );
}

const STATES: Record<string, ReactNode> = {
  queued: <circle cx="7" cy="7" r="5" fill="none" stroke="currentColor" strokeWidth="1.5" strokeDasharray="2 2" />,
  running: <path d="M4 2l8 5-8 5z" fill="var(--action)" />,
  done: <path d="M2 7l3.5 4L12 3" fill="none" stroke="currentColor" strokeWidth="2" />,
  failed: <path d="M2 2h10v10H2z" fill="var(--p1)" />,
  cancelled: <path d="M3 3l8 8M11 3l-8 8" fill="none" stroke="currentColor" strokeWidth="1.8" />,
};

export function StateMark({ state }: { state: JobState | string }) {
  return (
    <span className="state">
      <svg viewBox="0 0 14 14" aria-hidden="true">{STATES[state] ?? STATES.queued}</svg>
      {strings.state[state] ?? state}
    </span>
  );
}

export interface Tab {
  id: string;
  label: ReactNode;
}

/** Tabs by keyboard: arrows move, the one chosen stands in the address. */
export function Tabs({ tabs, at, onChange, label }: { tabs: Tab[]; at: string; onChange: (id: string) => void; label: string }) {
  const box = useRef<HTMLDivElement>(null);
  const move = (by: number) => {
    const index = tabs.findIndex((t) => t.id === at);
    const next = tabs[(index + by + tabs.length) % tabs.length];
    if (!next) return;
    onChange(next.id);
    box.current?.querySelector<HTMLElement>(`[data-tab="${next.id}"]`)?.focus();
  };
  return (
    <div className="tabs" role="tablist" aria-label={label} ref={box} onKeyDown={(e) => {
      if (e.key === 'ArrowRight') move(1);
      else if (e.key === 'ArrowLeft') move(-1);
      else return;
      e.preventDefault();
      e.stopPropagation();
    }}>
      {tabs.map((tab) => (
        <button key={tab.id} data-tab={tab.id} role="tab" aria-selected={tab.id === at} tabIndex={tab.id === at ? 0 : -1} onClick={() => onChange(tab.id)}>{tab.label}</button>
      ))}
    </div>
  );
}

/** A dialog of the browser's own: focus stays in it, Esc closes it. */
export function Dialog({ title, onClose, children, className }: { title?: string; onClose: () => void; children: ReactNode; className?: string }) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    if (dialog && !dialog.open) dialog.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog ref={ref} className={className} aria-label={title} onClose={onClose} onCancel={onClose} onClick={(e) => e.target === ref.current && onClose()}>
      {title && (
        <div className="row" style={{ marginBottom: 10 }}>
          <h2 className="grow" style={{ margin: 0 }}>{title}</h2>
          <button className="plain" onClick={onClose} aria-label={strings.close}>✕</button>
        </div>
      )}
      {children}
    </dialog>
  );
}

/** A button that a role may be missing for: shown, disabled, with the reason. */
export function RoleButton({ allowed, role, children, ...rest }: { allowed: boolean; role: string } & React.ButtonHTMLAttributes<HTMLButtonElement>) {
  return (
    <button {...rest} disabled={!allowed || rest.disabled} title={allowed ? rest.title : strings.needsRole(role)}>
      {children}
    </button>
  );
}

/** Figures in a row of cards: what, how much, and what belongs to it. */
export function FigureCards({ of }: { of: [what: string, value: string, more: string][] }) {
  return <div className="figurecards" data-testid="figures">{of.map(([what, value, more]) => <div key={what}><span className="small quiet">{what}</span><b>{value}</b><span className="small quiet">{more}</span></div>)}</div>;
}
