/**
 * The plant that is followed: the single line agrees with the server, a breaker is opened in two steps, a fault trips and its alarm is acknowledged by
 * keys, the log is searched, another version of the model is followed and taken back, the past is looked at, and a plant that is gone does not look live.
 */

import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { axe, expect, pause, root, settled, shots, step } from './tools.mjs';

const shot = (page, name) => page.screenshot({ path: join(shots, `substation-${name}.png`) });

/** Starts a simulated plant and writes the document by which a server follows it. */
export async function followed(binary, folder) {
  const devices = join(folder, 'devices.yaml');
  const model = join(root, 'models/ehv-400-220.dss');
  const child = spawn(binary, ['simulate', 'plant', model, '--modbus', '127.0.0.1:0', '--iec104', '127.0.0.1:0', '--iec61850', '127.0.0.1:0', '--instructor', '127.0.0.1:0', '--follow-document', devices, '--seed', '7'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.on('data', (d) => (text += d));
  child.stderr.on('data', (d) => (text += d));
  const end = Date.now() + 60_000;
  const port = () => /instructor\D*?(127\.0\.0\.1:\d+)/i.exec(text)?.[1];
  while (!(existsSync(devices) && port())) {
    if (child.exitCode !== null || Date.now() > end) throw new Error(`the plant did not start:\n${text}`);
    await pause(100);
  }
  const document = join(folder, 'site.yaml');
  writeFileSync(document, `name: Walk 400/220 kV\nmodel: ${model}\ndevices: ${devices}\nsimulated: true\ninstructor: ${port()}\n`);
  return { document, stop: async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((done) => child.once('exit', done));
    child.kill('SIGTERM');
    await gone;
  } };
}

export async function substation({ page, server, plant, refusals }) {
  const at = (path) => page.goto(`${server.address}${path}`);
  const api = async (path) => (await page.request.get(`${server.address}${path}`)).json();

  await step('the single line shows every element with the values of the server', async () => {
    await at('/substation');
    // A bar is a line without height, which counts as hidden.
    await page.locator('.sld svg g.symbol[data-element]').first().waitFor();
    const diagram = await api('/api/twin/diagram');
    // Until every device was read there is no estimate.
    await page.waitForFunction(() => /settled/.test(document.querySelector('[data-testid=estimate]')?.textContent ?? ''), undefined, { timeout: 60_000 });
    const drawn = await page.locator('.sld svg g.symbol[data-element]').count();
    expect(drawn === diagram.elements.length, `${drawn} of ${diagram.elements.length} elements are drawn`);
    // Nor is every position known before each device was read once.
    let moment = await api('/api/twin/moment');
    for (const end = Date.now() + 60_000; !moment.devices.every((d) => d.connected && d.recovered) && Date.now() < end; moment = await api('/api/twin/moment')) await pause(500);
    expect(moment.devices.every((d) => d.connected && d.recovered), 'not every device was read within a minute');
    await page.waitForFunction(() => ![...document.querySelectorAll('.sld svg [data-element^="line.q"]')].some((e) => e.getAttribute('aria-label')?.includes('not known')), undefined, { timeout: 20_000 });
    moment = await api('/api/twin/moment');
    for (const s of moment.switches) {
      const label = await page.locator(`.sld svg [data-element="${s.element}"]`).getAttribute('aria-label');
      const word = s.closed === null ? 'neither open nor closed' : s.closed ? ', closed' : ', open';
      expect(label?.includes(word), `${s.element} is ${s.closed}, and said to be "${label}"`);
    }
    expect(await page.locator('.twinpage.sim').count() === 1, 'a simulated plant has no striped frame');
    await shot(page, 'line');
    await axe(page, 'single line');
  });

  await step('every tab has something to show', async () => {
    for (const tab of ['table', 'assets', 'yard', 'whatif', 'training', 'points', 'versions']) {
      await at(`/substation?tab=${tab}`);
      await settled(page);
      await shot(page, tab);
      await axe(page, `substation ${tab}`);
    }
    for (const tab of ['list', 'log', 'maintenance', 'rules', 'report']) {
      await at(`/alarms?tab=${tab}`);
      await settled(page);
      await shot(page, `alarms-${tab}`);
      await axe(page, `alarms ${tab}`);
    }
  });

  await step('a breaker is opened in two steps, and not by a wrong name', async () => {
    await at('/substation?el=line.q0_f31');
    await page.getByRole('button', { name: 'Open …' }).click();
    const verdict = page.getByTestId('verdict');
    await verdict.waitFor();
    expect((await verdict.innerText()).includes('unsupplied'), `opening the breaker of a feeder does not tell what loses supply: ${await verdict.innerText()}`);
    await shot(page, 'verdict');
    await axe(page, 'verdict');
    if ((await verdict.getAttribute('data-allowed')) === 'false') await page.getByLabel('Override the interlock').check();
    const go = page.getByRole('button', { name: /^Execute/ });
    await page.getByLabel('Reason (goes into the log)').fill('walk through the pages');
    await page.getByLabel(/^Type .* to confirm/).fill('CB-F32');
    expect(await go.isDisabled(), 'a wrong name is taken for a confirmation');
    await page.getByLabel(/^Type .* to confirm/).fill('CB-F31');
    await go.click();
    await page.getByTestId('control-record').waitFor();
    expect((await page.getByTestId('control-record').getAttribute('data-done')) === 'true', `the breaker was not opened: ${await page.getByTestId('control-record').innerText()}`);
    await page.getByTestId('control-record').getByRole('button', { name: 'Close' }).click();
    await page.waitForFunction(() => document.querySelector('[data-element="line.q0_f31"]')?.getAttribute('aria-label')?.includes(', open'), undefined, { timeout: 20_000 });
    await shot(page, 'opened');
  });

  await step('a scenario begins, is told, and is ended', async () => {
    await at('/substation?tab=training');
    await page.getByTestId('scenario-overvoltage_400kv').getByRole('button', { name: 'Start' }).click();
    await page.getByText(/^Running:/).waitFor();
    await shot(page, 'running');
    await page.getByRole('button', { name: 'End', exact: true }).click();
    await page.getByRole('heading', { name: 'Scenarios', exact: true }).waitFor();
  });

  await step('a breaker fails; the alarms of its trips come first, are counted in the navigation, and acknowledged by keys', async () => {
    await at('/substation?tab=training');
    await page.getByTestId('scenario-circuit_breaker_failure').getByRole('button', { name: 'Start' }).click();
    await page.getByText(/^Running:/).waitFor();
    await at('/alarms');
    const rows = page.locator('.alarmlist table.data tbody tr[aria-rowindex]');
    await page.locator('.alarmlist tr.waiting.p1').first().waitFor({ timeout: 30_000 });
    const alarms = (await api('/api/twin/alarms')).alarms.filter((a) => /unacknowledged|acknowledged/.test(a.state));
    const worth = { critical: 1, high: 2, medium: 3, low: 4 };
    const order = await rows.evaluateAll((all) => all.map((r) => ['critical', 'high', 'medium', 'low'].find((p) => r.textContent.includes(p))));
    expect(order.every((p, i) => i === 0 || worth[order[i - 1]] <= worth[p]), `the list is not sorted by priority: ${order.join(' ')}`);
    expect((await page.getByTestId('alarm-badge').innerText()).includes(String(alarms.filter((a) => /unacknowledged/.test(a.state)).length)), `the navigation says ${await page.getByTestId('alarm-badge').innerText()}`);
    const moving = await page.evaluate(() => document.getAnimations().filter((a) => a.effect?.target?.closest?.('.alarmlist, .alarmbar, .nav')).length);
    expect(moving === 0, `${moving} things blink or move`);
    await shot(page, 'alarms-trip');
    await axe(page, 'alarms after a trip');
    const first = await rows.first().locator('td').nth(3).innerText();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.locator('.alarmdetail').waitFor();
    expect((await page.locator('.alarmdetail h2').innerText()) === first, `Enter opens "${await page.locator('.alarmdetail h2').innerText()}", not the first row, "${first}"`);
    await page.keyboard.press('Escape');
    await page.keyboard.press('a');
    await page.getByRole('dialog').getByLabel('Comment').fill('seen in the walk');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.waitForFunction((text) => [...document.querySelectorAll('.alarmlist tbody tr[aria-rowindex]')].some((r) => r.textContent.includes(text) && !r.classList.contains('waiting')) || ![...document.querySelectorAll('.alarmlist tbody tr')].some((r) => r.textContent.includes(text)), first, { timeout: 15_000 });
    const saved = page.waitForEvent('download');
    await page.getByRole('button', { name: 'CSV of these rows' }).click();
    const file = readFileSync(await (await saved).path(), 'utf8');
    expect(file.split('\r\n').length === (await rows.count()) + 2, `the file has ${file.split('\r\n').length - 2} alarms, the list ${await rows.count()}`);
    await at('/substation?tab=training');
    await page.getByRole('button', { name: 'End', exact: true }).click();
    await page.getByRole('heading', { name: 'Scenarios', exact: true }).waitFor();
    await page.getByRole('combobox', { name: 'Bus', exact: true }).selectOption('f34_33');
    await page.getByRole('button', { name: 'Inject' }).click();
    await page.locator('main').getByText('51-F34').first().waitFor({ timeout: 20_000 });
    await page.getByRole('button', { name: 'Clear all faults' }).click();
    await page.getByText('No fault stands.').waitFor();
  });

  await step('an alarm is put on the shelf for a time, and stands there with who and why', async () => {
    await at('/alarms?view=all');
    const row = page.locator('.alarmlist table.data tbody tr[aria-rowindex]').last();
    await row.click();
    await page.keyboard.press('h');
    await page.getByRole('dialog').getByRole('combobox', { name: 'For', exact: true }).selectOption('15');
    await page.getByRole('dialog').getByLabel('Reason').fill('sensor is being changed');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await at('/alarms?view=shelved');
    await page.getByText('sensor is being changed').first().waitFor();
    const shelved = (await api('/api/twin/alarms')).alarms.find((a) => a.shelf?.reason === 'sensor is being changed');
    const left = shelved?.shelf ? shelved.shelf.until - Date.now() : NaN;
    expect(left > 13 * 60_000 && left <= 15 * 60_000, `shelved for ${left / 60_000} min, not 15`);
    await shot(page, 'alarms-shelved');
    await axe(page, 'alarms on the shelf');
  });

  await step('the log is searched by level, kind and words, and draws only what is in sight', async () => {
    await at('/alarms?tab=log');
    await settled(page);
    await page.getByTestId('facets').getByRole('button', { name: /critical/ }).click();
    await page.waitForURL(/severity=critical/);
    await settled(page);
    const levels = await page.locator('.alarmlist table.data tbody tr[aria-rowindex] td:nth-child(2)').allInnerTexts();
    expect(levels.length > 0 && levels.every((l) => l.includes('critical')), `levels with the facet of critical: ${[...new Set(levels)].join(', ')}`);
    const told = (await api(`/api/twin/events?severity=critical&size=200&from=${Date.now() - 86_400_000}`)).events.length;
    expect((await page.getByTestId('facets').getByRole('button', { name: /critical/ }).innerText()).includes(String(told)), `the facet says ${await page.getByTestId('facets').getByRole('button', { name: /critical/ }).innerText()}, the server has ${told}`);
    await at('/alarms?tab=log&kind=control&q=walk');
    await settled(page);
    expect((await page.locator('.alarmlist').innerText()).includes('walk'), 'the order of the walk is not found by a word of its reason');
    await at('/alarms?tab=log');
    await settled(page);
    const drawn = await page.locator('.alarmlist table.data tbody tr[aria-rowindex]').count();
    expect(drawn < 100, `${drawn} rows are drawn at once`);
    await shot(page, 'log');
    await axe(page, 'log with facets');
  });

  await step('a version of the model: faults at their lines and nothing kept; then kept, compared, followed, taken back', async () => {
    await at('/substation?tab=versions');
    const editor = page.getByTestId('new-version');
    await editor.waitFor();
    const before = (await api('/api/twin/versions')).versions;
    await editor.getByRole('textbox', { name: 'Commands' }).fill('\nedit line.l41 normamps=1500\nedit line.nowhere r1=1');
    await editor.getByLabel('Why (kept with the version)').fill('a longer rating');
    refusals.add(422);
    await editor.getByRole('button', { name: 'Check and keep' }).click();
    await page.getByTestId('version-findings').waitFor();
    refusals.delete(422);
    await page.getByTestId('version-findings').getByRole('button', { name: 'line 3' }).first().waitFor();
    expect((await editor.locator('.gutter .mark.error').innerText()).trim().endsWith('3'), 'the faulty line is not marked');
    expect((await api('/api/twin/versions')).versions.length === before.length, 'a faulty version was kept');
    await shot(page, 'version-faulty');
    await axe(page, 'faulty version');
    await editor.getByRole('textbox', { name: 'Commands' }).fill('edit line.l41 normamps=1500');
    await editor.getByRole('button', { name: 'Check and keep' }).click();
    await page.getByText('From version 1 to 2').first().waitFor({ timeout: 60_000 });
    await page.getByTestId('diff-counts').waitFor();
    expect((await page.getByTestId('diff').first().innerText()).includes('edit line.l41 normamps=1500'), 'the difference does not show the new command');
    await page.getByRole('button', { name: 'Side by side' }).click();
    await page.locator('.diff.beside').first().waitFor();
    await shot(page, 'version-beside');
    await axe(page, 'versions beside each other');
    const follow = async (button, number) => {
      await page.getByRole('button', { name: button }).first().click();
      const dialog = page.getByTestId('activate');
      const go = dialog.locator('button.primary');
      await dialog.getByLabel(/^Type .* to confirm/).fill('7');
      expect(await go.isDisabled(), 'a wrong number is taken for a confirmation');
      await dialog.getByLabel(/^Type .* to confirm/).fill(String(number));
      await shot(page, `version-${number}-activate`);
      await go.click();
      await dialog.getByText(`Version ${number} is followed.`).waitFor({ timeout: 60_000 });
      await dialog.getByRole('button', { name: 'Close' }).click();
      const active = (await api('/api/twin/versions')).versions.find((v) => v.is_active);
      expect(active.version_number === number, `version ${active.version_number} is followed, not ${number}`);
    };
    await follow('Follow …', 2);
    await follow('Roll back to version 1', 1);
    await at('/substation');
    await page.waitForFunction(() => /settled/.test(document.querySelector('[data-testid=estimate]')?.textContent ?? ''), undefined, { timeout: 60_000 });
  });

  await step('the past is looked at, and nothing can be switched there', async () => {
    const moment = await api('/api/twin/moment');
    await at(`/substation?at=${moment.time_ms - 5_000}&el=line.q0_f32`);
    await page.locator('.twinpage.past').waitFor();
    await page.getByText('Only the present can be switched.').waitFor();
    expect((await page.getByRole('button', { name: 'Open …' }).count()) === 0, 'a breaker of the past can be switched');
    await shot(page, 'past');
  });

  await step('figures tell their last hour, how they changed, and the limits that the rules set', async () => {
    await at('/substation');
    await page.locator('.kpi-spark polyline').nth(8).waitFor({ timeout: 180_000 });
    await page.waitForFunction(() => document.querySelectorAll('.kpi .trend:not(:empty)').length >= 9, undefined, { timeout: 180_000 });
    const moment = await api('/api/twin/moment');
    expect(moment.trends.length > 0, 'the server tells no trend');
    const bar = await page.locator('.kpi', { hasText: 'Busbars 400 kV' }).locator('.deviation').getAttribute('aria-label');
    expect(bar?.includes('limits of the alarm rules') && bar.includes('380.0 … 420.0') && bar.includes('360.0 … 440.0'), `the bar of the 400 kV busbars says "${bar}"`);
    await shot(page, 'figures');
  });

  await step('a plant that is gone does not look live', async () => {
    await plant.stop();
    await at('/substation');
    await page.getByTestId('all-lost').waitFor({ timeout: 60_000 });
    const kpis = await page.locator('.kpi').count();
    expect(kpis > 0 && (await page.locator('.kpi.old').count()) === kpis, 'figures look live though no device answers');
    expect((await page.locator('.sld svg rect.hatch').count()) > 0, 'the single line is not hatched though no device answers');
    const moment = await api('/api/twin/moment');
    expect(moment.devices.every((d) => !d.connected), 'the server still takes a device for connected');
    await shot(page, 'lost');
    await axe(page, 'plant gone');
    for (const tab of ['table', 'yard', 'points']) {
      await at(`/substation?tab=${tab}`);
      await page.getByTestId('all-lost').waitFor();
      expect((await page.locator('.twinbody.stale').count()) === 1, `${tab} looks live though no device answers`);
      await settled(page);
      await shot(page, `lost-${tab}`);
    }
    await at('/substation?el=line.q0_f32');
    await page.getByText('What is shown is old: nothing is switched on it.').waitFor();
    expect((await page.getByRole('button', { name: /^(Open|Close) …$/ }).count()) === 0, 'a breaker can be switched though no device answers');
  });
}

/** A server that follows no plant says how to give it one. */
export async function noPlant({ page, server }) {
  await step('without a plant both pages say how to start one', async () => {
    for (const name of ['substation', 'alarms']) {
      await page.goto(`${server.address}/${name}`);
      await page.getByTestId('no-twin').waitFor();
      const text = await page.getByTestId('no-twin').innerText();
      for (const words of ['gridtwin simulate plant', 'site.yaml', 'gridtwin serve --data DIR --twin site.yaml']) expect(text.includes(words), `${name} does not say "${words}"`);
      await shot(page, `none-${name}`);
      await axe(page, `${name} without a plant`);
    }
  });
}
