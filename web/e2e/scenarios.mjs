/** Scenarios: written by cards with the figures of the API beside them, saved, changed, in conflict, run, compared with the network as it is. */

import { join } from 'node:path';
import { axe, expect, mapDrawn, pause, settled, shots, step } from './tools.mjs';

const NAME = 'high';

export async function scenarios({ page, server, api, refusals, quick = false }) {
  const shot = (name, more = {}) => page.screenshot({ path: join(shots, `${name}.png`), ...more });
  const on = 'project=walk&network=ieee123';
  const at = `${server.address}/studies?tab=scenarios&${on}`;
  const list = '/api/projects/walk/scenarios';
  const csrf = (await api('/api/session')).csrf;
  const send = (address, method, body) => api(address, { method, headers: { 'content-type': 'application/json', 'x-gridtwin-csrf': csrf }, data: body });
  const card = (name) => page.locator(`[data-layer="${name}"]`);
  const param = (path) => page.locator(`[data-param="${path}"]`);
  /** Waits until what is shown is of the text as it stands, and gives what the API says of that text. */
  const looked = async (text) => {
    await page.waitForFunction(() => document.querySelector('[data-testid=draft]')?.dataset.old === 'false' && !document.querySelector('.panel > header .spinner'), undefined, { timeout: 90_000 });
    return send('/api/projects/walk/scenario-draft', 'POST', { text, network: 'ieee123' });
  };
  const textNow = async () => {
    await page.getByRole('tab', { name: 'Text', exact: true }).click();
    const text = await page.getByLabel('Text of the scenario').inputValue();
    await page.getByRole('tab', { name: 'Cards', exact: true }).click();
    return text;
  };
  let first = '';

  await step('a scenario is written with cards, and what it does is what the API says', async () => {
    await page.goto(at);
    await page.getByText('This project has no scenario yet.').waitFor();
    await shot('scenarios-none');
    await axe(page, 'no scenarios');
    await page.getByRole('button', { name: 'New scenario' }).click();
    await page.getByLabel('Name of the scenario').fill(NAME);
    await page.getByRole('button', { name: 'Begin', exact: true }).click();
    await page.getByLabel('The scenario', { exact: true }).waitFor();
    await page.getByRole('checkbox', { name: 'weather' }).check();
    await param('weather.synthetic_seed').fill('1');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await param('layers.0.ev.penetration_pct').fill('30');
    await card('ev').getByText(/^More parameters/).click();
    await param('layers.0.ev.charger').selectOption('level2');
    await page.getByLabel('Add a layer').selectOption('solar');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await param('layers.1.solar.penetration_pct').fill('20');
    first = await textNow();
    expect(/- ev:\n\s+penetration_pct: 30\n\s+charger: level2/.test(first) && !first.includes('battery_kwh'), `the text is not what the cards say:\n${first}`);
    const draft = await looked(first);
    expect(draft.sound && draft.preview, `the draft is not sound: ${JSON.stringify(draft).slice(0, 600)}`);
    const shown = async (name) => page.locator(`tr[data-course="${name}"] td[data-value]`).evaluateAll((cells) => cells.map((c) => Number(c.dataset.value)));
    for (const of of [...draft.preview.figures.layers, { layer: 'base', ...draft.preview.figures.base }, { layer: 'stacked', ...draft.preview.figures.stacked }]) {
      const [energy, peak] = await shown(of.layer);
      expect(energy === of.energy_kwh && peak === of.peak_kw, `${of.layer} is shown with ${energy} kWh and ${peak} kW, the API says ${of.energy_kwh} and ${of.peak_kw}`);
    }
    expect(draft.preview.figures.layers.find((l) => l.layer === 'ev').energy_kwh > 0 && draft.preview.figures.layers.find((l) => l.layer === 'solar').energy_kwh < 0, `vehicles do not draw or the sun does not feed: ${JSON.stringify(draft.preview.figures.layers)}`);
    await settled(page);
    await shot('scenario-cards');
    await shot('scenario-cards-whole', { fullPage: true });
    await axe(page, 'cards of a scenario');
    await page.getByRole('button', { name: 'Week before' }).click();
    await page.waitForFunction((day) => document.querySelector('[data-testid=draft]')?.dataset.week === String(day), Math.max(0, draft.preview.week_first_day - 7), { timeout: 60_000 });
  });

  await step('a wrong parameter is told with its line, and the line is gone to', async () => {
    await param('layers.0.ev.penetration_pct').fill('130');
    const finding = page.locator('[data-testid=draft] .finding').filter({ hasText: 'penetration_pct' }).first();
    await finding.waitFor();
    const text = await textNow();
    const line = text.split('\n').findIndex((l) => l.includes('penetration_pct: 130')) + 1;
    await card('ev').locator('.finding').first().waitFor();
    await shot('scenario-finding');
    await axe(page, 'a scenario with a fault');
    await finding.getByRole('button', { name: `to line ${line}` }).click();
    const area = page.getByLabel('Text of the scenario');
    await area.waitFor();
    const chosen = await area.evaluate((e) => e.value.slice(e.selectionStart, e.selectionEnd));
    expect(chosen.trim() === 'penetration_pct: 130', `the line chosen is "${chosen}"`);
    await shot('scenario-text');
    await axe(page, 'text of a scenario');
    await area.fill(text.replace('penetration_pct: 130', 'penetration_pct: 30 # a third'));
    await looked(text);
    expect(await page.locator('[data-testid=draft]').getAttribute('data-sound') === 'true', 'the mended text is not sound');
    await page.getByRole('tab', { name: 'Cards', exact: true }).click();
  });

  await step('saved, changed by a card, moved by keys, saved again: versions and their difference', async () => {
    await page.getByLabel('Why (kept with the version)').fill('the first');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByText('Saved as version 1.').waitFor();
    await param('layers.1.solar.penetration_pct').fill('25');
    await card('solar').getByRole('button', { name: /^Move up/ }).focus();
    await page.keyboard.press('Alt+ArrowUp');
    await page.locator('[data-layer="solar"] header b').getByText('1.').waitFor();
    await page.keyboard.press('Alt+ArrowDown');
    await page.locator('[data-layer="solar"] header b').getByText('2.').waitFor();
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByText('Saved as version 2.').waitFor();
    const kept = await api(`${list}/${NAME}`);
    expect(kept.version === 2 && kept.text.includes('# a third') && kept.text.includes('penetration_pct: 25'), `what is kept is ${JSON.stringify(kept)}`);
    await page.getByRole('tab', { name: 'Versions' }).click();
    await page.getByTestId('diff').waitFor();
    const changed = await page.locator('[data-testid=diff] tr.old code, [data-testid=diff] tr.new code').allInnerTexts();
    expect(JSON.stringify(changed.map((x) => x.trim())) === JSON.stringify(['penetration_pct: 20', 'penetration_pct: 25']), `the difference is ${JSON.stringify(changed)}`);
    await settled(page);
    await shot('scenario-versions');
    await axe(page, 'versions of a scenario');
    await page.getByRole('button', { name: 'Open version 1' }).click();
    await page.getByText('This is version 1; the newest is 2.').waitFor();
    await shot('scenario-older');
    await page.getByRole('button', { name: 'To the newest' }).click();
    await page.getByText('Saved as version 2.').waitFor();
  });

  await step('another saves in the meantime: the conflict is told, nothing is lost', async () => {
    await page.getByRole('tab', { name: 'Cards', exact: true }).click();
    await param('layers.1.solar.penetration_pct').fill('22');
    const kept = await api(`${list}/${NAME}`);
    const other = await send(`${list}/${NAME}`, 'PUT', { text: `${kept.text}# by another\n`, base: 2, note: 'in between' });
    expect(other.version === 3, `the second save gave ${JSON.stringify(other)}`);
    refusals.add(409);
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByText('The newest version is 3; what you changed began with version 2.').waitFor();
    await page.getByRole('button', { name: 'See the difference' }).click();
    await page.getByTestId('diff').waitFor();
    await shot('scenario-conflict');
    await axe(page, 'a conflict');
    await page.getByRole('button', { name: 'Save mine on top of it' }).click();
    await page.getByText('Saved as version 4.').waitFor();
    refusals.delete(409);
    expect((await api(`${list}/${NAME}`)).text.includes('penetration_pct: 22'), 'what was saved on top is not the newest');
    // What is not saved outlives a reload.
    await param('layers.1.solar.penetration_pct').fill('21');
    await page.reload();
    await page.getByRole('button', { name: 'Go on with it' }).click();
    expect(await param('layers.1.solar.penetration_pct').inputValue() === '21', 'the unsaved text is gone');
    await page.getByRole('button', { name: 'Drop my changes' }).click();
    await page.getByText('Saved as version 4.').waitFor();
  });

  await step('files that scenarios may name come and go', async () => {
    await page.goto(at);
    await page.getByTestId('scenario-files').setInputFiles({ name: 'weights.csv', mimeType: 'text/csv', buffer: Buffer.from('load,weight\ns1a,2\n') });
    await page.getByText('weights.csv is there.').waitFor();
    expect((await api('/api/projects/walk/scenario-files')).some((f) => f.name === 'weights.csv' && f.bytes === 18), 'the file is not there');
    await shot('scenarios-list');
    await axe(page, 'list of scenarios');
    await page.getByRole('button', { name: 'Remove weights.csv' }).click();
    await page.getByText('There are no files.').waitFor();
  });

  await step('a year with it is asked for, and a day with and without it compared in hours', async () => {
    await page.goto(`${at}&scenario=${NAME}`);
    await page.getByRole('button', { name: 'Run a year with it' }).click();
    await page.waitForURL(/tab=new/);
    expect(await page.getByLabel(/^Scenario/).inputValue() === NAME, 'the scenario is not chosen');
    const runs = async (study, scenario) => {
      await page.goto(`${server.address}/studies?tab=new&${on}&scenario=${scenario}`);
      await page.getByLabel('Name', { exact: true }).fill(study);
      await page.getByLabel('Hours').fill('24');
      await page.getByText(/^About .* of storage/).waitFor({ timeout: 60_000 });
      await shot('scenario-study');
      await axe(page, 'a new study with a scenario');
      await page.getByRole('button', { name: 'Run', exact: true }).click();
      await page.locator('[data-testid=study-job][data-state=done]').waitFor({ timeout: 120_000 });
    };
    const plain = await send('/api/jobs', 'POST', { kind: 'solve_year', project: 'walk', params: { study: 'as it is', network: 'ieee123', hours: 24, keep: ['statistics', 'episodes'] } });
    await runs('with high', NAME);
    for (let i = 0; i < 120 && ['queued', 'running'].includes((await api(`/api/jobs/${plain.id}`)).state); i += 1) await pause(250);
    await page.getByTestId('study-job').getByRole('button', { name: /Open/ }).click();
    await page.getByText('With the scenario high, version 4.').waitFor();
    await settled(page);
    await shot('scenario-run');
    await page.goto(`${server.address}/studies?tab=planning&part=ask&ask=comparison&${on}&base=as%20it%20is&with=with%20high`);
    await page.getByLabel(/^Base/).waitFor();
    await shot('planning-ask-comparison');
    await axe(page, 'form of a comparison');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.locator('[data-testid=answer-job][data-state=done]').waitFor({ timeout: 120_000 });
    await page.getByRole('button', { name: 'Open the answer' }).click();
    await page.getByText(/with high .*against as it is/).waitFor();
    await settled(page);
    await shot('planning-comparison', { fullPage: true });
    await axe(page, 'answer of a comparison');
    const row = (await api('/api/projects/walk/analyses')).items.find((a) => a.study === 'comparison');
    const of = await api(`/api/projects/walk/analyses/${row.id}`);
    for (const [limit, told] of Object.entries(of.summary.cases[0].limits)) {
      const shown = Number(await page.locator(`tr[data-limit="${limit}"] td[data-value]`).getAttribute('data-value'));
      expect(shown === told.new_h, `${limit} is shown with ${shown} h that are new, the API says ${told.new_h}`);
    }
    const link = page.getByRole('link', { name: 'On the map', exact: true });
    if (expect((await link.count()) === 1, `the answer of one network has no way to the map: network "${row.network}"`)) {
      await link.click();
      await mapDrawn(page);
      await page.getByText(/against the base/).first().waitFor();
      await shot('planning-comparison-map');
      await axe(page, 'map of a comparison');
    }
  });

  await step('what it adds, kept as an answer', async () => {
    await page.goto(`${at}&scenario=${NAME}`);
    await page.getByRole('button', { name: 'What it adds, kept' }).click();
    await page.locator('[data-testid=scenario-job][data-state=done]').waitFor({ timeout: 120_000 });
    await page.getByRole('button', { name: 'Open the answer' }).click();
    await page.locator('tr[data-course="stacked"]').waitFor();
    await settled(page);
    await shot('planning-scenario', { fullPage: true });
    await axe(page, 'answer of a scenario');
    const row = (await api('/api/projects/walk/analyses')).items.find((a) => a.study === 'scenario');
    const of = await api(`/api/projects/walk/analyses/${row.id}`);
    const [energy] = await page.locator('tr[data-course="stacked"] td[data-value]').evaluateAll((cells) => cells.map((c) => Number(c.dataset.value)));
    expect(energy === of.summary.figures.stacked.energy_kwh, `the answer shows ${energy} kWh, the API says ${of.summary.figures.stacked.energy_kwh}`);
    await page.getByRole('link', { name: 'On the map', exact: true }).click();
    await mapDrawn(page);
    await shot('planning-scenario-map');
  });

  await step('a sweep of a day: each figure against the parameter', async () => {
    await page.goto(`${at}&scenario=${NAME}`);
    await page.getByRole('button', { name: 'Sweep', exact: true }).click();
    await page.getByLabel('Parameter 1').fill('ev.penetration_pct');
    await page.getByLabel('Values 1').fill('0, 30, 60');
    await page.getByLabel('Hours solved (h)').fill('6');
    await page.locator('#sweep-paths option[value="solar.penetration_pct"]').waitFor({ state: 'attached' });
    await shot('planning-ask-sweep');
    await axe(page, 'form of a sweep');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.locator('[data-testid=answer-job][data-state=done]').waitFor({ timeout: 120_000 });
    await page.getByRole('button', { name: 'Open the answer' }).click();
    await page.getByText('3 samples over ev.penetration_pct.').waitFor();
    await settled(page);
    await shot('planning-sweep', { fullPage: true });
    await axe(page, 'answer of a sweep');
  });

  if (!quick) await step('the pages of scenarios in the dark', async () => {
    await page.evaluate(() => localStorage.setItem('gridtwin.theme', 'dark'));
    for (const [name, address] of [['cards', `${at}&scenario=${NAME}`], ['text', `${at}&scenario=${NAME}&look=text`], ['versions', `${at}&scenario=${NAME}&look=versions`], ['list', at]]) {
      await page.goto(address);
      await settled(page);
      await shot(`scenario-dark-${name}`);
      await axe(page, `${name} of a scenario in the dark`);
    }
    await page.evaluate(() => localStorage.setItem('gridtwin.theme', 'light'));
  });
}
