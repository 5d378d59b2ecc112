import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { FakeServer } from './fake-server.js';
import { NOW } from './fake-shop.js';

/** Debian's, or the one that CHROMIUM names. */
const PATH = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const UI = join(import.meta.dirname, '../../dist/dashboard/ui');

export const missing: string | null = !existsSync(PATH)
  ? `there is no Chromium at ${PATH} (apt-get install chromium, or set CHROMIUM)`
  : !existsSync(join(UI, 'index.html'))
    ? 'the pages are not built (npm run build)'
    : null;

/** Runs the specs of the pages, or says why it does not. */
export function describePages(name: string, specs: () => void): void {
  if (missing === null) describe(name, specs);
  else
    describe(name, () => {
      test(`is left out: ${missing}`, () => {
        console.warn(`${name}: ${missing}`);
      });
    });
}

export interface Visit {
  readonly page: Page;
  readonly server: FakeServer;
  /** What the browser has complained of. */
  readonly complaints: string[];
  open(path: string): Promise<void>;
  close(): Promise<void>;
}

let browser: Browser | null = null;

export async function launch(): Promise<void> {
  browser = await chromium.launch({
    executablePath: PATH,
    args: [
      '--no-sandbox',
      '--disable-quic',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

export async function quit(): Promise<void> {
  await browser?.close();
  browser = null;
}

interface Options {
  width?: number;
  dark?: boolean;
  still?: boolean;
  /** The browser's clock stands, so that pictures are the same. */
  frozen?: boolean;
}

export async function visit({
  width = 1440,
  dark = false,
  still = true,
  frozen = false,
}: Options = {}): Promise<Visit> {
  if (browser === null) throw new Error('launch() first');
  const server = await FakeServer.start(UI);
  const context: BrowserContext = await browser.newContext({
    viewport: { width, height: width < 600 ? 844 : 900 },
    timezoneId: 'Europe/Berlin',
    locale: 'en-GB',
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: still ? 'reduce' : 'no-preference',
  });
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const complaints: string[] = [];
  page.on('console', (message) => {
    // A refusal that a test asks for is told by the browser as well.
    const refused = /Failed to load resource/.test(message.text()) && server.refusals.size > 0;
    if (message.type() === 'error' && !refused && !server.down && server.stream) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol.startsWith('http') && origin !== new URL(server.url).origin) complaints.push(`asked ${request.url()}`);
  });
  await page.addInitScript(
    'document.addEventListener("securitypolicyviolation", (e) => console.error(`CSP: ${e.violatedDirective} ${e.blockedURI}`))',
  );
  if (frozen) await page.clock.setFixedTime(new Date(NOW));
  return {
    page,
    server,
    complaints,
    open: async (path) => {
      await page.goto(`${server.url}${path}`);
    },
    close: async () => {
      await context.close();
      await server.close();
    },
  };
}
