import { describe, expect, it } from 'vitest';
import { firstPayload, intervalsOf, secondsOf, targetsText } from './openadr';

describe('objects of OpenADR', () => {
  it('have lengths, or say themselves what they are', () => {
    expect([secondsOf('PT3H'), secondsOf('PT15M'), secondsOf('P1DT1H30M'), secondsOf('PT0S')]).toEqual([10_800, 900, 91_800, 0]);
    expect([secondsOf('P9999Y'), secondsOf('P'), secondsOf(''), secondsOf(null)]).toEqual([null, null, null, null]);
  });
  it('have a first payload', () => {
    const intervals = [{ id: 0, payloads: [{ type: 'DISPATCH_SETPOINT', values: [1.5, 2] }, { type: 'PRICE', values: [3] }] }];
    expect(firstPayload({ intervals })).toBe('DISPATCH_SETPOINT 1.5, 2');
    expect(firstPayload({ intervals, payloadDescriptors: [{ payloadType: 'PRICE', units: 'KWH' }, { payloadType: 'DISPATCH_SETPOINT', units: 'KW' }] })).toBe('DISPATCH_SETPOINT 1.5, 2 KW');
    expect(firstPayload({ intervals: [{ id: 0, payloads: [{ type: 'CURVE', values: [{ x: 1, y: 2 }] }] }] })).toBe('CURVE {"x":1,"y":2}');
    expect(firstPayload({ intervals: [] })).toBe('');
  });
  it('are addressed by names, or by types with values', () => {
    expect(targetsText(['home', { type: 'GROUP', values: ['a', 'b'] }])).toBe('home, GROUP a, b');
    expect(targetsText(null)).toBe('');
  });
  it('count intervals of all resources', () => {
    const of = (n: number) => ({ resourceName: 'x', intervals: Array.from({ length: n }, (_, id) => ({ id, payloads: [] })) });
    expect(intervalsOf({ id: '', createdDateTime: '', eventID: '', clientName: '', resources: [of(2), of(3)] })).toBe(5);
  });
});
