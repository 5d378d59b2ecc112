import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describePages, launch, quit, visit, type Visit } from './chromium.js';
import { fill, openShop, type Shop, type Stock } from './shop.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Each page, and what is there when it is. */
const pagesOf = (stock: Stock, question: string): [path: string, testId: string][] => [
  ['', 'verdict'],
  ['runs', 'run-row'],
  ['runs?q=status%3Afailed', 'run-row'],
  [`runs/${stock.pipeline}`, 'timeline'],
  [`runs/${stock.undone}?step=pay`, 'inspector'],
  [`runs/${stock.loop}`, 'loop-recipients'],
  [`runs/${stock.undone}?tab=graph`, 'graph'],
  [`runs/${stock.undone}?tab=steps`, 'journal-entry'],
  [`runs/${stock.completed}?tab=data`, 'data'],
  [`runs/${stock.completed}?tab=logs`, 'log-line'],
  [`runs/${stock.cancelled}?tab=history`, 'history-item'],
  [`runs/${stock.pipeline}?tab=family`, 'family'],
  [`inbox/${question}`, 'answer'],
  ['inbox?show=events', 'pending-event'],
  ['workflows', 'workflow-process_order'],
  ['workflows/process_order', 'start-form'],
  ['schedules/daily_report', 'schedule-daily_report'],
  ['queues', 'queue-ai'],
  ['doctor', 'checks'],
  ['audit', 'audit-row'],
];

/** What axe has against a page. */
async function faults({ page }: Visit, only: object): Promise<string[]> {
  // Scripts of a page's own tools are not those of the page: the policy does not hold for them.
  const session = await page.context().newCDPSession(page);
  await session.send('Runtime.evaluate', { expression: AXE, silent: true });
  return page.evaluate<string[]>(
    `axe.run(document, ${JSON.stringify(only)}).then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map((n) => n.target.join(' ') + ' ' + (n.any[0]?.message ?? n.all[0]?.message ?? n.none[0]?.message ?? '')).join(' | ')))`,
  );
}

const tooWide = ({ page }: Visit) =>
  page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');

describePages('the pages in a browser', () => {
  let shop: Shop;
  let stock: Stock;
  let pages: [path: string, testId: string][];

  beforeAll(async () => {
    [shop] = await Promise.all([openShop(), launch()]);
    stock = await fill(shop);
    const [asked] = await shop.client.listPendingInputs({ executionId: stock.form });
    pages = pagesOf(stock, asked?.id ?? '');
    // An act, for the audit.
    const refused = await fetch(`${shop.base()}api/runs/${stock.completed}/pause`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    });
    expect(refused.status).toBeLessThan(500);
  });
  afterAll(async () => {
    await quit();
    await shop.close();
  });

  test.each([
    ['wide', { width: 1440 }, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] }],
    // What a width or a theme changes.
    [
      'narrow',
      { width: 390 },
      {
        runOnly: ['target-size', 'label', 'button-name', 'link-name', 'aria-required-children'],
        rules: { 'target-size': { enabled: true } },
      },
    ],
    ['dark', { width: 1440, dark: true }, { runOnly: ['color-contrast'] }],
  ])(
    '%s pages come without an error, are no wider than the window, and hold what axe asks of them',
    async (_, options: { width: number; dark?: boolean }, rules) => {
      const v = await visit(shop.base(), options);
      // Every second page has all the colours that there are.
      const found: Record<string, unknown> = {};
      for (const [path, testId] of options.dark === true ? pages.filter((_page, n) => n % 2 === 0) : pages) {
        await v.open(path);
        await v.page.getByTestId(testId).first().waitFor();
        await v.page.locator('[aria-busy=true], .skeleton').first().waitFor({ state: 'detached' });
        const axe = await faults(v, rules);
        const over = await tooWide(v);
        const titles = await v.page.locator('h1').count();
        if (axe.length > 0 || over > 0 || titles !== 1) found[path] = { axe, over, titles };
      }
      expect(found).toEqual({});
      expect(v.complaints).toEqual([]);
      await v.close();
    },
  );

  test('forced colours, a zoom of 200 % and moving parts draw without an error', async () => {
    const v = await visit(shop.base(), { width: 720, height: 450, still: false });
    await v.page.emulateMedia({ forcedColors: 'active' });
    for (const [path, testId] of pages) {
      await v.open(path);
      await v.page.getByTestId(testId).first().waitFor();
      expect([path, await tooWide(v)]).toEqual([path, 0]);
    }
    expect(v.complaints).toEqual([]);
    await v.close();
  });

  test('nothing moves for whoever wants less motion', async () => {
    const v = await visit(shop.base());
    for (const path of ['', 'runs', `runs/${stock.running}`]) {
      await v.open(path);
      await v.page.locator('h1').first().waitFor();
      expect(
        await v.page.evaluate('document.getAnimations().filter((one) => one.playState === "running").length'),
      ).toBe(0);
    }
    await v.close();
  });

  test('nothing that a user wrote is read as markup, wherever it stands', async () => {
    const v = await visit(shop.base());
    const [asked] = await shop.client.listPendingInputs({ executionId: stock.hostileAsks });
    const tabs = ['graph', 'steps', 'data', 'logs', 'history', 'family'].map(
      (tab) => `runs/${stock.hostile}?tab=${tab}`,
    );
    const where = ['', 'runs', 'runs?q=workflow%3Ahostile', ...tabs, `runs/${stock.hostile}?step=speak`, `runs/${stock.hostileAsks}`,
      `inbox/${asked?.id}`, 'workflows', 'workflows/hostile', 'audit', 'doctor']; // prettier-ignore
    for (const path of where) {
      await v.open(path);
      await v.page.locator('h1').first().waitFor({ state: 'attached' });
      await v.page.locator('.skeleton, [aria-busy=true]').first().waitFor({ state: 'detached' });
      expect([path, await v.page.locator('img, main script, iframe, object, a[href^="javascript:"]').count()]).toEqual([
        path,
        0,
      ]);
    }
    await v.open(`inbox/${asked?.id}`);
    await v.page.getByRole('heading', { name: 'window.hacked=1' }).waitFor();
    expect(await v.page.evaluate('window.hacked')).toBeUndefined();
    expect(v.complaints).toEqual([]);
    await v.close();
  });

  test('pages without any data say what would be here, and how it comes', async () => {
    const empty = await openShop([]);
    const v = await visit(empty.base());
    for (const path of [
      '',
      'runs',
      'inbox',
      'inbox?show=events',
      'inbox?show=answered',
      'workflows',
      'schedules',
      'queues',
      'doctor',
      'audit',
    ]) {
      await v.open(path);
      await v.page.locator('h1').first().waitFor({ state: 'attached' });
      await v.page.locator('.skeleton, [aria-busy=true]').first().waitFor({ state: 'detached' });
      expect([path, await v.page.getByTestId('error').count(), await tooWide(v)]).toEqual([path, 0, 0]);
    }
    await v.open('runs');
    await v.page.getByTestId('empty').waitFor();
    await v.open('runs/01a2244d-a22d-771a-bf3b-0b7a8406cf82');
    await v.page.getByRole('heading', { name: 'This run is not here' }).waitFor();
    expect(v.complaints.filter((one) => !one.includes('01a2244d'))).toEqual([]);
    await v.close();
    await empty.close();
  });
});
