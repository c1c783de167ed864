/**
 * The geometry of a network as the server sends it once: typed arrays over one buffer.
 *
 * The server numbers elements and buses apart. Here they share one numbering, elements first and then buses, so that one array of
 * values, one mask and one selection serve both.
 */

export interface GeometryHeader {
  count_lines: number;
  count_points: number;
  count_elements: number;
  count_buses: number;
  network?: string;
  version?: number;
  classes: string[];
  feeders?: string[];
  layout?: string;
  bounds?: [number, number, number, number] | null;
  arrays: { name: string; type: string; offset: number; length: number }[];
}

export interface Geometry {
  header: GeometryHeader;
  lines: {
    count: number;
    /** Longitude and latitude of each vertex. */
    positions: Float64Array;
    /** First vertex of each line, and one past the last. */
    starts: Uint32Array;
    element: Uint32Array;
    kv: Float32Array;
    phases: Uint8Array;
    feeder: Uint16Array;
    /** Index into `classes`. */
    cls: Uint8Array;
    /** 1 where a switch is open or the element is out of service. */
    open: Uint8Array;
  };
  points: {
    count: number;
    positions: Float64Array;
    element: Uint32Array;
    cls: Uint8Array;
    kv: Float32Array;
    phases: Uint8Array;
    feeder: Uint16Array;
    open: Uint8Array;
  };
  classes: string[];
  feeders: string[];
  /** Elements and buses together: the length of an array of values. */
  countElements: number;
  /** Number of the first bus in the common numbering. */
  firstBus: number;
  bounds: [number, number, number, number] | null;
}

const TYPES = { f64: Float64Array, f32: Float32Array, u32: Uint32Array, u16: Uint16Array, u8: Uint8Array, i32: Int32Array } as const;
type ArrayName = keyof typeof TYPES;

/** Reads `GTG1`. A file that is not one, or is cut short, is refused with what is wrong. */
export function readGeometry(buffer: ArrayBuffer): Geometry {
  if (buffer.byteLength < 8) throw new Error(`The geometry has ${buffer.byteLength} bytes, too few for its head.`);
  const view = new DataView(buffer);
  const magic = String.fromCharCode(...new Uint8Array(buffer, 0, 4));
  if (magic !== 'GTG1') throw new Error(`The geometry begins with "${magic}", not with "GTG1".`);
  const headerLength = view.getUint32(4, true);
  if (8 + headerLength > buffer.byteLength) throw new Error('The geometry ends inside its header.');
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, headerLength))) as GeometryHeader;
  const found = new Map<string, ArrayBufferView>();
  const data = 8 + headerLength;
  for (const array of header.arrays) {
    const Type = TYPES[array.type as ArrayName];
    if (!Type) throw new Error(`The geometry's array "${array.name}" is of the unknown type "${array.type}".`);
    const begin = data + array.offset;
    const end = begin + array.length * Type.BYTES_PER_ELEMENT;
    if (end > buffer.byteLength) throw new Error(`The geometry's array "${array.name}" goes beyond its end.`);
    // A view needs an aligned start; what is not aligned is copied.
    found.set(array.name, begin % Type.BYTES_PER_ELEMENT === 0 ? new Type(buffer, begin, array.length) : new Type(buffer.slice(begin, end)));
  }
  const get = <T extends ArrayBufferView>(name: string, length: number, Type: new (n: number) => T): T => {
    const array = found.get(name) as (T & { length: number }) | undefined;
    if (!array) return new Type(length);
    if (!(array instanceof Type)) throw new Error(`The geometry's array "${name}" is not of the type it has to be.`);
    return array;
  };
  const nl = header.count_lines;
  const np = header.count_points;
  const nb = header.count_buses;
  const firstBus = header.count_elements;
  const classes = header.classes.includes('bus') ? header.classes : [...header.classes, 'bus'];
  const busClass = classes.indexOf('bus');
  /** Arrays of points and of buses as one. */
  const joined = <T extends Float64Array | Float32Array | Uint32Array | Uint16Array | Uint8Array>(points: T, buses: T, Type: new (n: number) => T): T => {
    const both = new Type(points.length + buses.length);
    both.set(points);
    both.set(buses, points.length);
    return both;
  };
  const positions = get('line_positions', 0, Float64Array);
  let starts = get('line_starts', 0, Uint32Array);
  if (starts.length === nl) {
    const closed = new Uint32Array(nl + 1);
    closed.set(starts);
    closed[nl] = positions.length / 2;
    starts = closed;
  }
  if (starts.length !== nl + 1) throw new Error(`The geometry has ${starts.length} starts for ${nl} lines.`);
  const lines = {
    count: nl,
    positions,
    starts,
    element: get('line_element', nl, Uint32Array),
    kv: get('line_kv', nl, Float32Array),
    phases: get('line_phases', nl, Uint8Array),
    feeder: get('line_feeder', nl, Uint16Array),
    cls: get('line_class', nl, Uint8Array),
    open: get('line_open', nl, Uint8Array),
  };
  const points = {
    count: np + nb,
    positions: joined(get('point_positions', np * 2, Float64Array), get('bus_positions', nb * 2, Float64Array), Float64Array),
    element: joined(get('point_element', np, Uint32Array), Uint32Array.from({ length: nb }, (_, i) => firstBus + i), Uint32Array),
    cls: joined(get('point_class', np, Uint8Array), new Uint8Array(nb).fill(busClass), Uint8Array),
    kv: joined(get('point_kv', np, Float32Array), get('bus_kv', nb, Float32Array), Float32Array),
    phases: joined(get('point_phases', np, Uint8Array), get('bus_phases', nb, Uint8Array), Uint8Array),
    // A bus belongs to no feeder by itself; it is shown with any.
    feeder: joined(get('point_feeder', np, Uint16Array), new Uint16Array(nb).fill(ANY_FEEDER), Uint16Array),
    open: joined(get('point_open', np, Uint8Array), new Uint8Array(nb), Uint8Array),
  };
  for (const element of [lines.element, points.element]) {
    for (const i of element) if (i >= firstBus + nb) throw new Error(`The geometry names element ${i} of ${firstBus}.`);
  }
  return {
    header,
    lines,
    points,
    classes,
    feeders: header.feeders ?? [],
    countElements: firstBus + nb,
    firstBus,
    bounds: header.bounds ?? boundsOf([lines.positions, points.positions]),
  };
}

/** The feeder of what belongs to none. */
export const ANY_FEEDER = 65535;

/** Number of a row in the common numbering; null for what is neither element nor bus. */
export function indexOf(row: { of?: string; class?: string; i: number }, firstBus: number): number | null {
  if (row.of === 'asset') return null;
  return row.of === 'bus' || (row.of === undefined && row.class === 'bus') ? firstBus + row.i : row.i;
}

/** West, south, east, north of all positions that are numbers. */
export function boundsOf(arrays: Float64Array[]): [number, number, number, number] | null {
  let [w, s, e, n] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const array of arrays) {
    for (let i = 0; i + 1 < array.length; i += 2) {
      const x = array[i] as number;
      const y = array[i + 1] as number;
      if (x < w) w = x;
      if (x > e) e = x;
      if (y < s) s = y;
      if (y > n) n = y;
    }
  }
  return w <= e && s <= n ? [w, s, e, n] : null;
}

/** Where each element is, by its index: a line's middle vertex, a point itself; NaN where it has no place. */
export function placeOf(g: Geometry): (element: number) => [number, number] | null {
  const at = new Float64Array(g.countElements * 2).fill(NaN);
  for (let i = 0; i < g.lines.count; i += 1) {
    const mid = ((g.lines.starts[i] as number) + (g.lines.starts[i + 1] as number)) >> 1;
    const e = g.lines.element[i] as number;
    at[2 * e] = g.lines.positions[2 * mid] as number;
    at[2 * e + 1] = g.lines.positions[2 * mid + 1] as number;
  }
  for (let i = 0; i < g.points.count; i += 1) {
    const e = g.points.element[i] as number;
    at[2 * e] = g.points.positions[2 * i] as number;
    at[2 * e + 1] = g.points.positions[2 * i + 1] as number;
  }
  return (e) => (e >= 0 && e < g.countElements && Number.isFinite(at[2 * e]) ? [at[2 * e] as number, at[2 * e + 1] as number] : null);
}

/** Values by the common numbering, from an array of one value an element or one a bus. An array of another length belongs to another version and is refused. */
export function readValues(buffer: ArrayBuffer | null, of: 'element' | 'bus', g: { firstBus: number; countElements: number }): Float32Array {
  const values = new Float32Array(g.countElements).fill(NaN);
  if (!buffer) return values;
  const expected = of === 'bus' ? g.countElements - g.firstBus : g.firstBus;
  if (buffer.byteLength !== expected * 4) throw new Error(`${buffer.byteLength / 4} values came for ${expected} ${of === 'bus' ? 'buses' : 'elements'}: they are of another version of the network.`);
  values.set(new Float32Array(buffer), of === 'bus' ? g.firstBus : 0);
  return values;
}
