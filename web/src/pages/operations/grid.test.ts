import { describe, expect, it } from 'vitest';
import { flows, placed, type GridNode } from './grid';

const node = (id: string, x: number | null, y: number | null): GridNode => ({ id, type: 'load', x, y, voltage_pu: 1, voltage_kv: 10, demand_kw: 0, delivered_kw: 0, risk_score: 0 });

describe('places of nodes', () => {
  it('fill the picture without being stretched, north up', () => {
    const at = placed([node('a', 0, 0), node('b', 10, 5)], 220, 120, 10);
    expect(at.get('a')).toEqual({ x: 10, y: 110 });
    expect(at.get('b')).toEqual({ x: 210, y: 10 });
  });
  it('are on a circle where they are not known', () => {
    const at = placed([node('a', null, null), node('b', 1, 1)], 100, 100, 10);
    expect(at.get('a')).toEqual({ x: 50, y: 10 });
    expect(Math.round(at.get('b')?.y ?? 0)).toBe(90);
  });
});

describe('ways', () => {
  it('say where power comes from on each element', () => {
    const from = flows([{ load_bus: 'c', source_bus: 'a', buses: ['a', 'b', 'c'], elements: ['line.1', 'line.2'] }]);
    expect([...from]).toEqual([['line.1', 'a'], ['line.2', 'b']]);
  });
});
