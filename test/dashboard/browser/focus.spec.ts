import { PipelineWorkflow, ShipmentWorkflow } from '../../../sample/15-demo/src/workflows/pipeline.workflow.js';
import { TrialWorkflow } from '../../../sample/15-demo/src/workflows/trial.workflow.js';
import { TripWorkflow } from '../../../sample/15-demo/src/workflows/trip.workflow.js';
import { until } from '../../support/until.js';
import { describePages, launch, quit, visit, type Visit } from './chromium.js';
import { ended, inStatus, openShop, type Shop } from './shop.js';

describePages('popovers and narrow windows', () => {
  let shop: Shop;
  let [trial, pipeline, trip] = ['', '', ''];

  beforeAll(async () => {
    [shop] = await Promise.all([openShop([TrialWorkflow, PipelineWorkflow, ShipmentWorkflow, TripWorkflow]), launch()]);
    const { client } = shop;
    trial = (await client.start('trial_reminder', { user: 'ada@shop.example' })).id;
    pipeline = (await client.start('order_pipeline', { orderId: 'A-1', warehouses: ['north', 'south'] })).id;
    trip = (await client.start('trip_booking', { id: 'T-1', traveller: 'Mara Lind', to: 'Oslo' })).id;
    await inStatus(client, trial, 'waiting');
    await until(async () => (await client.listPendingEvents()).length === 4);
    await ended(client, trip);
  });
  afterAll(async () => {
    await quit();
    await shop.close();
  });

  /** What has the focus. */
  const focused = ({ page }: Visit) =>
    page.evaluate<string>(
      'document.activeElement.dataset.testid || document.activeElement.id || document.activeElement.tagName',
    );

  test('a popover takes the focus when it opens, and gives it back when it closes, however that comes about', async () => {
    const v = await visit(shop.base());
    const { keyboard } = v.page;
    const opens = async (key: string, first: string): Promise<void> => {
      await keyboard.press(key);
      await until(async () => (await focused(v)) === first);
    };
    const comesBack = (testId: string) => until(async () => (await focused(v)) === testId);
    await v.open(`runs/${trial}`);
    // Pressed anywhere.
    await v.page.getByTestId('act-cancel').waitFor();
    await opens('c', 'cancel-reason');
    expect(await v.page.locator('#cancel-reason').inputValue()).toBe('');
    await keyboard.press('Escape');
    await comesBack('act-cancel');
    for (const [act, first, name] of [
      ['act-cancel', 'cancel-reason', 'Keep it going'],
      ['act-send-event', 'event-name', 'Not now'],
    ] as const) {
      await v.page.getByTestId(act).focus();
      await opens('Enter', first);
      await v.page.getByRole('button', { name }).focus();
      await keyboard.press('Enter');
      await comesBack(act);
      await opens('Enter', first);
      await keyboard.press('Escape');
      await comesBack(act);
    }
    expect(v.complaints).toEqual([]);
    await v.close();
  });

  test('the focus stays among the acts of a run where the one that had it goes', async () => {
    const v = await visit(shop.base());
    await v.open(`runs/${trial}`);
    for (const [act, then] of [
      ['act-pause', 'act-resume'],
      ['act-resume', 'act-pause'],
    ] as const) {
      await v.page.getByTestId(act).focus();
      await v.page.keyboard.press('Enter');
      await v.page.getByTestId(then).waitFor();
      await v.page.getByTestId(act).waitFor({ state: 'detached' });
      expect(await focused(v)).toBe('actions');
      await v.page.keyboard.press('Tab');
      expect(await v.page.evaluate('document.activeElement.closest("[data-testid=actions]") !== null')).toBe(true);
    }
    expect(v.complaints).toEqual([]);
    await v.close();
  });

  test.each([1440, 390])('a question that is not there is said to be none, %d px wide', async (width) => {
    const v = await visit(shop.base(), { width });
    v.expectRefusals();
    for (const question of ['01a23017-afa9-7641-8cc4-92cc591263ba', 'nothing']) {
      await v.open(`inbox/${question}`);
      await v.page.getByRole('heading', { name: 'This question is not here' }).waitFor();
    }
    expect(v.complaints).toEqual([]);
    await v.close();
  });

  const tags = {
    'a-long-key-that-goes-on-and-on': 'a value '.repeat(20).trim(),
    emoji: '👩‍👩‍👧‍👦'.repeat(9),
    of: 'שלום עולם',
  };

  test('a narrow window says of an act that it was refused', async () => {
    const refused = await fetch(`${shop.base()}api/runs/${trial}/cancel`, { method: 'POST', body: 'no JSON' });
    expect(refused.status).toBe(403);
    const v = await visit(shop.base(), { width: 390 });
    await v.open('audit');
    await v.page.getByTestId('audit-row').filter({ hasText: 'refused' }).waitFor();
    expect(v.complaints).toEqual([]);
    await v.close();
  });

  test('a narrow window says whose event it is, which runs are kin, holds long tags, and has the middle of a graph', async () => {
    const v = await visit(shop.base(), { width: 390 });
    await v.open('inbox?show=events');
    const events = v.page.getByTestId('pending-event');
    await events.first().waitFor();
    for (const text of await events.allInnerTexts()) expect(text).toMatch(/(trial_reminder|shipment) [0-9a-f]{8}/);
    await v.open(`runs/${pipeline}?tab=family`);
    const kin = v.page.getByTestId('family').locator('.tr code.b');
    await kin.nth(2).waitFor();
    const names = '[...document.querySelectorAll("[data-testid=family] .tr code.b")].map((el) => el.parentElement)';
    expect(await v.page.evaluate(`${names}.filter((el) => el.scrollWidth > el.clientWidth).length`)).toBe(0);
    const { id } = await shop.client.start('trip_booking', { id: 'T-2', traveller: 'Mara Lind', to: 'Rome' }, { tags });
    for (const path of ['', '?tab=data']) {
      await v.open(`runs/${id}${path}`);
      await v.page.locator('.tag').nth(2).waitFor();
      expect(await v.page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')).toBe(
        0,
      );
    }
    await v.open(`runs/${trip}?tab=graph`);
    await v.page.getByTestId('graph').waitFor();
    await until(() =>
      v.page.evaluate<boolean>(
        `(() => { const el = document.querySelector('.gw'), at = el.querySelector('svg.g').getBoundingClientRect(), to = el.getBoundingClientRect();
          return Math.abs(at.left + at.right - to.left - to.right) < 40; })()`,
      ),
    );
    expect(v.complaints).toEqual([]);
    await v.close();
  });
});
