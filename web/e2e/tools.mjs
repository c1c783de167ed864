/** What the tests share: the server, the browser, pixels, and a list of what went wrong. */

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer, request as forward } from 'node:http';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { dirname, extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const require = createRequire(import.meta.url);
export const here = dirname(fileURLToPath(import.meta.url));
export const root = resolve(here, '../..');
export const shots = join(here, 'shots');
mkdirSync(shots, { recursive: true });

/** `--name value` and `--name`. */
export function options(argv) {
  const out = {};
  for (let i = 0; i < argv.length; i += 1) {
    if (!argv[i].startsWith('--')) throw new Error(`${argv[i]} is no option`);
    const next = argv[i + 1];
    out[argv[i].slice(2)] = next === undefined || next.startsWith('--') ? true : (i += 1, next);
  }
  return out;
}

/** Every expectation that did not hold; the run goes on, to tell all of them, and fails at the end. */
export const faults = [];
let area = '';

export async function step(name, body) {
  area = name;
  const start = performance.now();
  const before = faults.length;
  try {
    await body();
  } catch (error) {
    fault(String(error?.message ?? error).split('\n').slice(0, 12).join('\n    '));
  }
  console.log(`${faults.length > before ? 'FAULT' : 'ok   '} ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
}

export function fault(text) {
  faults.push(`${area}: ${text}`);
  console.log(`  ✕ ${text}`);
}

export function expect(held, text) {
  if (!held) fault(text);
  return held;
}

/** Starts the program and tells where it listens and what it printed. */
export async function serve(binary, data, web = null, more = []) {
  const child = spawn(binary, ['serve', '--data', data, '--port', '0', '--log', 'warn', ...more], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.on('data', (d) => (text += d));
  child.stderr.on('data', (d) => (text += d));
  const end = Date.now() + 60_000;
  for (;;) {
    const address = /serves .* at (http\S+)/.exec(text)?.[1];
    // The lines after the first come in the same breath.
    if (address && (await fetch(`${address}/api/health`).then((r) => r.ok, () => false))) {
      await pause(200);
      const shown = web ? await serveApp(address, web) : address;
      const link = /(http\S+first-admin\S+)/.exec(text)?.[1];
      return { binary, data, address: shown, firstAdmin: link ? link.replace(address, shown) : null, text: () => text, stop: () => stop(child) };
    }
    if (child.exitCode !== null || Date.now() > end) {
      await stop(child);
      throw new Error(`the server did not start:\n${text}`);
    }
    await pause(100);
  }
}

async function stop(child) {
  if (child.exitCode !== null) return;
  child.kill('SIGTERM');
  const gone = new Promise((done) => child.once('exit', done));
  if ((await Promise.race([gone.then(() => true), pause(10_000).then(() => false)])) === false) child.kill('SIGKILL');
}

/** Runs the program to its end. */
export function run(binary, args) {
  return new Promise((done, fail) => {
    const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    child.stdout.on('data', (d) => (text += d));
    child.stderr.on('data', (d) => (text += d));
    child.on('error', fail);
    child.on('exit', (code) => (code === 0 ? done(text) : fail(new Error(`${args.join(' ')} ended with ${code}:\n${text.slice(-2000)}`))));
  });
}

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export function launch() {
  const executablePath = process.env.CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((p) => existsSync(p));
  if (!executablePath) throw new Error('no Chromium here: install one, or name it in CHROMIUM');
  // Without a graphics card WebGL is drawn by the processor.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist'] });
}

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };

/** Serves the app from a folder and all else from the server, to test a build of the app alone. */
async function serveApp(address, folder) {
  // With the policy of the server, or what it forbids would pass here.
  const policy = (await fetch(address)).headers.get('content-security-policy') ?? '';
  const { hostname, port } = new URL(address);
  const to = { host: hostname, port: Number(port) };
  const proxy = createServer((request, answer) => {
    const { pathname } = new URL(request.url, address);
    if (!/^\/(api|openadr3|grid|health$|metrics$|run_simulation|get_state|modify_load_|add_|disconnect_device|[a-z]+_dfp$)/.test(pathname)) {
      const file = join(folder, pathname);
      const is = extname(pathname) !== '' && existsSync(file);
      answer.writeHead(200, { 'content-security-policy': policy, 'content-type': TYPES[is ? extname(file) : '.html'] ?? 'application/octet-stream' });
      answer.end(readFileSync(is ? file : join(folder, 'index.html')));
      return;
    }
    const on = forward({ ...to, method: request.method, path: request.url, headers: request.headers }, (got) => {
      answer.writeHead(got.statusCode, got.rawHeaders);
      got.pipe(answer);
    });
    on.on('error', () => answer.destroy());
    request.pipe(on);
  });
  proxy.on('upgrade', (request, socket, head) => {
    const on = connect(to.port, to.host, () => {
      on.write(`${request.method} ${request.url} HTTP/1.1\r\n${request.rawHeaders.map((h, i) => (i % 2 ? `${h}\r\n` : `${h}: `)).join('')}\r\n`);
      on.write(head);
      on.pipe(socket).pipe(on);
    });
    on.on('error', () => socket.destroy());
    socket.on('error', () => on.destroy());
  });
  await new Promise((done) => proxy.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${proxy.address().port}`;
}

/** Every error on the console and every request that failed is a fault, but for those that are asked for. */
export function watch(page, allowed = () => false) {
  page.on('pageerror', (error) => fault(`error on the page: ${error.stack ?? error}`));
  page.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return;
    const text = message.text();
    // Told with its address by the answer itself, below.
    if (text.startsWith('Failed to load resource')) return;
    // The processor draws here; what it says of its own slowness is no fault of the app.
    if (/GL Driver Message|GPU stall|swiftshader|software WebGL/i.test(text)) return;
    fault(`console ${message.type()}: ${text.slice(0, 600)}`);
  });
  page.on('response', (response) => {
    if (response.status() < 400 || allowed(response)) return;
    // A server that follows no plant says so when it is asked for one; the pages without one are looked at by name.
    const isTwin = new URL(response.url()).pathname === '/api/twin' && response.status() === 404;
    const told = (body) => (isTwin && (body === undefined || body.includes('TWIN.NONE')) ? undefined : fault(`${response.request().method()} ${response.url()} → ${response.status()} ${(body ?? '').slice(0, 400)}`));
    // The body of an answer is gone when its page is.
    response.text().then(told, () => told(undefined));
  });
  page.on('requestfailed', (request) => {
    // What a page no longer needs it takes back.
    if (request.failure()?.errorText !== 'net::ERR_ABORTED') fault(`${request.method()} ${request.url()} failed: ${request.failure()?.errorText}`);
  });
}

const axeSource = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** Serious and critical violations of accessibility rules, each with where. */
export async function axe(page, name) {
  await page.evaluate(axeSource);
  const found = await page.evaluate(async () => {
    const result = await window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
    return result.violations.map((v) => ({ id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.slice(0, 4).map((n) => `${n.target.join(' ')} :: ${n.html.slice(0, 160)} :: ${n.any[0]?.message ?? n.all[0]?.message ?? ''}`) }));
  });
  for (const v of found) {
    const text = `${name}: ${v.impact} ${v.id}, ${v.help}\n      ${v.nodes.join('\n      ')}`;
    if (v.impact === 'serious' || v.impact === 'critical') fault(`axe ${text}`);
    else console.log(`    axe note ${text}`);
  }
}

/** Red, green, blue of places of the page, in pixels of CSS. */
export async function pixels(page, places) {
  const png = (await page.screenshot()).toString('base64');
  return page.evaluate(async ([data, list]) => {
    // Not by fetch: the page's policy on content allows no such address.
    const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const canvas = new OffscreenCanvas(image.width, image.height);
    const to = canvas.getContext('2d', { willReadFrequently: true });
    to.drawImage(image, 0, 0);
    return list.map(([x, y]) => [...to.getImageData(Math.round(x), Math.round(y), 1, 1).data.slice(0, 3)]);
  }, [png, places]);
}

export const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);

/** Where a place of the earth is on the page. */
export function onPage(page, places, pane = 0) {
  return page.evaluate(([list, at]) => {
    const box = document.querySelectorAll('[data-testid=map]')[at];
    const r = box.getBoundingClientRect();
    return list.map(([lon, lat]) => {
      const p = box.gridtwinMap.project([lon, lat]);
      return [r.left + p.x, r.top + p.y];
    });
  }, [places, pane]);
}

/** Waits until the map has drawn what it has been given. */
export async function mapDrawn(page) {
  await page.waitForFunction(() => {
    const map = document.querySelector('[data-testid=map]')?.gridtwinMap;
    return map && map.loaded() && !map.isMoving() && document.querySelector('[data-testid=map]').dataset.drawn === 'all';
  }, undefined, { timeout: 60_000 });
  await page.waitForFunction(() => !document.querySelector('.maps .spinner'), undefined, { timeout: 60_000 });
  await pause(700);
}

/** Waits until a page asks for nothing more and turns no wheel. */
export async function settled(page) {
  await page.locator('main').waitFor();
  await page.waitForLoadState('networkidle').catch(() => undefined);
  await page.waitForFunction(() => !document.querySelector('main .spinner'), undefined, { timeout: 30_000 }).catch(() => fault(`${page.url()} still loads after 30 s`));
  await pause(250);
}
