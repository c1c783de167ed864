/** Planning: hosting capacity and reliability asked for with the form, their figures against the API's, their layers on the map. */

import { join } from 'node:path';
import { axe, expect, mapDrawn, settled, shots, step } from './tools.mjs';

export async function planning({ page, server, api }) {
  const shot = (name) => page.screenshot({ path: join(shots, `${name}.png`) });
  const at = `${server.address}/studies?tab=planning&project=walk&network=ieee123`;
  const list = '/api/projects/walk/analyses';
  const ask = async (study, fill) => {
    await page.goto(`${at}&part=ask&ask=${study}`);
    await page.getByLabel('Question').waitFor();
    await fill();
    await shot(`planning-ask-${study}`);
    await axe(page, `form of ${study}`);
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.locator('[data-testid=answer-job][data-state=done]').waitFor({ timeout: 120_000 });
    await page.getByRole('button', { name: 'Open the answer' }).click();
    await page.locator('main table.data tbody tr').first().waitFor();
    await settled(page);
  };

  await step('what each bus can host: asked for, read, sorted, seen on the map', async () => {
    await page.goto(at);
    await page.getByText('Nothing has been asked yet.').waitFor();
    await shot('planning-none');
    await ask('hosting_capacity', async () => {
      await page.getByLabel('Where a limit is crossed already').selectOption('not-worse');
      await page.getByText('Criteria and limits').click();
      await page.getByLabel('Limit of over-voltage').fill('1.058');
    });
    await shot('planning-hosting');
    await axe(page, 'answer of hosting capacity');
    const [row] = (await api(list)).items;
    expect(row.study === 'hosting_capacity' && row.network === 'ieee123' && row.params.limits['over-voltage'] === 1.058, `what was asked is not kept: ${JSON.stringify(row)}`);
    const most = (await api(`${list}/${row.id}/tables/hosting_capacity?sort=-hosting_capacity_kw&limit=1`)).items[0];
    await page.getByRole('button', { name: /^Hosting capacity\s*kW/i }).click();
    await page.waitForURL(/sort=-hosting_capacity_kw/);
    await settled(page);
    const first = await page.locator('main table.data tbody tr').first().innerText();
    expect(first.startsWith(most.bus), `the largest is ${most.bus}, the table begins with ${first.slice(0, 60)}`);
    const csv = await page.request.get(`${server.address}${list}/${row.id}/tables/hosting_capacity/file?form=csv`);
    expect((await csv.text()).trim().split('\n').length === 131, 'the CSV has not a line a bus and a head');
    await page.getByRole('link', { name: 'On the map', exact: true }).click();
    await mapDrawn(page);
    await page.getByText('Hosting capacity, generation').first().waitFor();
    await shot('planning-map');
    await axe(page, 'map of hosting capacity');
    const values = await page.evaluate(async (address) => [...new Float32Array(await (await fetch(address)).arrayBuffer())].filter(Number.isFinite), `/api/projects/walk/networks/ieee123/values?quantity=${row.id}~hosting_capacity~hosting_capacity_kw~generation`);
    expect(Math.max(...values) === Math.fround(most.hosting_capacity_kw), `the layer's largest value is ${Math.max(...values)}, the table's ${most.hosting_capacity_kw}`);
  });

  await step('what fails and what it costs', async () => {
    await ask('reliability', async () => page.getByLabel('Time to switch (h)').fill('0.5'));
    await page.getByText('SAIFI').waitFor();
    await shot('planning-reliability');
    await axe(page, 'answer of reliability');
    expect((await api(list)).total === 2, 'there are not two answers');
    // One answer goes, the other stays.
    await page.getByRole('button', { name: 'Delete the answer' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete the answer' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect((await api(list)).items.every((a) => a.study === 'hosting_capacity'), 'the wrong answer is gone');
  });
}
