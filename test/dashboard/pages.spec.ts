import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describePages, launch, quit, visit, type Visit } from './chromium.js';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

const FAILED = '019a8f0d-4b7e-7d02-b1f3-9c0a2e6d88f1';
const WAITING = '019a8ef0-77aa-7f12-9f31-b28cc01e5d07';
const LOOP = '019a8ea7-10c4-7e81-8b6a-3f0d9e2b7c55';
const TRIP = '019a8f27-91d0-7c3e-8a55-0d1b7fe3a1c4';
const PIPELINE = '019a7f4e-2c11-7b60-9d0e-5f1f6a0c9e21';

/** Each page, and what is there when it is. */
const PAGES: [name: string, path: string, testId: string][] = [
  ['overview', '', 'verdict'],
  ['runs', 'runs', 'run-row'],
  ['timeline', `runs/${PIPELINE}`, 'timeline'],
  ['timeline of a failed run with a step open', `runs/${FAILED}?step=charge-3`, 'inspector'],
  ['timeline of a loop', `runs/${LOOP}`, 'loop-recipients'],
  ['graph', `runs/${TRIP}?tab=graph&step=extras.car/bookCar`, 'graph'],
  ['steps', `runs/${FAILED}?tab=steps`, 'journal-entry'],
  ['data', `runs/${FAILED}?tab=data`, 'data'],
  ['logs', `runs/${FAILED}?tab=logs`, 'log-line'],
  ['history', `runs/${WAITING}?tab=history`, 'history-item'],
  ['family', `runs/${PIPELINE}?tab=family`, 'family'],
  ['inbox', 'inbox/i-details', 'answer'],
  ['events', 'inbox?show=events', 'pending-event'],
  ['workflows', 'workflows', 'workflow-process_order'],
  ['workflow', 'workflows/process_order', 'start-form'],
  ['schedules', 'schedules/daily_report', 'schedule-daily_report'],
  ['queues', 'queues', 'queue-ai'],
  ['doctor', 'doctor', 'checks'],
  ['audit', 'audit', 'audit-row'],
];

describePages('the pages in a browser', () => {
  beforeAll(launch);
  afterAll(quit);

  describe.each([
    ['wide', 1440],
    ['narrow', 390],
  ])('%s', (_, width) => {
    let v: Visit;
    beforeAll(async () => {
      v = await visit({ width });
    });
    afterAll(() => v.close());

    test.each(PAGES)(
      '%s comes without an error, is as wide as the window, and holds what axe asks of it',
      async (_name, path, testId) => {
        await v.open(path);
        await v.page.getByTestId(testId).first().waitFor();
        const over = await v.page.evaluate(
          'document.documentElement.scrollWidth - document.documentElement.clientWidth',
        );
        expect(over).toBeLessThanOrEqual(0);
        // Scripts of a page's own tools are not those of the page: the policy does not hold for them.
        const session = await v.page.context().newCDPSession(v.page);
        await session.send('Runtime.evaluate', { expression: readFileSync(AXE, 'utf8'), silent: true });
        const found = await v.page.evaluate<string[]>(
          `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] }).then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map((n) => n.target.join(' ') + ' ' + (n.any[0]?.message ?? n.all[0]?.message ?? n.none[0]?.message ?? '')).join(' | ')))`,
        );
        expect(found).toEqual([]);
        expect(await v.page.locator('h1').count()).toBe(1);
        expect(v.complaints).toEqual([]);
      },
    );
  });

  test('nothing that a user wrote is read as markup, wherever it stands', async () => {
    const v = await visit();
    for (const path of [
      '',
      'runs?q=status:failed',
      'runs/019a6666',
      `runs/${FAILED}?tab=logs`,
      `runs/${WAITING}?tab=history`,
      'inbox/i-hostile',
      'audit',
      'doctor',
    ]) {
      await v.open(path);
      await v.page.locator('h1').first().waitFor({ state: 'attached' });
      // What was asked for has come: the skeletons are gone.
      await v.page.locator('.skeleton, [aria-busy=true]').first().waitFor({ state: 'detached' });
    }
    expect(await v.page.evaluate('window.hacked')).toBeUndefined();
    expect(await v.page.locator('img, main script, iframe, object').count()).toBe(0);
    expect(await v.page.locator('a[href^="javascript:"]').count()).toBe(0);
    expect(v.complaints).toEqual([]);
    await v.close();
  });

  test('dark, forced colours and a zoom of 200 % draw without an error', async () => {
    const v = await visit({ dark: true });
    await v.page.emulateMedia({ forcedColors: 'active' });
    await v.page.setViewportSize({ width: 720, height: 450 });
    for (const [, path, testId] of PAGES) {
      await v.open(path);
      await v.page.getByTestId(testId).first().waitFor();
    }
    expect(v.complaints).toEqual([]);
    await v.close();
  });
});
