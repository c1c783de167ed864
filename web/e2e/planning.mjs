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

  await step('what mends the violations, at what cost', async () => {
    await ask('mitigation', async () => {
      await page.getByLabel(/^Series/).selectOption('daily');
      for (const [label, value] of [['A set point or fixed tap (USD)', '500'], ['Other conductors (USD/km)', '60000'], ['A second circuit (USD/km)', '90000'], ['A transformer (USD)', '5000'], ['A capacitor bank (USD)', '8000'], ['Budget (USD)', '1000000'], ['Upper limit of voltages (pu)', '1.058']]) await page.getByLabel(label, { exact: true }).fill(value);
    });
    await page.getByText('h of violation at').waitFor();
    await shot('planning-mitigation');
    await axe(page, 'answer of mitigation');
    const row = (await api(list)).items.find((a) => a.study === 'mitigation');
    const answer = await api(`${list}/${row.id}`);
    expect(answer.params.costs.setting === 500 && answer.summary.portfolio !== null, `the answer is ${JSON.stringify(answer.summary).slice(0, 300)}`);
    expect(answer.summary.portfolio.cost <= 1_000_000, 'the portfolio costs more than the budget');
    const rows = (await api(`${list}/${row.id}/tables/candidates?filter=chosen=true`)).items;
    expect(rows.length === answer.summary.portfolio.changes.length && rows.reduce((sum, r) => sum + r.cost, 0) === answer.summary.portfolio.cost, 'the chosen changes are not the portfolio');
    await page.getByRole('link', { name: 'On the map', exact: true }).click();
    await mapDrawn(page);
    await shot('planning-mitigation-map');
  });

  const answerOf = async (study) => {
    const row = (await api(list)).items.find((a) => a.study === study);
    return row ? api(`${list}/${row.id}`) : null;
  };

  await step('what happens when a line is out, and what brings supply back', async () => {
    await ask('contingency', async () => {
      await page.getByLabel('Search which switches bring supply back').check();
    });
    await page.locator('.headline').waitFor();
    await shot('planning-contingency');
    await axe(page, 'answer of contingencies');
    const answer = await answerOf('contingency');
    expect(answer.params.lines === true && answer.params.restore === true, `what was asked is not kept: ${JSON.stringify(answer.params)}`);
    expect((await page.locator('.headline').innerText()).startsWith(`${answer.summary.outages} outages studied`), `the headline is ${await page.locator('.headline').innerText()}, the answer ${JSON.stringify(answer.summary)}`);
    const worst = (await api(`${list}/${answer.id}/tables/contingencies?limit=1`)).items[0];
    expect((await page.locator('main table.data tbody tr').first().innerText()).includes(worst.outage), `the worst is ${worst.outage}`);
    await page.getByRole('link', { name: 'On the map', exact: true }).click();
    await mapDrawn(page);
    await shot('planning-contingency-map');
  });

  await step('a fault is parted and supply restored, step by step', async () => {
    await ask('restoration', async () => page.getByLabel('Elements that are out').fill('line.67_68'));
    await shot('planning-restoration');
    await axe(page, 'answer of a restoration');
    const answer = await answerOf('restoration');
    const steps = await page.locator('main ol li').allInnerTexts();
    expect(JSON.stringify(steps) === JSON.stringify(answer.summary.operations), `the page says ${JSON.stringify(steps)}, the answer ${JSON.stringify(answer.summary.operations)}`);
  });

  await step('other switches open: fewer losses', async () => {
    await ask('reconfiguration', async () => page.getByLabel('Aim').selectOption('losses'));
    await shot('planning-reconfiguration');
    await axe(page, 'answer of a reconfiguration');
    const answer = await answerOf('reconfiguration');
    expect(answer.summary.found.losses_kwh <= answer.summary.today.losses_kwh, `losses rose: ${JSON.stringify(answer.summary)}`);
  });
}
