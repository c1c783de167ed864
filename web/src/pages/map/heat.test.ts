import { describe, expect, it } from 'vitest';
import { heatPoints } from './heat';

describe('density', () => {
  it('adds up what stands at one place and leaves out what has none, is filtered out or is nothing', () => {
    const places: ([number, number] | null)[] = [[1, 2], [1, 2], [3, 4], null, [5, 6], [7, 8]];
    const made = heatPoints(Float32Array.from([2, 3, 4, 9, NaN, 0]), (i) => places[i] ?? null, Uint8Array.from([1, 1, 1, 1, 1, 1]));
    expect(made.features.map((f) => [...f.geometry.coordinates, f.properties.w])).toEqual([[1, 2, 5], [3, 4, 4]]);
    expect(made.largest).toBe(5);
    expect(heatPoints(Float32Array.from([2]), () => [0, 0], Uint8Array.from([0])).features).toEqual([]);
  });
});
