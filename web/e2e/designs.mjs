/** Designs for other tools: looked over with their pictures, exported, results judged, the same studies run by the server. */

import { join } from 'node:path';
import { axe, expect, settled, shots, step } from './tools.mjs';

export async function designs({ page, server, refusals }) {
  const whole = (name) => page.locator('main').screenshot({ path: join(shots, `${name}.png`) });
  const dashboard = page.getByTestId('dashboard');

  await step('a design is looked over: pictures, scenarios', async () => {
    await page.goto(`${server.address}/exchange?tab=designs`);
    await page.getByRole('button', { name: 'Look it over' }).click();
    await page.getByTestId('look').waitFor();
    const pictures = page.locator('figure.picture img');
    expect((await pictures.count()) === 2, `${await pictures.count()} pictures`);
    for (const at of [0, 1]) expect(await pictures.nth(at).evaluate((i) => i.complete && i.naturalWidth > 200), `picture ${at} is not drawn`);
    await page.setViewportSize({ width: 1440, height: 2600 });
    await whole('designs-look');
    await page.setViewportSize({ width: 1440, height: 900 });
    await axe(page, 'a design');
  });

  await step('sample results end each in its own way, with what has to change', async () => {
    for (const [button, stage] of [['All pass', null], ['RAM fails', '3'], ['Voltage fails', '2a'], ['Short circuit fails', '2b']]) {
      await page.getByRole('button', { name: button }).click();
      // The answer before may fail as well: what is waited for is that this one has come.
      const overall = stage ? '[data-overall=fail]' : ':not([data-overall=fail])';
      await page.locator(`[data-testid=dashboard][data-of="${button}"]${overall}`).waitFor();
      const failed = await dashboard.locator('section[data-verdict=fail]').evaluateAll((all) => all.map((s) => s.dataset.stage));
      expect(JSON.stringify(failed) === JSON.stringify(stage ? [stage] : []), `${button}: ${failed} failed`);
      expect((await page.getByTestId('updates').count()) === (stage ? 1 : 0), `${button}: updates`);
      await settled(page);
    }
    await page.setViewportSize({ width: 1440, height: 2200 });
    await whole('designs-short-circuit-fail');
    await page.setViewportSize({ width: 1440, height: 900 });
    await axe(page, 'a dashboard');
  });

  await step('the same studies run here', async () => {
    await page.getByRole('button', { name: 'Run the studies here' }).click();
    await dashboard.getByText('scenarios solved').waitFor({ timeout: 120_000 });
    const text = await dashboard.innerText();
    expect(text.includes('THERMAL_GEN') && text.includes('0.9996689'), `the availability of 9 of 10 is not there: ${text.slice(0, 2000)}`);
    await page.setViewportSize({ width: 1440, height: 2400 });
    await whole('designs-study');
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  await step('an export is seen before it is downloaded', async () => {
    await page.getByRole('tab', { name: 'Export' }).click();
    await page.getByLabel('For').selectOption('psse');
    await page.getByRole('button', { name: 'Preview' }).click();
    await page.getByTestId('export').getByText('PSSe_Network_v35.raw').waitFor();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download as zip' }).click();
    expect((await download).suggestedFilename() === 'psse.zip', 'another file is downloaded');
    await whole('designs-export');
    await axe(page, 'an export');
  });

  await step('a plant is sized: it fails first, and passes at the end', async () => {
    await page.goto(`${server.address}/exchange?tab=sizing`);
    await page.getByRole('button', { name: 'Size the plant' }).click();
    await page.locator('[data-testid=sized][data-status=all_pass]').waitFor({ timeout: 240_000 });
    const given = await page.locator('tr[data-round="0"]').innerText();
    expect(/2b\s*✕\s*fail/.test(given) && /3\s*✕\s*fail/.test(given), `the design as given: ${given}`);
    expect(!/fail/.test(await page.locator('tr[data-round]').last().locator('.verdicts').innerText()), 'the last round fails');
    await page.getByRole('button', { name: 'Show its single line and blocks' }).click();
    await page.getByTestId('look').waitFor();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save the design' }).click();
    expect((await download).suggestedFilename() === 'design.json', 'another file is saved');
    await page.setViewportSize({ width: 1440, height: 3000 });
    await whole('sizing');
    await page.setViewportSize({ width: 1440, height: 900 });
    await axe(page, 'a sizing');
    await page.goto(`${server.address}/exchange?tab=designs`);
  });

  await step('a design that is wrong says everything at once', async () => {
    refusals.add(422);
    const field = page.getByRole('textbox', { name: 'Design' });
    await field.fill((await field.inputValue()).replace('bus: BUS_100', 'bus: BUS_77').replace('rated_mw: 50', 'rated_mw: -50'));
    await page.getByRole('button', { name: 'Look it over' }).click();
    const problem = page.locator('.problem').first();
    await problem.waitFor();
    const text = await problem.innerText();
    expect(text.includes('BUS_77') && text.includes('-50'), `the problem says ${text}`);
    refusals.delete(422);
  });
}
