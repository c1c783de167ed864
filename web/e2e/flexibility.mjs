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
}
