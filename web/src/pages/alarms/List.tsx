/** The alarms with their states; acknowledge, shelve, out of service, reset; a flood in groups with the first of each. */

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useState } from 'react';
import { Link } from 'react-router';
import { asProblem } from '../../api/client';
import { renew } from '../../api/renew';
import { instantMs, iso, twinApi, useAlarms, type ActionOutcome, type AlarmsAnswer, type AlarmView } from '../../api/twin';
import { isListed, isWaiting, LEVEL, PRIORITIES } from '../../app/AlarmBanner';
import { useMay } from '../../state/session';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { ago, count, span, when } from '../../ui/format';
import { useKeys } from '../../ui/keys';
import { Dialog, Empty, Loaded, Panel, Priority, ProblemView, RoleButton } from '../../ui/parts';
import { sorted, Table, type Column, type Sort } from '../../ui/Table';
import { Marked } from '../substation/Marked';
import { markOf, refusals, valueText } from '../substation/words';
import { alarmsCsv, byPriorityThenTime, FLOOD_ABOVE, FLOOD_BELOW, neighbour } from './order';

const t = strings.alarms;

type Action = 'acknowledge' | 'shelve' | 'unshelve' | 'reset' | 'remove' | 'return';

const VIEWS: Record<string, (a: AlarmView) => boolean> = {
  listed: (a) => isListed(a.state), shelved: (a) => a.state === 'shelved', suppressed: (a) => a.state === 'suppressed_by_design', out: (a) => a.state === 'out_of_service', all: () => true,
};
/** Active is filled, gone is hollow; a bar below says that it waits for a person. */
function Standing({ state }: { state: string }) {
  const isActive = state === 'unacknowledged' || state === 'acknowledged';
  return (
    <span className="standing">
      <svg viewBox="0 0 14 14" aria-hidden="true">
        {isListed(state) ? <circle cx="7" cy="6" r="4.500" fill={isActive ? 'currentColor' : 'none'} stroke="currentColor" strokeWidth="1.500" /> : <path d="M3 6h8" stroke="currentColor" strokeWidth="1.500" />}
        {isWaiting(state) && <path d="M1 13h12" stroke="var(--p1)" strokeWidth="2" />}
      </svg>
      {t.states[state] ?? state}
    </span>
  );
}

/** What waits for a person is filled, what is known is an outline; the shape is that of the priority either way. */
function Tag({ alarm: a }: { alarm: AlarmView }) {
  return <span className="state"><span className={isWaiting(a.state) ? 'tag-waiting' : isListed(a.state) ? 'tag-known' : 'tag-known tag-quiet'}><Priority level={LEVEL[a.priority]} label={t.priorities[a.priority]} /></span>{t.priorities[a.priority]}</span>;
}

/** How near a flood is: a bar with the line that it begins at. Quiet until it does. */
function FloodLine({ of }: { of: AlarmsAnswer }) {
  const n = of.counts.shown_in_ten_minutes;
  const top = Math.max(1.5 * FLOOD_ABOVE, n);
  return (
    <div className="floodline" role="status" data-testid="flood-line">
      <svg viewBox="0 0 120 12" aria-hidden="true"><rect className="ground" x="0" y="3" width="120" height="6" /><rect className={of.flooded ? 'over' : 'under'} x="0" y="3" width={(120 * n) / top} height="6" /><line x1={(120 * FLOOD_ABOVE) / top} x2={(120 * FLOOD_ABOVE) / top} y1="0" y2="12" /></svg>
      <span className="small">{of.flooded ? t.floodUntil(count(n), String(FLOOD_BELOW)) : t.floodAt(count(n), String(FLOOD_ABOVE))}</span>
    </div>
  );
}

export function List() {
  const alarms = useAlarms();
  return <Loaded query={alarms}>{(of) => <Listed of={of} />}</Loaded>;
}

function Listed({ of }: { of: AlarmsAnswer }) {
  const url = useUrl();
  const client = useQueryClient();
  const may = useMay('operator');
  const [sort, setSort] = useState<Sort | null>(null);
  const [picked, setPicked] = useState<Set<string>>(new Set());
  const [asking, setAsking] = useState<{ action: Action; rules: string[] } | null>(null);
  const view = VIEWS[url.get('view') ?? ''] ? (url.get('view') as string) : 'listed';
  const text = (url.get('q') ?? '').toLowerCase();
  const priority = url.get('priority');
  const isUnknownOnly = url.get('unknown') === '1';
  const rule = url.get('rule');
  const rows = useMemo(() => of.alarms
    .filter((a) => (VIEWS[view] as (a: AlarmView) => boolean)(a) && (!priority || a.priority === priority) && (!isUnknownOnly || a.condition === 'unknown') && (!text || `${a.text} ${a.rule} ${a.asset ?? ''} ${a.group ?? ''}`.toLowerCase().includes(text)))
    .sort(byPriorityThenTime), [of.alarms, view, priority, isUnknownOnly, text]);
  const chosen = of.alarms.find((a) => a.rule === rule) ?? null;
  // Arrows only choose; Enter or a click opens what there is to say, which then follows the arrows.
  const isOpen = chosen !== null && url.get('more') === '1';
  // The address follows a moment later than a key: what is acknowledged is what was chosen last, not what is drawn still.
  const latest = useRef(rule);
  useEffect(() => { latest.current = rule; }, [rule]);
  const choose = (of: string | null, more: Record<string, string | number | null> = {}) => { latest.current = of; url.set({ rule: of, ...more }); };
  const selectedNow = () => (picked.size > 0 ? rows.filter((a) => picked.has(a.rule)).map((a) => a.rule) : of.alarms.some((a) => a.rule === latest.current) ? [latest.current as string] : []);
  const selected = picked.size > 0 ? rows.filter((a) => picked.has(a.rule)) : chosen ? [chosen] : [];
  const done = (outcome: ActionOutcome) => { setPicked(new Set()); if (refusals(outcome).length === 0) setAsking(null); void renew(client, ['twin', 'alarms'], ['twin', 'events']); };
  const waiting = rows.filter((a) => isWaiting(a.state)).map((a) => a.rule);
  const ask = (action: Action, rules = selectedNow()) => { if (may && rules.length > 0) setAsking({ action, rules }); };
  const columns: Column<AlarmView>[] = [
    { key: 'pick', head: '', value: () => null, width: 34, cell: (a) => <input type="checkbox" aria-label={t.choose(a.text)} checked={picked.has(a.rule)} onClick={(e) => e.stopPropagation()} onChange={() => pick(a.rule)} /> },
    { key: 'priority', head: t.heads.priority, value: (a) => LEVEL[a.priority], cell: (a) => <Tag alarm={a} /> },
    { key: 'state', head: t.heads.state, value: (a) => t.states[a.state] ?? a.state, cell: (a) => <Standing state={a.state} /> },
    { key: 'text', head: t.heads.text, value: (a) => a.text },
    { key: 'raised', head: t.heads.raised, value: (a) => a.raised_at, cell: (a) => <span title={when(iso(instantMs(a.raised_at)))}>{a.raised_at === null ? '–' : ago(iso(instantMs(a.raised_at)))}</span> },
    { key: 'value', head: t.heads.value, numeric: true, value: (a) => valueText(a.value), cell: (a) => (a.value === null || a.value === undefined ? '–' : <Marked mark={markOf(a.quality)}>{valueText(a.value)}</Marked>) },
    { key: 'asset', head: t.heads.asset, value: (a) => a.asset },
    { key: 'marks', head: t.heads.marks, value: (a) => Number(a.first_out), cell: (a) => <span className="row">{a.first_out && <span className="first-out" title={t.firstOutHint}>{t.firstOut}</span>}{[a.chattering ? t.chattering : '', a.stale ? t.stale : '', a.condition === 'unknown' ? t.unknownWord : ''].filter(Boolean).join(', ') || (a.first_out ? '' : '–')}</span> },
    ...(view === 'shelved' ? [
      { key: 'until', head: t.untilHead, value: (a: AlarmView) => a.shelf?.until, cell: (a: AlarmView) => when(iso(instantMs(a.shelf?.until))) },
      { key: 'who', head: t.who, value: (a: AlarmView) => a.shelf?.who }, { key: 'why', head: t.reason, value: (a: AlarmView) => a.shelf?.reason },
    ] : view === 'out' ? [
      { key: 'since', head: t.sinceHead, value: (a: AlarmView) => a.removal?.since, cell: (a: AlarmView) => (a.removal ? when(iso(instantMs(a.removal.since))) : a.maintenance.length > 0 ? t.held : '–') },
      { key: 'who', head: t.who, value: (a: AlarmView) => a.removal?.who }, { key: 'why', head: t.reason, value: (a: AlarmView) => a.removal?.reason },
    ] : []),
  ];
  const ordered = sorted(rows, columns, sort);
  const walk = (by: 1 | -1) => { const to = neighbour(ordered, latest.current, by); if (to) choose(to.rule); };
  const pick = (of: string) => setPicked((old) => { const next = new Set(old); if (!next.delete(of)) next.add(of); return next; });
  useKeys({ a: () => ask('acknowledge'), h: () => ask('shelve'), x: () => latest.current && pick(latest.current), ArrowDown: () => walk(1), ArrowUp: () => walk(-1), Enter: () => latest.current && url.set({ more: 1 }), Escape: () => (isOpen ? url.set({ more: null }) : choose(null)) });
  const n = of.counts;
  const counts: Record<string, number> = { listed: n.listed, shelved: n.shelved, suppressed: n.suppressed_by_design, out: n.out_of_service, all: of.alarms.length };
  return (
    <>
      {of.flooded && <Flood of={of} onGroup={(group) => url.set({ q: group ?? '' })} onRule={(r) => choose(r, { more: 1 })} />}
      <div className="alarmbody">
        <div className="alarmlist">
          <div className="toolbar">
            <div className="segmented">{Object.keys(VIEWS).map((v) => <button key={v} aria-pressed={view === v} onClick={() => url.set({ view: v === 'listed' ? null : v })}>{t.views[v]} <b>{count(counts[v] ?? 0)}</b></button>)}</div>
            <select aria-label={t.heads.priority} value={priority ?? ''} onChange={(e) => url.set({ priority: e.target.value })}><option value="">{t.log.all}</option>{PRIORITIES.map((p) => <option key={p} value={p}>{t.priorities[p]}</option>)}</select>
            <input type="search" placeholder={t.filter} aria-label={t.filter} value={url.get('q') ?? ''} onChange={(e) => url.set({ q: e.target.value })} />
            <span className="grow" />
            <button disabled={ordered.length === 0} onClick={() => save('alarms.csv', alarmsCsv(ordered))}>{t.csv}</button>
            {isUnknownOnly && <button onClick={() => url.set({ unknown: null })}>{t.unknownWord} ✕</button>}
          </div>
          <div className="toolbar">
            <RoleButton allowed={may} role="operator" disabled={selected.length === 0} onClick={() => ask('acknowledge')}>{t.acknowledge} <kbd>a</kbd></RoleButton>
            <RoleButton allowed={may} role="operator" disabled={selected.length === 0} onClick={() => ask('shelve')}>{t.shelve} <kbd>h</kbd></RoleButton>
            <RoleButton allowed={may} role="operator" disabled={selected.length === 0} onClick={() => ask('reset')}>{t.reset}</RoleButton>
            <RoleButton allowed={may} role="operator" disabled={selected.length === 0} onClick={() => ask('remove')}>{t.remove}</RoleButton>
            {(view === 'shelved' || view === 'all') && <RoleButton allowed={may} role="operator" disabled={selected.length === 0} onClick={() => ask('unshelve')}>{t.unshelve}</RoleButton>}
            {(view === 'out' || view === 'all') && <RoleButton allowed={may} role="operator" disabled={selected.length === 0} onClick={() => ask('return')}>{t.return}</RoleButton>}
            <span className="grow" />
            {picked.size > 0 && <span className="small quiet">{t.selected(count(picked.size))}</span>}
            {waiting.length > 1 && <RoleButton allowed={may} role="operator" onClick={() => ask('acknowledge', waiting)}>{t.acknowledgeAll(count(waiting.length))}</RoleButton>}
          </div>
          <FloodLine of={of} />
          <Table label={t.tabs.list} columns={columns} rows={ordered} sortedOutside sort={sort} onSort={setSort} rowKey={(a) => a.rule} selected={rule} follow onSelect={(a) => choose(a.rule)} onOpen={(a) => choose(a.rule, { more: 1 })} rowClass={(a) => (isWaiting(a.state) ? `waiting p${LEVEL[a.priority]}` : '')} empty={<Empty title={t.noneHere}>{view === 'listed' ? t.noneHint : ''}</Empty>} />
        </div>
        {isOpen && <Detail alarm={chosen} onClose={() => url.set({ more: null })} />}
      </div>
      {asking && <ActionDialog action={asking.action} alarms={of.alarms.filter((a) => asking.rules.includes(a.rule))} onClose={() => setAsking(null)} onDone={done} />}
    </>
  );
}

function save(name: string, text: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/csv;charset=utf-8' }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

function Detail({ alarm: a, onClose }: { alarm: AlarmView; onClose: () => void }) {
  return (
    <aside className="panel alarmdetail" aria-label={a.text}>
      <div className="row top"><h2 className="grow" style={{ margin: 0 }}>{a.text}</h2><button className="plain" onClick={onClose} aria-label={strings.close}>✕</button></div>
      <p className="row"><Tag alarm={a} /> <Standing state={a.state} /></p>
      <dl className="facts">
        <dt>{t.heads.rule}</dt><dd><code>{a.rule}</code></dd>
        {a.point && <><dt>{strings.twin.pointHeads.point}</dt><dd><code>{a.point}</code></dd></>}
        <dt>{t.heads.value}</dt><dd>{valueText(a.value)} {a.quality ? `(${strings.twin.quality[markOf(a.quality)]})` : ''}</dd>
        <dt>{t.heads.raised}</dt><dd>{when(iso(instantMs(a.raised_at)))}</dd>
        {a.asset && <><dt>{t.heads.asset}</dt><dd>{a.asset}</dd></>}
        {a.group && <><dt>{t.heads.group}</dt><dd>{a.group}</dd></>}
        {a.consequence && <><dt>{t.consequence}</dt><dd>{a.consequence}</dd></>}
        {a.response && <><dt>{t.response}</dt><dd>{a.response}{a.time_to_respond_s !== null ? ` (${t.within(span(a.time_to_respond_s))})` : ''}</dd></>}
      </dl>
      {a.shelf && <p>{t.shelfText(when(iso(instantMs(a.shelf.until))), a.shelf.who, a.shelf.reason)}</p>}
      {a.removal && <p>{t.removalText(when(iso(instantMs(a.removal.since))), a.removal.who, a.removal.reason)}</p>}
      {a.maintenance.length > 0 && <p>{t.held}</p>}
      {(a.element || a.asset) && <Link className="button" to={`/substation?${new URLSearchParams({ ...(a.element ? { el: a.element.split(':')[0] as string } : {}), ...(a.asset ? { asset: a.asset } : {}) }).toString()}`}>{t.toElement}</Link>}
    </aside>
  );
}

const SHELVES_MIN = [15, 30, 60, 120, 240, 480];

function ActionDialog({ action, alarms, onClose, onDone }: { action: Action; alarms: AlarmView[]; onClose: () => void; onDone: (outcome: ActionOutcome) => void }) {
  const [comment, setComment] = useState('');
  const [minutes, setMinutes] = useState(30);
  const go = useMutation({ mutationFn: () => twinApi.act(action, { rules: alarms.map((a) => a.rule), comment: comment.trim(), ...(action === 'shelve' ? { for_s: minutes * 60 } : {}) }), onSuccess: onDone });
  const needsReason = action === 'shelve' || action === 'remove';
  const refused = refusals(go.data);
  return (
    <Dialog title={t[action]} onClose={onClose}>
      <form className="stack" onSubmit={(e) => { e.preventDefault(); go.mutate(); }}>
        <ul style={{ margin: 0, maxHeight: 200, overflow: 'auto' }}>{alarms.map((a) => <li key={a.rule}>{a.text}</li>)}</ul>
        {action === 'shelve' && <label className="field"><span>{t.until}</span><select value={minutes} onChange={(e) => setMinutes(Number(e.target.value))}>{SHELVES_MIN.map((m) => <option key={m} value={m}>{m < 120 ? t.minutes(String(m)) : t.hours(String(m / 60))}</option>)}</select></label>}
        <label className="field"><span>{needsReason ? t.reason : t.comment}</span><input autoFocus required={needsReason} maxLength={500} value={comment} onChange={(e) => setComment(e.target.value)} /></label>
        {go.error ? <ProblemView problem={asProblem(go.error)} /> : null}
        {refused.length > 0 && <div role="alert"><b>{t.refused}</b><ul>{refused.map((r) => <li key={r}>{r}</li>)}</ul></div>}
        <div className="row">{refused.length > 0 ? null : <button className="primary" disabled={go.isPending || (needsReason && comment.trim() === '')}>{t[action]}</button>}<button type="button" onClick={onClose}>{refused.length > 0 ? strings.close : strings.cancel}</button></div>
      </form>
    </Dialog>
  );
}

function Flood({ of, onGroup, onRule }: { of: AlarmsAnswer; onGroup: (group: string | null) => void; onRule: (rule: string) => void }) {
  const text = (rule: string | null) => of.alarms.find((a) => a.rule === rule)?.text ?? rule;
  return (
    <Panel className="flood">
      <p role="alert"><Priority level={1} label={t.flood(count(of.counts.shown_in_ten_minutes))} /> {t.floodTitle(count(of.counts.shown_in_ten_minutes), when(iso(instantMs(of.counts.flood_since))))}</p>
      <table className="simple">
        <thead><tr><th>{t.group}</th><th className="num">{t.alarmsWord}</th><th>{t.highest}</th><th>{t.first}</th></tr></thead>
        <tbody>{of.groups.map((g) => (
          <tr key={g.group ?? ''}>
            <td><button className="link" onClick={() => onGroup(g.group)}>{g.group ?? t.noGroup}</button></td><td className="num">{count(g.alarms)}</td>
            <td><span className="state"><Priority level={LEVEL[g.highest]} label={t.priorities[g.highest]} />{t.priorities[g.highest]}</span></td>
            <td>{g.first_out ? <button className="link" onClick={() => onRule(g.first_out as string)}>{text(g.first_out)}</button> : '–'}</td>
          </tr>
        ))}</tbody>
      </table>
    </Panel>
  );
}
