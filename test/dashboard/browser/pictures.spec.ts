import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Request } from 'playwright-core';
import { comparePictures } from '../../support/pictures.mjs';
import { describePages, launch, quit, visit, type Visit } from './chromium.js';
import { openShop, type Shop } from './shop.js';

/*
 * The pages as they look, compared with pictures that are kept. The pages and their stream are real; what the API answers
 * is kept too (`npm run pictures -- --answers`), and the clock stands, so that each picture is the same to the pixel.
 *
 * RENEW_PICTURES=1 npm test -- --testPathPatterns=browser/pictures takes them anew: look at them before they are committed.
 */

const HERE = import.meta.dirname;
const ANSWERS = join(HERE, 'kept');
const PICTURES = join(HERE, 'pictures');
/** What differs is shown here. */
const DIFFERENT = join(HERE, '../../../.durable/pictures');
const renews = process.env['RENEW_PICTURES'] === '1';

/**
 * Share of the pixels that may differ. Measured on Chromium 156: two pictures of one page differ in none. The strokes of
 * letters are the rasteriser's; where those of a text sample differ from the kept one's the pages get more. With letters put
 * at whole pixels, which is worse than another version of a rasteriser, up to 0.4 % of a page differ; a gutter 2 px narrower
 * makes it 5.7 %, rows one pixel higher 9.7 %, the border of a hot row gone 5.1 %. With the same letters 0.01 % finds
 * buttons that have moved by 3 px (0.18 %) and titles of another weight (0.40 %).
 */
const SAME_LETTERS = 0.0001;
const OTHER_LETTERS = 0.008;

interface Kept {
  readonly path: string;
  readonly testId: string;
  readonly now: string;
  readonly answers: Readonly<Record<string, object>>;
}

const WIDE = { width: 1440 };
const DARK = { width: 1440, dark: true };
const NARROW = { width: 390 };
type Look = [page: string, look: string, options: { width: number; dark?: boolean }];
const LOOKS: readonly Look[] = [
  ...['overview', 'runs', 'runs-failed', 'run', 'run-failed', 'run-graph', 'run-loop', 'run-steps', 'run-history', 'inbox',
    'workflows', 'workflow', 'schedules', 'queues', 'doctor'].map((page): Look => [page, 'light-1440', WIDE]),
  ...['overview', 'run-failed', 'run-graph', 'inbox'].map((page): Look => [page, 'dark-1440', DARK]),
  ...['overview', 'runs', 'run', 'run-loop', 'workflow', 'queues'].map((page): Look => [page, 'light-390', NARROW]),
]; // prettier-ignore

describePages('pictures of the pages', () => {
  let shop: Shop;
  let allowed = SAME_LETTERS;

  beforeAll(async () => {
    [shop] = await Promise.all([openShop([]), launch()]);
    const v = await visit(shop.base());
    const sample = await letters(v);
    await v.close();
    if (!keeps('letters', sample)) allowed = OTHER_LETTERS;
  });
  afterAll(async () => {
    await quit();
    await shop.close();
  });

  /** One page with what is kept of it, as it stands still. The answer whose path begins with `late` comes after four pictures that are the same. */
  async function open(name: string, options: { width: number; dark?: boolean }, late?: string): Promise<Visit> {
    const kept = JSON.parse(readFileSync(join(ANSWERS, `${name}.json`), 'utf8')) as Kept;
    const v = await visit(shop.base(), options);
    await v.page.clock.setFixedTime(new Date(kept.now));
    const asks = openAsks(v);
    const stood = late === undefined ? null : afterSame(v, 4);
    await v.page.route('**/api/**', async (route) => {
      const asked = route.request().url().split('/api/')[1] ?? '';
      if (asked.startsWith('stream')) return route.continue();
      const answer = kept.answers[asked];
      if (answer === undefined) v.complaints.push(`nothing is kept for ${asked}: npm run pictures -- --answers`);
      if (late !== undefined && asked.startsWith(late)) await stood;
      return route.fulfill({ json: answer ?? {} });
    });
    await v.open(kept.path);
    await v.page.getByTestId(kept.testId).first().waitFor();
    if (options.width > 900) await v.page.locator('[data-testid=live-state][data-state=live]').waitFor();
    await settled(v, asks);
    return v;
  }

  test.each(LOOKS)('%s, %s, looks as its picture', async (name, look, options) => {
    const v = await open(name, options);
    const taken = await v.page.screenshot();
    expect(v.complaints).toEqual([]);
    await v.close();
    expect(keeps(`${name}-${look}`, taken) ? 'as kept' : `see ${DIFFERENT}/${name}-${look}.png`).toBe('as kept');
  });

  test('a page stands still when the last answer has come, however late', async () => {
    const v = await open('overview', WIDE, 'inputs/count');
    // How many wait for a person: too few pixels for a picture to differ.
    expect(await v.page.getByTestId('nav-inbox').textContent()).toMatch(/14$/);
    await v.close();
  });

  test('what is 2 px narrower, or of another colour, is not as its picture', async () => {
    const v = await open('runs', WIDE);
    const kept = await v.page.screenshot();
    for (const css of [':root { --gutter: 26px !important }', ':root { --paper: oklch(0.9 0.02 250) !important }']) {
      await v.page.evaluate(
        `(() => { const sheet = new CSSStyleSheet(); sheet.replaceSync(${JSON.stringify(css)}); document.adoptedStyleSheets = [sheet]; })()`,
      );
      const { share } = comparePictures(kept, await v.page.screenshot());
      expect([css, share > OTHER_LETTERS]).toEqual([css, true]);
    }
    await v.close();
  });

  test('each picture that is kept is of a page', () => {
    const names = readdirSync(PICTURES).sort();
    expect(names).toEqual(['letters.png', ...LOOKS.map(([name, look]) => `${name}-${look}.png`)].sort());
    expect(readdirSync(ANSWERS).sort()).toEqual([...new Set(LOOKS.map(([name]) => `${name}.json`))].sort());
  });

  /** Whether a picture is as the one that is kept, which it becomes where they are renewed. */
  function keeps(name: string, taken: Buffer): boolean {
    const file = join(PICTURES, `${name}.png`);
    if (renews) {
      mkdirSync(PICTURES, { recursive: true });
      // What is the same stays the same file.
      if (!existsSync(file) || comparePictures(readFileSync(file), taken).share > 0) writeFileSync(file, taken);
      return true;
    }
    const { share, shown } = comparePictures(readFileSync(file), taken);
    if (share <= (name === 'letters' ? 0 : allowed)) return true;
    mkdirSync(DIFFERENT, { recursive: true });
    writeFileSync(join(DIFFERENT, `${name}.png`), shown);
    writeFileSync(join(DIFFERENT, `${name}-taken.png`), taken);
    return false;
  }
});

/** A text in each of the fonts. */
async function letters({ page, open }: Visit): Promise<Buffer> {
  await open('runs');
  await page.locator('h1').first().waitFor();
  await page.evaluate(`(() => {
    const box = document.createElement('div');
    box.id = 'letters';
    Object.assign(box.style, { position: 'fixed', inset: '0 auto auto 0', width: '640px', zIndex: '9', background: 'white', color: 'black' });
    for (const [size, weight, family] of [[13, 400, 'sans'], [24, 600, 'sans'], [12, 450, 'mono']]) {
      const line = document.createElement('p');
      line.textContent = 'Sphinx of black quartz, judge my vow: 0123456789 {[(→)]}';
      Object.assign(line.style, { font: weight + ' ' + size + 'px/1.5 var(--' + family + ')', margin: '0' });
      box.append(line);
    }
    document.body.append(box);
  })()`);
  await page.evaluate('document.fonts.ready');
  return page.locator('#letters').screenshot();
}

/** What the page has asked the API for, and not been answered yet; the stream is never over. */
function openAsks({ page }: Visit): ReadonlySet<Request> {
  const asks = new Set<Request>();
  page.on('request', (ask) => {
    if (/\/api\/(?!stream)/.test(ask.url())) asks.add(ask);
  });
  page.on('requestfinished', (ask) => void asks.delete(ask));
  page.on('requestfailed', (ask) => void asks.delete(ask));
  return asks;
}

/** When so many pictures in a row have been the same. */
function afterSame({ page }: Visit, n: number): Promise<void> {
  const take = page.screenshot.bind(page);
  return new Promise((done) => {
    let [before, same]: [Buffer | null, number] = [null, 1];
    page.screenshot = async (options) => {
      const taken = await take(options);
      same = before?.equals(taken) === true ? same + 1 : 1;
      before = taken;
      if (same === n) done();
      return taken;
    };
  });
}

/** When all that was asked for has come, and is drawn: three pictures in a row are the same. */
async function settled({ page }: Visit, asks: ReadonlySet<Request>): Promise<void> {
  await page.locator('.skeleton, [aria-busy=true]').first().waitFor({ state: 'detached' });
  await page.evaluate('document.fonts.ready');
  for (let before: Buffer | null = null, same = 0; same < 2;) {
    const now: Buffer = await page.screenshot();
    same = asks.size === 0 && before?.equals(now) === true ? same + 1 : 0;
    before = now;
  }
}
