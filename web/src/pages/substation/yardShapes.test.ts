import { expect, it } from 'vitest';
import type { TwinDiagram, YardEquipment } from '../../api/twin';
import { bodiesOf, busbarBodies, classOf, reachOf, spansOf } from './yardShapes';

const piece = (asset: string, kind: string, x_m: number, y_m: number, z_m: number, rating: YardEquipment['rating'], elements: string[] = []): YardEquipment => ({ asset, kind, name: asset, bay: null, x_m, y_m, z_m, elements, rating, maker: null, product: null, commissioned: null });

it('every kind of the register has a body, above the ground and around its place', () => {
  for (const [kind, rating] of [['power_transformer', { mva: 315, hv_kv: 400 }], ['distribution_transformer', { mva: 50, hv_kv: 220 }], ['breaker', { kv: 420 }], ['breaker', { kv: 36 }], ['isolator_set', { kv: 245 }], ['current_transformer', { kv: 420 }], ['voltage_transformer', { kv: 220 }], ['arrester', { kv: 198 }], ['reactor', { kv: 400, mvar: 50 }], ['capacitor', { kv: 33 }], ['feeder', { kv: 33 }], ['line', { kv: 400 }], ['something', {}]] as const) {
    const bodies = bodiesOf(piece('X', kind, 100, -50, 4, rating));
    expect(bodies.length, kind).toBeGreaterThan(0);
    for (const b of bodies) {
      const half = b.form === 'cylinder' && b.along ? b.size[0] / 2 : b.size[2] / 2;
      expect(b.at[2] - half, kind).toBeGreaterThan(-0.01);
      expect(Math.hypot(b.at[0] - 100, b.at[1] + 50), kind).toBeLessThan(16);
      expect(b.size.every((s) => s > 0 && s < 40), kind).toBe(true);
    }
  }
});

it('what is rated higher is larger', () => {
  const tank = (mva: number) => bodiesOf(piece('T', 'power_transformer', 0, 0, 4, { mva, hv_kv: 220 })).find((b) => b.part === 'tank')!.size;
  expect(tank(315)[0]).toBeGreaterThan(tank(50)[0]);
  const tall = (kv: number) => Math.max(...bodiesOf(piece('B', 'breaker', 0, 0, 3, { kv })).map((b) => b.at[2]));
  expect(tall(420)).toBeGreaterThan(tall(245));
});

const diagram: TwinDiagram = {
  levels: [{ kv: 220 }], bays: [], buses: [{ bus: 'bb', kv_base: 220, busbar: 'BB' }, { bus: 'm', kv_base: 220 }, { bus: 'l', kv_base: 220 }],
  elements: [{ element: 'line.q1', kind: 'isolator', asset: 'DS', name: 'q1', buses: ['bb', 'm'] }, { element: 'line.q0', kind: 'breaker', asset: 'CB', name: 'q0', buses: ['m', 'l'] }, { element: 'line.q9', kind: 'isolator', asset: 'DS', name: 'q9', buses: ['l', 'x'] }],
};
const yard = [piece('BB', 'busbar', 0, 0, 7, { kv: 220 }), piece('DS', 'isolator_set', 30, 10, 5, { kv: 245 }), piece('CB', 'breaker', 30, 16, 4, { kv: 245 })];

it('a busbar reaches over what is switched to it', () => {
  const reach = reachOf(yard, diagram).get('BB')!;
  expect(reach).toEqual([-6, 36]);
  expect(busbarBodies(yard[0]!, reach)).toHaveLength(3);
  expect(busbarBodies(yard[0]!, reach)[0]!.size[2]).toBe(42);
});

it('conductors follow the topology, each pair once', () => {
  const spans = spansOf(yard, diagram);
  expect(spans).toHaveLength(2);
  expect(spans[0]).toMatchObject({ bus: 'bb', to: [30, 0, 7] });
  expect(spansOf(yard, undefined)).toEqual([]);
});

it('a value without a class has none', () => {
  expect(classOf('loading', 79.9)).toBe('equipment-faint');
  expect(classOf('loading', 80)).toBe('p2');
  expect(classOf('loading', 100.1)).toBe('p1');
  expect(classOf('temperature', 98)).toBe('heat-5');
  expect(classOf('temperature', null)).toBeNull();
  expect(classOf('loading', Number.NaN)).toBeNull();
});
