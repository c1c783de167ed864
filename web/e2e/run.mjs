/**
 * The way of a user through a real server in a real browser.
 *
 *   npm run e2e -- --binary ../target/debug/gridtwin [--web dist] [--quick] [--no-large] [--feeders 210] [--only large|planning|substation|models] [--large-data DIR]
 *
 * `--web` serves the app from a folder instead of from the program. Screenshots stay in e2e/shots. Ends with 1 if anything is wrong.
 */

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { large } from './large.mjs';
import { designs } from './designs.mjs';
import { flexibility } from './flexibility.mjs';
import { federated, federation } from './federated.mjs';
import { models } from './models.mjs';
import { planning } from './planning.mjs';
import { review } from './review.mjs';
import { scenarios } from './scenarios.mjs';
import { followed, noPlant, substation } from './substation.mjs';
import { axe, distance, expect, fault, faults, launch, mapDrawn, onPage, options, pause, pixels, root, run, serve, settled, shots, step, watch } from './tools.mjs';

const given = options(process.argv.slice(2));
if (typeof given.binary !== 'string') {
  console.error('usage: npm run e2e -- --binary PATH [--web DIR] [--no-large] [--feeders N] [--only large|planning|substation|models] [--large-data DIR]');
  process.exit(2);
}
const binary = resolve(given.binary);
const web = typeof given.web === 'string' ? resolve(given.web) : null;
const data = mkdtempSync(join(tmpdir(), 'gridtwin-e2e-'));
const USER = 'ada';
const PASSWORD = 'correct horse battery staple';
const RUN = 'two days';

const shot = (page, name) => page.screenshot({ path: join(shots, `${name}.png`) });

async function walk() {
  const server = await serve(binary, data, web);
  const browser = await launch();
  try {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: 'light', reducedMotion: 'reduce' });
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    let isRefusal = false;
    // Statuses that a step asks for.
    const refusals = new Set();
    watch(page, (response) => (response.status() === 401 && isRefusal && response.url().endsWith('/api/login')) || refusals.has(response.status()));
    const frames = [];
    page.on('websocket', (socket) => socket.on('framereceived', (f) => frames.push(String(f.payload))));
    const api = async (path, init) => (await context.request.fetch(`${server.address}${path}`, init)).json();

    await step('first administrator by the link that the server printed', async () => {
      expect(server.firstAdmin !== null, `the server printed no link:\n${server.text()}`);
      await page.goto(server.firstAdmin);
      await page.getByLabel('User').fill(USER);
      await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
      await page.getByLabel('Password again').fill(PASSWORD);
      await shot(page, 'first-admin');
      await axe(page, 'first administrator');
      await page.getByRole('button', { name: 'Create and log in' }).click();
      await page.getByText('There is no project yet.').first().waitFor();
      expect(!page.url().includes('key='), `the key stayed in the address: ${page.url()}`);
      await shot(page, 'empty-map');
    });

    if (given.only === 'planning') {
      await run(binary, ['project', 'new', join(data, 'projects', 'walk')]);
      await run(binary, ['project', 'import', join(data, 'projects', 'walk'), join(root, 'models/ieee123/ieee123.dss')]);
      await planning({ page, server, api });
      await scenarios({ page, server, api, refusals, quick: given.quick === true });
      return;
    }

    await step('log out, a wrong password, log in', async () => {
      await page.getByRole('button', { name: 'Log out' }).click();
      await page.getByRole('button', { name: 'Log in', exact: true }).waitFor();
      await axe(page, 'login');
      await page.getByLabel('User').fill(USER);
      await page.getByLabel('Password', { exact: true }).fill('wrong wrong wrong');
      const refused = page.waitForResponse((r) => r.url().endsWith('/api/login'));
      isRefusal = true;
      await page.getByRole('button', { name: 'Log in', exact: true }).click();
      expect((await refused).status() === 401, 'a wrong password was not refused with 401');
      await page.getByRole('alert').first().waitFor();
      await shot(page, 'login-refused');
      isRefusal = false;
      await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
      await page.getByRole('button', { name: 'Log in', exact: true }).click();
      await page.getByRole('button', { name: 'Log out' }).waitFor();
    });

    await step('every page with nothing in it says what to do next', async () => {
      for (const name of ['overview', 'map', 'studies', 'studies?tab=new', 'studies?tab=queue', 'studies?tab=planning', 'studies?tab=scenarios', 'studies?tab=sql', 'exchange', 'exchange?tab=review', 'exchange?tab=review&review=meters', 'exchange?tab=records', 'models', 'models?tab=modules', 'models?tab=answers', 'substation', 'alarms', 'admin']) {
        await page.goto(`${server.address}/${name}`);
        await settled(page);
        const text = (await page.locator('main').innerText()).trim();
        expect(text.length > 30, `${name} is empty: "${text}"`);
        expect((await page.locator('h1').count()) === 1, `${name} has ${await page.locator('h1').count()} headings of the first level, not one`);
        await shot(page, `empty-${name.replace(/\W+/g, '-')}`);
        await axe(page, `empty ${name}`);
      }
    });

    await step('upload a model, look at what it is, confirm, import', async () => {
      await page.goto(`${server.address}/exchange`);
      const folder = join(root, 'models/ieee13');
      await page.getByTestId('files').setInputFiles(readdirSync(folder).filter((n) => !n.endsWith('.md')).map((n) => join(folder, n)));
      await page.getByTestId('preview').waitFor();
      expect(/opendss/i.test(await page.locator('main').innerText()), 'the model was not recognised as OpenDSS');
      await shot(page, 'import-preview');
      await axe(page, 'import preview');
      await page.getByLabel('Name of the new project').fill('walk');
      await page.getByRole('button', { name: 'Create', exact: true }).click();
      await page.waitForURL(/project=walk/);
      await page.getByRole('button', { name: 'Import', exact: true }).click();
      await page.getByTestId('import-job').waitFor();
      await page.locator('[data-testid=import-job][data-state=done]').waitFor({ timeout: 60_000 });
      await shot(page, 'import-done');
      const networks = await api('/api/projects/walk/networks');
      expect(networks.items.length === 1, `the project has ${networks.items.length} networks, not one`);
      await page.getByRole('link', { name: 'See it on the map' }).click();
      await mapDrawn(page);
      await shot(page, 'map-network');
    });

    const networks = await api('/api/projects/walk/networks');
    const network = networks.items[0]?.name;
    const at = `project=walk&network=${encodeURIComponent(network)}`;

    await step('launch a study and watch it to its end', async () => {
      await page.goto(`${server.address}/studies?tab=new&${at}`);
      await page.getByLabel('Name', { exact: true }).fill(RUN);
      await page.getByLabel('Hours').fill('48');
      await page.getByText(/^About .* of storage/).waitFor();
      await shot(page, 'study-new');
      frames.length = 0;
      await page.getByRole('button', { name: 'Run', exact: true }).click();
      await page.getByTestId('study-job').waitFor();
      await page.locator('[data-testid=study-job][data-state=done]').waitFor({ timeout: 120_000 });
      const told = frames.map((f) => JSON.parse(f)).filter((f) => f.type === 'job');
      expect(told.length > 1, `only ${told.length} frames of jobs came over the WebSocket`);
      await shot(page, 'study-done');
      await page.getByTestId('study-job').getByRole('button', { name: /Open/ }).click();
      await page.waitForURL((u) => u.searchParams.get('run') === RUN);
      await settled(page);
      await shot(page, 'study-results');
    });

    await step('the map shows violations where they are, and only there', async () => {
      const runs = `/api/projects/walk/runs/${encodeURIComponent(RUN)}`;
      const list = async (more) => (await api(`/api/projects/walk/networks/${network}/elements?limit=1000${more}`)).items;
      const [rows, buses] = [await list(''), await list('&class=bus')];
      const value = (quantity) => bytes(context, `${server.address}${runs}/values?quantity=${quantity}&network=${network}`);
      const [low, high, loading] = [await value('v_min_pu'), await value('v_max_pu'), await value('loading_max_pct')];
      const told = { voltage: (await api(`${runs}/violations?kind=voltage`)).total, thermal: (await api(`${runs}/violations?kind=thermal`)).total };
      expect(told.voltage > 0 && told.thermal > 0, `the study has no violations to be seen: ${JSON.stringify(told)}`);
      for (const [layer, wanted, things, isBad, isQuiet] of [
        ['voltage', 'buses', buses, (e) => low[e.i] < 0.95 || high[e.i] > 1.05, (e) => low[e.i] > 0.96 && high[e.i] < 1.04],
        ['thermal', 'elements', rows.filter((e) => !e.id.startsWith('bus.') && loading[e.i] >= 0), (e) => loading[e.i] > 100, (e) => loading[e.i] < 79],
      ]) {
        const base = `${server.address}/map?${at}&nolayers=1&layers=lines,${layer === 'thermal' ? '' : '-'}thermal,-buses,${layer === 'voltage' ? '' : '-'}voltage,-symbols`;
        // What lies at one place is drawn one over another, the loudest on top.
        const byPlace = new Map();
        for (const e of things) byPlace.set(`${e.lon.toFixed(9)} ${e.lat.toFixed(9)}`, [...(byPlace.get(`${e.lon.toFixed(9)} ${e.lat.toFixed(9)}`) ?? []), e]);
        const groups = [...byPlace.values()];
        const places = groups.map((of) => [of[0].lon, of[0].lat]);
        await page.goto(`${base}&run=none`);
        await mapDrawn(page);
        const before = await pixels(page, await onPage(page, places));
        await page.goto(`${base}&run=${encodeURIComponent(RUN)}`);
        await mapDrawn(page);
        await shot(page, `map-violations-${layer}`);
        const after = await pixels(page, await onPage(page, places));
        const counted = { loud: 0, quiet: 0 };
        groups.forEach((of, i) => {
          const change = distance(before[i], after[i]);
          const what = `${of.map((e) => e.id).join(', ')}: ${before[i]} without the study, ${after[i]} with it`;
          if (of.some(isBad)) {
            counted.loud += 1;
            expect(change > 60, `a violation is not seen, ${what}`);
          } else if (of.every(isQuiet)) {
            counted.quiet += 1;
            expect(change < 60, `what is well is loud, ${what}`);
          }
        });
        expect(counted.loud > 0 && counted.quiet > 0, `nothing to compare: ${JSON.stringify(counted)}`);
        console.log(`    ${layer}: ${counted.loud} places with ${wanted} outside their limits differ, ${counted.quiet} without do not`);
      }
    });

    await step('what needs no study is a layer: density and sizes of loads', async () => {
      const list = `/api/projects/walk/networks/${network}/values`;
      const names = (await api(list)).quantities.map((q) => q.name);
      expect(names.includes('load_kw') && names.includes('customers'), `the network has no loads to be shown: ${names}`);
      const buses = (await api(`/api/projects/walk/networks/${network}/elements?limit=1000&class=bus`)).items;
      const load = await bytes(context, `${server.address}${list}?quantity=load_kw`);
      const most = buses.reduce((a, b) => ((load[b.i] || 0) > (load[a.i] || 0) ? b : a));
      const base = `${server.address}/map?${at}&run=none&layers=lines,-buses,-symbols`;
      await page.goto(base);
      await mapDrawn(page);
      // Beside the lines, which cross the bus.
      const beside = async (by) => (await onPage(page, [[most.lon, most.lat]])).map(([x, y]) => [x + by, y + by]);
      const before = { density: await pixels(page, await beside(6)), sizes: await pixels(page, await beside(2)) };
      for (const [facts, name] of [['load_kw', 'density'], ['-load_kw', 'sizes']]) {
        await page.goto(`${base}&facts=${facts}`);
        await mapDrawn(page);
        await page.locator('[data-layer="f:load_kw"] .legend').waitFor();
        await pause(300);
        await shot(page, `map-facts-${name}`);
        const after = await pixels(page, await beside(name === 'density' ? 6 : 2));
        expect(distance(before[name][0], after[0]) > 30, `the largest load, ${most.id}, is not seen as ${name}: ${before[name][0]} without, ${after[0]} with the layer`);
      }
      await axe(page, 'map with facts');
    });

    await step('click an element and read the value that the API gives', async () => {
      await page.goto(`${server.address}/map?${at}&run=${encodeURIComponent(RUN)}`);
      await mapDrawn(page);
      const rows = (await api(`/api/projects/walk/networks/${network}/elements?limit=1000`)).items;
      const target = rows.find((e) => e.id === 'line.670_671');
      if (!expect(target, 'the network has no line.670_671')) return;
      const [[x, y]] = await onPage(page, [[target.lon, target.lat]]);
      await page.mouse.move(x, y);
      await page.locator('.hovercard').getByText(target.id).waitFor();
      await shot(page, 'map-hover');
      await page.mouse.click(x, y);
      await page.getByTestId('detail-name').waitFor();
      expect((await page.getByTestId('detail-name').innerText()) === target.name, `the panel shows ${await page.getByTestId('detail-name').innerText()}, not ${target.name}`);
      const of = await api(`/api/projects/walk/networks/${network}/elements/${encodeURIComponent(target.id)}`);
      const result = of.results.find((r) => r.study === RUN);
      const fact = result?.values.find((v) => (v.field ?? v.name) === 'loading_max_pct');
      if (!expect(fact, `the API gives no loading of ${target.id}: ${JSON.stringify(of.results).slice(0, 600)}`)) return;
      const row = page.locator(`[data-testid="results-${RUN}"] tr[data-field=loading_max_pct]`);
      await row.waitFor();
      const value = Number(await row.getAttribute('data-value'));
      const shownText = (await row.locator('td').nth(1).innerText()).replace(/[^\d.-]/g, '');
      expect(value === fact.value, `the page holds ${value}, the API ${fact.value}`);
      expect(Math.abs(Number(shownText) - fact.value) <= Math.abs(fact.value) * 5e-5, `the page shows ${shownText}, the API gives ${fact.value}`);
      expect((await row.innerText()).includes('%'), 'the value has no unit');
      console.log(`    loading of ${target.id}: ${shownText} % on the page, ${fact.value} by the API`);
      await shot(page, 'map-detail');
      await axe(page, 'map with detail');
      // A link to it opens the same.
      const address = page.url();
      await page.goto('about:blank');
      await page.goto(address);
      await page.getByTestId('detail-name').waitFor();
      expect((await page.getByTestId('detail-name').innerText()) === target.name, 'the link does not open the same element');
    });

    await step('one hour, diagram, tables', async () => {
      await page.goto(`${server.address}/map?${at}&run=${encodeURIComponent(RUN)}&hour=17&sel=line.670_671&drawer=diagram`);
      await mapDrawn(page);
      await page.locator('.drawer svg').first().waitFor();
      await pause(500);
      await shot(page, 'map-diagram');
      await axe(page, 'map with diagram');
      for (const drawer of ['table', 'violations']) {
        await page.goto(`${server.address}/map?${at}&run=${encodeURIComponent(RUN)}&drawer=${drawer}`);
        await page.locator('.drawer tbody tr').first().waitFor();
        await pause(300);
        await shot(page, `map-${drawer}`);
        await axe(page, `map with ${drawer}`);
      }
    });

    await step('more: the IEEE 123-node feeder, feeders with coordinates, a second study', async () => {
      const synth = join(data, 'tmp', 'synth');
      await run(binary, ['synth', '--feeders', '2', '--out', synth]);
      const project = join(data, 'projects', 'walk');
      await run(binary, ['project', 'import', project, join(root, 'models/ieee123/ieee123.dss'), join(synth, 'feeders/f0001/master.dss'), join(synth, 'feeders/f0002/master.dss')]);
      const csrf = (await api('/api/session')).csrf;
      for (const [study, more] of [['heat', { hours: 24, networks: [network, 'f0001', 'f0002', 'ieee123'] }], ['calm', { hours: 24, networks: [network, 'f0001', 'f0002', 'ieee123'], controls: 'off' }]]) {
        const made = await api('/api/jobs', { method: 'POST', headers: { 'content-type': 'application/json', 'x-gridtwin-csrf': csrf }, data: { kind: 'solve_year', project: 'walk', params: { study, keep: ['statistics', 'episodes', 'series'], ...more } } });
        if (!expect(made.id, `the study was refused: ${JSON.stringify(made).slice(0, 600)}`)) continue;
        let job;
        for (let i = 0; i < 240; i += 1) {
          job = await api(`/api/jobs/${made.id}`);
          if (!['queued', 'running'].includes(job.state)) break;
          await pause(500);
        }
        expect(job.state === 'done', `the study ended as ${job.state}: ${JSON.stringify(job.problem)}`);
      }
    });

    await review({ page, server, api });
    await planning({ page, server, api });
    await scenarios({ page, server, api, refusals, quick: given.quick === true });

    if (!given.quick) await step('every page in light and dark, without serious faults of accessibility', async () => {
      const rows = (await api(`/api/projects/walk/networks`)).items.map((n) => n.name);
      const big = rows.find((n) => n === 'f0001') ?? network;
      const on = `project=walk&network=${big}&run=heat`;
      const pair = 'tab=review&project=review&left=map&right=model';
      const views = {
        'review-matches': `exchange?${pair}`, 'review-pair': `exchange?${pair}&ca=load:m2&cb=load:m2`, 'review-conflict': `exchange?${pair}&part=conflicts&ca=line:f1&cb=line:seg-1`, 'review-alone': `exchange?${pair}&part=only_a&ca=load:new`, 'review-meters': 'exchange?tab=review&review=meters&project=review', 'review-meter': 'exchange?tab=review&review=meters&project=review&meter=m5',
        overview: `overview?project=walk`, map: `map?${on}`, 'map-voltage': `map?${on}&layers=lines,-thermal,buses,voltage,-symbols`, 'map-full': `map?${on}&full=1`, 'map-hour': `map?${on}&hour=17&sel=line.l1`, 'map-compare': `map?${on}&run2=calm`, 'map-changes': `map?${on}&run2=calm&drawer=changes`,
        studies: `studies?${on}`, ...Object.fromEntries(['violations', 'scorecards', 'duration', 'heat', 'profile', 'series', 'compare', 'report'].map((v) => [`studies-${v}`, `studies?${on}&view=${v}`])),
        'studies-new': `studies?tab=new&${on}`, 'studies-planning': 'studies?tab=planning&project=walk&network=ieee123', 'studies-ask': 'studies?tab=planning&part=ask&project=walk&network=ieee123', 'studies-scenarios': 'studies?tab=scenarios&project=walk&network=ieee123', 'studies-scenario': 'studies?tab=scenarios&scenario=high&project=walk&network=ieee123', 'studies-scenario-text': 'studies?tab=scenarios&scenario=high&look=text&project=walk&network=ieee123', 'studies-scenario-versions': 'studies?tab=scenarios&scenario=high&look=versions&project=walk&network=ieee123', 'studies-queue': `studies?tab=queue&${on}`, 'studies-sql': `studies?tab=sql&${on}`,
        exchange: `exchange?${on}`, ...Object.fromEntries(['findings', 'ledger', 'rejects', 'figures', 'sources', 'versions'].map((r) => [`exchange-${r}`, `exchange?tab=records&${on}&record=${r}`])),
        admin: `admin?${on}`, ...Object.fromEntries(['users', 'tokens', 'audit', 'health', 'settings', 'password'].map((r) => [`admin-${r}`, `admin?tab=${r}`])),
      };
      for (const theme of ['light', 'dark']) {
        await page.evaluate((t) => localStorage.setItem('gridtwin.theme', t), theme);
        for (const [name, address] of Object.entries(views)) {
          await page.goto(`${server.address}/${address}`);
          expect((await page.evaluate(() => document.documentElement.dataset.theme)) === theme, `${name} is not ${theme}`);
          if (name.startsWith('map')) await mapDrawn(page).catch((e) => fault(`${name}: ${e.message}`));
          await settled(page);
          if (name === 'studies-sql') {
            await page.getByRole('button', { name: 'Run the query' }).click();
            await pause(1500);
          }
          await shot(page, `${name}-${theme}`);
          await axe(page, `${name} ${theme}`);
        }
      }
      await page.evaluate(() => localStorage.setItem('gridtwin.theme', 'light'));
    });

    await step('everything is reached by the keyboard', async () => {
      for (const name of ['exchange?tab=review&project=review&ca=load:m2&cb=load:m2', 'exchange?tab=review&review=meters&project=review&meter=m5', 'overview', 'map', 'studies', 'studies?tab=planning&project=walk&network=ieee123', 'studies?tab=scenarios&project=walk&network=ieee123', 'studies?tab=scenarios&scenario=high&project=walk&network=ieee123', 'exchange', 'admin']) {
        await page.goto(name.includes('?') ? `${server.address}/${name}` : `${server.address}/${name}?${at}&run=${encodeURIComponent(RUN)}`);
        if (name === 'map') await mapDrawn(page);
        await settled(page);
        await reach(page, name);
      }
      for (const [keys, page2] of [['g o', 'overview'], ['g m', 'map'], ['g s', 'substation'], ['g a', 'alarms'], ['g t', 'studies'], ['g e', 'exchange'], ['g d', 'admin']]) {
        for (const key of keys.split(' ')) await page.keyboard.press(key);
        await page.waitForURL((u) => u.pathname === `/${page2}`, { timeout: 5000 }).catch(() => fault(`${keys} does not go to ${page2}`));
      }
      await page.keyboard.press('/');
      await page.getByRole('combobox', { name: 'Search' }).fill('671');
      await page.getByRole('option', { name: /671/ }).first().waitFor();
      await shot(page, 'palette');
      await axe(page, 'search');
      await page.keyboard.press('Enter');
      await page.waitForURL((u) => (u.searchParams.get('sel') ?? '').includes('671'), { timeout: 5000 }).catch(() => fault(`Enter in the search does not open the element: ${page.url()}`));
      await page.getByTestId('detail-name').waitFor();
      await page.keyboard.press('Escape');
      await page.waitForURL((u) => !u.searchParams.has('sel'), { timeout: 5000 }).catch(() => fault(`Escape does not close the element: ${page.url()}`));
      await page.keyboard.press('?');
      await page.getByRole('dialog').waitFor();
      await shot(page, 'keys');
      await axe(page, 'keys');
      await page.keyboard.press('Escape');
    });
  } finally {
    await browser.close();
    await server.stop();
  }
}

async function bytes(context, address) {
  const body = await (await context.request.get(address)).body();
  return new Float32Array(body.buffer.slice(body.byteOffset, body.byteOffset + body.byteLength));
}

/** Tab goes through everything that can be used, shows where it is, and comes out again. */
async function reach(page, name) {
  const wanted = await page.evaluate(() => {
    const list = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')].filter((e) => {
      if (e.disabled || e.tabIndex < 0 || e.closest('[inert]')) return false;
      if (e instanceof HTMLInputElement && e.type === 'radio' && !e.checked) return false;
      return e.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true });
    });
    list.forEach((e, i) => e.setAttribute('data-reach', String(i)));
    document.body.tabIndex = -1;
    document.body.focus();
    return list.length;
  });
  const seen = new Set();
  const hidden = new Set();
  for (let i = 0; i < wanted + 60; i += 1) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const e = document.activeElement;
      if (!e || e === document.body) return null;
      const style = getComputedStyle(e);
      const beside = e.closest('label, .table, [role=grid]');
      const outer = beside ? getComputedStyle(beside) : null;
      const isMarked = [style, outer].some((s) => s && ((s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0) || s.boxShadow !== 'none'));
      return { reach: e.getAttribute('data-reach'), isMarked, html: e.outerHTML.slice(0, 140) };
    });
    if (!at) break;
    if (at.reach !== null) seen.add(at.reach);
    if (!at.isMarked) hidden.add(at.html);
  }
  const missed = await page.evaluate((list) => [...document.querySelectorAll('[data-reach]')].filter((e) => !list.includes(e.getAttribute('data-reach'))).map((e) => e.outerHTML.slice(0, 140)), [...seen]);
  expect(missed.length === 0, `${name}: ${missed.length} of ${wanted} are not reached by Tab: ${missed.slice(0, 5).join(' | ')}`);
  expect(hidden.size === 0, `${name}: focus is not seen on ${[...hidden].slice(0, 5).join(' | ')}`);
  console.log(`    ${name}: ${seen.size} of ${wanted} reached`);
}

/** A browser whose user is the first administrator of the server. */
async function entered(browser, server, refusals) {
  const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: 'light', reducedMotion: 'reduce' })).newPage();
  page.setDefaultTimeout(30_000);
  watch(page, (response) => refusals.has(response.status()));
  await page.goto(server.firstAdmin);
  await page.getByLabel('User').fill(USER);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByLabel('Password again').fill(PASSWORD);
  await page.getByRole('button', { name: 'Create and log in' }).click();
  await page.getByRole('button', { name: 'Log out' }).waitFor();
  return page;
}

async function follow() {
  const folder = mkdtempSync(join(tmpdir(), 'gridtwin-e2e-plant-'));
  const browser = await launch();
  // Statuses that a step asks for.
  const refusals = new Set();
  try {
    const bare = await serve(binary, join(folder, 'bare'), web);
    try {
      const page = await entered(browser, bare, refusals);
      await noPlant({ page, server: bare });
      // A page that stays open goes on asking a server that is gone.
      await page.context().close();
    } finally {
      await bare.stop();
    }
    const plant = await followed(binary, folder);
    const server = await serve(binary, join(folder, 'data'), web, ['--twin', plant.document]);
    try {
      const page = await entered(browser, server, refusals);
      await page.getByTestId('alarm-banner').waitFor();
      await substation({ page, server, plant, refusals });
      await page.context().close();
    } finally {
      await server.stop();
      await plant.stop();
    }
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A server with the demo project, which is there when its year is solved. */
async function learn() {
  const browser = await launch();
  const refusals = new Set();
  const trained = await federation(binary, join(data, 'federation'));
  try {
    const server = await serve(binary, join(data, 'learn'), web, ['--demo', ...trained.flags]);
    try {
      const page = await entered(browser, server, refusals);
      const api = async (path) => (await page.context().request.fetch(`${server.address}${path}`)).json();
      for (const end = Date.now() + 180_000; ;) {
        const job = (await api('/api/jobs')).items.find((j) => j.kind === 'demo');
        if (job?.state === 'done') break;
        if (job?.state === 'failed' || Date.now() > end) throw new Error(`the demo project is not there: ${JSON.stringify(job?.problem ?? job)}`);
        await pause(500);
      }
      await models({ page, server, api, refusals });
      await flexibility({ page, server, refusals });
      await federated({ page, server, trained });
      await designs({ page, server, refusals });
      await page.context().close();
    } finally {
      await server.stop();
    }
  } finally {
    trained.stop();
    await browser.close();
  }
}

try {
  if (!['large', 'substation', 'models'].includes(given.only)) await walk();
  if (given.only === 'models' || given.only === undefined) await learn();
  // A part of its own: its server follows a plant, which the program simulates.
  if (given.only === 'substation' || given.plant) await follow();
  if (!given['no-large'] && !['planning', 'substation', 'models'].includes(given.only)) await large({ binary, web, data, feeders: Number(given.feeders ?? 210), kept: typeof given['large-data'] === 'string' ? resolve(given['large-data']) : null });
} catch (error) {
  fault(error.stack ?? String(error));
} finally {
  rmSync(data, { recursive: true, force: true });
}
console.log(faults.length === 0 ? 'nothing is wrong' : `\n${faults.length} faults:\n${faults.map((f) => `- ${f}`).join('\n')}`);
process.exit(faults.length === 0 ? 0 : 1);
