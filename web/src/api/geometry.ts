/** The geometry of a network as the server sends it once: typed arrays over one buffer, nothing copied. */

export interface GeometryHeader {
  count_lines: number;
  count_points: number;
  count_elements?: number;
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
  for (const array of header.arrays) {
    const Type = TYPES[array.type as ArrayName];
    if (!Type) throw new Error(`The geometry's array "${array.name}" is of the unknown type "${array.type}".`);
    const end = array.offset + array.length * Type.BYTES_PER_ELEMENT;
    if (end > buffer.byteLength) throw new Error(`The geometry's array "${array.name}" goes beyond its end.`);
    // A view needs an aligned start; what is not aligned is copied.
    found.set(array.name, array.offset % Type.BYTES_PER_ELEMENT === 0 ? new Type(buffer, array.offset, array.length) : new Type(buffer.slice(array.offset, end)));
  }
  const get = <T extends ArrayBufferView>(name: string, length: number, Type: new (n: number) => T): T => {
    const array = found.get(name) as (T & { length: number }) | undefined;
    if (!array) return new Type(length);
    if (!(array instanceof Type)) throw new Error(`The geometry's array "${name}" is not of the type it has to be.`);
    return array;
  };
  const nl = header.count_lines;
  const np = header.count_points;
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
    count: np,
    positions: get('point_positions', np * 2, Float64Array),
    element: get('point_element', np, Uint32Array),
    cls: get('point_class', np, Uint8Array),
    kv: get('point_kv', np, Float32Array),
    phases: get('point_phases', np, Uint8Array),
    feeder: get('point_feeder', np, Uint16Array),
    open: get('point_open', np, Uint8Array),
  };
  let most = 0;
  for (const i of lines.element) if (i >= most) most = i + 1;
  for (const i of points.element) if (i >= most) most = i + 1;
  return {
    header,
    lines,
    points,
    classes: header.classes,
    feeders: header.feeders ?? [],
    countElements: Math.max(header.count_elements ?? 0, most),
    bounds: header.bounds ?? boundsOf([lines.positions, points.positions]),
  };
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

/** Reads an array of values by element index; its length must be that of the network. */
export function readValues(buffer: ArrayBuffer | null, countElements: number): Float32Array {
  const values = new Float32Array(countElements).fill(NaN);
  if (buffer) values.set(new Float32Array(buffer, 0, Math.min(countElements, buffer.byteLength >> 2)));
  return values;
}
