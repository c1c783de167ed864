/** The reviews: two sources matched, meters mapped, decisions made by hand and by keyboard, and what is left of them after a new start of the page. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { axe, expect, mapDrawn, pause, run, settled, shots, step } from './tools.mjs';

const N = 8;
const lat = 45;
const lon = (i) => 7.5 + i * 0.0007;

/** A street with a service transformer every 55 m and a customer at each, called as one source does or as the other. */
function street(name, of) {
  const lines = ['clear', `new circuit.${name} basekv=12.47 pu=1.0 bus1=head mvasc3=200 mvasc1=200`, 'new linecode.ug nphases=3 r1=0.2 x1=0.3 r0=0.5 x0=0.9 c1=0 c0=0 units=km'];
  const places = [`head,${lat},${lon(-1)}`];
  for (let i = 0; i < N; i += 1) {
    lines.push(`new line.${of.line(i)} bus1=${i === 0 ? 'head' : `p${i - 1}`} bus2=p${i} linecode=ug length=${of.length(i)} units=km`);
    lines.push(`new transformer.${of.transformer(i)} phases=1 windings=2 buses=(p${i}.1, s${i}.1) kvs=(7.2, 0.24) kvas=(${of.kva(i)}, ${of.kva(i)}) xhl=2 %loadloss=1`);
    if (of.load(i)) lines.push(`new load.${of.load(i)} bus1=s${i}.1 phases=1 kv=0.24 kw=4 pf=0.95`);
    places.push(`p${i},${lat},${lon(i) + of.off}`, `s${i},${lat + 0.00008},${lon(i) + of.off}`);
  }
  lines.push('latlongcoords places.csv', 'set voltagebases=[12.47, 0.4157]', 'calcvoltagebases');
  return { model: `${lines.join('\n')}\n`, places: `${places.join('\n')}\n` };
}

const SOURCES = {
  // What the map calls f1 is longer than in the model, a transformer has another size, and the last customer is in the map alone.
  map: street('map', { line: (i) => (i === 1 ? 'f1' : `l${i}`), transformer: (i) => `t${i}`, kva: (i) => (i === 3 ? 75 : 50), load: (i) => (i === N - 1 ? 'new' : `m${i}`), length: (i) => (i === 1 ? 0.165 : 0.055), off: 0 }),
  model: street('model', { line: (i) => (i === 1 ? 'seg-1' : `l${i}`), transformer: (i) => (i === 2 ? 'xfm2' : `t${i}`), kva: () => 50, load: (i) => (i === N - 1 ? null : `m${i}`), length: () => 0.055, off: 0.00002 }),
};

export async function review({ page, server, api }) {
  const shot = (name) => page.screenshot({ path: join(shots, `${name}.png`) });
  const theme = (of) => page.evaluate((t) => localStorage.setItem('gridtwin.theme', t), of);
  const at = `${server.address}/exchange?tab=review&project=review`;
  const pairs = '/api/projects/review/networks/map/reconciliations/model';
  const row = (text) => page.locator('tbody tr', { hasText: text }).first();
  const decided = async (word) => {
    await page.getByTestId('decided').filter({ hasText: word }).waitFor();
    await settled(page);
  };
  const job = async () => {
    await page.locator('[data-testid=review-job][data-state=done]').waitFor({ timeout: 60_000 });
    await settled(page);
  };
  await step('two sources are matched, and what is decided stays', async () => {
    const project = join(server.data, 'projects', 'review');
    await run(server.binary, ['project', 'new', project]);
    for (const [name, of] of Object.entries(SOURCES)) {
      const folder = join(server.data, 'tmp', `street-${name}`);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'master.dss'), of.model);
      writeFileSync(join(folder, 'places.csv'), of.places);
      await run(server.binary, ['project', 'import', project, join(folder, 'master.dss'), '--name', name]);
    }
    await page.goto(at);
    await page.getByText('No networks of this project have been matched.').waitFor();
    await shot('review-none');
    await axe(page, 'review without a result');
    await page.getByLabel('First network').selectOption('map');
    await page.getByLabel('Second network').selectOption('model');
    await page.getByRole('button', { name: 'Match', exact: true }).click();
    await page.locator('tbody tr').first().waitFor({ timeout: 60_000 });
    await settled(page);
    const before = await api(pairs);
    const total = before.states.reduce((n, s) => n + s.count, 0);
    expect((await page.locator('tbody tr').count()) === total, `the table has ${await page.locator('tbody tr').count()} rows, the result ${total}`);
    await shot('review-matches');
    await axe(page, 'review of matches');

    // By mouse: both sides beside each other, then accepted.
    await page.getByLabel('Part of a name').fill('t3');
    await row('transformer:t3').click();
    await page.getByTestId('pair').waitFor();
    await page.locator('.sides').getByText('75 kVA').waitFor();
    await page.locator('.sides').getByText('50 kVA').waitFor();
    await page.getByRole('img', { name: /^Situation, north up/ }).waitFor();
    await shot('review-pair-light');
    await axe(page, 'a pair');
    await page.getByLabel('Why (kept with the decision)').fill('nameplate read');
    await page.getByTestId('pair').getByRole('button', { name: 'Accept' }).click();
    await decided('1 decision kept');
    await page.goto(`${at}&part=accepted&ca=transformer:t3&cb=transformer:t3`);
    await page.getByTestId('pair').getByText('nameplate read').waitFor();
    expect((await page.getByTestId('pair').getAttribute('data-state')) === 'accepted', 'the decision is not there after the page was loaded again');
    expect((await row('transformer:t3').innerText()).includes('pending'), 'it is not told that the result does not have the decision yet');

    // By keys: down, reject, on to the next; another page is not mistaken for a decision.
    await page.goto(`${at}&class=line&sort=a`);
    await row('line:').waitFor();
    await page.keyboard.press('j');
    await page.getByTestId('pair').waitFor();
    const first = new URL(page.url()).searchParams.get('ca');
    await page.keyboard.press('r');
    await decided('1 decision kept');
    expect(new URL(page.url()).searchParams.get('ca') !== first, 'after a decision the next row is not at hand');
    const counts = async () => Object.fromEntries((await api(pairs)).states.map((s) => [s.name, s.count]));
    expect((await counts()).rejected === 1, `the key r did not reject: ${JSON.stringify(await counts())}`);
    await page.keyboard.press('k');
    await page.waitForURL((u) => u.searchParams.get('ca') === first);
    await page.locator('[data-testid=pair][data-state=rejected]').waitFor();
    await page.keyboard.press('w');
    await decided('taken back');
    expect((await counts()).rejected === undefined, 'the key w did not take the decision back');
    await page.keyboard.press('j');
    await page.keyboard.press('g');
    await page.keyboard.press('a');
    await page.waitForURL(/\/alarms/);
    expect((await counts()).accepted === 1, 'going to another page by its keys decided something');

    // Another partner, found by name; many at once.
    await page.goto(`${at}&ca=load:new`);
    await page.getByRole('searchbox', { name: 'Search in model' }).fill('m6');
    await page.getByRole('button', { name: 'Match with load:m6' }).click();
    await decided('1 decision kept');
    await page.locator('[data-testid=pair][data-state=forced]').waitFor();
    await shot('review-forced');
    await page.goto(`${at}&part=proposed&class=transformer`);
    await row('transformer:').waitFor();
    await page.getByRole('button', { name: /^Choose all/ }).click();
    await page.getByTestId('chosen').waitFor();
    await page.getByRole('group', { name: 'Choose' }).getByRole('button', { name: 'Accept' }).click();
    await decided(/decisions kept/);
    expect((await counts()).accepted >= N - 1, `many at once: ${JSON.stringify(await counts())}`);

    // Matched again, the decisions are in the result.
    await page.goto(at);
    await page.getByTestId('stale').getByRole('button', { name: 'Match again' }).click();
    await job();
    const after = await api(pairs);
    expect(after.pending === 0, `${after.pending} decisions are not in the new result`);
    const found = await api(`${pairs}/matches?search=load:new`);
    expect(found.items.some((r) => r.a === 'load:new' && r.b === 'load:m6' && r.method === 'override'), `the partner given by hand is not in the result: ${JSON.stringify(found.items)}`);
    await theme('dark');
    await page.goto(`${at}&ca=line:f1&cb=line:seg-1`);
    await page.getByTestId('pair').waitFor();
    await settled(page);
    await shot('review-pair-dark');
    await axe(page, 'a pair, dark');
    await theme('light');
    await page.goto(page.url());
    await page.getByTestId('pair').getByRole('link', { name: 'On the map' }).first().click();
    await mapDrawn(page);
    await page.getByTestId('detail-name').waitFor();
    expect((await page.getByTestId('detail-name').innerText()) === 'f1', 'the link does not lead to the element on the map');
  });

  await step('meters are mapped, and what is decided is in the next map', async () => {
    const project = join(server.data, 'projects', 'review');
    const file = join(server.data, 'tmp', 'meters.csv');
    // m5 stands between two transformers.
    const places = Array.from({ length: N }, (_, i) => `m${i},${(lon(i) + (i === 5 ? 0.00033 : 0.00003)).toFixed(6)},${lat + 0.00012}`);
    writeFileSync(file, `meter,lon,lat\n${places.join('\n')}\n`);
    await run(server.binary, ['project', 'meters', 'places', project, file]);
    await page.goto(`${at}&review=meters`);
    await page.getByText('The meters of this project have not been mapped.').waitFor();
    await shot('review-meters-none');
    await axe(page, 'review of meters without a map');
    // Both sources are of one grid: with both, each transformer would be there twice.
    await page.getByText('Networks whose transformers are used: 2 of 2').click();
    await page.getByRole('checkbox', { name: 'map', exact: true }).uncheck();
    await page.getByRole('button', { name: 'Map the meters' }).click();
    await page.locator('tbody tr').first().waitFor({ timeout: 60_000 });
    await settled(page);
    expect((await page.locator('tbody tr').count()) === N, `the table has ${await page.locator('tbody tr').count()} meters, not ${N}`);
    const map = await api('/api/projects/review/meter-map');
    expect(map.transformers === N && map.versions.length === 1, `not the network that was chosen: ${JSON.stringify(map.versions)}`);
    await shot('review-meters');
    await axe(page, 'review of meters');
    await page.keyboard.press('j');
    await page.getByTestId('meter').waitFor();
    const least = await page.getByTestId('meter').getByRole('heading', { level: 2 }).innerText();
    expect(least === 'm5', `the least sure meter does not come first, but ${least}`);
    await settled(page);
    await shot('review-meter-light');
    await axe(page, 'a meter');
    const { row: m5 } = await api('/api/projects/review/meter-map/meters/m5');
    const buttons = page.getByTestId('meter').getByRole('button', { name: /^It hangs on / });
    const names = await buttons.evaluateAll((all) => all.map((b) => b.getAttribute('aria-label').slice('It hangs on '.length)));
    const other = names.find((n) => n !== m5.transformer);
    await page.getByRole('button', { name: `It hangs on ${other}`, exact: true }).click();
    await decided('1 decision kept');
    await page.reload();
    await page.locator('[data-testid=meter][data-state=decided]').waitFor();
    expect((await row('m5').innerText()).includes('pending'), 'it is not told that the map does not have the decision yet');
    await page.getByRole('button', { name: 'Map again' }).click();
    await job();
    const { row: after } = await api('/api/projects/review/meter-map/meters/m5');
    expect(after.transformer === other && after.method === 'override' && !after.pending, `the next map has not what was decided: ${JSON.stringify(after)}`);
    await theme('dark');
    await page.goto(`${at}&review=meters&meter=m5`);
    await page.getByTestId('meter').waitFor();
    await settled(page);
    await shot('review-meter-dark');
    await axe(page, 'a meter, dark');
    await theme('light');
    await page.goto(at);
    await pause(200);
  });
}
