import { describePages, launch, quit, visit, type Visit } from './chromium.js';
import { VIEWER_ACTIONS } from './fake-server.js';

const FAILED = '019a8f0d-4b7e-7d02-b1f3-9c0a2e6d88f1';
const WAITING = '019a8ef0-77aa-7f12-9f31-b28cc01e5d07';
const LOOP = '019a8ea7-10c4-7e81-8b6a-3f0d9e2b7c55';
const TRIP = '019a8f27-91d0-7c3e-8a55-0d1b7fe3a1c4';

describePages('acts and keys in a browser', () => {
  let v: Visit;
  beforeAll(launch);
  afterAll(quit);
  beforeEach(async () => {
    v = await visit();
  });
  afterEach(async () => {
    expect(v.complaints).toEqual([]);
    await v.close();
  });

  const id = (name: string) => v.page.getByTestId(name);
  const acted = (path: string) => v.server.acts.filter((act) => act.path === path);
  /** Waits until the server has been asked for it. */
  const asked = async (path: string): Promise<Record<string, unknown>> => {
    for (;;) {
      const [act] = acted(path);
      if (act !== undefined) return act.body;
      await v.page.evaluate('new Promise((resolve) => requestAnimationFrame(() => resolve()))');
    }
  };

  test('sections are reached by their links and by their keys, and the browser goes back', async () => {
    await v.open('');
    await id('nav-runs').click();
    await id('run-row').first().waitFor();
    await v.page.keyboard.press('g');
    await v.page.keyboard.press('i');
    await id('ask').first().waitFor();
    await v.page.goBack();
    await id('run-row').first().waitFor();
    expect(new URL(v.page.url()).pathname).toBe('/ops/durable/runs');
  });

  test('a term that is typed becomes a token, stands in the URL, and goes by its cross or by backspace', async () => {
    await v.open('runs');
    await id('run-row').first().waitFor();
    await v.page.keyboard.press('/');
    await v.page.keyboard.type('status:failed ');
    await v.page.waitForURL(/q=since:24h\+status:failed/);
    await v.page.getByRole('button', { name: 'Remove since' }).click();
    await v.page.waitForURL(/q=status:failed$/);
    await id('filter-input').press('Backspace');
    expect(await id('filter-input').inputValue()).toBe('status:failed');
    await id('filter-input').fill('error:Pay');
    await v.page.getByRole('option', { name: /PaymentGatewayError/ }).waitFor();
    await id('filter-input').press('ArrowDown');
    await id('filter-input').press('Enter');
    await v.page.waitForURL(/q=error:PaymentGatewayError/);
  });

  test('rows are walked by keys, opened by enter, and are links', async () => {
    await v.open('runs');
    await id('run-row').first().waitFor();
    await v.page.keyboard.press('j');
    await v.page.keyboard.press('j');
    const second = await id('run-row').nth(1).getAttribute('data-id');
    expect(await id('run-row').nth(1).getByRole('link').getAttribute('href')).toContain(`/ops/durable/runs/${second}`);
    await v.page.keyboard.press('Enter');
    await id('run-title').waitFor();
    expect(v.page.url()).toContain(second ?? '');
  });

  test('pausing is done at once and taken back by z', async () => {
    await v.open(`runs/${TRIP}`);
    await id('act-pause').click();
    await asked(`runs/${TRIP}/pause`);
    await id('undo').waitFor();
    await v.page.keyboard.press('z');
    await asked(`runs/${TRIP}/resume`);
  });

  test('a cancel waits for 8 s, and Undo takes it back before it is sent', async () => {
    await v.page.clock.install();
    await v.open(`runs/${TRIP}`);
    await id('act-cancel').click();
    await v.page.getByLabel(/Reason/).fill('wrong trip');
    await v.page.getByText('and undo what it did').click();
    await id('cancel-go').click();
    await id('undo').click();
    await v.page.clock.runFor(9000);
    expect(acted(`runs/${TRIP}/cancel`)).toEqual([]);
    await id('act-cancel').click();
    await v.page.getByLabel(/Reason/).fill('wrong trip');
    await v.page.getByText('and undo what it did').click();
    await id('cancel-go').click();
    await v.page.clock.runFor(9000);
    expect(await asked(`runs/${TRIP}/cancel`)).toEqual({ reason: 'wrong trip', compensate: true });
  });

  test('what waits to be sent is sent when the page is left', async () => {
    await v.open(`runs/${TRIP}`);
    await id('act-cancel').click();
    await id('cancel-go').click();
    await id('undo').waitFor();
    await v.page.goto('about:blank');
    await asked(`runs/${TRIP}/cancel`);
  });

  test('a retry opens the new run, and a refused one says why and by which code', async () => {
    await v.open(`runs/${FAILED}`);
    v.server.refuse(`POST runs/${FAILED}/retry`, 409, 'EXECUTION_NOT_FINISHED', 'It runs still.');
    await id('act-retry').click();
    await v.page.getByTestId('toast').filter({ hasText: 'It runs still. (EXECUTION_NOT_FINISHED)' }).waitFor();
    v.server.refusals.delete(`POST runs/${FAILED}/retry`);
    await v.page.keyboard.press('r');
    await v.page.waitForURL(/runs\/019a8f3c/);
    // The browser has told of the refusal by itself.
    v.complaints.length = 0;
  });

  test('a restart offers the steps that can be, and says why others cannot', async () => {
    await v.open(`runs/${FAILED}`);
    await id('act-restart').click();
    expect(await id('restart-ship').isDisabled()).toBe(true);
    await id('restart-reserve').click();
    expect(await asked(`runs/${FAILED}/restart`)).toEqual({ step: 'reserve' });
  });

  test('an event is sent with its payload, and a text that is no JSON is not', async () => {
    await v.open(`runs/${WAITING}`);
    await v.page.keyboard.press('e');
    await v.open(`inbox?show=events`);
    await v.page.getByRole('button', { name: 'Send' }).first().click();
    await id('event-payload').fill('{ nonsense');
    await id('event-send').click();
    await v.page.getByText('This is no JSON').waitFor();
    await id('event-payload').fill('{ "parcel": 1 }');
    await id('event-send').click();
    await id('toast').waitFor();
    expect(v.server.acts.at(-1)?.body).toEqual({ name: 'contract_signed', payload: { parcel: 1 } });
  });

  test('an approval is sent after 5 s, the next question opens, and Undo brings the first one back', async () => {
    await v.page.clock.install();
    await v.open('inbox/i-release');
    await v.page.getByLabel(/Note/).fill('as agreed');
    await id('answer-approve').click();
    await v.page.waitForURL(/inbox\/i-carrier/);
    await v.page.keyboard.press('z');
    await v.page.waitForURL(/inbox\/i-release/);
    expect(await v.page.getByLabel(/Note/).inputValue()).toBe('as agreed');
    await id('answer-approve').click();
    await v.page.clock.runFor(6000);
    const run = v.server.runs.find(({ workflow }) => workflow === 'payouts');
    expect(await asked(`runs/${run?.id}/inputs`)).toEqual({
      inputId: 'i-release',
      data: { approved: true, note: 'as agreed', by: 'mara@acme.example' },
    });
  });

  test('a choice is made by its number and sent by enter', async () => {
    await v.page.clock.install();
    await v.open('inbox/i-carrier');
    await id('answer').waitFor();
    await v.page.keyboard.press('2');
    await v.page.keyboard.press('Enter');
    await v.page.clock.runFor(6000);
    const run = v.server.runs.find(({ workflow }) => workflow === 'shipment');
    expect(await asked(`runs/${run?.id}/inputs`)).toEqual({ inputId: 'i-carrier', data: 'ups' });
  });

  test('a form says what is missing at its field, and what the server refuses as well', async () => {
    await v.page.clock.install();
    await v.open('inbox/i-details');
    await id('field-legalName').fill('Kiln & Co ApS');
    await id('answer-send').click();
    await id('violation-vat').waitFor();
    await id('field-vat').fill('DK1');
    await id('field-terms').selectOption('30');
    await id('field-limit').fill('25000');
    const run =
      v.server.runs.find(({ workflow }) => workflow === 'onboarding') ??
      v.server.runs.find(({ id: one }) => one === WAITING);
    v.server.refuse(`POST runs/${run?.id}/inputs`, 400, 'INVALID_INPUT', 'The answer does not fit.', [
      { path: 'vat', message: 'has 8 digits' },
    ]);
    await id('answer-send').click();
    await v.page.clock.runFor(6000);
    await v.page.getByTestId('violation-vat').filter({ hasText: 'has 8 digits' }).waitFor();
    expect(await asked(`runs/${run?.id}/inputs`)).toEqual({
      inputId: 'i-details',
      data: { legalName: 'Kiln & Co ApS', vat: 'DK1', terms: 30, limit: 25000 },
    });
    v.complaints.length = 0;
  });

  test('many runs: x and shift x select, the bar names the acts, more than 100 ask for the count', async () => {
    await v.open('runs?q=status:failed');
    await id('run-row').first().waitFor();
    await v.page.keyboard.press('j');
    await v.page.keyboard.press('x');
    await v.page.keyboard.press('j');
    await v.page.keyboard.press('j');
    await v.page.keyboard.press('Shift+x');
    await v.page.getByRole('toolbar', { name: 'Selected runs' }).getByText('3 runs selected').waitFor();
    await id('bulk-all').click();
    await id('bulk-retry').click();
    await id('confirm').waitFor();
    expect(await id('confirm-go').isDisabled()).toBe(true);
    await id('confirm-count').fill('206');
    await v.page.getByLabel(/Reason/).fill('gateway is back');
    await id('confirm-go').click();
    expect(await asked('bulk')).toEqual({ token: 't-1', count: 206, reason: 'gateway is back' });
    await v.page.getByTestId('toast').filter({ hasText: '206 runs retried' }).waitFor();
  });

  test('a schedule is switched and switched back, run now, and changed with its times ahead', async () => {
    await v.open('schedules');
    await v.page.getByRole('switch', { name: 'nightly_sync' }).click();
    expect(await asked('schedules/nightly_sync/switch')).toEqual({ enabled: false });
    await v.page.keyboard.press('z');
    await id('schedule-stock_check').getByTestId('schedule-trigger').click();
    await asked('schedules/stock_check/trigger');
    await v.open('schedules/daily_report');
    await id('schedule-edit').click();
    await id('field-cron').fill('nonsense');
    await v.page.getByText('nonsense is no cron expression').waitFor();
    await id('field-cron').fill('0 8 * * *');
    await v.page.getByText('At 07:00 every day').waitFor();
    await id('schedule-save').click();
    expect(await asked('schedules/daily_report')).toEqual({ cron: '0 8 * * *' });
    v.complaints.length = 0;
  });

  test('a queue is paused with an undo, and drained after the runs that it holds were typed', async () => {
    await v.open('queues');
    await id('queue-ai').getByTestId('queue-pause').click();
    await asked('queues/ai/pause');
    await id('undo').click();
    await asked('queues/ai/resume');
    await id('queue-payments').getByTestId('queue-drain').click();
    await id('confirm-count').fill('3');
    await id('confirm-go').click();
    await asked('queues/payments/drain');
  });

  test('a run is started by the form of its schema', async () => {
    await v.open('workflows/process_order');
    await id('start-go').click();
    await id('violation-orderId').waitFor();
    await id('field-orderId').fill('o-1');
    await id('field-amount').fill('18490');
    await id('field-currency').selectOption('EUR');
    await id('start-go').click();
    expect(await asked('runs')).toEqual({
      workflow: 'process_order',
      input: { orderId: 'o-1', amount: 18490, currency: 'EUR' },
    });
    await id('run-title').waitFor();
  });

  test('the palette finds runs and acts on them', async () => {
    await v.open('');
    await id('verdict').waitFor();
    await v.page.keyboard.press('Control+k');
    await v.page.getByRole('dialog', { name: 'Search or act' }).waitFor();
    await v.page.keyboard.type('retry 019a8f3b');
    await v.page.getByRole('option', { name: /Retry process_order 019a8f3b/ }).waitFor();
    await v.page.keyboard.press('Enter');
    await asked(`runs/${v.server.runs[1]?.id}/retry`);
    await v.page.keyboard.press('Control+k');
    await v.page.keyboard.type('theme dark');
    await v.page.getByRole('option', { name: 'Theme dark' }).click();
    expect(await v.page.evaluate('document.documentElement.dataset.theme')).toBe('dark');
  });

  test('the timeline is walked by arrows, folds, and opens a step beside it', async () => {
    await v.open(`runs/${FAILED}`);
    await id('step-validate').focus();
    await v.page.keyboard.press('ArrowDown');
    await v.page.keyboard.press('ArrowDown');
    await v.page.keyboard.press('ArrowLeft');
    await v.page.getByTestId('step-charge-1').waitFor({ state: 'detached' });
    await v.page.keyboard.press('Enter');
    await id('inspector').waitFor();
    await v.page.getByRole('button', { name: 'Compare 2 and 3' }).click();
    await id('diff').waitFor();
    await id('attempt-1').click();
    await v.page.keyboard.press('2');
    await id('graph').waitFor();
  });

  test('a loop lists its items by state, and one opens', async () => {
    await v.open(`runs/${LOOP}`);
    await id('loop-recipients').getByRole('button', { name: '10 running' }).click();
    await id('step-recipients[6786]/sendOne').waitFor();
    await id('loop-recipients').getByRole('button', { name: '14 failed' }).click();
    await id('step-recipients[5211]/sendOne').click();
    await id('inspector').getByText('No such domain').waitFor();
  });

  test('new runs wait in a pill, and changes of those that are shown come in place', async () => {
    await v.open('runs');
    await id('run-row').first().waitFor();
    const first = v.server.runs[0];
    if (first === undefined) throw new Error('no run');
    v.server.runs = [
      {
        ...first,
        id: '019a9000-0000-7000-8000-000000000001',
        createdAt: new Date(Date.parse(String(first['createdAt'])) + 5000).toISOString(),
      },
      { ...first, status: 'completed', standing: { ...first.standing, kind: 'completed' } },
      ...v.server.runs.slice(1),
    ];
    v.server.tell('workflow_completed', { executionId: first.id });
    await id('new-runs').waitFor();
    await v.page.locator(`[data-id="${first.id}"][data-status=completed]`).waitFor();
    expect(await id('run-row').first().getAttribute('data-id')).toBe(first.id);
    await id('new-runs').click();
    await v.page.locator('[data-id="019a9000-0000-7000-8000-000000000001"]').waitFor();
  });

  test('without a stream the page says so and polls, and is live again when it comes back', async () => {
    v.server.stream = false;
    await v.page.clock.install();
    await v.open('runs');
    await id('run-row').first().waitFor();
    await v.page.clock.runFor(5000);
    await id('disconnected').waitFor();
    expect(await id('live-state').getAttribute('data-state')).toBe('polling');
    v.server.stream = true;
    await v.page.getByRole('button', { name: 'Try now' }).click();
    await id('disconnected').waitFor({ state: 'detached' });
    await v.page.getByText('Live', { exact: true }).waitFor();
    v.complaints.length = 0;
  });

  test('a viewer sees no act, a clerk lands in the inbox, and whoever may nothing is told', async () => {
    v.server.me = { ...v.server.me, actions: VIEWER_ACTIONS };
    await v.open(`runs/${FAILED}`);
    await id('act-copy').waitFor();
    for (const name of ['act-retry', 'act-restart', 'act-cancel']) expect(await id(name).count()).toBe(0);
    v.server.me = { ...v.server.me, actions: ['input.read', 'input.answer'] };
    await v.open('');
    await v.page.waitForURL(/\/inbox/);
    await v.open('queues');
    await v.page.getByText('You may not see this page').waitFor();
    v.server.refuse('GET me', 403, 'CLOSED', 'The dashboard is closed here.');
    await v.open('');
    await id('closed').waitFor();
  });

  test('where there is nothing, each page says what would be here', async () => {
    v.server.empty = true;
    for (const path of ['runs', 'inbox', 'schedules', 'queues', 'inbox?show=events']) {
      await v.open(path);
      await id('empty').first().waitFor();
    }
    await v.open('');
    await v.page.getByText('All is well').waitFor();
    await v.open('runs/019affff-0000-7000-8000-000000000000');
    await v.page.getByText('This run is not here').waitFor();
    v.complaints.length = 0;
  });

  test('a part that fails says so with its code and tries again, the rest stays', async () => {
    v.server.refuse('GET queues', 503, 'TOO_SLOW', 'The database took too long.');
    await v.open('queues');
    await id('error').waitFor();
    await v.page.getByRole('table', { name: 'Workers' }).waitFor();
    v.server.refusals.clear();
    await v.page.getByRole('button', { name: 'Try again' }).click();
    await id('queue-ai').waitFor();
    v.complaints.length = 0;
  });
});
