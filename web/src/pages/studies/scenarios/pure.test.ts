import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { dayOf, dayText, monthOf } from './days';
import { diffLines, hunks } from './diff';
import { begun, copiedLayer, layerOfLine, layersOf, lineOf, movedLayer, parsed, toldAt, withLayer, withoutLayer, withoutValue, withValue } from './document';
import { labelOf, layerKinds, listOf, numberOrText, placeholderOf, sweepPaths, topFields, type Schema } from './schema';

const read = (name: string) => readFileSync(new URL(`../../../../../${name}`, import.meta.url), 'utf8');
const larkmoor = read('models/larkmoor/scenario.yaml');
const schema = JSON.parse(read('docs/scenario.schema.json')) as Schema;

const TEXT = `# Why this is here
scenario: A   # its name
layers:
  - ev:
      # a third
      penetration_pct: 30 # of all
      allocation: {classes: [residential, commercial]}
  - solar: {penetration_pct: 20 %, made_up: 1}
`;

describe('the text of a scenario', () => {
  it('one value changes, and all else stays as it was', () => {
    expect(withValue(TEXT, ['layers', 0, 'ev', 'penetration_pct'], 40)).toBe(TEXT.replace('penetration_pct: 30 #', 'penetration_pct: 40 #').replace('A   #', 'A # '.trim()));
    expect(withValue(larkmoor, ['seed'], 7)).toBe(larkmoor.replace('seed: 2023', 'seed: 7'));
  });

  it('what is not set is absent', () => {
    const set = withValue(TEXT, ['layers', 0, 'ev', 'charger'], 'level2');
    expect(set).toContain('      charger: level2\n');
    expect(withoutValue(set, ['layers', 0, 'ev', 'charger'])).not.toContain('charger');
    expect(toldAt(parsed(TEXT).doc, ['layers', 0, 'ev', 'charger'])).toEqual({ is: false, value: undefined, isShared: false, keys: [] });
    expect(toldAt(parsed(TEXT).doc, ['layers', 1, 'solar']).keys).toEqual(['penetration_pct', 'made_up']);
  });

  it('a layer that is nothing yet takes values', () => {
    const set = withValue('scenario: A\nlayers:\n- ev:\n', ['layers', 0, 'ev', 'allocation', 'classes'], ['residential']);
    expect(parsed(set).doc.toJS()).toEqual({ scenario: 'A', layers: [{ ev: { allocation: { classes: ['residential'] } } }] });
    expect(set).toContain('\n- ev:');
    expect(set).toContain('classes: [residential]');
    expect(parsed(withValue('', ['seed'], 3)).doc.toJS()).toEqual({ seed: 3 });
  });

  it('what is filled for the first time gets a line a value, above the layers', () => {
    let text = withValue(begun('New'), ['weather'], {});
    text = withValue(text, ['weather', 'synthetic_seed'], 1);
    text = withValue(withLayer(text, 'ev'), ['layers', 0, 'ev', 'penetration_pct'], 30);
    text = withValue(withValue(text, ['layers', 0, 'ev', 'allocation'], {}), ['layers', 0, 'ev', 'allocation', 'classes'], ['residential']);
    expect(text).toBe('scenario: New\nseed: 1\nweather:\n  synthetic_seed: 1\nlayers:\n  - ev:\n      penetration_pct: 30\n      allocation:\n        classes: [residential]\n');
    expect(withValue('layers: [{ev: {}}]\n', ['layers', 0, 'ev', 'penetration_pct'], 3)).toBe('layers: [{ev: {penetration_pct: 3}}]\n');
  });

  it('layers are added, moved, copied and taken away with their comments', () => {
    const added = withLayer(begun('New'), 'ev');
    expect(parsed(added).doc.toJS()).toEqual({ scenario: 'New', seed: 1, layers: [{ ev: {} }] });
    const moved = movedLayer(TEXT, 0, 1);
    expect(layersOf(parsed(moved)).map((l) => l.kind)).toEqual(['solar', 'ev']);
    expect(moved).toContain('# a third');
    expect(movedLayer(TEXT, 0, 2)).toContain('- ev:\n');
    const copied = copiedLayer(TEXT, 0);
    expect(layersOf(parsed(copied)).map((l) => l.name)).toEqual(['ev', 'ev_2', 'solar']);
    expect(parsed(copied).doc.getIn(['layers', 1, 'ev', 'penetration_pct'])).toBe(30);
    expect(layersOf(parsed(withoutLayer(TEXT, 0))).map((l) => l.kind)).toEqual(['solar']);
  });

  it('layers without a name are told apart as the reader does', () => {
    expect(layersOf(parsed('layers: [{ev: {}}, {solar: {name: roofs}}, {ev: {}}]')).map((l) => l.name)).toEqual(['ev', 'roofs', 'ev_2']);
  });

  it('lines lead to layers and back', () => {
    const p = parsed(TEXT);
    const layers = layersOf(p);
    expect(layers.map((l) => [l.line, l.lastLine])).toEqual([[4, 7], [8, 8]]);
    expect(layerOfLine(layers, 6)).toBe(0);
    expect(layerOfLine(layers, 8)).toBe(1);
    expect(layerOfLine(layers, 2)).toBeNull();
    expect(lineOf(p, ['layers', 0, 'ev', 'penetration_pct'])).toBe(6);
    expect(lineOf(p, ['layers', 1, 'solar', 'made_up'])).toBe(8);
  });

  it('what is no YAML is told with its line and not touched', () => {
    const broken = 'scenario: A\nlayers: [\n';
    expect(parsed(broken).fault?.line).toBeGreaterThan(1);
    expect(withLayer(broken, 'ev')).toBe(broken);
    expect(parsed('- a\n').fault).not.toBeNull();
  });

  it('an alias and what is taken over are told as such', () => {
    const text = 'x: &a {seed: 1}\nlayers:\n  - ev: *a\n  - solar: {<<: *a, penetration_pct: 3}\n';
    const { doc } = parsed(text);
    expect(toldAt(doc, ['layers', 0, 'ev'])).toMatchObject({ is: true, isShared: true, value: { seed: 1 } });
    expect(toldAt(doc, ['layers', 1, 'solar'])).toMatchObject({ isShared: true, keys: ['penetration_pct'] });
    expect(withValue(text, ['layers', 1, 'solar', 'penetration_pct'], 4)).toBe(text.replace('pct: 3', 'pct: 4'));
  });
});

describe('forms of the schema', () => {
  it('every parameter of every layer has a field that shows it', () => {
    const kinds = layerKinds(schema);
    expect(kinds.map((k) => k.kind)).toEqual(['ev', 'fast_charging', 'solar', 'storage', 'electrification', 'weather', 'policy', 'growth', 'changes']);
    const walk = (list: { name: string; kind: string; fields: never[] }[]): void => list.forEach((f) => { expect(f.kind, f.name).not.toBe('other'); walk(f.fields); });
    for (const k of kinds) walk(k.fields as never[]);
    walk(topFields(schema) as never[]);
  });

  it('a parameter is the field that its type is', () => {
    const ev = layerKinds(schema)[0];
    const of = (name: string) => ev?.fields.find((f) => f.name === name);
    expect(of('penetration_pct')).toMatchObject({ kind: 'number', range: '0 … 100', required: false });
    expect(of('charger')).toMatchObject({ kind: 'choice', choices: ['level1', 'level2', 'level2_48a'], default: 'level2' });
    expect(of('adoption')?.fields.map((f) => [f.name, f.required])).toEqual([['year', true], ['penetration_pct', true]]);
    expect(of('arrival_weekday_weights')?.kind).toBe('numbers');
    expect(of('allocation')?.fields.find((f) => f.name === 'propensity')?.kind).toBe('weights');
    expect(ev?.oneOf).toEqual([['penetration_pct', 'adoption']]);
    expect(topFields(schema).find((f) => f.name === 'include')?.kind).toBe('files');
    expect(layerKinds(schema).find((k) => k.kind === 'weather')?.fields.find((f) => f.name === 'start')?.kind).toBe('day');
  });

  it('numbers, quantities, lists', () => {
    expect([numberOrText('30'), numberOrText(' -0.5 '), numberOrText('7200 W'), numberOrText('1e3'), numberOrText('')]).toEqual([30, -0.5, '7200 W', 1000, '']);
    expect(listOf('residential, small shop,')).toEqual(['residential', 'small shop']);
    expect(placeholderOf({ ...(layerKinds(schema)[0]?.fields[0] as never as object), default: [0.92, 1] } as never)).toBe('0.92, 1');
  });

  it('a label has its unit once', () => {
    expect([labelOf({ name: 'latitude_deg', unit: '°' }), labelOf({ name: 'cold_pct_per_c', unit: '%/°C' }), labelOf({ name: 'cop_at_8_3_c', unit: '' }), labelOf({ name: 'utc_offset_h', unit: 'h' })]).toEqual(['latitude', 'cold', 'cop at 8 3 c', 'utc offset']);
  });

  it('a sweep is offered numbers first', () => {
    const paths = sweepPaths('cars', layerKinds(schema)[0]?.fields ?? []);
    expect(paths[0]).toBe('cars.penetration_pct');
    expect(paths.indexOf('cars.charger')).toBeGreaterThan(paths.indexOf('cars.battery_kwh'));
    expect(sweepPaths('p', layerKinds(schema).find((k) => k.kind === 'policy')?.fields ?? [])).toContain('p.tou.price_ratio');
  });
});

describe('difference of two texts', () => {
  it('what is common stays, what differs is told with its numbers', () => {
    expect(diffLines('a\nb\nc\n', 'a\nx\nc\nd\n')).toEqual([
      { is: 'same', text: 'a', old: 1, new: 1 }, { is: 'old', text: 'b', old: 2 }, { is: 'new', text: 'x', new: 2 }, { is: 'same', text: 'c', old: 3, new: 3 }, { is: 'new', text: 'd', new: 4 },
    ]);
    expect(diffLines('a\n', 'a\n').every((l) => l.is === 'same')).toBe(true);
    const moved = diffLines('1\n2\n3\n4\n5\n', '2\n3\n4\n1\n5\n');
    expect(moved.filter((l) => l.is !== 'same').map((l) => `${l.is} ${l.text}`)).toEqual(['old 1', 'new 1']);
  });

  it('both texts can be read off it', () => {
    let seed = 1;
    const random = (n: number) => { seed = (seed * 48_271) % 2_147_483_647; return seed % n; };
    for (let round = 0; round < 50; round += 1) {
      const make = () => Array.from({ length: 1 + random(12) }, () => 'abc'[random(3)]).join('\n');
      const [a, b] = [make(), make()];
      const lines = diffLines(a, b);
      expect(lines.filter((l) => l.is !== 'new').map((l) => l.text).join('\n')).toBe(a);
      expect(lines.filter((l) => l.is !== 'old').map((l) => l.text).join('\n')).toBe(b);
    }
  });

  it('what is far from any change is left out', () => {
    const text = Array.from({ length: 30 }, (_, i) => `${i}`).join('\n');
    const shown = hunks(diffLines(text, text.replace('15', 'x')), 2);
    expect(shown[0]).toBeNull();
    expect(shown.filter(Boolean).map((l) => l?.text)).toEqual(['13', '14', '15', 'x', '16', '17']);
  });
});

describe('days of a year', () => {
  it('month and day and back', () => {
    for (let day = 0; day < 365; day += 1) { const { month, date } = monthOf(day); expect(dayOf(month, date)).toBe(day); }
    expect([dayText(0), dayText(58), dayText(59), dayText(364)]).toEqual(['1 Jan', '28 Feb', '1 Mar', '31 Dec']);
    expect(dayOf(1, 31)).toBe(58);
  });
});
