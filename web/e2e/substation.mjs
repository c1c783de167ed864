/** The plant that is followed: the single line agrees with the server, a breaker is opened in two steps, an alarm is acknowledged, a fault is played, the past is looked at. */

import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
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
  return { document, stop: async () => { child.kill('SIGTERM'); if (child.exitCode === null) await new Promise((done) => child.once('exit', done)); } };
}

export async function substation({ page, server }) {
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
    const moment = await api('/api/twin/moment');
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
    for (const tab of ['table', 'assets', 'yard', 'whatif', 'training', 'points']) {
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

  await step('the past is looked at, and nothing can be switched there', async () => {
    const moment = await api('/api/twin/moment');
    await at(`/substation?at=${moment.time_ms - 5_000}&el=line.q0_f32`);
    await page.locator('.twinpage.past').waitFor();
    await page.getByText('Only the present can be switched.').waitFor();
    expect((await page.getByRole('button', { name: 'Open …' }).count()) === 0, 'a breaker of the past can be switched');
    await shot(page, 'past');
  });
}
