/** How the alarms performed in a time, against the aims of ISA-18.2. */

import { useQuery } from '@tanstack/react-query';
import { instantMs, twinApi, type AlarmReport } from '../../api/twin';
import { LEVEL } from '../../app/AlarmBanner';
import { strings } from '../../strings';
import { axis, Chart, tooltip } from '../../ui/Chart';
import { count, fixed, span } from '../../ui/format';
import { Empty, Loaded, Panel, Priority } from '../../ui/parts';
import { RangeChoice } from './Range';
import { useRange } from './range';

const t = strings.alarms.report;

export function ReportView() {
  const { range, renewed, now } = useRange();
  const query = useQuery({ queryKey: ['twin', 'report', range?.from, range?.to], enabled: range !== null, queryFn: ({ signal }) => twinApi.report(range?.from ?? 0, range?.to ?? 0, signal) });
  return (
    <>
      <div className="toolbar"><RangeChoice now={now} onChange={renewed} /></div>
      {range === null ? <Empty title={strings.alarms.maintenance.order} /> : <Loaded query={query}>{(r) => (r.shown === 0 ? <Empty title={t.none}>{strings.alarms.noneHint}</Empty> : <Figures r={r} />)}</Loaded>}
    </>
  );
}

function Figures({ r }: { r: AlarmReport }) {
  const figure = (label: string, value: string, aim: string | null, isOver: boolean) => (
    <div className="figure" key={label}><b>{isOver && <Priority level={3} label={t.target(aim ?? '')} />} {value}</b><span>{label}{aim ? `, ${t.target(aim)}` : ''}</span></div>
  );
  const a = r.targets;
  return (
    <>
      <Panel>
        <div className="figures">
          {figure(t.shown, count(r.shown), null, false)}
          {figure(t.perHour, fixed(r.per_hour, 1), t.atMost(fixed(a.acceptable_per_hour, 0)), (r.per_hour ?? 0) > a.acceptable_per_hour)}
          {figure(t.most, count(r.most_in_ten_minutes), t.atMost(count(a.flood_per_ten_minutes)), r.most_in_ten_minutes > a.flood_per_ten_minutes)}
          {figure(t.floods, count(r.floods), null, false)}
          {figure(t.floodTime, `${fixed(r.flood_time_pct, 1)} %`, t.atMost(`${fixed(a.flood_time_pct, 0)} %`), (r.flood_time_pct ?? 0) > a.flood_time_pct)}
          {figure(t.frequentShare, `${fixed(r.most_frequent_pct, 0)} %`, t.atMost(`${fixed(a.most_frequent_ten_pct, 0)} %`), (r.most_frequent_pct ?? 0) > a.most_frequent_ten_pct && r.most_frequent.length >= 10)}
          {figure(t.chatter, count(r.chattering.length), t.atMost(count(a.chattering)), r.chattering.length > a.chattering)}
          {figure(t.stale, count(r.stale.length), t.atMost(count(a.stale)), r.stale.length > a.stale)}
          {figure(t.toAck, span(r.mean_to_acknowledge_s), null, false)}
          {figure(t.longest, span(r.longest_to_acknowledge_s), null, false)}
        </div>
      </Panel>
      <div className="grid-cards">
        <Panel title={t.hours}>
          <Chart label={t.hours} height={200} deps={[r]} option={() => ({ grid: { left: 44, right: 10, top: 10, bottom: 26 }, tooltip: tooltip(), xAxis: axis('', { type: 'time' }), yAxis: axis('', { type: 'value', minInterval: 1 }), series: [{ type: 'bar', data: r.hours.map((h) => [instantMs(h.from), h.shown]) }] })} />
        </Panel>
        <Panel title={t.frequent}>
          <table className="simple"><thead><tr><th>{strings.alarms.heads.rule}</th><th className="num">{t.shown}</th><th className="num">{t.share} %</th></tr></thead><tbody>{r.most_frequent.map((f) => <tr key={f.rule}><td><code>{f.rule}</code></td><td className="num">{count(f.shown)}</td><td className="num">{fixed(f.share_pct, 0)}</td></tr>)}</tbody></table>
        </Panel>
        <Panel title={t.priorities}>
          <table className="simple"><tbody>{r.priorities.map((p) => <tr key={p.priority}><td><span className="state"><Priority level={LEVEL[p.priority]} label={strings.alarms.priorities[p.priority]} />{strings.alarms.priorities[p.priority]}</span></td><td className="num">{count(p.shown)}</td><td className="num">{fixed(p.share_pct, 0)} %</td></tr>)}</tbody></table>
          {r.chattering.length > 0 && <><h3>{t.chatter}</h3><ul>{r.chattering.map(([rule, n]) => <li key={rule}><code>{rule}</code> {count(n)}×</li>)}</ul></>}
          {r.stale.length > 0 && <><h3>{t.stale}</h3><ul>{r.stale.map((rule) => <li key={rule}><code>{rule}</code></li>)}</ul></>}
        </Panel>
      </div>
    </>
  );
}
