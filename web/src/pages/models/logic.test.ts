import { describe, expect, it } from 'vitest';
import { curl, quoted } from '../../api/curl';
import { strings } from '../../strings';
import type { About, Metric, ModelRow, Setting, Wanted } from './data';
import { against, byName, cardOf, chipsOf, firstModule, freeName, headersFor, headersOf, isModelName, isOneTest, marked, missing, NOTHING, pairs, paramsOf, plotRange, settingFault, settingsOf, uploadNames } from './logic';

const metric = (more: Partial<Metric>): Metric => ({ name: 'error', unit: 'kW', value: 2, low: null, high: null, better: 'lower', target: null, baseline: null, ...more });

describe('figures', () => {
  it('are better by their own direction', () => {
    expect(against(metric({ value: 2 }), 3)).toBe('better');
    expect(against(metric({ value: 2, better: 'higher' }), 3)).toBe('worse');
    expect(against(metric({ value: 3 }), 3)).toBe('same');
  });
  it('that are to be near something are judged by their distance from it', () => {
    expect(against(metric({ value: 0.88, better: 'near', target: 0.9 }), 0.99)).toBe('better');
    expect(against(metric({ value: 0.99, better: 'near', target: 0.9 }), 0.85)).toBe('worse');
    expect(against(metric({ value: 0.88, better: 'near' }), 0.99)).toBe('unknown');
  });
  it('are not told apart where the other lies within the interval', () => {
    expect(against(metric({ value: 2, low: 1.5, high: 3.5 }), 3)).toBe('within');
    expect(against(metric({ value: 2, low: 1.5, high: 2.5 }), 3)).toBe('better');
  });
  it('that are not there are not judged', () => {
    expect(against(metric({ value: null }), 3)).toBe('unknown');
    expect(against(metric({}), null)).toBe('unknown');
  });
  it('stand beside those of the same name and unit only', () => {
    const rows = pairs([metric({}), metric({ name: 'coverage' })], [metric({ value: 3 }), metric({ name: 'coverage', unit: '%' })]);
    expect(rows.map((r) => [r.name, r.unit, r.mine?.value ?? null, r.other?.value ?? null, r.verdict])).toEqual([['error', 'kW', 2, 3, 'better'], ['coverage', 'kW', 2, null, 'unknown'], ['coverage', '%', null, 2, 'unknown']]);
  });
  it('of two versions are not told apart where either lies within the interval of the other', () => {
    expect(pairs([metric({ value: 2 })], [metric({ value: 3, low: 1.5, high: 4 })])[0]?.verdict).toBe('within');
    expect(pairs([metric({ value: 2 })], [metric({ value: 3, low: 2.5, high: 4 })])[0]?.verdict).toBe('better');
  });
  it('shares are plotted from nothing on, all else with a margin', () => {
    expect(plotRange([0.02, 0.34])).toEqual([0, 0.5]);
    expect(plotRange([0.1, 0.9])).toEqual([0, 1]);
    expect(plotRange([0, 0])).toEqual([0, 0.01]);
    expect(plotRange([-10, 10])).toEqual([-11, 11]);
  });
  it('are of one test when data and the way to hold out are the same', () => {
    const made = (sha256: string) => cardOf({ made_of: [{ name: 'loads', from: 'a.csv', rows: 3, sha256 }], held_out: { how: 'by time', rows: 1, span_s: null } });
    expect(isOneTest(made('a'), made('a'))).toBe(true);
    expect(isOneTest(made('a'), made('b'))).toBe(false);
    expect(isOneTest(cardOf({}), cardOf({}))).toBe(false);
  });
});

const row = (name: string, version: number): ModelRow => ({ name, version, author: 'ana', time_utc: '2026-01-01T00:00:00Z', engine_version: '0.1.0', sha256: 'ff', card: null, approved: null });

it('versions stand below their model, the newest first', () => {
  const models = byName([row('m10', 1), row('m2', 9), row('m2', 10)]);
  expect(models.map((m) => [m.name, m.newest.version, m.versions.map((v) => v.version)])).toEqual([['m2', 10, [10, 9]], ['m10', 1, [1]]]);
});

it('a card with parts that are null or not there is whole', () => {
  expect(cardOf({ metrics: null, rows: 7 } as never)).toMatchObject({ metrics: [], limits: [], rows: 7 });
});

const column = (name: string, aliases: string[] = []): Wanted => ({ name, aliases, kind: 'number', unit: '', needed: true, meaning: '' });
const SETTINGS: Setting[] = [
  { name: 'n', kind: 'number', low: 0.3, high: 1.5, default: '0.8', unit: '', meaning: '' },
  { name: 'rounds', kind: 'count', low: 1, high: 10, default: null, unit: '', meaning: '' },
  { name: 'rise', kind: 'choice', of: ['65', '55'], default: '65', unit: 'K', meaning: '' },
  { name: 'log', kind: 'flag', default: 'true', unit: '', meaning: '' },
];
const about = (more: Partial<About>): About => ({
  id: 'm', title: 'M', question: '', method: '', keeps: true, page: '', settings: SETTINGS,
  inputs: [{ name: 'loads', meaning: '', kind: 'table', columns: [], others: '', needed_to_fit: true, needed_to_apply: false }, { name: 'grid', meaning: '', kind: 'network', needed_to_fit: false, needed_to_apply: true }], ...more,
});

describe('forms', () => {
  it('headers are those of the first line, quoted or not, whatever parts them', () => {
    expect(headersOf('\uFEFFtime;"load; pu";x\n1;2;3')).toEqual(['time', 'load; pu', 'x']);
    expect(headersOf('\n\na\tb')).toEqual(['a', 'b']);
    expect(headersOf('one')).toEqual(['one']);
    expect(headersOf('"a ""b""",c')).toEqual(['a "b"', 'c']);
  });
  it('headers are parted by what parts all lines alike', () => {
    expect(headersOf('time;load, pu, max\n1;2,5\n2;3')).toEqual(['time', 'load, pu, max']);
  });
  it('a column is found by its name, another of its names, or a header that holds one', () => {
    const of = (headers: string[], told = {}) => headersFor([column('load_pu'), column('ambient_c', ['temperature_c']), column('n')], headers, told);
    expect(of(['Time', 'Load PU', 'Temperature C'])).toEqual({ load_pu: { header: 'Load PU', isExact: true }, ambient_c: { header: 'Temperature C', isExact: true } });
    expect(of(['load_pu_max', 'number'])).toEqual({ load_pu: { header: 'load_pu_max', isExact: false } });
    expect(of(['load_pu_max', 'load_pu']).load_pu).toEqual({ header: 'load_pu', isExact: true });
    expect(of(['load_pu', 'x'], { ambient_c: 'load_pu', load_pu: 'gone' })).toEqual({ ambient_c: { header: 'load_pu', isExact: true } });
  });
  it('settings out of their range are told, empty ones are not', () => {
    const [n, rounds] = SETTINGS as [Setting, Setting];
    expect(settingFault(n, '')).toBeNull();
    expect(settingFault(n, '1.5')).toBeNull();
    expect(settingFault(n, '1.6')).toEqual({ low: 0.3, high: 1.5, isCount: false });
    expect(settingFault(rounds, '2.5')).toEqual({ low: 1, high: 10, isCount: true });
    expect(settingFault(rounds, 'many')).not.toBeNull();
  });
  it('settings are sent only where they differ from their default, with their type', () => {
    expect(settingsOf(SETTINGS, { n: '0.8', rounds: '3', rise: '55', log: 'false' })).toEqual({ rounds: 3, rise: '55', log: false });
    expect(settingsOf(SETTINGS, { n: ' ', log: 'true' })).toEqual({});
  });
  it('what a fit needs is not what an answer needs', () => {
    expect(missing(about({}), {}, false)).toEqual(['loads']);
    expect(missing(about({}), { loads: { ...NOTHING, from: 'sql', sql: ' ' } }, false)).toEqual(['loads']);
    expect(missing(about({}), { loads: { ...NOTHING, from: 'file', file: 'a.csv' } }, true)).toEqual(['grid']);
  });
  it('parameters of the job have what was given and nothing else', () => {
    const given = { loads: { ...NOTHING, from: 'file' as const, file: 'a.csv', columns: { load_pu: ' Load ', time: '' } }, grid: { ...NOTHING, from: 'network' as const, network: 'ieee13', version: '2', columns: { x: 'y' } } };
    expect(paramsOf({ module: 'm' }, about({}), given, { n: '1' }, ' mine ', 'u1')).toEqual({ module: 'm', keep: 'mine', upload: 'u1', inputs: { loads: { file: 'a.csv', columns: { load_pu: 'Load' } }, grid: { network: 'ieee13', version: 2 } }, settings: { n: 1 } });
    expect(paramsOf({ model: 'mine', version: 3 }, about({}), { loads: { ...NOTHING, from: 'sql', sql: 'SELECT 1', file: 'old.csv' } }, {}, 'mine', 'u1')).toEqual({ model: 'mine', version: 3, inputs: { loads: { sql: 'SELECT 1' } } });
    expect(paramsOf({ module: 'm' }, about({ keeps: false }), {}, {}, 'mine', null)).toEqual({ module: 'm', inputs: {} });
  });
  it('files of one name do not take each other’s place', () => {
    expect(uploadNames([{ input: 'a', name: 'x.csv' }, { input: 'b', name: 'x.csv' }, { input: 'b', name: 'y.csv' }])).toEqual(['x.csv', 'b/x.csv', 'y.csv']);
  });
  it('names of models are as the server has them', () => {
    expect(['load-forecast_2', 'a'].every(isModelName)).toBe(true);
    expect(['', 'Load', 'a b', 'x'.repeat(65)].some(isModelName)).toBe(false);
  });
  it('one begins with a module that keeps a model and needs one thing', () => {
    const one = about({ id: 'one' });
    const two = about({ id: 'two', inputs: about({}).inputs.map((i) => ({ ...i, needed_to_fit: true })) });
    expect(firstModule([about({ id: 'none', keeps: false }), two, one])?.id).toBe('one');
    expect(firstModule([about({ id: 'none', keeps: false }), two])?.id).toBe('two');
    expect(firstModule([one, about({ id: 'load-forecast' })])?.id).toBe('load-forecast');
    expect(firstModule([])).toBeUndefined();
  });
});

describe('questions', () => {
  const of = (query: Record<string, unknown>) => chipsOf(query, strings.models.question.chips).map((c) => `${c.part}: ${c.text}`);
  it('each part of a reading is a chip', () => {
    expect(of({ measure: 'overload_h', of: 'feeder', order: 'highest', limit: 3, scenario: [{ ev: { to_pct: 30, charger: 'level2' } }] })).toEqual(['measure: hours above the normal rating', 'of: feeders', 'order: highest first', 'order: first 3', 'scenario: electric vehicles: 30\u202f%, level2']);
    expect(of({ measure: 'v_min_pu', of: 'bus', statistic: 'count', by: 'feeder', feeders: ['f1'], filters: [{ measure: 'v_min_pu', below: 0.95 }], window: { year: 2023, hours: [17, 21] }, against: 'base' })).toEqual(['measure: lowest voltage (pu)', 'of: buses', 'order: how many', 'of: by feeders', 'of: feeder f1', 'filter: lowest voltage (pu) < 0.95', 'window: 2023', 'window: hours 17 – 21', 'study: against base']);
    expect(of({ measure: 'peak_kw', of: 'feeder', scenario: [{ growth: { change_pct: 2 } }, { tou: {} }, { weather: { event: 'hot_day', year: 2023, amplitude_c: 4 } }] }).slice(2)).toEqual(['scenario: growth: change 2\u202f%', 'scenario: tariff by time of use', 'scenario: weather: hot day, 2023, amplitude 4\u202f°C']);
  });
  it('what is not known here is shown as the server has it, not left out', () => {
    expect(of({ measure: 'new_thing_kw', of: 'meter', shade: 'blue' })).toEqual(['measure: new thing (kW)', 'of: meter', 'more: shade: blue']);
  });
  it('words that are not known are marked, as whole words', () => {
    expect(marked('Worst busbar of Bus and bus', ['bus']).filter((p) => p.isUnknown).map((p) => p.text)).toEqual(['Bus', 'bus']);
    expect(marked('what (is) f+1?', ['f+1']).map((p) => p.text).join('')).toBe('what (is) f+1?');
    expect(marked('abc', [])).toEqual([{ text: 'abc', isUnknown: false }]);
    expect(marked('line 67l is gone', ['67l is', '67l']).filter((p) => p.isUnknown)).toEqual([{ text: '67l is', isUnknown: true }]);
  });
  it('a scenario gets a name that is free', () => {
    expect(freeName('asked', (n) => ['asked', 'asked-2'].includes(n))).toBe('asked-3');
  });
});

describe('requests', () => {
  it('are commands that a shell reads as they are meant', () => {
    expect(quoted("it's")).toBe("'it'\\''s'");
    expect(curl('http://h', { address: '/api/x?a=1&b=2' })).toBe("curl \\\n  -H \"Authorization: Bearer $GRIDTWIN_TOKEN\" \\\n  'http://h/api/x?a=1&b=2'");
    expect(curl('http://h', { method: 'POST', address: '/api/x', body: { a: "it's" }, note: 'first\nthing' })).toBe("# first thing\ncurl \\\n  -X POST \\\n  -H \"Authorization: Bearer $GRIDTWIN_TOKEN\" \\\n  -H 'Content-Type: application/json' \\\n  -d '{\"a\":\"it'\\''s\"}' \\\n  'http://h/api/x'");
    expect(curl('http://h', { method: 'POST', address: '/api/uploads', files: ['a b.csv'] })).toContain("-F 'files=@a b.csv'");
  });
});
