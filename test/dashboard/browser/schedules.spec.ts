import { until } from '../../support/until.js';
import { describePages, launch, quit, visit, type Visit } from './chromium.js';
import { openShop, type Shop } from './shop.js';
import { NoteWorkflow } from './workflows.js';

describePages('schedules', () => {
  let shop: Shop;
  let v: Visit;

  beforeAll(async () => {
    [shop] = await Promise.all([openShop([NoteWorkflow]), launch()]);
    v = await visit(shop.base());
  });
  afterAll(async () => {
    await quit();
    await shop.close();
  });

  const id = (testId: string) => v.page.getByTestId(testId);
  const make = (name: string, input = {}) => shop.client.schedule('note', '0 0 1 1 *', { name, input });

  test('one that may not be deleted comes back, and one that was leaves its name to another', async () => {
    await make('mine');
    let refused = 0;
    await v.page.clock.install();
    await v.page.route('**/api/schedules/mine', (route) => {
      if (route.request().method() !== 'DELETE' || refused++ > 0) return route.continue();
      return route.fulfill({ status: 403, json: { error: { code: 'FORBIDDEN', message: 'You may not do this.' } } });
    });
    v.expectRefusals();
    for (const isRefused of [true, false]) {
      await v.open('schedules/mine');
      await id('schedule-delete').click();
      await id('undo').waitFor();
      await id('schedule-mine').waitFor({ state: 'detached' });
      await v.page.clock.fastForward(8_100);
      if (isRefused) await id('schedule-mine').waitFor();
    }
    await until(async () => ((await shop.client.getSchedule('mine')) === null ? true : null));
    await id('empty').waitFor();
    await make('mine');
    // Once: a request that is given no answer for half a minute, of this clock, is given up.
    await v.page.clock.fastForward(15_100);
    await id('schedule-mine').waitFor();
    expect(v.complaints).toEqual([]);
  });

  test('one that is not there is said to be none', async () => {
    await make('other');
    await v.open('schedules/nowhere');
    await id('no-schedule').filter({ hasText: 'There is no schedule nowhere.' }).waitFor();
    await v.open('schedules/other');
    await id('schedule-trigger').first().waitFor();
    expect(await id('no-schedule').count()).toBe(0);
  });

  test('opens under any name, and stays there when something else of the address changes', async () => {
    for (const name of ['a/b?c#d %2f', '100%', 'שלום', '<b>bold</b>', '.', '..', '~..', '%2e', 'preview']) {
      await make(name);
      await v.open('schedules');
      await v.page.getByRole('link', { name, exact: true }).click();
      await v.page.getByRole('heading', { name: 'Settings' }).waitFor();
      await v.page.getByRole('button', { name: 'UTC', exact: true }).click();
      await v.page.waitForURL((url) => url.searchParams.get('zone') === 'utc');
      await v.page.reload();
      await v.page.getByRole('heading', { name: 'Settings' }).waitFor();
      expect([name, await id('no-schedule').count()]).toEqual([name, 0]);
    }
    expect(v.complaints).toEqual([]);
  });

  test('what is not shown of an input does not take the place of what it stands for', async () => {
    const input = { iban: '[redacted]', amount: 1 };
    await make('secret', input);
    await v.open('schedules/secret');
    await v.page.getByRole('button', { name: 'Run now with another input' }).click();
    const form = v.page.locator('form').filter({ has: v.page.locator('#trigger-input') });
    await form.getByRole('button', { name: 'Run now' }).click();
    await form.getByText('Has parts that are not shown').waitFor();
    await id('schedule-edit').click();
    await id('field-input').fill(JSON.stringify({ ...input, amount: 2 }));
    await id('schedule-save').click();
    await id('violation-input').filter({ hasText: 'Has parts that are not shown' }).waitFor();
    await id('field-input').fill(JSON.stringify(input, null, 2));
    await id('field-cron').fill('0 0 2 1 *');
    await id('schedule-save').click();
    await until(async () => (await shop.client.getSchedule('secret'))?.cron === '0 0 2 1 *');
    expect((await shop.client.getSchedule('secret'))?.input).toEqual(input);
    expect(await shop.client.countExecutions({ workflow: 'note' })).toBe(0);
    expect(v.complaints).toEqual([]);
  });
});
