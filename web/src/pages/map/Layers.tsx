/** Layers, their order, legends and filters. Legends are always there, and what is clicked in one is hidden on the map. */

import { strings } from '../../strings';
import { count } from '../../ui/format';
import { symbolOf } from '../../ui/symbols';
import { heatRamp } from './heat';
import type { ValueLayer } from './MapView';
import { stepOf, type Palette, type Rgba } from './scales';

const t = strings.map;

const css = (c: Rgba) => `rgb(${c[0]} ${c[1]} ${c[2]})`;

export interface LayerItem {
  id: string;
  title: string;
  on: boolean;
  /** What the values are: a maximum over the year, or one hour. */
  note?: string;
  layer?: ValueLayer;
  busy?: boolean;
  /** Can be drawn as density or by colouring elements. */
  canHeat?: boolean;
  /** It was added by hand, and can go again. */
  canGo?: boolean;
}

/** How many elements fall into each step; the last entry is those without a value. */
export function countSteps(layer: ValueLayer): number[] {
  const counts = new Array<number>(layer.scale.steps.length + 1).fill(0);
  for (const value of layer.values) {
    const step = stepOf(layer.scale, value);
    const at = step < 0 ? layer.scale.steps.length : step;
    counts[at] = (counts[at] as number) + 1;
  }
  return counts;
}

function HeatLegend({ layer, note, palette }: { layer: ValueLayer; note?: string; palette: Palette }) {
  return (
    <div className="legend" role="group" aria-label={`${t.legend} ${layer.scale.title}`}>
      <div className="small quiet">{layer.scale.unit}{note ? ` · ${note}` : ''}</div>
      <div className="heat-ramp" style={{ background: `linear-gradient(to right, ${heatRamp(palette).map(([at, color]) => `${color} ${at * 100}%`).join(', ')})` }} aria-hidden="true" />
      <div className="row small quiet"><span className="grow">{t.few}</span><span>{t.many}</span></div>
    </div>
  );
}

function Legend({ layer, note, palette, onStep }: { layer: ValueLayer; note?: string; palette: Palette; onStep: (step: number) => void }) {
  const counts = countSteps(layer);
  return (
    <div className="legend" role="group" aria-label={`${t.legend} ${layer.scale.title}`}>
      <div className="small quiet">{layer.scale.unit}{note ? ` · ${note}` : ''}</div>
      {layer.scale.steps.map((step, i) => (
        <button key={i} className="plain legend-step" aria-pressed={!layer.hidden.has(i)} onClick={() => onStep(i)}>
          <svg width="30" height="14" aria-hidden="true">
            {layer.of === 'lines' ? (
              <>
                {step.edge && <line x1="3" x2="27" y1="7" y2="7" stroke={css(step.edge)} strokeWidth={step.width + 2.5} strokeLinecap="round" />}
                <line x1="3" x2="27" y1="7" y2="7" stroke={css(step.color)} strokeWidth={step.width} strokeLinecap="round" />
              </>
            ) : <circle cx="15" cy="7" r={Math.min(6, step.width * 0.8 + 0.5)} fill={css(step.color)} stroke={css(palette.halo)} />}
          </svg>
          <span className="grow">{step.label}{step.violation ? ' !' : ''}</span>
          <span className="small quiet">{count(counts[i])}</span>
        </button>
      ))}
    </div>
  );
}

interface Props {
  items: LayerItem[];
  palette: Palette;
  onToggle: (id: string) => void;
  onMove: (id: string, by: number) => void;
  onStep: (layer: string, step: number) => void;
  more: { id: string; title: string; group: string }[];
  onHeat: (id: string) => void;
  onRemove: (id: string) => void;
  onMore: (id: string) => void;
  full: boolean;
  onFull: (on: boolean) => void;
  violations: boolean;
  onViolations: (on: boolean) => void;
  canViolations: boolean;
  feeders: string[];
  feeder: string | null;
  onFeeder: (feeder: string | null) => void;
  classes: { index: number; name: string; count: number; on: boolean }[];
  onClass: (index: number) => void;
  hasRun: boolean;
}

export function Layers(props: Props) {
  const { items } = props;
  return (
    <aside className="layers" aria-label={t.layers}>
      <h2>{t.layers}</h2>
      <p className="small quiet">{t.order}{props.hasRun ? '' : ` ${t.noRun}`}</p>
      <ol className="layer-list">
        {items.map((item, i) => (
          <li key={item.id} data-layer={item.id}>
            <div className="row">
              <label className="grow"><input type="checkbox" checked={item.on} onChange={() => props.onToggle(item.id)} />{item.title}{item.busy && <span className="spinner small-spinner" />}</label>
              {item.canGo && <button className="plain move" onClick={() => props.onRemove(item.id)} aria-label={`${t.removeLayer}: ${item.title}`} title={t.removeLayer}>✕</button>}
              <button className="plain move" disabled={i === 0} onClick={() => props.onMove(item.id, 1)} aria-label={`${t.up}: ${item.title}`} title={t.up}>▴</button>
              <button className="plain move" disabled={i === items.length - 1} onClick={() => props.onMove(item.id, -1)} aria-label={`${t.down}: ${item.title}`} title={t.down}>▾</button>
            </div>
            {item.on && item.layer && (item.layer.heat
              ? <HeatLegend layer={item.layer} note={item.note} palette={props.palette} />
              : <Legend layer={item.layer} note={item.note} palette={props.palette} onStep={(step) => props.onStep(item.id, step)} />)}
            {item.on && item.layer && item.canHeat && <label className="small full"><input type="checkbox" checked={item.layer.heat === true} onChange={() => props.onHeat(item.id)} />{t.asDensity}</label>}
            {item.id === 'thermal' && item.on && item.layer && <label className="small full"><input type="checkbox" checked={props.full} onChange={(e) => props.onFull(e.target.checked)} />{t.full}</label>}
          </li>
        ))}
      </ol>
      {props.more.length > 0 && (
        <label className="field"><span>{t.more}</span>
          <select value="" onChange={(e) => e.target.value && props.onMore(e.target.value)}>
            <option value="">…</option>
            {[...new Set(props.more.map((q) => q.group))].map((group) => (
              <optgroup key={group} label={group}>{props.more.filter((q) => q.group === group).map((q) => <option key={q.id} value={q.id}>{q.title}</option>)}</optgroup>
            ))}
          </select>
        </label>
      )}
      <h2>{t.filters}</h2>
      <label><input type="checkbox" checked={props.violations} disabled={!props.canViolations} onChange={(e) => props.onViolations(e.target.checked)} />{t.onlyViolations}</label>
      {props.feeders.length > 1 && (
        <label className="field"><span>{t.feeder}</span>
          <select value={props.feeder ?? ''} onChange={(e) => props.onFeeder(e.target.value || null)}>
            <option value="">{t.allFeeders}</option>
            {props.feeders.map((f) => <option key={f} value={f}>{f}</option>)}
          </select>
        </label>
      )}
      <fieldset>
        <legend>{t.classes}</legend>
        {props.classes.map((c) => {
          const symbol = symbolOf(c.name);
          return (
            <label key={c.index} className="class-row">
              <input type="checkbox" checked={c.on} onChange={() => props.onClass(c.index)} />
              <svg viewBox="-14 -14 28 28" width="18" height="18" className="symbol-icon" aria-hidden="true"><path d={symbol.stroke} />{symbol.fill && <path d={symbol.fill} className="fill" />}</svg>
              <span className="grow">{c.name.replaceAll('_', ' ')}</span><span className="small quiet">{count(c.count)}</span>
            </label>
          );
        })}
      </fieldset>
    </aside>
  );
}
