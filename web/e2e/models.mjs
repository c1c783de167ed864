/** The page of the models on the demo project: modules, a fit from a table that is made here, its answer, questions in plain words, and cards. */

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { axe, expect, pause, settled, shots, step } from './tools.mjs';

const P = 'demo';

/** Rated load at 30 °C for two days, at equal steps: IEEE C57.91 says 30 + 55 + 25 = 110 °C at the hottest spot. */
function table(header, gapAt = -1) {
  const rows = [header];
  for (let h = 0; h < 48; h += 1) if (h !== gapAt) rows.push(`2026-07-0${1 + Math.floor(h / 24)}T${String(h % 24).padStart(2, '0')}:00,1.0,30,t1`);
  return `${rows.join('\n')}\n`;
}

const HOTTEST_C = 110;

/** Ten years of three hundred pieces of equipment that fail the more often the older they are; the same every time. */
function outages() {
  let state = 1;
  const random = () => { state = (state * 1103515245 + 12345) % 2 ** 31; return state / 2 ** 31; };
  const rows = ['equipment,time,failed,age_years,loading_pct'];
  for (let e = 0; e < 300; e += 1) {
    const [age, load] = [60 * random(), 20 + 100 * random()];
    for (let y = 0; y < 10; y += 1) rows.push(`e${e},${2015 + y}-01-01,${random() < 1 / (1 + Math.exp(5 - 0.06 * (age + y) - 0.02 * (load - 60))) ? 1 : 0},${(age + y).toFixed(1)},${load.toFixed(1)}`);
  }
  return `${rows.join('\n')}\n`;
}

/** JSON as the store writes it: keys in the order of the alphabet, so that the checksum is that of what it reads. */
function ordered(value) {
  if (Array.isArray(value)) return `[${value.map(ordered).join(',')}]`;
  if (value !== null && typeof value === 'object') return `{${Object.keys(value).sort().map((k) => `${JSON.stringify(k)}:${ordered(value[k])}`).join(',')}}`;
  return JSON.stringify(value);
}

const card = (more) => ({
  module: 'transformer-ageing', title: 'Transformer ageing', question: 'How hot do transformers get under their loads?', method: 'a regression, for this test', settings: { rounds: 150, depth: 4, log: false },
  made_of: [{ name: 'loads', from: 'summer.csv', rows: 8760, sha256: 'ab'.repeat(32) }], rows: 7008, span_s: [1672531200, 1703980800],
  features: [{ name: 'load_pu', unit: 'pu', low: 0.125, high: 1.625, importance: 0.75 }, { name: 'ambient_c', unit: 'C', low: -12.5, high: 38.5, importance: 0.25 }, { name: 'feeder', unit: '', low: null, high: null, importance: null }],
  says: 'hottest spot in C, with an interval', held_out: { how: 'the last fifth of the time', rows: 1752, span_s: [1703980800, 1709251200] },
  metrics: [
    { name: 'mean absolute error', unit: 'C', value: 1.75, low: 1.5, high: 2.125, better: 'lower', target: null, baseline: { name: 'the day before', value: 3.25 } },
    { name: 'coverage', unit: '', value: 0.875, low: null, high: null, better: 'near', target: 0.9, baseline: { name: 'normal distribution', value: 0.9375 } },
    { name: 'part explained', unit: '', value: 0.8125, low: 0.75, high: 0.875, better: 'higher', target: null, baseline: { name: 'straight line', value: 0.84375 } },
    { name: 'bias', unit: 'C', value: -0.375, low: null, high: null, better: 'near', target: 0.0, baseline: { name: 'the day before', value: 0.125 } },
  ],
  calibration: [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875].map((said, i) => ({ said, came: said + [0.03125, -0.03125, 0.0625, 0, -0.0625, 0.03125, -0.03125][i], rows: 300 - 30 * i })),
  limits: ['Not for transformers with fans.', 'Not for ambient temperatures above 38.5 C: none were in training.'], ...more,
});

/** Puts a version into the project as the store keeps it; which module fits one is no matter of the page. */
function plant(data, name, version, of, author) {
  const model = { body: {}, card: of, reference: null };
  const record = { author, engine_version: '0.1.0', format: 1, model, name, sha256: createHash('sha256').update(ordered(model)).digest('hex'), time_utc: `2026-07-0${version}T08:00:00Z`, version };
  const dir = join(data, 'projects', P, 'models', name);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, `${String(version).padStart(6, '0')}.json`), ordered(record));
}

export async function models({ page, server, api, refusals }) {
  const shot = (name) => page.screenshot({ path: join(shots, `${name}.png`) });
  const whole = (name) => page.locator('main').screenshot({ path: join(shots, `${name}.png`) });
  const theme = (of) => page.evaluate((t) => localStorage.setItem('gridtwin.theme', t), of);
  const at = (more = '') => `${server.address}/models?project=${P}&network=ieee123${more}`;
  const folder = join(server.data, 'tmp', 'learning');
  mkdirSync(folder, { recursive: true });
  const put = (name, text) => { writeFileSync(join(folder, name), text); return join(folder, name); };
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  const clipboard = () => page.evaluate(() => window.navigator.clipboard.readText());
  const main = () => page.locator('main').innerText();
  let answer = null;

  await step('without a model the page says what one is and where to begin', async () => {
    await page.goto(`${server.address}/overview?project=${P}`);
    await settled(page);
    await page.keyboard.press('g');
    await page.keyboard.press('l');
    await page.waitForURL(/\/models/);
    await settled(page);
    await page.getByText('This project keeps no model yet.').waitFor();
    await shot('models-none');
    await axe(page, 'models, none');
    await page.getByRole('tab', { name: 'Answers' }).click();
    await page.getByText('No module has answered yet.').waitFor();
    await axe(page, 'answers, none');
  });

  await step('the modules are those of the server, each with its question', async () => {
    const modules = await api('/api/learning/modules');
    expect(modules.some((m) => m.id === 'transformer-ageing'), `the server has no module transformer-ageing: ${modules.map((m) => m.id)}`);
    await page.goto(at('&tab=modules'));
    await settled(page);
    const shown = await page.locator('.module h2').allInnerTexts();
    expect(JSON.stringify(shown) === JSON.stringify(modules.map((m) => m.title)), `the page shows ${shown}, the server has ${modules.map((m) => m.title)}`);
    const text = await main();
    for (const m of modules) expect(text.includes(m.question), `the question of ${m.id} is not shown`);
    await whole('models-modules');
    await axe(page, 'modules');
  });

  await step('a module is fitted from a table whose header has another name', async () => {
    await page.locator('[data-module=transformer-ageing]').click();
    await page.getByTestId('learn').waitFor();
    const run = page.getByRole('button', { name: 'Run', exact: true });
    expect(await run.isDisabled(), 'the form can be sent without its input');
    await page.getByText('Still to be given: loads.').waitFor();
    await page.getByTestId('file-loads').setInputFiles(put('loads.csv', table('time,Auslastung,Temperature C,unit')));
    await page.getByText('not found by its name').waitFor();
    await page.getByText('found: Temperature C').waitFor();
    await page.getByLabel('Header of load_pu').fill('Auslastung');
    await page.getByLabel('top_oil_rise_k').fill('200');
    await page.getByText('A number from 20 to 80.').waitFor();
    expect(await run.isDisabled(), 'the form can be sent with a setting out of its range');
    await page.getByLabel('top_oil_rise_k').fill('55');
    await page.getByLabel('lost_so_far_pct').fill('12.5');
    await whole('models-form');
    await axe(page, 'form of a module');
    await page.getByRole('button', { name: 'Copy as request' }).nth(0).click();
    const copied = await clipboard();
    expect(copied.includes('files=@loads.csv') && copied.includes('"load_pu":"Auslastung"') && copied.includes('"lost_so_far_pct":12.5') && !copied.includes('top_oil_rise_k'), `the request is not that of the form: ${copied}`);
    await run.click();
    await page.locator('[data-testid=learn-job][data-state=done]').waitFor({ timeout: 60_000 });
    await page.getByTestId('headline').waitFor();
    await settled(page);
    const list = await api(`/api/projects/${P}/analyses?study=learning`);
    if (!expect(list.items.length === 1, `there are ${list.items.length} answers of learning, not one`)) return;
    answer = await api(`/api/projects/${P}/analyses/${list.items[0].id}`);
    const hottest = answer.summary.figures.find((f) => f.name === 'hot_spot_max_c');
    expect(Math.abs((hottest?.value ?? 0) - HOTTEST_C) < 0.05, `the hottest spot is ${hottest?.value}, not ${HOTTEST_C} C`);
    expect((await page.getByTestId('headline').innerText()) === answer.summary.headline, 'the headline is not that of the answer');
    expect(/110/.test(await page.locator('.figure').first().innerText()), `the figure is not shown: ${await page.locator('.figure').first().innerText()}`);
    expect(answer.params.settings.lost_so_far_pct === 12.5 && answer.params.inputs.loads.columns.load_pu === 'Auslastung', `the job was asked for something else: ${JSON.stringify(answer.params)}`);
    await whole('models-form-answer');
  });

  await step('the answer opens again, with its tables', async () => {
    await page.getByRole('button', { name: 'Open in Answers' }).click();
    await page.waitForURL(/tab=answers/);
    await page.reload();
    await page.getByTestId('headline').waitFor();
    await settled(page);
    const rows = await page.getByTestId('answer').locator('table.data tbody tr[aria-rowindex]').count();
    expect(rows === answer.tables[0].rows, `the table has ${rows} rows, the answer ${answer.tables[0].rows}`);
    const link = await page.getByRole('link', { name: 'CSV' }).getAttribute('href');
    const csv = await page.evaluate(async (u) => (await fetch(u)).text(), link);
    expect(csv.includes('t1'), `the file of the table does not have the transformer: ${csv.slice(0, 200)}`);
    await whole('models-answer');
    await axe(page, 'answer of a module');
    await page.goto(`${server.address}/studies?tab=planning&project=${P}`);
    await settled(page);
    expect(!(await main()).includes('learning'), 'the answer stands among those of planning, too');
  });

  await step('data that do not do are refused with what, where and how to mend it', async () => {
    await page.goto(at('&tab=modules&module=transformer-ageing'));
    await page.getByTestId('file-loads').setInputFiles(put('gap.csv', table('time,load_pu,ambient_c,transformer', 20)));
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.locator('[data-testid=learn-job][data-state=failed]').waitFor({ timeout: 60_000 });
    await page.getByText(/fill the gaps first/).first().waitFor();
    expect((await page.getByTestId('learn-job').innerText()).includes('LEARN.DATA.UNFIT'), 'the code of the finding is not shown');
    await whole('models-refused');
    await axe(page, 'a refused fit');
  });

  await step('a question is shown as it is read before anything runs', async () => {
    await page.goto(at());
    await page.getByLabel('Question about this project').fill('worst 3 feeders by hours overloaded');
    await page.keyboard.press('Enter');
    await page.getByTestId('asked-sql').waitFor();
    const chips = await page.locator('.chips li').allInnerTexts();
    expect(chips.some((c) => /first 3/.test(c)) && chips.some((c) => /hours above the normal rating/.test(c)), `the chips are ${chips}`);
    await shot('models-question');
    await axe(page, 'a question that is understood');
    const sql = await page.getByTestId('asked-sql').innerText();
    await page.getByRole('link', { name: 'Run the query' }).click();
    await page.waitForURL(/\/studies/);
    expect((await page.locator('textarea.sql').inputValue()) === sql, 'the query is not filled in');
    await page.getByRole('button', { name: 'Run the query' }).click();
    await page.locator('table.data tbody tr[aria-rowindex]').first().waitFor();
    const n = await page.locator('table.data tbody tr[aria-rowindex]').count();
    expect(n === 3, `the query gives ${n} rows, not 3`);
  });

  await step('two readings are not chosen between; unknown words are marked', async () => {
    await page.goto(at(`&ask=${encodeURIComponent('worst 3 feeders by voltage')}`));
    await page.getByText('This can be read in 2 ways. Choose what you mean:').waitFor();
    expect((await page.getByTestId('asked-sql').count()) === 0, 'a reading was chosen by the page');
    await page.locator('[data-reading="2"]').getByRole('button').click();
    await page.getByTestId('asked-sql').waitFor();
    await shot('models-question-two');
    await axe(page, 'a question with two readings');
    await page.getByLabel('Question about this project').fill('flibbers of f0001');
    await page.getByRole('button', { name: 'Read', exact: true }).click();
    await page.getByText('Not understood. Nothing was guessed.').waitFor();
    expect((await page.locator('.asked mark').allInnerTexts()).join() === 'flibbers', `marked is ${await page.locator('.asked mark').allInnerTexts()}`);
    await shot('models-question-unknown');
    await axe(page, 'a question that is not understood');
  });

  await step('a question under a scenario says so, and the scenario opens in its builder', async () => {
    await page.goto(`${server.address}/overview?project=${P}`);
    await page.getByLabel('Question about this project').fill('worst 3 feeders by hours overloaded with 30 % electric vehicles');
    await page.getByRole('button', { name: 'Read', exact: true }).click();
    await page.waitForURL(/\/models/);
    await page.getByText(/^The SQL is for a study that has run this scenario/).waitFor();
    await whole('models-question-scenario');
    await axe(page, 'a question under a scenario');
    await page.getByRole('button', { name: 'Open in the scenario builder' }).click();
    await page.waitForURL(/tab=scenarios/);
    await page.getByRole('tab', { name: 'Text' }).click();
    await page.locator('textarea').first().waitFor();
    expect(/penetration_pct: 30/.test(await page.locator('textarea').first().inputValue()), 'the text of the scenario is not filled in');
    await settled(page);
    await shot('models-scenario-opened');
  });

  await step('an input is a query of the results, with a header that was told', async () => {
    await page.goto(at('&tab=modules&module=scenario-recommendation'));
    const results = page.locator('[data-input=results]');
    await results.locator('select').first().selectOption('sql');
    await results.locator('textarea').fill('SELECT feeder, loading_max_pct AS worst, v_min_pu, v_max_pu FROM feeder_scorecard');
    await page.getByLabel('Header of loading_max_pct').fill('worst');
    await page.getByLabel('ev_per_year', { exact: true }).fill('3');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.locator('[data-testid=learn-job][data-state=done]').waitFor({ timeout: 60_000 });
    await page.getByTestId('headline').waitFor();
    const [newest] = (await api(`/api/projects/${P}/analyses?study=learning&limit=1`)).items;
    const { summary, params } = await api(`/api/projects/${P}/analyses/${newest.id}`);
    expect(params.inputs.results.columns.loading_max_pct === 'worst' && params.settings.ev_per_year === 3, `the job was asked for something else: ${JSON.stringify(params)}`);
    expect((await page.getByTestId('headline').innerText()) === summary.headline, 'the headline is not that of the answer');
  });

  await step('a model is fitted, kept with its card, and asked', async () => {
    const file = put('outages.csv', outages());
    await page.goto(at('&tab=modules&module=outage-risk'));
    await page.getByTestId('file-equipment').setInputFiles(file);
    await page.getByLabel('rounds', { exact: true }).fill('30');
    await page.getByLabel('Keep the model under the name').fill('Not a name');
    await page.getByText('Small letters, digits, hyphens and underscores, 64 at most.').waitFor();
    expect(await page.getByRole('button', { name: 'Run', exact: true }).isDisabled(), 'a model can be kept under what is no name');
    await page.getByLabel('Keep the model under the name').fill('outages');
    await page.getByText('becomes version 1').waitFor();
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.locator('[data-testid=learn-job][data-state=done]').waitFor({ timeout: 120_000 });
    await page.getByRole('button', { name: 'Kept as outages, version 1' }).click();
    const shown = page.locator('[data-testid=card][data-model=outages][data-version="1"]');
    await shown.waitFor();
    await settled(page);
    const { card: of } = await api(`/api/projects/${P}/models/outages`);
    expect(of.metrics.length > 0 && of.calibration.length > 0 && of.features.length === 2, `the card has ${of.metrics.length} figures, ${of.calibration.length} groups, ${of.features.length} features`);
    const text = await shown.innerText();
    for (const said of [...of.metrics.map((m) => m.name), ...of.limits, ...of.features.map((f) => f.name), 'outages.csv']) expect(text.includes(said), `the card does not say "${said}"`);
    expect((await shown.getByRole('img', { name: /^Said against came/ }).count()) === 1, 'there is no calibration plot');
    await page.setViewportSize({ width: 1440, height: 1800 });
    await settled(page);
    await whole('models-card-fitted');
    await page.setViewportSize({ width: 1440, height: 900 });
    await axe(page, 'card of a fitted model');
    await page.getByRole('button', { name: 'Ask this model' }).click();
    await page.getByTestId('file-equipment').setInputFiles(file);
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.locator('[data-testid=learn-job][data-state=done]').waitFor({ timeout: 120_000 });
    await page.getByRole('button', { name: 'By the model outages, version 1' }).waitFor();
    await settled(page);
    const kept = (await api(`/api/projects/${P}/models`)).models;
    expect(kept.length === 1, `asking a model has kept another: ${kept.map((m) => `${m.name} ${m.version}`)}`);
    await axe(page, 'answer of a kept model');
  });

  await step('models: the newest of each, better or worse in a word, versions below', async () => {
    plant(server.data, 'hot-spot', 1, card({ settings: { rounds: 50, depth: 4, log: false }, metrics: card({}).metrics.map((m) => (m.name === 'mean absolute error' ? { ...m, value: 3.5, low: 3.375, high: 3.75 } : m)) }), 'ana');
    plant(server.data, 'hot-spot', 2, card({}), 'bo');
    plant(server.data, 'bare', 1, { module: 'transformer-ageing' }, 'ana');
    await page.goto(at());
    await settled(page);
    const row = page.locator('tr[data-model=hot-spot]');
    expect((await row.count()) === 1 && (await row.getAttribute('data-version')) === '2', 'the list does not have the newest version alone');
    expect(/1\.75/.test(await row.innerText()) && /better/.test(await row.innerText()), `the row is ${await row.innerText()}`);
    await page.getByRole('button', { name: 'Versions of hot-spot' }).click();
    expect(/worse/.test(await page.locator('tr[data-model=hot-spot][data-version="1"]').innerText()), 'version 1 is not said to be worse than its baseline');
    await page.getByRole('button', { name: 'hot-spot', exact: true }).click();
    const shown = page.locator('[data-testid=card][data-model=hot-spot][data-version="2"]');
    await shown.waitFor();
    await pause(400);
    const text = await shown.innerText();
    for (const said of ['better', 'not told apart', 'worse', '1.5 – 2.125', 'Not for transformers with fans.', 'summer.csv', 'The last fifth of the time', 'not approved', '75']) expect(text.includes(said), `the card does not say "${said}"`);
    await whole('models-card');
    await page.setViewportSize({ width: 1440, height: 1800 });
    await pause(300);
    await whole('models-card-whole');
    await page.setViewportSize({ width: 1440, height: 900 });
    await axe(page, 'a card');
    await page.goto(at('&model=bare'));
    await page.getByText('Nothing was held out: how good the model is on other data is not known.').waitFor();
    await axe(page, 'a card with nothing in it');
  });

  await step('a card is compared, approved with a note, taken along and removed', async () => {
    await page.goto(at('&model=hot-spot'));
    await page.getByLabel('Compare with').selectOption('1');
    await page.getByRole('heading', { name: 'Version 2 beside version 1' }).waitFor();
    expect(/Both were judged on the same data/.test(await main()), 'two versions of one test are not said to be of one test');
    expect(/better/.test(await page.locator('.comparison tbody tr').first().innerText()), 'version 2 is not said to be better than version 1');
    await page.locator('.comparison').screenshot({ path: join(shots, 'models-compare.png') });
    await axe(page, 'two versions compared');
    await page.getByTestId('card').getByRole('button', { name: 'Copy as request' }).click();
    const copied = await clipboard();
    expect(copied.includes(`'${server.address}/api/projects/${P}/models/hot-spot?version=2'`), `the request is ${copied}`);
    await page.getByRole('button', { name: 'Approve', exact: true }).click();
    const dialog = page.locator('dialog[open]');
    expect(await dialog.getByRole('button', { name: 'Approve' }).isDisabled(), 'one can approve without a word');
    await dialog.getByLabel('What was looked at').fill('held-out error by month, limits read');
    await axe(page, 'approval');
    await shot('models-approve');
    await dialog.getByRole('button', { name: 'Approve' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByTestId('card').getByText('held-out error by month, limits read').waitFor();
    expect((await api(`/api/projects/${P}/models/hot-spot?version=2`)).approved?.note === 'held-out error by month, limits read', 'the server does not have the approval');
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download' }).click()]);
    expect(JSON.parse(readFileSync(await file.path(), 'utf8')).card.rows === 7008, 'the file that was taken along is not the model');
    await page.getByRole('button', { name: 'Ask this model' }).click();
    await page.getByRole('heading', { name: 'Ask hot-spot, version 2' }).waitFor();
    await settled(page);
    await axe(page, 'form of a kept model');
    await page.goto(at('&model=hot-spot&mv=1'));
    await page.getByTestId('card').getByRole('button', { name: 'Remove' }).click();
    await page.locator('dialog[open]').getByRole('button', { name: 'Remove' }).click();
    await page.locator('[data-testid=card][data-model=bare]').waitFor();
    await settled(page);
    const left = (await api(`/api/projects/${P}/models`)).models.filter((m) => m.name === 'hot-spot').map((m) => m.version);
    expect(JSON.stringify(left) === '[2]', `after version 1 was removed there are ${left}`);
    refusals.add(404);
    await page.goto(at('&model=gone'));
    await page.getByText('There is no model gone').waitFor();
    refusals.delete(404);
  });

  await step('the same in the dark, and narrow', async () => {
    await theme('dark');
    for (const [name, more] of [['card', '&model=hot-spot'], ['modules', '&tab=modules'], ['form', '&tab=modules&module=transformer-ageing'], ['answer', '&tab=answers'], ['question', `&ask=${encodeURIComponent('worst 3 feeders by voltage')}&reading=1`], ['unknown', `&ask=${encodeURIComponent('flibbers of f0001')}`]]) {
      await page.goto(at(more));
      await settled(page);
      await page.setViewportSize({ width: 1440, height: 1500 });
      await pause(300);
      await whole(`models-${name}-dark`);
      await page.setViewportSize({ width: 1440, height: 900 });
      await axe(page, `${name} in the dark`);
    }
    await page.setViewportSize({ width: 900, height: 900 });
    await page.goto(at('&model=hot-spot'));
    await settled(page);
    await shot('models-card-narrow');
    const wide = await page.evaluate(() => document.querySelector('main').scrollWidth - document.querySelector('main').clientWidth);
    expect(wide <= 0, `the page is ${wide} pixels wider than its window`);
    await page.setViewportSize({ width: 1440, height: 900 });
    await theme('light');
  });
}
