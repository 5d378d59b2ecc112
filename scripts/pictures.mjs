import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { root, run } from './install.mjs';
import { keepPages } from './kept-pages.mjs';

/**
 * npm run pictures: takes the pictures of the README, docs/pictures/*.png, from the demo. It runs for ten minutes on a
 * server of its own: all that is shown has happened. Needs Chromium: Debian's, or that of CHROMIUM.
 *
 * npm run pictures -- --answers: keeps what the API answers there, for the pictures that the tests compare
 * (test/dashboard/browser/pictures.spec.ts), which are then to be taken anew.
 */
const MINUTES = 10;
const answersOnly = process.argv[2] === '--answers';
const out = join(root, 'docs/pictures');
const chrome = process.env.CHROMIUM ?? '/usr/bin/chromium';
if (!existsSync(chrome)) {
  console.error(`There is no Chromium at ${chrome}: apt-get install chromium, or set CHROMIUM.`);
  process.exit(1);
}
const embedded = join(root, 'dist/storage/embedded/server.js');
if (!existsSync(embedded)) run('npm', ['run', 'build']);
const { startEmbedded } = await import(pathToFileURL(embedded).href);
// A shop that opens for the first time.
const dir = join(root, '.durable/pictures');
rmSync(dir, { recursive: true, force: true });
const server = await startEmbedded({ dir });
process.env.DATABASE_URL = server.url;
process.env.PORT = String(await freePort());
process.argv[2] = 'demo';
await import('./start.mjs');
const base = `http://127.0.0.1:${process.env.PORT}/durable/`;

console.log(`the shop runs for ${MINUTES} minutes`);
await pause(MINUTES * 60_000);
const failed = await untilThere('runs?limit=1&q=workflow:process_order%20status:compensated');
const browser = await chromium.launch({ executablePath: chrome, args: ['--no-sandbox', '--disable-quic'] });
if (answersOnly) await keepPages(browser, base, join(root, 'test/dashboard/browser/kept'));
else await takePictures();
await browser.close();
// As Ctrl-C does, so that the app shuts down and lets go of the server.
process.kill(process.pid, 'SIGINT');

async function takePictures() {
  mkdirSync(out, { recursive: true });
  for (const colorScheme of ['light', 'dark']) {
    const context = await browser.newContext({
      viewport: { width: 1440, height: 960 },
      deviceScaleFactor: 1.25,
      colorScheme,
      reducedMotion: 'reduce',
    });
    const page = await context.newPage();
    await take(page, '?window=1h', 'chart-ended', `overview-${colorScheme}`);
    await take(page, `runs/${failed.id}?step=charge-3`, 'inspector', `run-${colorScheme}`);
    await context.close();
  }
}

async function take(page, path, testId, name) {
  await page.goto(base + path);
  await page.getByTestId(testId).waitFor();
  await page.locator('.skeleton, [aria-busy=true]').first().waitFor({ state: 'detached' });
  await page.evaluate('document.fonts.ready');
  const file = join(out, `${name}.png`);
  await page.screenshot({ path: file });
  console.log(`${file}: ${Math.round(statSync(file).size / 1000)} kB`);
}

async function untilThere(path) {
  for (;;) {
    const { items } = await (await fetch(`${base}api/${path}`)).json();
    if (items.length > 0) return items[0];
    await pause(1_000);
  }
}

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
