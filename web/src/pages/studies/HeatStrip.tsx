/** A year as 24 rows of hours and a column a day. */

import { Chart, axis, tooltip } from '../../ui/Chart';
import { hourOfYear, num } from '../../ui/format';
import { token } from '../../state/preferences';

export interface Heat {
  unit?: string;
  quantity?: string;
  days: number;
  hours?: number;
  /** Hour after hour, day after day. */
  values: (number | null)[];
  limit_low?: number | null;
  limit_high?: number | null;
  element?: string;
}

/** Colours of one hue; what breaks a limit has the colour of priority 1 or, below, the blue of low voltage. */
export default function HeatStrip({ heat, height = 260, onHour }: { heat: Heat; height?: number; onHour?: (hour: number) => void }) {
  const label = `${heat.quantity ?? ''} ${heat.element ?? ''}`;
  return (
    <Chart
      label={label}
      height={height}
      deps={[heat]}
      onClick={(p) => onHour?.((p.value as [number, number, number])[0] * 24 + (p.value as [number, number, number])[1] + 1)}
      option={() => {
        const data: [number, number, number][] = [];
        let least = Infinity;
        let most = -Infinity;
        heat.values.forEach((v, i) => {
          if (v === null || !Number.isFinite(v)) return;
          data.push([Math.floor(i / 24), i % 24, v]);
          least = Math.min(least, v);
          most = Math.max(most, v);
        });
        const dark = document.documentElement.dataset.theme === 'dark';
        const hue = dark ? ['#2b3340', '#4b6a94', '#8db4e2', '#dfeaff'] : ['#eef2f6', '#a9c3de', '#5585b5', '#173f6b'];
        const low = heat.limit_low ?? -Infinity;
        const high = heat.limit_high ?? Infinity;
        // The unit stands with each class: a text beside them would take their place.
        const unit = heat.unit ? ` ${heat.unit}` : '';
        const pieces: { lt?: number; lte?: number; gt?: number; gte?: number; color?: string; label: string }[] = [];
        const from = Math.max(least, low);
        const to = Math.min(most, high);
        if (least < low) pieces.push({ lt: low, color: dark ? '#ffb454' : '#9a4d00', label: `< ${num(low)}${unit}` });
        for (let i = 0; i < 4 && from < to; i += 1) {
          const a = from + ((to - from) * i) / 4;
          const b = from + ((to - from) * (i + 1)) / 4;
          pieces.push({ gte: a, ...(i === 3 ? { lte: b } : { lt: b }), color: hue[i], label: `${num(a, 3)}–${num(b, 3)}${unit}` });
        }
        if (from >= to) pieces.push({ gte: from, lte: to, color: hue[1], label: `${num(from)}${unit}` });
        if (most > high) pieces.push({ gt: high, color: token('p1'), label: `> ${num(high)}${unit}` });
        return {
          grid: { left: 44, right: 8, top: 8, bottom: 74 },
          tooltip: tooltip({ trigger: 'item', formatter: (p: { value: [number, number, number] }) => `${hourOfYear(p.value[0] * 24 + p.value[1] + 1)}<br><b>${num(p.value[2])}</b> ${heat.unit ?? ''}` }),
          xAxis: axis('day', { type: 'category', data: Array.from({ length: heat.days }, (_, d) => hourOfYear(d * 24 + 1).slice(0, -6)), splitLine: { show: false } }),
          yAxis: axis('hour, its end', { type: 'category', data: Array.from({ length: 24 }, (_, h) => h + 1), inverse: true, splitLine: { show: false } }),
          visualMap: { type: 'piecewise', pieces, orient: 'horizontal', left: 'center', bottom: 0, itemWidth: 14, itemHeight: 10, textStyle: { color: token('text'), fontSize: 11 } },
          series: [{ type: 'heatmap', data, progressive: 2000, emphasis: { itemStyle: { borderColor: token('text'), borderWidth: 1 } } }],
        };
      }}
    />
  );
}
