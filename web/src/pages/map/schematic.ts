/** The single-line diagram as the server draws it, in the terms of the app's symbols. */

/** What the server answers. */
export interface DiagramAnswer {
  root: string;
  nodes: {
    symbol: string; id: string | null; x: number; y: number; x_from: number; x_to: number; label: string; notes: string[];
    state: 'closed' | 'open' | 'partly_open' | 'out_of_service'; supplied: boolean; more: number; attached: string[];
  }[];
  edges: { from: number; to: number; points: [number, number][]; element: string | null; supplied: boolean }[];
  truncated: boolean;
}

export interface DiagramNode {
  id: string;
  element?: string;
  kind: string;
  x: number;
  y: number;
  label: string;
  notes: string[];
  state?: 'open' | 'out of service' | 'partly open';
  /** Ends of the bar of a bus, from its place. */
  bar?: [number, number];
  /** Elements at the bus that are not drawn. */
  more: number;
}

export interface DiagramEdge {
  element?: string;
  points: [number, number][];
  supplied: boolean;
}

export interface DiagramData {
  root: string;
  nodes: DiagramNode[];
  edges: DiagramEdge[];
  truncated: boolean;
}

const STATES = { closed: undefined, open: 'open', partly_open: 'partly open', out_of_service: 'out of service' } as const;
const KINDS: Record<string, string> = { shunt_reactor: 'reactor', connector: 'more' };

export function diagramOf(answer: DiagramAnswer): DiagramData {
  const nodes = answer.nodes.map((n, at): DiagramNode => {
    const isBus = n.symbol === 'bus';
    return {
      // What is drawn twice, as a connector, still has a name of its own.
      id: n.symbol === 'connector' || n.id === null ? `${n.id ?? n.symbol} ${at}` : n.id,
      ...(n.id !== null && !isBus ? { element: n.id } : {}),
      kind: KINDS[n.symbol] ?? n.symbol,
      x: n.x, y: n.y, label: n.label, notes: n.notes, more: n.more,
      ...(STATES[n.state] ? { state: STATES[n.state] } : {}),
      ...(isBus && n.x_to > n.x_from ? { bar: [n.x_from - n.x, n.x_to - n.x] as [number, number] } : {}),
    };
  });
  // Strokes are horizontal and vertical: a step from one point to the next goes across first.
  const stepped = (points: [number, number][]): [number, number][] =>
    points.flatMap((p, i): [number, number][] => {
      const before = points[i - 1];
      return before && before[0] !== p[0] && before[1] !== p[1] ? [[p[0], before[1]], p] : [p];
    });
  const edges = answer.edges.map((e): DiagramEdge => ({ ...(e.element ? { element: e.element } : {}), points: stepped(e.points), supplied: e.supplied }));
  return { root: answer.root, nodes, edges, truncated: answer.truncated };
}
