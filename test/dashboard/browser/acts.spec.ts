import { until } from '../../support/until.js';
import { describePages, launch, quit, visit, type Visit } from './chromium.js';
import { ended, fill, inStatus, openShop, type Shop, type Stock } from './shop.js';

describePages('acts in the browser', () => {
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
  const told = (text: string | RegExp) => id('toast').filter({ hasText: text }).first().waitFor();
  const status = async (run: string) => (await shop.client.getExecution(run))?.status;
  const audited = async (action: string, run: string): Promise<void> =>
    void (await until(() =>
      v.page.evaluate<boolean>(
        `fetch('${shop.base()}api/audit?target=${run}').then((r) => r.json()).then(({ items }) => items.some((row) => row.action === '${action}' && row.actor === 'mara@acme.example' && row.outcome === 'done'))`,
      ),
    ));

  test('starts a run by the form of its input, which says what is wrong before it does', async () => {
    await v.open('workflows/process_order');
    await id('start-go').click();
    await id('violation-id').waitFor();
    await id('field-id').fill('A-2002');
    await id('field-items').fill('["lamp"]');
    await id('field-amount').fill('0');
    await id('field-country').selectOption('NO');
    v.expectRefusals();
    await id('start-go').click();
    await id('violation-amount').waitFor();
    await id('field-amount').fill('20');
    await id('start-go').click();
    await v.page.waitForURL(/\/runs\/[0-9a-f-]{36}/);
    await id('run-status').filter({ hasText: 'Completed' }).waitFor();
    const run = v.page.url().split('/').at(-1) ?? '';
    expect(await shop.client.getExecution(run)).toMatchObject({ data: { id: 'A-2002', country: 'NO', amount: 20 } });
    await audited('run.start', run);
  });

  test('cancels a run with a reason, and takes it back until it is sent', async () => {
    await v.open(`runs/${stock.sleeping}`);
    const cancel = async (): Promise<void> => {
      await id('act-cancel').click();
      await v.page.getByLabel('Reason').fill('not needed');
      await id('cancel-go').click();
    };
    await cancel();
    await id('undo').click();
    await id('toast').waitFor({ state: 'detached' });
    expect(await status(stock.sleeping)).toBe('waiting');
    await cancel();
    await id('undo').waitFor();
    // It is sent at once when the page is left.
    await v.open('doctor');
    await inStatus(shop.client, stock.sleeping, 'cancelled');
    await v.open(`runs/${stock.sleeping}`);
    await id('sentence')
      .filter({ hasText: 'Cancelled by mara@acme.example: “not needed”' })
      .or(id('sentence').filter({ hasText: 'not needed' }))
      .waitFor();
    await audited('run.cancel', stock.sleeping);
  });

  test('cancels what runs, and undoes what it did', async () => {
    const { id: trip } = await shop.client.start('order_pipeline', { orderId: 'A-9', warehouses: ['north'] });
    const child = await until(async () => (await shop.client.listChildren(trip))[0]);
    await inStatus(shop.client, child.id, 'waiting');
    await v.open(`runs/${child.id}`);
    await v.page.clock.install();
    await id('act-cancel').click();
    await v.page.getByLabel('and undo what it did').check();
    await id('cancel-go').click();
    await id('undo').waitFor();
    await v.page.clock.fastForward(8_100);
    await inStatus(shop.client, child.id, 'compensated');
    await id('run-status').filter({ hasText: 'Rolled back' }).waitFor();
  });

  test('pauses, takes that back, and resumes', async () => {
    await v.open(`runs/${stock.text}`);
    await id('act-pause').click();
    await told('is paused');
    await inStatus(shop.client, stock.text, 'paused');
    await id('undo').first().click();
    await inStatus(shop.client, stock.text, 'waiting');
    await v.open(`runs/${stock.paused}`);
    await id('run-status').filter({ hasText: 'Paused' }).waitFor();
    await id('act-resume').click();
    await inStatus(shop.client, stock.paused, 'waiting');
    await id('run-status').filter({ hasText: 'Waiting' }).waitFor();
    await audited('run.resume', stock.paused);
  });

  test('ends a retry delay now, and retries and restarts what has ended', async () => {
    await v.open(`runs/${stock.retrying}`);
    await id('run-status').filter({ hasText: 'Retrying' }).waitFor();
    await id('countdown').waitFor();
    shop.hand.broken = false;
    await id('act-retry-now').click();
    await ended(shop.client, stock.retrying);
    await id('run-status').filter({ hasText: 'Completed' }).waitFor();
    shop.hand.broken = true;
    await v.open(`runs/${stock.failed}`);
    await id('act-retry').click();
    await v.page.waitForURL((url) => !url.pathname.includes(stock.failed));
    const retry = v.page.url().split('/').at(-1) ?? '';
    expect(await shop.client.getExecution(retry)).toMatchObject({ retryOf: stock.failed });
    await v.open(`runs/${stock.completed}`);
    await id('act-restart').click();
    await id('restart-confirm').click();
    await v.page.waitForURL((url) => !url.pathname.includes(stock.completed));
    const again = v.page.url().split('/').at(-1) ?? '';
    await ended(shop.client, again);
    expect((await shop.client.getSteps(again)).filter(({ step }) => step === 'charge')).toHaveLength(1);
    await audited('run.restart', stock.completed);
  });

  test('sends an event with a payload, once it is JSON', async () => {
    const [shipment] = await shop.client.listChildren(stock.pipeline);
    const run = shipment?.id ?? '';
    await v.open(`runs/${run}`);
    await id('act-send-event').click();
    await id('event-payload').fill('{ no json');
    await id('event-send').click();
    await v.page.getByText('This is no JSON').waitFor();
    await id('event-payload').fill('"P-17"');
    await id('event-send').click();
    await ended(shop.client, run);
    expect(await shop.client.getExecution(run)).toMatchObject({ status: 'completed', data: { parcel: 'P-17' } });
    await v.open(`runs/${run}?tab=history`);
    await v.page
      .locator('[data-testid=history-item][data-kind=audit][data-actor="mara@acme.example"]')
      .first()
      .waitFor();
    // The next one is mostly like it.
    const other = (await shop.client.listChildren(stock.pipeline)).find((child) => child.status === 'waiting');
    await v.open('inbox?show=events');
    const row = id('pending-event').filter({ has: v.page.locator(`a[href$="${other?.id}"]`) });
    await row.getByRole('button', { name: 'Send' }).click();
    await id('event-last').click();
    expect(await id('event-payload').inputValue()).toBe('"P-17"');
    await v.page.keyboard.press('Escape');
  });

  test('cancels a wait', async () => {
    const shipments = await shop.client.listChildren(stock.pipeline, { status: ['waiting'] });
    const run = shipments[0]?.id ?? '';
    await v.open(`runs/${run}`);
    await id('act-cancel-wait').click();
    await ended(shop.client, run);
    expect((await shop.client.getExecution(run))?.error?.name).toBe('WaitCancelledError');
  });

  test('answers each kind of question; the server’s violations stand at their fields', async () => {
    await v.page.clock.install();
    const question = async (run: string): Promise<string> =>
      (await until(async () => (await shop.client.listPendingInputs({ executionId: run }))[0])).id;
    const answer = async (run: string, give: () => Promise<void>): Promise<void> => {
      await v.open(`inbox/${await question(run)}`);
      await id('answer').waitFor();
      await give();
      await id('undo').first().waitFor();
      await v.page.clock.fastForward(5_100);
    };
    await answer(stock.approval, async () => {
      await id('field-note').fill('with a receipt');
      await id('answer-approve').click();
    });
    await ended(shop.client, stock.approval);
    expect(await shop.client.getExecution(stock.approval)).toMatchObject({ data: { decision: 'approved' } });
    const [answered] = await shop.client.listPendingInputs({ executionId: stock.approval, status: 'completed' });
    await v.open(`inbox/${answered?.id}?show=answered`);
    await id('answer-note').filter({ hasText: 'with a receipt' }).waitFor();

    await answer(stock.choice, () => v.page.keyboard.press('1').then(() => id('answer-send').click()));
    await until(async () => (await shop.client.getExecution(stock.choice))?.currentSteps.includes('chooseGifts'));
    await answer(stock.choice, async () => {
      await v.page.getByText('A voucher of 10 EUR').click();
      await v.page.getByText('Chocolate').click();
      await id('answer-send').click();
    });
    await ended(shop.client, stock.choice);
    expect(await shop.client.getExecution(stock.choice)).toMatchObject({
      data: { outcome: 'replace', gifts: ['voucher', 'chocolate'] },
    });

    await answer(stock.form, async () => {
      await id('answer-send').click();
      await id('violation-vendor').waitFor();
      await id('field-vendor').fill('Mill & Sons');
      await id('field-total').fill('12,5');
      await id('field-paidOn').fill('2026-11-03');
      await id('field-currency').selectOption('NOK');
      await id('field-signed').check();
      await id('answer-send').click();
    });
    await ended(shop.client, stock.form);
    expect(await shop.client.getExecution(stock.form)).toMatchObject({ status: 'completed', data: { total: 60.5 } });

    await answer(stock.text, async () => {
      await id('field-value').fill('Buy milk');
      await v.page.keyboard.press('Control+Enter');
    });
    await ended(shop.client, stock.text);
    expect(await shop.client.getExecution(stock.text)).toMatchObject({ data: { text: 'Buy milk' } });
  });

  test('says who was faster where somebody else has answered', async () => {
    const run = await shop.client.start('note', {});
    const asked = await until(async () => (await shop.client.listPendingInputs({ executionId: run.id }))[0]);
    await v.page.clock.install();
    await v.open(`inbox/${asked.id}`);
    await id('field-value').fill('Too late');
    await id('answer-send').click();
    await shop.client.provideInput(run.id, { inputId: asked.id }, 'First');
    await ended(shop.client, run.id);
    v.expectRefusals();
    await v.page.clock.fastForward(5_100);
    await told('Somebody was faster');
    expect(await run.result()).toMatchObject({ text: 'First' });
  });

  test('switches, starts, edits, makes and deletes schedules', async () => {
    const schedule = (name: string) => shop.client.getSchedule(name);
    await v.open('schedules/daily_report');
    await v.page.getByRole('switch', { name: 'daily_report' }).click();
    await until(async () => (await schedule('daily_report'))?.enabled === false);
    await id('undo').first().click();
    await until(async () => (await schedule('daily_report'))?.enabled);
    await id('schedule-daily_report').getByText('daily_report').first().waitFor();
    await v.page.getByTestId('schedule-trigger').filter({ hasText: 'Run now' }).first().click();
    await told('daily_report has started a run');
    await id('schedule-edit').click();
    await v.page.getByLabel('Cron').fill('0 8 * * MON-FRI');
    await id('schedule-save').click();
    await until(async () => (await schedule('daily_report'))?.cron === '0 8 * * MON-FRI');
    await v.page.getByText('set here').first().waitFor();
    await v.page.getByRole('button', { name: 'Follow the code again' }).click();
    await until(async () => (await schedule('daily_report'))?.cron === '0 7 * * MON-FRI');
    await id('schedule-new').click();
    await id('field-name').fill('tidy');
    await id('field-workflow').selectOption('note');
    await id('field-cron').fill('every now and then');
    v.expectRefusals();
    await id('schedule-save').click();
    await id('violation-cron').waitFor();
    await id('field-cron').fill('0 3 * * *');
    await id('schedule-save').click();
    await until(() => schedule('tidy'));
    await v.open('schedules/tidy');
    await id('schedule-delete').click();
    await id('undo').waitFor();
    await v.open('doctor');
    await until(async () => ((await schedule('tidy')) === null ? true : null));
  });

  test('pauses and resumes a queue, and drains one once the count is typed', async () => {
    const paused = async (name: string) => (await shop.queues.status(name))?.paused === true;
    await v.open('queues');
    const row = id('queue-mail');
    await row.getByTestId('queue-pause').click();
    await until(() => paused('mail'));
    await row.getByTestId('queue-resume').click();
    await until(async () => !(await paused('mail')));
    await row.getByTestId('queue-drain').click();
    await id('confirm-count').fill('7');
    expect(await id('confirm-go').isDisabled()).toBe(true);
    await id('confirm-count').fill('0');
    await id('confirm-go').click();
    await told('Queue mail is empty and paused');
    expect(await paused('mail')).toBe(true);
    await row.getByTestId('queue-resume').click();
    await until(async () => !(await paused('mail')));
  });

  test('acts on many: with undo up to a hundred, with a typed count above', async () => {
    const few = await shop.client.startMany(
      'trial_reminder',
      Array.from({ length: 3 }, (_, n) => ({ input: { user: `few-${n}` } })),
      { tags: { lot: 'few' } },
    );
    const many = await shop.client.startMany(
      'export_data',
      Array.from({ length: 120 }, (_, n) => ({ input: { table: `many-${n}` } })),
      { tags: { lot: 'many' } },
    );
    for (const run of few) await inStatus(shop.client, run.id, 'waiting');
    await v.open('runs?q=tag.lot%3Afew');
    await v.page.getByRole('checkbox', { name: 'Select all' }).click();
    await id('bulk-bar').waitFor();
    await id('bulk-cancel').click();
    await id('undo').first().click();
    expect(await status(few[0]?.id ?? '')).toBe('waiting');
    await v.page.getByRole('checkbox', { name: 'Select all' }).click();
    await id('bulk-pause').click();
    await id('undo').first().waitFor();
    await v.open('doctor');
    for (const run of few) await inStatus(shop.client, run.id, 'paused');
    await v.open('runs?q=tag.lot%3Amany');
    await v.page.getByRole('checkbox', { name: 'Select all' }).click();
    await id('bulk-all').click();
    await id('bulk-cancel').click();
    await id('confirm-count').fill('119');
    expect(await id('confirm-go').isDisabled()).toBe(true);
    // Where it is not told for a moment what becomes of it, that is asked for again.
    let asked = 0;
    v.expectRefusals();
    await v.page.route('**/api/bulk/*-*', (route) => {
      if (asked++ > 0) return route.continue();
      return route.fulfill({ status: 503, json: { error: { code: 'DATABASE_UNAVAILABLE', message: 'It is away.' } } });
    });
    await id('confirm-count').fill('120');
    await id('confirm-go').click();
    for (const run of many) await inStatus(shop.client, run.id, 'cancelled');
    await told('120 runs cancelled');
  });

  test('verifies all that is stored, and shows the acts in the audit', async () => {
    await v.open('doctor');
    await id('verify').click();
    await until(() =>
      v.page.evaluate<boolean>(
        `fetch('${shop.base()}api/audit?action=doctor.verify').then((r) => r.json()).then(({ items }) => items.length > 0)`,
      ),
    );
    await v.open('audit?action=doctor.verify');
    await id('audit-row').filter({ hasText: 'verified what is stored' }).first().waitFor();
    await v.open('audit?action=run.bulk');
    await id('audit-row').filter({ hasText: 'acted on many runs' }).first().waitFor();
  });
});
