/** A federation of three sites in processes of their own, and the page that shows it. */

import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { axe, expect, run, settled, shots, step } from './tools.mjs';

const SITES = ['north', 'south', 'west'];

const freePort = () => new Promise((done) => {
  const server = createServer().listen(0, '127.0.0.1', () => { const { port } = server.address(); server.close(() => done(port)); });
});

/** Transformers of a site: at the first one faults show as heat, at the others as hydrogen. */
function rows(site) {
  let state = 7 + site;
  const random = () => { state = (state * 1103515245 + 12345) % 2 ** 31; return state / 2 ** 31; };
  const lines = ['h2_ppm,hot_spot_c,state'];
  for (let i = 0; i < 240; i += 1) {
    const faulty = random() < 0.3;
    lines.push(`${(10 ** (1 + random()) * (faulty && site !== 0 ? 30 : 1)).toFixed(2)},${(60 + 40 * random() + (faulty && site === 0 ? 45 : 0)).toFixed(1)},${faulty ? 'faulty' : 'healthy'}`);
  }
  return `${lines.join('\n')}\n`;
}

/** The folder of a federation; nothing of it runs yet. */
export async function federation(binary, folder) {
  mkdirSync(folder, { recursive: true });
  const trial = join(folder, 'trial');
  await run(binary, ['federated', 'keys', '--out', trial, ...SITES.flatMap((s) => ['--site', s]), '--address', `localhost:${await freePort()}`]);
  const task = join(trial, 'task.toml');
  writeFileSync(task, readFileSync(task, 'utf8').replace('trees = 30', 'trees = 12'));
  SITES.forEach((s, i) => writeFileSync(join(trial, `${s}.csv`), rows(i)));
  const settings = (name) => join(trial, `${name}.toml`);
  const children = [];
  return {
    flags: ['coordinator', 'north'].flatMap((n) => ['--federated', settings(n)]),
    start() {
      children.push(spawn(binary, ['federated', 'coordinator', '--config', settings('coordinator')], { stdio: 'ignore' }));
      for (const s of SITES) children.push(spawn(binary, ['federated', 'participant', '--config', settings(s)], { stdio: 'ignore' }));
    },
    stop() { children.forEach((c) => c.kill('SIGKILL')); },
  };
}

export async function federated({ page, server, trained }) {
  const whole = (name) => page.locator('main').screenshot({ path: join(shots, `${name}.png`) });

  await step('federated training is shown from its first page to its last', async () => {
    await page.goto(`${server.address}/models?tab=federated`);
    await page.getByText('it has not been started yet').first().waitFor();
    trained.start();
    // Rounds may be over between two looks of the page.
    await page.locator('[data-testid=federation][data-state=running], [data-testid=federation][data-state=finished]').first().waitFor({ timeout: 60_000 });
    await page.locator('[data-testid=federation][data-state=finished]').nth(1).waitFor({ timeout: 120_000 });
    await settled(page);
    const text = await page.locator('main').innerText();
    expect(text.includes('12 of 12 trees a class done') && text.includes('sums only'), `the page says ${text.slice(0, 1500)}`);
    for (const s of SITES) expect(text.includes(s), `${s} is not on the page`);
    const [row] = await (await page.context().request.fetch(`${server.address}/api/federations`)).json();
    const last = row.page.versions.at(-1);
    expect(last.global.accuracy > 0.9 && text.includes(String(Number(last.global.accuracy.toPrecision(4)))), `accuracy ${last.global.accuracy} is not on the page`);
    await page.setViewportSize({ width: 1440, height: 2200 });
    await whole('models-federated');
    await page.setViewportSize({ width: 1440, height: 900 });
    await axe(page, 'federated training');
  });
}
