import { until } from '../../support/until.js';
import { describePages, launch, quit, visit, type Visit } from './chromium.js';
import { ended, fill, openShop, type Shop, type Stock } from './shop.js';

describePages('ways through the pages', () => {
  let shop: Shop;
  let stock: Stock;
  let v: Visit;

  beforeAll(async () => {
    [shop] = await Promise.all([openShop(), launch()]);
    stock = await fill(shop);
    v = await visit(shop.base());
  });
  afterAll(async () => {
    await quit();
    await shop.close();
  });
  afterEach(() => expect(v.complaints).toEqual([]));

  const id = (testId: string) => v.page.getByTestId(testId);

  test('sections are reached by their links, and the browser goes back', async () => {
    await v.open('');
    for (const section of ['runs', 'inbox', 'workflows', 'schedules', 'queues', 'doctor']) {
      await id(`nav-${section}`).click();
      await v.page.waitForURL((url) => url.pathname.startsWith(`/durable/${section}`));
    }
    await v.page.goBack();
    await id('queue-ai').waitFor();
  });

  test('a filter is completed with the values that there are, and goes by its cross', async () => {
    await v.open('runs');
    await id('run-row').first().waitFor();
    await id('filter-input').fill('workflow:tri');
    await v.page.getByRole('option', { name: /trip_booking/ }).waitFor();
    await id('filter-input').fill('workflow:trip');
    await v.page.getByRole('option', { name: /trip_booking/ }).waitFor();
    await id('filter-input').press('ArrowDown');
    await id('filter-input').press('Enter');
    await v.page.waitForURL((url) => (url.searchParams.get('q') ?? '').includes('workflow:trip_booking'));
    await v.page.getByRole('button', { name: 'Remove workflow' }).click();
    await v.page.waitForURL((url) => !(url.searchParams.get('q') ?? '').includes('workflow'));
  });

  test('suggestions stay where somebody clicks into the filter and types', async () => {
    await v.open('runs');
    await id('run-row').first().waitFor();
    await id('filter-input').click();
    await v.page.keyboard.type('work');
    await v.page.getByRole('option', { name: /workflow:/ }).click();
    await v.page.getByRole('option', { name: /trip_booking/ }).click();
    await v.page.waitForURL((url) => (url.searchParams.get('q') ?? '').includes('workflow:trip_booking'));
    await v.page.keyboard.press('Escape');
    await v.page.getByRole('option').first().waitFor({ state: 'detached' });
  });

  test('what a button opens hangs on it', async () => {
    for (const width of [1440, 390]) {
      const own = await visit(shop.base(), { width });
      for (const [path, button] of [
        [`runs/${stock.sleeping}`, 'act-cancel'],
        [`runs/${stock.sleeping}`, 'act-send-event'],
        [`runs/${stock.completed}`, 'act-restart'],
        [`runs/${stock.completed}`, 'act-copy'],
      ] as const) {
        await own.open(path);
        const from = own.page.getByTestId(button);
        await from.click();
        const opened = own.page.locator('[popover]:popover-open');
        await opened.waitFor();
        await own.page.waitForFunction('document.querySelector("[popover]:popover-open").style.left !== ""');
        const [at, it] = [await from.boundingBox(), await opened.boundingBox()];
        if (at === null || it === null) throw new Error(button);
        const beside = Math.min(Math.abs(it.y - at.y - at.height), Math.abs(at.y - it.y - it.height));
        const over = it.x <= at.x + at.width && it.x + it.width >= at.x;
        expect([width, button, beside < 12, over, it.x >= 0 && it.x + it.width <= width]).toEqual([width, button, true, true, true]); // prettier-ignore
      }
      await own.close();
    }
  });

  test('the parts of a run say how much is in them', async () => {
    await v.open(`runs/${stock.loop}`);
    // 300 items, and what comes before and after them.
    await id('tab-steps')
      .filter({ hasText: /30[23]/ })
      .waitFor();
    await id('tab-history').filter({ hasText: /\d/ }).waitFor();
    await v.open(`runs/${stock.completed}`);
    await id('tab-logs')
      .filter({ hasText: /Logs\d/ })
      .waitFor();
    expect(await id('tab-data').textContent()).toBe('Data');
  });

  test('the timeline is walked by arrows, folds, and opens a step with its attempts beside it', async () => {
    const { id: run } = await shop.client.start('process_order', {
      id: 'A-1019',
      items: ['rug'],
      amount: 9,
      country: 'DE',
    });
    for (let attempt = 1; attempt < 3; attempt++) {
      await until(async () => (await shop.client.explain(run))?.title.includes(`${attempt} of 3`));
      await shop.client.retryNow(run);
    }
    await ended(shop.client, run);
    await v.open(`runs/${run}`);
    await id('step-charge-3').waitFor();
    await id('step-validate').focus();
    await v.page.keyboard.press('ArrowDown');
    await v.page.keyboard.press('ArrowDown');
    await v.page.keyboard.press('ArrowLeft');
    await id('step-charge-1').waitFor({ state: 'detached' });
    await v.page.keyboard.press('Enter');
    await id('inspector').filter({ hasText: 'PaymentGatewayError' }).waitFor();
    await v.page.getByRole('button', { name: 'Compare 2 and 3' }).click();
    await id('diff').waitFor();
    await id('attempt-1').click();
    await v.page.locator('[data-testid=attempt-1][aria-pressed=true]').waitFor();
    // Another attempt that is chosen in the timeline is the one that is shown.
    await id('step-charge').focus();
    await v.page.keyboard.press('ArrowRight');
    await id('step-charge-2').click();
    await v.page.locator('[data-testid=attempt-2][aria-pressed=true]').waitFor();
  });

  test('a loop lists its items by state, and one opens', async () => {
    await v.open(`runs/${stock.loop}`);
    await id('loop-recipients').getByRole('button', { name: '2 failed' }).click();
    await id('step-recipients[142]/sendOne').click();
    await id('inspector').getByText('no such mailbox').first().waitFor();
  });

  test('the graph is walked by keys, and a member opens with what it did', async () => {
    await v.open(`runs/${stock.undone}?tab=graph`);
    await v.page.getByRole('group', { name: 'Graph of trip_booking' }).waitFor();
    await id('node-pay').click();
    await id('inspector').filter({ hasText: 'The card was declined' }).waitFor();
  });

  test('the palette finds runs and acts on them', async () => {
    await v.open('');
    await id('verdict').waitFor();
    await v.page.keyboard.press('Control+k');
    await v.page.getByRole('dialog', { name: 'Search or act' }).waitFor();
    await v.page.keyboard.type(`retry ${stock.failed}`);
    await v.page.getByRole('option', { name: /Retry invoice_import/ }).waitFor();
    await v.page.keyboard.press('Enter');
    await id('toast').filter({ hasText: 'was started anew' }).waitFor();
    // What is typed before it is there is not lost, and no key of the page.
    await v.page.keyboard.press('Control+k');
    await v.page.keyboard.type('pause queue mail');
    await v.page.getByRole('option', { name: /Pause queue mail/ }).click();
    await id('toast').filter({ hasText: 'Queue mail is paused' }).waitFor();
    await shop.queues.resume('mail');
  });

  test('a verdict says what is wrong, and leads to the runs', async () => {
    await v.open('');
    await id('verdict')
      .filter({ hasText: /problem|warning|well/ })
      .waitFor();
    await id('figures').getByText('Unfinished').waitFor();
    await id('queues').getByText('exports').waitFor();
    await id('oldest-waits').getByRole('link').first().waitFor();
    await id('window').getByText('1 h', { exact: true }).click();
    await v.page.waitForURL(/window=1h/);
    await v.page.getByRole('button', { name: 'View as table' }).first().click();
    await v.page
      .getByRole('columnheader', { name: /completed/i })
      .first()
      .waitFor();
  });

  test('whoever may not see a page is told so, and where nobody may see any the page says that', async () => {
    const clerk = await visit(shop.base('clerk'));
    await clerk.open('queues');
    await clerk.page.getByText('You may not see this page').waitFor();
    expect(clerk.complaints).toEqual([]);
    await clerk.close();
  });

  test('a part that fails says so with its code and tries again, the rest stays', async () => {
    const own = await visit(shop.base());
    own.expectRefusals();
    let fails = true;
    await own.page.route('**/api/queues', (route) =>
      fails
        ? route.fulfill({ status: 503, json: { error: { code: 'TOO_SLOW', message: 'The database took too long.' } } })
        : route.continue(),
    );
    await own.open('queues');
    await own.page.getByTestId('error').filter({ hasText: 'TOO_SLOW' }).waitFor();
    await own.page.getByRole('table', { name: 'Workers' }).waitFor();
    fails = false;
    await own.page.getByRole('button', { name: 'Try again' }).click();
    await own.page.getByTestId('queue-ai').waitFor();
    expect(own.complaints).toEqual([]);
    await own.close();
  });
});
