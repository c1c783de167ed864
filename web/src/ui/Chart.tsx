/** ECharts with the tokens of the theme; only the parts that are used are in the bundle. */

import { BarChart, CustomChart, HeatmapChart, LineChart, ScatterChart } from 'echarts/charts';
import { AxisPointerComponent, DataZoomComponent, GridComponent, LegendComponent, MarkAreaComponent, MarkLineComponent, TooltipComponent, VisualMapComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import type { EChartsCoreOption } from 'echarts/core';
import { useEffect, useRef } from 'react';
import { token, usePreferences } from '../state/preferences';

echarts.use([LineChart, BarChart, ScatterChart, HeatmapChart, CustomChart, GridComponent, TooltipComponent, LegendComponent, MarkLineComponent, MarkAreaComponent, DataZoomComponent, VisualMapComponent, AxisPointerComponent, CanvasRenderer]);

export type ChartOption = EChartsCoreOption;

/** Axis of a chart in the colours of the theme. */
export function axis(name: string, more: object = {}): object {
  const line = { lineStyle: { color: token('rule') } };
  return { name, nameLocation: 'middle', nameGap: 28, nameTextStyle: { color: token('text-2') }, axisLine: line, axisTick: line, axisLabel: { color: token('text-2'), hideOverlap: true }, splitLine: { lineStyle: { color: token('rule-2') } }, ...more };
}

/** Colours of several series, told apart by lightness too; never more than six. */
export function seriesColors(): string[] {
  return document.documentElement.dataset.theme === 'dark' ? ['#7db3ff', '#ffb454', '#d58ae0', '#8fd3c8', '#d5dadf', '#f5e663'] : ['#0b4f9e', '#9a4d00', '#8a1c8a', '#1f6f63', '#4a5158', '#6b5e00'];
}

interface Props {
  /** Made anew with the theme, for it reads tokens. */
  option: () => ChartOption;
  deps: unknown[];
  height?: number;
  label: string;
  onClick?: (params: { dataIndex: number; value: unknown; seriesIndex?: number }) => void;
}

export function Chart({ option, deps, height = 280, label, onClick }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<ReturnType<typeof echarts.init> | null>(null);
  const theme = usePreferences((s) => s.theme);
  const click = useRef(onClick);
  useEffect(() => {
    click.current = onClick;
  });
  useEffect(() => {
    const here = echarts.init(box.current as HTMLDivElement);
    chart.current = here;
    here.on('click', (p) => click.current?.(p as never));
    const resize = new ResizeObserver(() => here.resize());
    resize.observe(box.current as HTMLDivElement);
    return () => {
      resize.disconnect();
      here.dispose();
      chart.current = null;
    };
  }, []);
  useEffect(() => {
    chart.current?.setOption({ animation: false, textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: token('text') }, tooltip: tooltip(), color: seriesColors(), ...option() }, { notMerge: true });
    // The caller says what its option depends on.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [theme, ...deps]);
  return <div ref={box} className="chart" style={{ height }} role="img" aria-label={label} />;
}

export function tooltip(more: object = {}): object {
  return { trigger: 'axis', confine: true, backgroundColor: token('paper'), borderColor: token('rule'), textStyle: { color: token('text'), fontSize: 12 }, ...more };
}

/** Names in a tooltip's own text are a person's or a model's: they are no markup. */
export const escaped = (text: string): string => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
