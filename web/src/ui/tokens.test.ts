import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const css = readFileSync(new URL('./tokens.css', import.meta.url), 'utf8');

function tokens(selector: string): Record<string, string> {
  const body = css.slice(css.indexOf(`${selector} {`)).match(/\{([^}]*)\}/)?.[1] ?? '';
  return Object.fromEntries([...body.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/g)].map((m) => [m[1], m[2]]));
}

function luminance(hex: string): number {
  const channel = (at: number) => {
    const c = parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
}

function contrast(a: string, b: string): number {
  const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p) as [number, number];
  return (x + 0.05) / (y + 0.05);
}

// WCAG 2.2 AA: 4.5 for text, 3 for the parts of a control or a drawing that carry meaning.
const PAIRS: [string, string, number][] = [
  ...['ground', 'panel', 'paper', 'hover', 'selected'].flatMap((on): [string, string, number][] => [['text', on, 4.5], ['text-2', on, 4.5], ['action', on, 4.5]]),
  ['action-text', 'action', 4.5],
  ['p1-text', 'p1', 4.5], ['p2-text', 'p2', 4.5], ['p3-text', 'p3', 4.5], ['p4-text', 'p4', 4.5],
  ['p1', 'paper', 4.5],
  ['equipment', 'map-ground', 3], ['equipment', 'paper', 3],
  ['kv1', 'paper', 3], ['kv2', 'paper', 3], ['kv3', 'paper', 3], ['kv4', 'paper', 3],
  ['p1', 'map-ground', 3], ['p2-edge', 'map-ground', 3], ['p3-edge', 'map-ground', 3], ['p4', 'map-ground', 3],
];

describe.each([':root', ":root[data-theme='dark']"])('%s', (selector) => {
  const t = tokens(selector);
  it.each(PAIRS)('%s on %s has a contrast of at least %f', (fore, back, least) => {
    expect(t[fore], fore).toBeDefined();
    expect(contrast(t[fore]!, t[back]!)).toBeGreaterThanOrEqual(least);
  });
});
