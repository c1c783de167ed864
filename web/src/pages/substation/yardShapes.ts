/**
 * Bodies of the yard. Places and kinds are the register's; sizes are typical ones for the rated voltage, from the clearances that outdoor yards are
 * built to: phases about 7 m apart at 400 kV, 4.5 m at 220 kV, 1.5 m at 33 kV; insulators about 3.4 m, 2.1 m and 0.5 m tall (IEC 60071 creepage and
 * strike distances); tanks by their rating. Pure numbers, so that they can be tested without a screen.
 */

import type { TwinDiagram, YardEquipment } from '../../api/twin';

export interface Body {
  /** Of which the register speaks. */
  asset: string;
  form: 'box' | 'cylinder';
  /** Middle, metres of the yard: x along the busbars, y across, z up. */
  at: [number, number, number];
  /** Width along x, y, z; of a cylinder its diameter twice and its height. */
  size: [number, number, number];
  /** Lies along x. */
  along?: boolean;
  part: 'tank' | 'insulator' | 'metal' | 'conductor' | 'base';
}

export interface Span { bus: string; from: [number, number, number]; to: [number, number, number] }

export const ratedKv = (e: YardEquipment): number => Number(e.rating.hv_kv ?? e.rating.kv ?? 33) || 33;

/** Between the axes of two phases, m. */
export const spacing = (kv: number): number => (kv >= 330 ? 7 : kv >= 180 ? 4.5 : kv >= 90 ? 3 : 1.5);
/** Height of a post insulator, m. */
export const post = (kv: number): number => (kv >= 330 ? 3.4 : kv >= 180 ? 2.1 : kv >= 90 ? 1.2 : 0.5);

/** The bodies of one piece of equipment, three phases side by side where it has three. */
export function bodiesOf(e: YardEquipment): Body[] {
  const kv = ratedKv(e);
  const [gap, tall] = [spacing(kv), post(kv)];
  const { x_m: x, y_m: y } = e;
  const top = Math.max(e.z_m, tall + 0.6);
  const phases = [-1, 0, 1].map((p) => x + p * gap);
  const pole = (of: (x: number) => Body[]) => phases.flatMap(of);
  const thin = Math.max(0.12, 0.1 * tall);
  const stand = (px: number): Body => ({ asset: e.asset, form: 'box', at: [px, y, (top - tall) / 2], size: [thin * 1.4, thin * 1.4, top - tall], part: 'base' });
  const column = (px: number, wide = thin): Body => ({ asset: e.asset, form: 'cylinder', at: [px, y, top - tall / 2], size: [wide * 2, wide * 2, tall], part: 'insulator' });
  switch (e.kind) {
    case 'power_transformer':
    case 'distribution_transformer':
    case 'reactor': {
      const mva = Number(e.rating.mva ?? e.rating.mvar ?? 50);
      // A tank's edges go with the cube root of its rating; 315 MVA stands about 9 m long.
      const k = Math.cbrt(mva / 315);
      const [w, d, h] = [9 * k, 4.5 * k, 4.2 * k];
      return [
        { asset: e.asset, form: 'box', at: [x, y, 0.3], size: [w + 2, d + 2, 0.6], part: 'base' },
        { asset: e.asset, form: 'box', at: [x, y, 0.6 + h / 2], size: [w, d, h], part: 'tank' },
        { asset: e.asset, form: 'cylinder', at: [x, y - d * 0.2, 0.6 + h + 1.1 * k], size: [1.2 * k, 1.2 * k, w * 0.6], along: true, part: 'tank' },
        ...[-1, 1].map((s): Body => ({ asset: e.asset, form: 'box', at: [x + s * (w / 2 + 0.7 * k), y, 0.6 + h / 2], size: [1.1 * k, d * 0.9, h * 0.8], part: 'metal' })),
        ...[-1, 0, 1].map((p): Body => ({ asset: e.asset, form: 'cylinder', at: [x + p * w * 0.3, y + d * 0.3, 0.6 + h + tall / 2], size: [0.5, 0.5, tall], part: 'insulator' })),
      ];
    }
    case 'breaker':
      if (kv < 60) return [{ asset: e.asset, form: 'box', at: [x, y, 1.1], size: [1.6, 2.2, 2.2], part: 'tank' }];
      return pole((px) => [stand(px), column(px, thin * 1.2), { asset: e.asset, form: 'cylinder', at: [px, y, top + thin], size: [thin * 2.4, thin * 2.4, tall * 1.1], along: true, part: 'tank' }]);
    case 'isolator_set':
      return pole((px) => [...[-1, 1].flatMap((s): Body[] => [{ ...stand(px), at: [px, y + s * tall * 0.45, (top - tall) / 2] }, { ...column(px, thin * 0.8), at: [px, y + s * tall * 0.45, top - tall / 2] }]), { asset: e.asset, form: 'box', at: [px, y, top + 0.1], size: [thin * 0.7, tall * 0.95, thin * 0.7], part: 'tank' }]);
    case 'current_transformer':
    case 'voltage_transformer':
    case 'arrester': {
      const head: Body['part'] = 'tank';
      if (e.kind === 'arrester') return pole((px) => [stand(px), column(px, thin * 0.9), { asset: e.asset, form: 'cylinder', at: [px, y, top + 0.08], size: [thin * 4, thin * 4, 0.12], part: head }]);
      return pole((px) => [stand(px), column(px), { asset: e.asset, form: 'box', at: [px, y, top + thin * 1.6], size: [thin * 3.2, thin * 3.2, thin * 3.2], part: head }]);
    }
    case 'capacitor':
      return [{ asset: e.asset, form: 'box', at: [x, y, 1.6], size: [4, 2.4, 2.2], part: 'tank' }, { asset: e.asset, form: 'box', at: [x, y, 0.3], size: [4.4, 2.8, 0.6], part: 'base' }];
    case 'feeder':
    case 'line': {
      const high = kv >= 180 ? Math.max(top, 14) : Math.max(top, 8);
      return [
        ...[-1, 1].map((s): Body => ({ asset: e.asset, form: 'box', at: [x + s * gap * 1.4, y, high / 2], size: [0.5, 0.5, high], part: 'metal' })),
        { asset: e.asset, form: 'box', at: [x, y, high], size: [gap * 2.8 + 0.5, 0.5, 0.5], part: 'tank' },
      ];
    }
    default:
      return [{ asset: e.asset, form: 'box', at: [x, y, Math.max(0.5, e.z_m / 2)], size: [1.5, 1.5, Math.max(1, e.z_m)], part: 'tank' }];
  }
}

/** A busbar's three tubes, as long as what hangs on it. */
export function busbarBodies(e: YardEquipment, reach: [number, number]): Body[] {
  const gap = Math.min(spacing(ratedKv(e)), 3);
  return [-1, 0, 1].map((p): Body => ({ asset: e.asset, form: 'cylinder', at: [(reach[0] + reach[1]) / 2, e.y_m + p * gap * 0.5, e.z_m], size: [0.35, 0.35, Math.max(4, reach[1] - reach[0])], along: true, part: 'conductor' }));
}

/** From where to where each busbar reaches along x: over everything that is switched to it. */
export function reachOf(yard: YardEquipment[], diagram: TwinDiagram | undefined): Map<string, [number, number]> {
  const place = new Map(yard.map((e) => [e.asset, e]));
  const out = new Map<string, [number, number]>();
  for (const bar of yard.filter((e) => e.kind === 'busbar')) {
    const bus = diagram?.buses.find((b) => b.busbar === bar.asset)?.bus.toLowerCase();
    const xs = bus ? (diagram?.elements ?? []).filter((e) => e.buses.some((b) => b.toLowerCase() === bus) && e.asset && place.has(e.asset)).map((e) => (place.get(e.asset as string) as YardEquipment).x_m) : [];
    out.set(bar.asset, xs.length > 0 ? [Math.min(...xs, bar.x_m) - 6, Math.max(...xs, bar.x_m) + 6] : [bar.x_m - 10, bar.x_m + 10]);
  }
  return out;
}

/** Conductors between pieces of equipment that share a bus, and down from the busbars. */
export function spansOf(yard: YardEquipment[], diagram: TwinDiagram | undefined): Span[] {
  if (!diagram) return [];
  const place = new Map(yard.map((e) => [e.asset, e]));
  const at = new Map<string, Set<string>>();
  for (const e of diagram.elements) for (const bus of e.buses) if (e.asset && place.has(e.asset)) at.set(bus.toLowerCase(), (at.get(bus.toLowerCase()) ?? new Set()).add(e.asset));
  const bars = new Map(diagram.buses.filter((b) => b.busbar && place.has(b.busbar)).map((b) => [b.bus.toLowerCase(), place.get(b.busbar as string) as YardEquipment]));
  const height = (e: YardEquipment) => Math.max(e.z_m, post(ratedKv(e)) + 0.6) + 0.2;
  const seen = new Set<string>();
  const out: Span[] = [];
  for (const [bus, assets] of at) {
    const bar = bars.get(bus);
    const list = [...assets].map((a) => place.get(a) as YardEquipment);
    if (bar) for (const e of list) out.push({ bus, from: [e.x_m, e.y_m, height(e)], to: [e.x_m, bar.y_m, bar.z_m] });
    else list.forEach((a, i) => list.slice(i + 1).forEach((b) => {
      const key = [a.asset, b.asset].sort().join('|');
      if (seen.has(key)) return;
      seen.add(key);
      out.push({ bus, from: [a.x_m, a.y_m, height(a)], to: [b.x_m, b.y_m, height(b)] });
    }));
  }
  return out;
}

export type ColourBy = 'state' | 'loading' | 'temperature';

/** Classes of the legend: from which value on, with the colour token. The last that is reached counts. */
export const CLASSES: Record<'loading' | 'temperature', { from: number; token: string; label: string }[]> = {
  loading: [{ from: -Infinity, token: 'equipment-faint', label: '< 80 %' }, { from: 80, token: 'p2', label: '80 – 100 %' }, { from: 100, token: 'p1', label: '> 100 %' }],
  temperature: [{ from: -Infinity, token: 'heat-1', label: '< 40 °C' }, { from: 40, token: 'heat-2', label: '40 – 60 °C' }, { from: 60, token: 'heat-3', label: '60 – 80 °C' }, { from: 80, token: 'heat-4', label: '80 – 98 °C' }, { from: 98, token: 'heat-5', label: '> 98 °C' }],
};

export function classOf(by: 'loading' | 'temperature', value: number | null | undefined): string | null {
  if (value === null || value === undefined || !Number.isFinite(value)) return null;
  return [...CLASSES[by]].reverse().find((c) => value >= c.from)?.token ?? null;
}
