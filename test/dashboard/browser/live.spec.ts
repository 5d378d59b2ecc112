import { until } from '../../support/until.js';
import { describePages, launch, quit, visit, type Visit } from './chromium.js';
import { ended, fill, inStatus, openShop, type Shop, type Stock } from './shop.js';

describePages('a page that is left open', () => {
  let shop: Shop;
  let stock: Stock;
  let v: Visit;

  beforeAll(async () => {
    [shop] = await Promise.all([openShop(), launch()]);
    stock = await fill(shop);
    v = await visit(shop.base());
  });
  // One test's complaints are not the next one's.
  afterEach(() => void v.complaints.splice(0));
  afterAll(async () => {
    await quit();
    await shop.close();
  });

  const id = (testId: string) => v.page.getByTestId(testId);
  const isLive = () => v.page.locator('[data-testid=live-state][data-state=live]').waitFor();

  test('shows what happens to a run as it happens', async () => {
    await v.open(`runs/${stock.approval}`);
    await isLive();
    await id('run-status').filter({ hasText: 'Waiting' }).waitFor();
    await shop.client.provideInput(stock.approval, 'approve', true);
    await id('run-status').filter({ hasText: 'Completed' }).waitFor();
    await id('sentence').filter({ hasText: 'Completed after' }).waitFor();
    expect(v.complaints).toEqual([]);
  });

  test('says how many runs are new, and shows them when it is asked', async () => {
    await v.open('runs');
    await isLive();
    const before = await id('run-row').first().getAttribute('data-id');
    const run = await shop.client.start('note', {});
    await id('new-runs').filter({ hasText: '1 new' }).waitFor();
    expect(await id('run-row').first().getAttribute('data-id')).toBe(before);
    await id('new-runs').click();
    await v.page.locator(`[data-testid=run-row][data-id="${run.id}"]`).waitFor();
    await inStatus(shop.client, run.id, 'waiting');
    await shop.client.provideInput(run.id, 'note', 'done');
    // Rows that are there change where they stand.
    await v.page.locator(`[data-testid=run-row][data-id="${run.id}"][data-status=completed]`).waitFor();
  });

  test('counts a new question, and opens it', async () => {
    await v.open('inbox');
    await isLive();
    const run = await shop.client.start('note', {});
    const asked = await until(async () => (await shop.client.listPendingInputs({ executionId: run.id }))[0]);
    await v.page.locator(`[data-testid=ask][data-id="${asked.id}"]`).click();
    await id('answer').filter({ hasText: 'What is to be noted?' }).waitFor();
  });

  test('says that it is cut off, keeps what it has, and recovers', async () => {
    const own = await visit(shop.base());
    await own.open('queues');
    await own.page.locator('[data-testid=live-state][data-state=live]').waitFor();
    await own.page.getByTestId('queue-ai').waitFor();
    own.expectRefusals();
    await shop.goAway();
    await own.page.getByTestId('disconnected').waitFor();
    await own.page.getByTestId('queue-ai').waitFor();
    await shop.comeBack();
    await own.page.getByRole('button', { name: 'Try now' }).click();
    await own.page.locator('[data-testid=live-state][data-state=live]').waitFor();
    await own.page.getByTestId('disconnected').waitFor({ state: 'detached' });
    await shop.queues.pause('ai');
    await own.page.getByTestId('queue-ai').getByTestId('queue-resume').waitFor();
    await shop.queues.resume('ai');
    expect(own.complaints).toEqual([]);
    await own.close();
  });

  test('is driven by keys', async () => {
    const { keyboard } = v.page;
    await v.open('');
    await v.page.locator('h1').first().waitFor();
    for (const [key, path] of [
      ['r', 'runs'],
      ['i', 'inbox'],
      ['w', 'workflows'],
      ['s', 'schedules'],
      ['q', 'queues'],
      ['d', 'doctor'],
      ['o', ''],
    ] as const) {
      await keyboard.press('g');
      await keyboard.press(key);
      await v.page.waitForURL((url) => url.pathname.startsWith(`/durable/${path}`));
    }
    await v.open('runs?q=workflow%3Atrip_booking');
    await id('run-row').first().waitFor();
    await keyboard.press('j');
    await keyboard.press('x');
    await id('bulk-bar').waitFor();
    await keyboard.press('Escape');
    await id('bulk-bar').waitFor({ state: 'detached' });
    await keyboard.press('j');
    await keyboard.press('Enter');
    await v.page.waitForURL(/runs\/[0-9a-f-]{36}/);
    await id('run-tabs').waitFor();
    for (const [key, tab] of [
      ['2', 'graph'],
      ['3', 'steps'],
      ['4', 'data'],
      ['5', 'logs'],
      ['6', 'history'],
      ['7', 'family'],
    ] as const) {
      await keyboard.press(key);
      await v.page.waitForURL((url) => url.searchParams.get('tab') === tab);
    }
    await keyboard.press('1');
    await id('timeline').waitFor();
    await keyboard.press('?');
    await v.page.getByRole('dialog').waitFor();
    await keyboard.press('Escape');
    await keyboard.press('Control+k');
    const palette = v.page.getByRole('dialog', { name: 'Search or act' });
    await palette.waitFor();
    await keyboard.type('theme dark');
    await keyboard.press('Enter');
    await v.page.waitForFunction('getComputedStyle(document.documentElement).colorScheme === "dark"');
    await keyboard.press('Control+k');
    await palette.waitFor();
    await keyboard.type(stock.undone.slice(0, 13));
    await palette.getByRole('option').first().waitFor();
    await keyboard.press('Enter');
    await v.page.waitForURL((url) => url.pathname.includes('/runs/'));
    await keyboard.press('/');
    expect(v.complaints).toEqual([]);
  });

  test('filters by what is typed, and takes a term back', async () => {
    await v.open('runs');
    await id('run-row').first().waitFor();
    await v.page.keyboard.press('/');
    await v.page.keyboard.type('status:failed ');
    await v.page.waitForURL((url) => (url.searchParams.get('q') ?? '').includes('status:failed'));
    await v.page.locator(`[data-testid=run-row][data-id="${stock.failed}"]`).waitFor();
    await v.page.locator('[data-testid=run-row][data-status=completed]').first().waitFor({ state: 'detached' });
    await v.page.keyboard.press('Backspace');
    await v.page.waitForURL((url) => !(url.searchParams.get('q') ?? '').includes('status:failed'));
    expect(v.complaints).toEqual([]);
  });

  test('shows each what he may: the clerk his inbox, a viewer no acts, nobody any where it only reads', async () => {
    const clerk = await visit(shop.base('clerk'));
    await clerk.open('');
    await clerk.page.waitForURL(/clerk\/inbox/);
    await clerk.page.getByTestId('ask').first().waitFor();
    expect(await clerk.page.getByRole('navigation', { name: 'Sections' }).getByRole('link').count()).toBe(1);
    await clerk.page.getByTestId('ask').first().click();
    // He may see no run: it has a name, and leads nowhere.
    await clerk.page.getByTestId('answer').locator('.meta code').first().waitFor();
    expect(await clerk.page.locator('a[href*="/runs/"]').count()).toBe(0);
    expect(clerk.complaints).toEqual([]);
    await clerk.close();
    for (const mount of ['viewer', 'reader'] as const) {
      const own = await visit(shop.base(mount));
      await own.open(`runs/${stock.sleeping}`);
      await own.page.getByTestId('sentence').waitFor();
      for (const act of ['act-cancel', 'act-pause', 'act-cancel-wait', 'act-send-event'])
        expect(await own.page.getByTestId(act).count()).toBe(0);
      await own.open('queues');
      await own.page.getByTestId('queue-ai').waitFor();
      expect(await own.page.getByTestId('queue-pause').count()).toBe(0);
      expect(own.complaints).toEqual([]);
      await own.close();
    }
  });

  test('opens a run of 5 000 attempts and a loop of 10 000 items with little to draw and to send, and the loop tells one state at a time', async () => {
    const ticks = await shop.client.start('ticks', { visits: 50 });
    const mails = await shop.client.start('campaign', { subject: 'To all', recipients: 10_000 });
    await ended(shop.client, ticks.id);
    await ended(shop.client, mails.id);
    // Whether that takes a second is the machine's matter; what it takes is little: what is drawn, and what is sent for it. Each
    // answer counts once: on a busy machine the end of the run comes while its page is there, and it is read anew.
    const weight = async (path: string, testId: string): Promise<{ nodes: number; bytes: number }> => {
      await v.open(path);
      await id(testId).first().waitFor();
      return v.page.evaluate<{ nodes: number; bytes: number }>(`({
        nodes: document.querySelectorAll('*').length,
        bytes: [...new Map(performance
          .getEntriesByType('resource')
          .filter(({ name }) => name.includes('/api/'))
          .map(({ name, decodedBodySize }) => [name, decodedBodySize])).values()]
          .reduce((sum, size) => sum + size, 0),
      })`);
    };
    const ticked = await weight(`runs/${ticks.id}`, 'step-items[0]/tick');
    const mailed = await weight(`runs/${mails.id}`, 'loop-recipients');
    for (const { nodes, bytes } of [ticked, mailed]) {
      expect(nodes).toBeLessThan(3_000);
      expect(bytes).toBeLessThan(500_000);
    }
    await v.open(`runs/${mails.id}`);
    const facet = (state: string) => id('loop-recipients').locator(`[data-state=${state}]`);
    await facet('failed').filter({ hasText: '69' }).click();
    await id('step-recipients[142]/sendOne').waitFor();
    await facet('completed').click();
    await id('step-recipients[7]/sendOne').waitFor();
    // However long the list, what is drawn of it is a screen.
    expect(await v.page.locator('[role=treeitem]').count()).toBeLessThan(200);
    expect(v.complaints).toEqual([]);
  });
});
