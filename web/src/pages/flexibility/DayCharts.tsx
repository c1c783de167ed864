/** The day step by step: the flow of a target against its limit, and what all devices draw, without events and with them. */

import { token } from '../../state/preferences';
import { strings } from '../../strings';
import { axis, Chart, tooltip } from '../../ui/Chart';
import { num } from '../../ui/format';
import { clockOf, course, hourOf, sharing, type Day, type EventResult } from './day';

const t = strings.flexibility.day;

interface Courses {
  label: string;
  unit: string;
  before: number[];
  after: number[];
  limit: number | null;
  /** Shaded from their start to their end. */
  events: EventResult[];
  height: number;
  deps: unknown[];
}

function Courses({ label, unit, before, after, limit, events, height, deps }: Courses) {
  return (
    <Chart label={label} height={height} deps={deps} option={() => ({
      grid: { left: 62, right: 14, top: 30, bottom: 42 },
      legend: { top: 0, icon: 'roundRect', textStyle: { color: token('text') }, data: [t.without, t.with, ...(limit === null ? [] : [t.limit])] },
      tooltip: tooltip({ formatter: (p: { dataIndex: number }[]) => {
        const i = Math.min(p[0]?.dataIndex ?? 0, before.length - 1);
        const at = (i * 24) / before.length;
        return [`<b>${clockOf(at)}–${clockOf(at + 24 / before.length)}</b>`, `${t.without}: ${num(before[i])} ${unit}`, `${t.with}: ${num(after[i])} ${unit}`, ...(limit === null ? [] : [`${t.limit}: ${num(limit)} ${unit}`])].join('<br>');
      } }),
      xAxis: axis(t.timeOfDay, { type: 'value', min: 0, max: 24, interval: 3, axisLabel: { color: token('text-2'), formatter: clockOf } }),
      yAxis: axis(unit, { type: 'value', nameGap: 46 }),
      series: [
        { name: t.without, type: 'line', step: 'end', symbol: 'none', color: token('equipment'), lineStyle: { width: 1.5, type: 'dashed' }, data: course(before) },
        {
          name: t.with, type: 'line', step: 'end', symbol: 'none', color: token('action'), lineStyle: { width: 2 }, data: course(after),
          markArea: { silent: true, itemStyle: { color: 'rgba(128,128,128,0.18)' }, label: { position: 'insideBottom', color: token('text-2'), fontSize: 11 }, data: events.map((e) => [{ name: e.name, xAxis: hourOf(e.start) }, { xAxis: hourOf(e.end) }]) },
        },
        ...(limit === null ? [] : [{ name: t.limit, type: 'line', symbol: 'none', color: token('p1'), lineStyle: { width: 1.5, type: 'dotted' }, data: [[0, limit], [24, limit]] }]),
      ],
    })} />
  );
}

/** Flow of the target of an event; of the sources where there is none. */
export function TargetChart({ of, at }: { of: Day; at: number }) {
  const limit = of.events[at]?.limit;
  const flow = (s: Day['steps'][number]['before']) => (limit ? (s.targets[at] ?? 0) : s.source_kw);
  return <Courses label={limit ? t.flowOf(limit.element) : t.flowOf('sources')} unit={limit?.unit ?? 'kW'} before={of.steps.map((s) => flow(s.before))} after={of.steps.map((s) => flow(s.after))} limit={limit?.value ?? null} events={limit ? sharing(of.events, at) : []} height={270} deps={[of, at]} />;
}

export function DevicesChart({ of }: { of: Day }) {
  return <Courses label={t.powerOfDevices} unit="kW" before={of.steps.map((s) => s.devices_before_kw)} after={of.steps.map((s) => s.devices_after_kw)} limit={null} events={of.events} height={220} deps={[of]} />;
}
