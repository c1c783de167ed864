import { describe, expect, it } from 'vitest';
import { boundsOf, indexOf, placeOf, readGeometry, readValues } from './geometry';

type Item = { name: string; type: string; data: Float64Array | Float32Array | Uint32Array | Uint16Array | Uint8Array };

function file(items: Item[], more: object): ArrayBuffer {
  let room = 0;
  const head = (offsets: number[]) => JSON.stringify({ classes: ['line', 'bus'], ...more, arrays: items.map((x, i) => ({ name: x.name, type: x.type, offset: (offsets[i] ?? 0) - room, length: x.data.length })) });
  room = 8 * Math.ceil((8 + head(items.map(() => 1e9)).length) / 8);
  let at = room;
  const offsets = items.map((x) => {
    const here = at;
    at = 8 * Math.ceil((at + x.data.byteLength) / 8);
    return here;
  });
  const text = new TextEncoder().encode(head(offsets).padEnd(room - 8));
  const bytes = new Uint8Array(at);
  bytes.set(new TextEncoder().encode('GTG1'));
  new DataView(bytes.buffer).setUint32(4, text.length, true);
  bytes.set(text, 8);
  items.forEach((x, i) => bytes.set(new Uint8Array(x.data.buffer), offsets[i]));
  return bytes.buffer;
}

const items: Item[] = [
  { name: 'line_positions', type: 'f64', data: new Float64Array([0, 0, 1, 0, 2, 1, 5, 5, 6, 6]) },
  { name: 'line_starts', type: 'u32', data: new Uint32Array([0, 3, 5]) },
  { name: 'line_element', type: 'u32', data: new Uint32Array([4, 1]) },
  { name: 'point_positions', type: 'f64', data: new Float64Array([7, 8]) },
  { name: 'point_element', type: 'u32', data: new Uint32Array([3]) },
  { name: 'bus_positions', type: 'f64', data: new Float64Array([9, 9, 3, 4]) },
];

describe('geometry', () => {
  it('reads what was written', () => {
    const g = readGeometry(file(items, { count_lines: 2, count_points: 1, count_elements: 5, count_buses: 2 }));
    expect([...g.lines.starts]).toEqual([0, 3, 5]);
    expect([...g.lines.positions.slice(6, 8)]).toEqual([5, 5]);
    expect(g.countElements).toBe(7);
    expect(g.bounds).toEqual([0, 0, 9, 9]);
    expect(placeOf(g)(4)).toEqual([1, 0]);
    expect(placeOf(g)(3)).toEqual([7, 8]);
    expect(placeOf(g)(6)).toEqual([3, 4]);
    expect(g.classes[g.points.cls[1]!]).toBe('bus');
    expect([indexOf({ of: 'element', i: 3 }, 5), indexOf({ of: 'bus', i: 1 }, 5), indexOf({ of: 'asset', i: 1 }, 5)]).toEqual([3, 6, null]);
    expect(placeOf(g)(0)).toBeNull();
  });
  it('refuses what is not geometry and what is cut short', () => {
    expect(() => readGeometry(new ArrayBuffer(4))).toThrow(/too few/);
    expect(() => readGeometry(new TextEncoder().encode('PK\u0003\u0004xxxx').buffer as ArrayBuffer)).toThrow(/GTG1/);
    const whole = file(items, { count_lines: 2, count_points: 1, count_elements: 5, count_buses: 2 });
    expect(() => readGeometry(whole.slice(0, whole.byteLength - 8))).toThrow(/bus_positions.*end/);
    expect(() => readGeometry(whole.slice(0, 40))).toThrow(/inside its header/);
    expect(() => readGeometry(file(items, { count_lines: 5, count_points: 1, count_elements: 5, count_buses: 2 }))).toThrow(/3 starts for 5 lines/);
  });
  it('has no bounds without places', () => expect(boundsOf([new Float64Array(0)])).toBeNull());
  it('values stand where their element or bus is, and those of another version are refused', () => {
    const g = { firstBus: 2, countElements: 5 };
    expect([...readValues(new Float32Array([1, 2]).buffer, 'element', g)]).toEqual([1, 2, NaN, NaN, NaN]);
    expect([...readValues(new Float32Array([1, 2, 3]).buffer, 'bus', g)]).toEqual([NaN, NaN, 1, 2, 3]);
    expect(() => readValues(new Float32Array([1, 2, 3]).buffer, 'element', g)).toThrow(/3 values came for 2 elements/);
    expect(readValues(null, 'bus', g)[0]).toBeNaN();
  });
});
