/** A command in two steps: what it would do, by the power flow; then name and reason, execution, and what was read back. */

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { asProblem } from '../../api/client';
import { renew } from '../../api/renew';
import { instantMs, twinApi, type Order } from '../../api/twin';
import { useMay } from '../../state/session';
import { strings } from '../../strings';
import { num, span } from '../../ui/format';
import { Dialog, Priority, ProblemView, Severity } from '../../ui/parts';
import { orderText, valueText, verdictWords } from './words';

const t = strings.twin;

/** How long a check holds, ms. The server refuses an older one. */
const CHECK_MS = 60_000;

export function ControlDialog({ order, name, element, onClose }: { order: Order; name: string; element: string | null; onClose: () => void }) {
  const client = useQueryClient();
  const isAdmin = useMay('admin');
  const [typed, setTyped] = useState('');
  const [reason, setReason] = useState('');
  const [isOverride, setOverride] = useState(false);
  const [now, setNow] = useState(() => Date.now());
  const [checkedAt, setCheckedAt] = useState<number | null>(null);
  const check = useMutation({ mutationFn: () => twinApi.check(order), onSuccess: () => { setCheckedAt(Date.now()); setNow(Date.now()); } });
  const go = useMutation({
    mutationFn: () => twinApi.control({ ...order, reason: reason.trim(), token: check.data?.token ?? null, ...(isOverride ? { override: true } : {}) }),
    onSettled: () => void renew(client, ['twin', 'moment', 'live'], ['twin', 'points'], ['twin', 'events']),
  });
  const { mutate } = check;
  useEffect(() => mutate(), [mutate]);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const verdict = check.data;
  const isExpired = checkedAt !== null && now - checkedAt > CHECK_MS;
  const wanted = name;
  const mayGo = verdict !== undefined && !isExpired && typed.trim() === wanted && reason.trim() !== '' && (verdict.allowed || (isOverride && isAdmin));
  const record = go.data?.record;
  const isDone = go.isSuccess && record !== undefined && !record.failure;
  return (
    <Dialog title={orderText(order, name)} onClose={onClose}>
      <div className="stack" data-testid="control">
        {element && element !== name && <div className="small quiet">{element}</div>}
        <h3 style={{ margin: 0 }}>{t.check}</h3>
        {check.isPending && <div className="row" role="status"><span className="spinner" /> {t.checking}</div>}
        {check.error ? <ProblemView problem={asProblem(check.error)} onRetry={() => check.mutate()} /> : null}
        {verdict && (
          <div className={`verdict ${verdict.allowed ? '' : 'refused'}`} data-testid="verdict" data-allowed={verdict.allowed}>
            <div className="row">{verdict.allowed ? <b>{t.allowed}</b> : <><Priority level={1} label={t.refused} /> <b>{t.refused}</b></>}</div>
            <ul>{verdictWords(verdict, order, name).map((words) => <li key={words}>{words}</li>)}</ul>
            {verdict.findings.map((f, i) => <div key={i} className="finding small"><Severity of={f.severity} /> {f.message ?? (f as { text?: string }).text} {f.detail} {f.hint && <i>{f.hint}</i>} <code>{f.code}</code></div>)}
          </div>
        )}
        {verdict && !go.isSuccess && (
          <form className="stack" onSubmit={(e) => { e.preventDefault(); if (mayGo) go.mutate(); }}>
            <h3 style={{ margin: 0 }}>{t.execute}</h3>
            {!verdict.allowed && (isAdmin ? (
              <div className="override">
                <label><input type="checkbox" checked={isOverride} onChange={(e) => setOverride(e.target.checked)} /> <b>{t.override}</b></label>
                {isOverride && <p role="alert" style={{ margin: '6px 0 0' }}>{t.overrideText}</p>}
              </div>
            ) : <p className="quiet">{t.overrideWho}</p>)}
            <label className="field"><span>{t.typeName(wanted)}</span><input autoComplete="off" autoCapitalize="off" spellCheck={false} value={typed} onChange={(e) => setTyped(e.target.value)} /></label>
            <label className="field"><span>{t.reason}</span><input required maxLength={500} value={reason} onChange={(e) => setReason(e.target.value)} /></label>
            {isExpired && <div className="row" role="status"><span>{t.expired}</span><button type="button" onClick={() => check.mutate()}>{t.checkAgain}</button></div>}
            {go.error ? <ProblemView problem={asProblem(go.error)} /> : null}
            <div className="row">
              <button className={isOverride && !verdict.allowed ? 'loud' : 'primary'} disabled={!mayGo || go.isPending}>{t.go(orderText(order, name))}</button>
              <button type="button" onClick={onClose}>{strings.cancel}</button>
              {go.isPending && <span className="row" role="status"><span className="spinner" /> {t.executing}</span>}
            </div>
            <p className="small quiet" style={{ margin: 0 }}>{t.timeouts}</p>
          </form>
        )}
        {record && (
          <div className={`verdict ${isDone ? '' : 'refused'}`} role="status" data-testid="control-record" data-done={isDone}>
            <b>{isDone ? t.done : t.failed}</b>
            <p style={{ margin: '4px 0' }}>{t.record(valueText(record.wanted), record.before ? valueText(record.before[0]) : '–', record.after ? valueText(record.after[0]) : t.noReadback)}</p>
            {record.failure && <p style={{ margin: '4px 0' }}>{record.failure}</p>}
            {record.said && <p className="quiet" style={{ margin: '4px 0' }}>{record.said}</p>}
            <p className="small quiet" style={{ margin: 0 }}>{t.took(span(((instantMs(record.ended) ?? 0) - (instantMs(record.asked) ?? 0)) / 1000))} · {record.point}{record.device ? ` · ${record.device}` : ''} · {record.by.user}: {record.by.reason}</p>
            {go.data && !go.data.verdict.allowed && <p className="small">{t.override} ({num(go.data.verdict.unsupplied_mw)} MW)</p>}
            <div className="row"><button onClick={onClose}>{strings.close}</button></div>
          </div>
        )}
      </div>
    </Dialog>
  );
}
