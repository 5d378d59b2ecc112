import { callWorkflow, DurableWorkflow, FatalError, ForEach, Step, Workflow, type WorkflowHandle } from 'nest-durable';
import { until } from '../../support/until.js';
import { describePages, launch, quit, visit, type Visit } from './chromium.js';
import { ended, inStatus, openShop, type Shop } from './shop.js';
import { NoteWorkflow } from './workflows.js';

const ODD = 'Say "hello": a, b & c';

/** A name and an error with all that means something in a filter. */
@Workflow({ name: ODD })
class OddWorkflow extends DurableWorkflow<object, object> {
  @Step()
  say(): void {
    throw Object.assign(new FatalError('No'), { name: 'No: such, "thing"' });
  }
}

@Workflow({ name: 'parent' })
class ParentWorkflow extends DurableWorkflow<object, object> {
  @Step()
  async call(): Promise<void> {
    await callWorkflow(NoteWorkflow, {});
  }
}

/** Long enough to be told in sums. */
@Workflow({ name: 'long_loop' })
class LongLoopWorkflow extends DurableWorkflow<object, object> {
  @ForEach('work', { concurrency: 100, results: 'none', onError: 'completeAll' })
  items(): { n: number }[] {
    return Array.from({ length: 240 }, (_, n) => ({ n }));
  }

  @Step()
  work({ n }: { n: number }): void {
    if (n === 7) throw new FatalError('Not this one');
  }
}

describePages('hands that are quick, and tabs that are many', () => {
  let shop: Shop;
  let v: Visit;

  beforeAll(async () => {
    [shop] = await Promise.all([openShop([NoteWorkflow, OddWorkflow, ParentWorkflow, LongLoopWorkflow]), launch()]);
  });
  beforeEach(async () => void (v = await visit(shop.base())));
  afterEach(async () => {
    expect(v.complaints).toEqual([]);
    await v.close();
  });
  afterAll(async () => {
    await quit();
    await shop.close();
  });

  const id = (testId: string) => v.page.getByTestId(testId);
  const row = (run: string) => v.page.locator(`[data-testid=run-row][data-id="${run}"]`);
  const isLive = () => v.page.locator('[data-testid=live-state][data-state=live]').waitFor();
  const timelineOf = (step: string, status: string) =>
    v.page.locator(`[data-testid="step-${step}"][data-status=${status}]`).waitFor();

  async function failed(): Promise<string> {
    const run = await shop.client.start(ODD, {});
    await ended(shop.client, run.id);
    return run.id;
  }

  async function waiting(tag: string): Promise<WorkflowHandle<unknown>> {
    const run = await shop.client.start('note', {}, { tags: { of: tag } });
    await inStatus(shop.client, run.id, 'waiting');
    return run;
  }

  /** Acts that the page has sent. */
  function acts(): string[] {
    const sent: string[] = [];
    v.page.on('request', (request) => {
      if (request.method() === 'POST') sent.push(new URL(request.url()).pathname.split('/').at(-1) ?? '');
    });
    return sent;
  }

  test('a key that is kept down acts once', async () => {
    const run = await failed();
    const sent = acts();
    await v.open(`runs?q=id:${run}`);
    await row(run).waitFor();
    await v.page.keyboard.press('j');
    await v.page.locator('.tr.on').waitFor();
    for (let n = 0; n < 6; n++) await v.page.keyboard.down('r');
    await v.page.keyboard.up('r');
    await id('toast').filter({ hasText: 'was started anew' }).waitFor();
    expect(sent).toEqual(['retry']);
  });

  test('two clicks in a row start one run', async () => {
    const run = await failed();
    const sent = acts();
    await v.open(`runs/${run}`);
    await id('act-retry').dblclick();
    await v.page.waitForURL((url) => !url.pathname.includes(run));
    expect(sent).toEqual(['retry']);
  });

  test('Enter does what the button says that has the focus, and not what the row would', async () => {
    const run = await failed();
    await v.open(`runs?q=id:${run}`);
    await row(run).waitFor();
    await v.page.keyboard.press('j');
    await v.page.locator('.tr.on').waitFor();
    await v.page.keyboard.press('.');
    await v.page.getByRole('menuitem', { name: 'Runs of this workflow' }).focus();
    await v.page.keyboard.press('Enter');
    await v.page.waitForURL((url) => (url.searchParams.get('q') ?? '').startsWith('workflow:'));
    // And the filter of an odd name finds its runs.
    await row(run).waitFor();
    await v.page.keyboard.press('j');
    await v.page.locator('.tr.on').waitFor();
    await id('start-run').focus();
    await v.page.keyboard.press('Enter');
    await v.page.getByRole('dialog', { name: 'Start a run' }).waitFor();
  });

  test('links to runs find those of any name, error and tag', async () => {
    const { id: run } = await shop.client.start(ODD, {}, { tags: { 'of: whom': 'a "b", c\\d' } });
    await ended(shop.client, run);
    for (const link of ['.crumbs a:nth-of-type(2)', '[data-testid=sentence] a', 'a.tag']) {
      await v.open(`runs/${run}`);
      await v.page.locator(link).click();
      await v.page.waitForURL(/runs\?/);
      await row(run).waitFor();
    }
    expect(await id('filter').locator('.tok').count()).toBe(1);
  });

  test('the palette opens a run by its id, and acts on it where it is told to', async () => {
    const run = await failed();
    await v.open('runs');
    await row(run).waitFor();
    await v.page.keyboard.press('Control+k');
    await v.page.getByRole('dialog', { name: 'Search or act' }).waitFor();
    await v.page.keyboard.type(run.slice(0, 18));
    await v.page.getByRole('option', { name: /Retry Say/ }).waitFor();
    await v.page.keyboard.press('Enter');
    await v.page.waitForURL((url) => url.pathname.endsWith(run));
  });

  test('what happens after a page was read and before it listens is on it', async () => {
    const run = await waiting('gap');
    let listen = (): void => {};
    const asked = new Promise<void>((resolve) => (listen = resolve));
    await v.page.route('**/api/stream*', async (route) => {
      await asked;
      await route.continue();
    });
    await v.open(`runs/${run.id}`);
    await timelineOf('ask', 'waiting');
    await id('act-answer').waitFor();
    await run.provideInput('note', 'x');
    await ended(shop.client, run.id);
    listen();
    await isLive();
    await timelineOf('ask', 'completed');
    await id('run-status').filter({ hasText: 'Completed' }).waitFor();
  });

  test('a list that is read slowly shows what happens all the same, where something happens all the time', async () => {
    const first = await waiting('slow');
    let slow = false;
    await v.page.route('**/api/runs?*', async (route) => {
      if (slow) await new Promise((resolve) => setTimeout(resolve, 1_500));
      await route.continue();
    });
    await v.open('runs?q=tag.of:slow');
    await row(first.id).waitFor();
    await isLive();
    slow = true;
    const another = async (): Promise<void> => void (await shop.client.start(ODD, {}));
    const always = setInterval(() => void another(), 200);
    await first.provideInput('note', 'x');
    await v.page.locator(`[data-id="${first.id}"][data-status=completed]`).waitFor();
    clearInterval(always);
  });

  test('older rows of a list change too where no stream tells of them', async () => {
    const runs = await shop.client.startMany(
      'note',
      Array.from({ length: 55 }, () => ({ input: {}, tags: { of: 'old' } })),
    );
    const [oldest] = runs;
    await inStatus(shop.client, oldest?.id ?? '', 'waiting');
    v.expectRefusals();
    await v.page.route('**/api/stream*', (route) => route.abort());
    await v.open('runs?q=tag.of:old');
    await id('disconnected').waitFor();
    await id('older-runs').click();
    await id('older-runs').waitFor({ state: 'detached' });
    await v.page.keyboard.press('End');
    await row(oldest?.id ?? '').waitFor();
    await oldest?.provideInput('note', 'x');
    await v.page.locator(`[data-id="${oldest?.id}"][data-status=completed]`).waitFor();
  });

  test('says why older runs have not come, and asks for them again', async () => {
    await shop.client.startMany(
      'note',
      Array.from({ length: 55 }, () => ({ input: {}, tags: { of: 'further' } })),
    );
    let fails = true;
    v.expectRefusals();
    const json = { error: { code: 'INTERNAL', message: 'Something broke on the server.' } };
    await v.page.route('**/api/runs?*cursor=*', (route) =>
      fails ? route.fulfill({ status: 500, json }) : route.continue(),
    );
    await v.open('runs?q=tag.of:further');
    await id('older-runs').click();
    await id('error').filter({ hasText: 'Something broke on the server.' }).waitFor();
    fails = false;
    await v.page.getByRole('button', { name: 'Try again' }).click();
    await id('older-runs').waitFor({ state: 'detached' });
    expect(await id('error').count()).toBe(0);
  });

  test('a further page of steps that fails is said to, and not asked for again and again', async () => {
    const { id: run } = await shop.client.start('note', {});
    await inStatus(shop.client, run, 'waiting');
    let asked = 0;
    v.expectRefusals();
    const json = { error: { code: 'INTERNAL', message: 'Something broke on the server.' } };
    await v.page.route('**/api/runs/*/steps*', async (route) => {
      if (new URL(route.request().url()).searchParams.has('cursor')) {
        asked++;
        return route.fulfill({ status: 500, json });
      }
      const answer = await route.fetch();
      return route.fulfill({ json: { ...(await answer.json()), next: 'a-cursor' } });
    });
    await v.open(`runs/${run}?tab=steps`);
    await id('error').filter({ hasText: 'Something broke on the server.' }).waitFor();
    // Once, and once more with all else when the stream begins.
    expect(asked).toBeLessThan(4);
    const before = asked;
    await v.page.getByRole('button', { name: 'Try again' }).click();
    await until(() => asked > before);
  });

  test('a tab behind others has no stream, and takes one when it is looked at', async () => {
    await v.page.addInitScript(
      'window.behind = true; Object.defineProperty(document, "hidden", { get: () => window.behind })',
    );
    let streams = 0;
    v.page.on('request', (request) => void (streams += request.url().includes('/api/stream') ? 1 : 0));
    await v.open('runs');
    await id('run-row').first().waitFor();
    expect(streams).toBe(0);
    await v.page.evaluate('window.behind = false; document.dispatchEvent(new Event("visibilitychange"))');
    await isLive();
    expect(streams).toBe(1);
  });

  test('a zone may be typed letter by letter', async () => {
    await v.open('schedules');
    v.expectRefusals();
    await id('schedule-new').click();
    const next = v.page.locator('.preview .note').filter({ hasText: '·' });
    await next.waitFor();
    await id('field-timezone').fill('');
    await id('field-timezone').pressSequentially('Asia/Tokyo', { delay: 30 });
    await next.waitFor();
    await v.page.getByRole('dialog', { name: 'New schedule' }).waitFor();
  });

  test('copies where the page came by plain http too', async () => {
    await v.page.addInitScript('Object.defineProperty(navigator, "clipboard", { value: undefined })');
    const run = await failed();
    await v.open(`runs/${run}`);
    await v.page.getByLabel('Copy id').click();
    await id('toast').filter({ hasText: 'The id is copied' }).waitFor();
    await v.page.locator('textarea').waitFor({ state: 'detached' });
  });

  test('each act that waits to be sent can be taken back, however many there are', async () => {
    const runs: WorkflowHandle<unknown>[] = [];
    for (let n = 0; n < 5; n++) runs.push(await waiting('many'));
    await v.page.clock.install();
    await v.open('runs?q=tag.of:many');
    await row(runs[0]?.id ?? '').waitFor();
    for (let n = 0; n < 5; n++) {
      await v.page.keyboard.press('j');
      await v.page.keyboard.press('c');
    }
    await id('undo').nth(4).waitFor();
    for (let n = 4; n >= 0; n--) {
      await v.page.keyboard.press('z');
      await id('undo').nth(n).waitFor({ state: 'detached' });
    }
    for (const run of runs) expect((await run.execution())?.status).toBe('waiting');
  });

  test('whoever takes a row out of all of them acts on those that are left', async () => {
    await until(async () => (await shop.client.countExecutions({ workflow: 'note', status: 'waiting' })) > 3);
    await v.open('runs?q=tag.of:many');
    const box = v.page.getByRole('checkbox', { name: /^Select 0/ });
    await box.nth(2).click();
    await id('bulk-all').click();
    await id('bulk-bar').filter({ hasText: 'All 5 runs of this filter' }).waitFor();
    await box.nth(1).click();
    await id('bulk-bar').filter({ hasText: '2 runs selected' }).waitFor();
  });

  test('a child in its parent’s timeline goes on', async () => {
    const parent = await shop.client.start('parent', {});
    const kid = await until(async () => (await shop.client.listChildren(parent.id))[0]);
    await inStatus(shop.client, kid.id, 'waiting');
    await v.open(`runs/${parent.id}`);
    await isLive();
    await id('step-call').locator('.chev-b').click();
    await id(`step-child:${kid.id}`).locator('.chev-b').click();
    await timelineOf(`child:${kid.id}/ask`, 'waiting');
    await shop.client.pause(kid.id);
    await shop.client.cancelWait(kid.id, {});
    await shop.client.resume(kid.id);
    await ended(shop.client, kid.id);
    await timelineOf(`child:${kid.id}/ask`, 'failed');
  });

  test('no page but that of schedules looks for their runs', async () => {
    const asked: string[] = [];
    v.page.on('request', (request) => {
      const { pathname, search } = new URL(request.url());
      if (pathname.endsWith('/api/schedules')) asked.push(search);
    });
    await v.open('runs');
    await id('run-row').first().waitFor();
    await v.page.keyboard.press('Control+k');
    await v.page.getByRole('option').first().waitFor();
    expect(new Set(asked)).toEqual(new Set(['?next=0&runs=0']));
  });

  test('what is empty keeps off the edge of a narrow page', async () => {
    const narrow = await visit(shop.base(), { width: 390 });
    for (const path of [`runs/${await failed()}?tab=family`, 'audit?actor=nobody', 'runs?q=workflow:none']) {
      await narrow.open(path);
      const title = narrow.page.getByTestId('empty').getByRole('heading');
      await title.waitFor();
      expect([path, (await title.boundingBox())?.x]).toEqual([path, 16]);
    }
    await narrow.close();
  });

  test('the items of a loop are chosen by keys', async () => {
    const run = await shop.client.start('long_loop', {});
    await ended(shop.client, run.id);
    await v.open(`runs/${run.id}`);
    const done = v.page.getByRole('button', { name: /completed$/ });
    await done.focus();
    await v.page.keyboard.press('Enter');
    await v.page.locator('.facet button[data-state=completed][aria-pressed=true]').waitFor();
  });
});
