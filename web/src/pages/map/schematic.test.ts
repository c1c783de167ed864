import { expect, it } from 'vitest';
import { diagramOf, type DiagramAnswer } from './schematic';

const node = { x: 0, y: 0, x_from: 0, x_to: 0, label: 'a', notes: [], state: 'closed' as const, supplied: true, more: 0, attached: [] };

it('buses have bars, elements are known by their identity, what is open says so', () => {
  const answer: DiagramAnswer = {
    root: 'bus.a', truncated: true,
    nodes: [
      { ...node, symbol: 'bus', id: 'bus.a', x: 1, x_from: 0.5, x_to: 2, more: 3 },
      { ...node, symbol: 'shunt_reactor', id: 'reactor.r', state: 'open' },
      { ...node, symbol: 'connector', id: 'line.l' }, { ...node, symbol: 'connector', id: 'line.l' },
    ],
    edges: [{ from: 0, to: 1, points: [[1, 0], [2, 1]], element: 'reactor.r', supplied: false }],
  };
  const d = diagramOf(answer);
  expect(d.nodes[0]).toMatchObject({ id: 'bus.a', kind: 'bus', bar: [-0.5, 1], more: 3 });
  expect(d.nodes[0]).not.toHaveProperty('element');
  expect(d.nodes[1]).toMatchObject({ element: 'reactor.r', kind: 'reactor', state: 'open' });
  expect(new Set(d.nodes.map((n) => n.id)).size).toBe(4);
  expect(d.edges[0]).toEqual({ element: 'reactor.r', points: [[1, 0], [2, 0], [2, 1]], supplied: false });
});
