import { expect, it } from 'vitest';
import { diagramOf, type Part } from './schematic';

const line = (id: string, ...buses: string[]): Part => ({ id: `line.${id}`, class: 'line', name: id, buses });
const net: Part[] = [
  { id: 'vsource.s', class: 'vsource', name: 's', buses: ['a'] },
  line('ab', 'a', 'b.1.2.3'), line('bc', 'b', 'c'), line('bd', 'b', 'd'), line('cd', 'c', 'd'), line('de', 'd', 'e'),
  { id: 'load.x', class: 'load', name: 'x', buses: ['d.1'] },
];

it('draws every bus once, each element, and the loop to what is there', () => {
  const d = diagramOf(net, 'bus.a', 9);
  expect(d.nodes.filter((n) => n.kind === 'bus').map((n) => n.label).sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(d.edges.map((e) => e.element).sort()).toEqual(['line.ab', 'line.bc', 'line.bd', 'line.cd', 'line.de', 'load.x', 'vsource.s']);
  expect(d.truncated).toEqual([]);
});

it('stops at the depth and says where the network goes on', () => {
  const d = diagramOf(net, 'line.ab', 1);
  expect(d.nodes.filter((n) => n.kind === 'bus').map((n) => n.label).sort()).toEqual(['a', 'b']);
  expect(d.truncated).toEqual(['bus.b']);
});

it('no two buses share a place', () => {
  const d = diagramOf(net, 'bus.b', 9);
  const places = d.nodes.filter((n) => n.kind === 'bus').map((n) => `${n.x} ${n.y}`);
  expect(new Set(places).size).toBe(places.length);
});

it('what is not there gives nothing', () => {
  expect(diagramOf(net, 'bus.zz', 3).nodes).toEqual([]);
});
