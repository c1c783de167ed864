/** The operations desk and flexibility: a grid rehearsed, a feeder on which loads and programs are tried. */

import { join } from 'node:path';
import { axe, expect, settled, shots, step } from './tools.mjs';

export async function flexibility({ page, server, refusals }) {
  const shot = (name) => page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });

  await step('the operations desk plays an hour and shows the ways of supply', async () => {
    await page.goto(`${server.address}/operations`);
    await page.locator('.gridpicture svg').waitFor();
    await page.getByText('No way was chosen yet', { exact: false }).waitFor();
    await page.getByRole('button', { name: 'Next hour' }).click();
    await page.getByTestId('ways').waitFor({ timeout: 60_000 });
    const moving = await page.locator('.gridpicture line.flow').count();
    expect(moving === 6, `${moving} lines carry a way in a grid of 8 nodes with 2 generators`);
    await page.getByRole('button', { name: 'Learn 100 episodes here' }).click();
    await settled(page);
    const gap = await page.getByTestId('ways').locator('tbody tr').first().locator('td').nth(4).innerText();
    expect(/%/.test(gap), `the gap to the optimum is not told: ${gap}`);
    await page.getByRole('radio', { name: 'Ways of the optimum' }).check();
    await page.locator('.gridpicture .node.load').first().click();
    await page.getByTestId('node').getByText('supplied along', { exact: false }).waitFor();
    await shot('operations');
    await axe(page, 'the operations desk');
  });

  await step('another grid is generated; one that cannot be is refused', async () => {
    await page.getByText('Another grid …').click();
    const form = page.getByRole('form', { name: 'Another grid …' });
    await form.getByLabel('Nodes', { exact: true }).fill('2');
    refusals.add(422);
    await form.getByRole('button', { name: 'Generate it' }).click();
    await page.getByRole('alert').getByText('nodes is 2').waitFor();
    refusals.delete(422);
    await form.getByLabel('Nodes', { exact: true }).fill('30');
    await form.getByRole('button', { name: 'Generate it' }).click();
    await page.getByRole('heading', { name: /generated, 30 nodes/ }).waitFor({ timeout: 60_000 });
    expect((await page.locator('.gridpicture .node').count()) === 30, 'not 30 nodes');
  });

  await step('a load is changed, and the feeder solved, before and after are shown', async () => {
    await page.goto(`${server.address}/flexibility`);
    await page.getByTestId('figures').waitFor({ timeout: 60_000 });
    const before = await page.locator('tr[data-zone="6"] td').nth(4).innerText();
    await page.getByLabel('Factor of neighbourhood 6', { exact: true }).fill('2');
    await page.getByRole('button', { name: 'Set the factor of neighbourhood 6' }).click();
    await page.getByTestId('told').getByText('of neighbourhood 6 are at 2', { exact: false }).waitFor();
    await page.locator('tr[data-zone="6"] .loadbar.over').waitFor();
    const after = await page.locator('tr[data-zone="6"] td').nth(4).innerText();
    expect(before !== after, `the flow stayed at ${before}`);
    await shot('flexibility-overloaded');
    await axe(page, 'flexibility');
  });

  await step('management brings an overloaded transformer back, and says why', async () => {
    await page.getByRole('button', { name: 'Run the simulation' }).click();
    await page.getByTestId('told').getByText('neighbourhood 6:', { exact: false }).waitFor();
    await page.locator('tr[data-zone="6"] .loadbar.over').waitFor({ state: 'detached' });
    const loading = await page.locator('tr[data-zone="6"] td').nth(5).innerText();
    expect(/^(100\.0|99\.\d) %$/.test(loading.trim()), `the loading is ${loading}`);
    await shot('flexibility-managed');
  });

  await step('a device twice is refused with its field; the first stays', async () => {
    const form = page.getByRole('form', { name: 'Add a device' });
    await form.getByRole('button', { name: 'Do it' }).click();
    await page.getByTestId('told').getByText('device EV_Charger_1', { exact: false }).waitFor();
    refusals.add(422);
    await form.getByRole('button', { name: 'Do it' }).click();
    await page.getByRole('alert').getByText('device_name').first().waitFor();
    refusals.delete(422);
    await page.getByRole('button', { name: 'Disconnect EV_Charger_1' }).click();
    await page.getByTestId('told').getByText('is no longer at bus', { exact: false }).waitFor();
  });

  await step('a program is registered, subscribed to, executed, and taken back', async () => {
    await page.getByRole('tab', { name: 'Programs' }).click();
    const form = page.getByRole('form', { name: 'Register a program' });
    await form.getByLabel('Name').fill('peak shaving');
    await form.getByLabel('Leaves, kW').fill('15');
    await form.getByRole('button', { name: 'Do it' }).click();
    await page.getByRole('heading', { name: '1. peak shaving' }).waitFor();
    await page.getByRole('form', { name: 'Subscribe a bus' }).getByRole('button', { name: 'Do it' }).click();
    await page.getByTestId('told').getByText('is subscribed', { exact: false }).waitFor();
    await page.getByRole('button', { name: 'Execute', exact: true }).click();
    await page.getByTestId('told').getByText('was executed on 1 bus', { exact: false }).waitFor();
    await settled(page);
    await shot('flexibility-programs');
    await axe(page, 'programs');
    await page.getByRole('button', { name: 'Take back the last' }).click();
    await page.getByTestId('told').getByText('taken back', { exact: false }).waitFor();
    await page.getByRole('tab', { name: 'What was done' }).click();
    await page.getByTestId('journal').getByText('execute_dfp').first().waitFor();
    await shot('flexibility-log');
  });

  await step('a copy of one\'s own does not touch the other', async () => {
    await page.getByRole('button', { name: 'New copy …' }).click();
    await page.getByLabel('Name', { exact: true }).fill('mine');
    await page.getByRole('button', { name: 'Make it' }).click();
    await page.getByText('Nothing was done yet.').waitFor();
    await page.getByRole('button', { name: 'Delete this copy' }).click();
    await page.getByTestId('journal').waitFor();
  });

  await step('a day of flexible demand is made, run, and keeps the rating of its target', async () => {
    await page.getByRole('button', { name: 'New copy …' }).click();
    await page.getByLabel('Name', { exact: true }).fill('evening');
    await page.getByRole('button', { name: 'Make it' }).click();
    await page.waitForURL(/desk=evening/);
    // A copy without a day is told so by 404.
    refusals.add(404);
    await page.getByRole('tab', { name: 'Events' }).click();
    await page.getByText('no day of flexible demand yet', { exact: false }).waitFor();
    refusals.delete(404);
    await axe(page, 'events, none yet');
    await page.getByRole('button', { name: 'Make a sample day' }).click();
    const form = page.getByRole('form', { name: 'Make a sample day' });
    await form.getByLabel('Devices', { exact: true }).fill('80');
    await form.getByLabel('All at bus').fill('610');
    await form.getByLabel('Target', { exact: true }).fill('transformer.xfm1');
    await form.getByRole('button', { name: 'Make it' }).click();
    await page.getByText('The day was not run yet.').waitFor({ timeout: 60_000 });
    await page.getByTestId('events').getByRole('button', { name: 'Run the day' }).click();
    const event = page.getByTestId('event').first();
    await event.waitFor({ timeout: 180_000 });
    const [before, after] = await Promise.all(['data-before-pct', 'data-after-pct'].map(async (name) => Number(await event.getAttribute(name))));
    expect(before > 100, `without the event the target carries ${before} % of its limit`);
    expect(after > 0 && after <= 100.1, `with the event the target carries ${after} % of its limit`);
    expect((await page.getByTestId('missed').count()) === 0, 'the target is missed');
    const cards = await page.getByTestId('day-figures').innerText();
    expect(/Devices\s+80\b/.test(cards) && /Curtailed\s+[\d.,]+ kWh/.test(cards), `the cards say ${cards}`);
    const row = page.getByTestId('transformers').locator('tr[data-transformer]').filter({ hasText: 'xfm1' });
    expect((await row.count()) === 1 && /kVA/.test(await row.innerText()), 'the transformer is not in its table');
    const charts = page.getByTestId('day-charts').locator('canvas');
    expect((await charts.count()) === 2, `${await charts.count()} charts of the day`);
    const sum = await page.getByTestId('books').innerText();
    expect(/Rebounded/.test(sum), 'the books do not tell what came back');
    await settled(page);
    await shot('flexibility-events');
    await axe(page, 'events');
  });

  await step('a document with a fault is refused with what is wrong; the day before stays', async () => {
    await page.getByRole('button', { name: 'Change the document' }).click();
    const form = page.getByRole('form', { name: 'Load a document' });
    const text = await form.getByLabel('Document').inputValue();
    expect(text.includes('transformer.xfm1'), 'the document is not shown');
    await form.getByLabel('Document').fill(text.replaceAll('transformer.xfm1', 'transformer.nothing'));
    refusals.add(422);
    await form.getByRole('button', { name: 'Check and keep it' }).click();
    await form.getByRole('alert').getByText('transformer.nothing', { exact: false }).first().waitFor();
    refusals.delete(422);
    await form.getByRole('button', { name: 'Cancel' }).click();
    await page.getByTestId('event').first().waitFor();
  });

  await step('the day is published, and clients of OpenADR see its event', async () => {
    await page.getByRole('form', { name: 'Publish to OpenADR' }).getByRole('button', { name: 'Publish' }).click();
    await page.getByTestId('published').waitFor({ timeout: 60_000 });
    await settled(page);
    await page.getByRole('tab', { name: 'OpenADR' }).click();
    await page.getByTestId('open-events').locator('tbody tr').first().waitFor();
    expect((await page.getByTestId('open-programs').locator('tbody tr').count()) >= 1, 'no program is listed');
    expect((await page.getByTestId('open-events').innerText()).includes('hot_evening'), 'the event of the day is not listed');
    await page.getByText('/openadr3/3.1.0/auth/token').first().waitFor();
    await settled(page);
    await shot('flexibility-openadr');
    await axe(page, 'openadr');
  });

  await step('further rules of a program are kept and said in a sentence', async () => {
    await page.getByRole('tab', { name: 'Programs' }).click();
    const form = page.getByRole('form', { name: 'Register a program' });
    await form.getByLabel('Name').fill('evening peak');
    await form.getByText('Further rules').click();
    await form.getByLabel('Windows, such as 14:00-21:00').fill('14:00-21:00');
    await form.getByLabel('Notice, min').fill('120');
    await form.getByLabel('Events a day').fill('1');
    await form.getByRole('button', { name: 'Do it' }).click();
    await page.getByTestId('rules').getByText('within 14:00 to 21:00, announced 120 min before, at most 1 a day', { exact: false }).waitFor();
    await settled(page);
    await shot('flexibility-rules');
    await page.getByRole('button', { name: 'Delete this copy' }).click();
    await page.getByRole('heading', { name: /peak shaving/ }).or(page.getByText('No program is registered.')).first().waitFor();
  });
}
