import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

/** Debian's, or the one that CHROMIUM names. */
export const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
/** Nothing but the pages is asked for. */
export const FLAGS = [
  '--no-sandbox',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const UI = join(import.meta.dirname, '../../../dist/dashboard/ui/index.html');

const missing: string | null = !existsSync(CHROMIUM)
  ? `there is no Chromium at ${CHROMIUM} (apt-get install chromium, or set CHROMIUM)`
  : !existsSync(UI)
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

let browser: Browser | null = null;

export async function launch(): Promise<void> {
  browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

export async function quit(): Promise<void> {
  await browser?.close();
  browser = null;
}

interface Options {
  width?: number;
  height?: number;
  dark?: boolean;
  still?: boolean;
}

/** A tab of a browser with a profile of its own. */
export interface Visit {
  readonly page: Page;
  /** What the browser has complained of: errors of the page, of its policy, requests to others. */
  readonly complaints: string[];
  /** From now on refusals of the server are meant. */
  expectRefusals(): void;
  /** Goes to a page of the dashboard; `''` is the overview. */
  open(path: string): Promise<void>;
  close(): Promise<void>;
}

/** @param base of the dashboard, with a slash at its end */
export async function visit(
  base: string,
  { width = 1440, height = width < 600 ? 844 : 900, dark = false, still = true }: Options = {},
): Promise<Visit> {
  if (browser === null) throw new Error('launch() first');
  const context: BrowserContext = await browser.newContext({
    viewport: { width, height },
    timezoneId: 'Europe/Berlin',
    locale: 'en-GB',
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: still ? 'reduce' : 'no-preference',
  });
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const complaints: string[] = [];
  let refusals = false;
  page.on('console', (message) => {
    if (message.type() !== 'error') return;
    if (refusals && /Failed to load resource/.test(message.text())) return;
    complaints.push(`${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol.startsWith('http') && origin !== new URL(base).origin) complaints.push(`asked ${request.url()}`);
  });
  await page.addInitScript(
    'document.addEventListener("securitypolicyviolation", (e) => console.error(`CSP: ${e.violatedDirective} ${e.blockedURI}`))',
  );
  return {
    page,
    complaints,
    expectRefusals: () => void (refusals = true),
    open: async (path) => void (await page.goto(base + path)),
    close: () => context.close(),
  };
}
