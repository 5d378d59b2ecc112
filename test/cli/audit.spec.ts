import { hostname, userInfo } from 'node:os';
import { Compensate, type DurableClient, Step, waitForEvent, Workflow } from 'nest-durable';
import pg from 'pg';
import { createTestDatabase } from '../support/database.js';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { until } from '../support/until.js';
import { Gate } from '../testing/support.js';
import { cliOn, json } from './support.js';
import { OrderWorkflow, WORKFLOWS } from './workflows.js';

const back = new Gate();

@Workflow({ name: 'flight' })
class FlightWorkflow {
  @Step({ compensate: 'release' })
  reserve() {}

  @Compensate()
  release() {
    return back.promise;
  }

  @Step()
  async take() {
    await waitForEvent('taken');
  }
}

let app: FaultApp;
let client: DurableClient;
let pool: pg.Pool;
let on: ReturnType<typeof cliOn>;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  on = cliOn(url);
  pool = new pg.Pool({ connectionString: url, max: 1 });
  app = await openApp({ database: { url }, logs: { console: false } }, [...WORKFLOWS, FlightWorkflow]);
  ({ client } = app);
});

afterAll(async () => {
  await pool.end();
  await app.close();
});

/** What was written since the last time. */
async function rows(): Promise<object[]> {
  const { rows: found } = await pool.query<object>(
    `WITH gone AS (DELETE FROM durable.audit RETURNING *)
     SELECT actor, action, target_kind AS kind, target_id AS target, outcome, code, details FROM gone ORDER BY id`,
  );
  return found;
}

it('every act is a row: who, what, to what, and what became of it; no payloads', async () => {
  const run = await client.start(OrderWorkflow, { waits: true, asks: true });
  await until(async () => (await run.execution())?.status === 'waiting');
  const { id } = run;
  const actor = `cli:${userInfo().username}@${hostname()}`;
  const row = (action: string, target: string | null, details: object = {}, kind: string | null = 'run') => {
    return { actor, action, kind, target, outcome: 'done', code: null, details };
  };
  await on(['pause', id]);
  await on(['resume', id]);
  await on(['send-event', id, 'collected', '{"secret":1}']);
  await until(async () => (await client.listPendingInputs({ executionId: id })).length === 1);
  await on(['provide-input', id, 'release', 'approved']);
  await run.result({ timeout: 20_000 });
  const restarted = json<{ id: string }>(await on(['restart-from', id, 'approve', '--json']));
  await on(['cancel', restarted.id, '--reason', 'enough']);
  await on(['retry', id]);
  const started = (await on(['run', 'order', '--input', '{"secret":1}', '--delay', '1h'])).out.trim();
  const triggered = (await on(['schedules', 'trigger', 'nightly'])).out.trim();
  await on(['schedules', 'disable', 'nightly']);
  for (const act of ['pause', 'drain', 'resume']) await on(['queues', act, 'default']);
  await on(['cleanup', '--older-than', '9d']);
  expect(await rows()).toEqual([
    row('run.pause', id),
    row('run.resume', id),
    row('event.send', id, { name: 'collected' }),
    row('input.answer', id, { name: 'release' }),
    row('run.restart', id, { step: 'approve', newRun: restarted.id }),
    row('run.cancel', restarted.id, { reason: 'enough', compensate: false }),
    row('run.retry', id, { newRun: expect.any(String) }),
    row('run.start', started, { workflow: 'order' }),
    row('schedule.trigger', 'nightly', { newRun: triggered }, 'schedule'),
    row('schedule.switch', 'nightly', { enabled: false }, 'schedule'),
    row('queue.pause', 'default', {}, 'queue'),
    row('queue.drain', 'default', { changed: false }, 'queue'),
    row('queue.resume', 'default', {}, 'queue'),
    row('run.cleanup', null, expect.objectContaining({ n: 0 }), null),
  ]);

  await on(['cancel', id]);
  await on(['run', 'nothing']);
  await on(['queues', 'pause', 'nothing']);
  expect(await rows()).toMatchObject([
    { action: 'run.cancel', target: id, outcome: 'failed', code: 'EXECUTION_FINISHED' },
    { action: 'run.start', kind: 'workflow', target: 'nothing', outcome: 'failed', code: 'WORKFLOW_NOT_FOUND' },
    { action: 'queue.pause', target: 'nothing', outcome: 'failed', code: 'QUEUE_NOT_FOUND' },
  ]);

  const many = await client.startMany(OrderWorkflow, [{ input: {} }, { input: {} }], { queue: 'nobody' });
  await on(['cancel', '--queue', 'nobody', '--dry-run']);
  expect(await rows()).toEqual([]);
  await on(['cancel', '--queue', 'nobody', '--yes']);
  expect((await rows()).map((one) => (one as { target: string }).target).sort()).toEqual(
    many.map((one) => one.id).sort(),
  );
});

it('an answer by --input-id is refused under another name, and its row has the id', async () => {
  const run = await client.start(OrderWorkflow, { asks: true });
  await until(async () => (await client.listPendingInputs({ executionId: run.id })).length === 1);
  const inputId = (await client.listPendingInputs({ executionId: run.id }))[0]?.id ?? '';
  await rows();
  expect(await on(['provide-input', run.id, 'realese', 'approved', '--input-id', inputId])).toEqual({
    code: 1,
    out: '',
    err: `nest-durable: Input ${inputId} of run ${run.id} is "release", not "realese": give the name that it has.\n`,
  });
  expect(await on(['provide-input', run.id, 'release', 'approved', '--input-id', inputId.toUpperCase()])).toMatchObject(
    {
      code: 0,
      out: `Input release of run ${run.id} is answered.\n`,
    },
  );
  expect(await rows()).toMatchObject([
    { action: 'input.answer', outcome: 'done', details: { name: 'release', inputId } },
  ]);
  await run.result({ timeout: 20_000 });
});

it('of a run that is being undone it is said who has cancelled it, and who has asked for that again, in vain', async () => {
  const run = await client.start(FlightWorkflow, {});
  await until(async () => (await run.execution())?.status === 'waiting');
  const { id } = run;
  const who = `cli:${userInfo().username}@${hostname()}`;
  await rows();
  await on(['cancel', id, '--compensate', '--reason', 'wrong']);
  await until(async () => (await run.execution())?.status === 'compensating');
  expect(await client.explain(id)).toMatchObject({
    title: 'Undoes `reserve`, 0 of 1 done',
    detail: `Cancelled by ${who}: "wrong".`,
  });
  const again = await on(['cancel', id, '--reason', 'now']);
  expect(again).toMatchObject({ code: 1, out: '' });
  expect(again.err).toContain(`Run ${id} is left alone: it is being undone already; nothing but a pause stops that.`);
  expect((await client.explain(id))?.detail).toMatch(
    new RegExp(
      `^Cancelled by ${who}: "wrong"\\. A cancel by ${who} at .* UTC changed nothing: it was being undone already\\.$`,
    ),
  );
  expect(await rows()).toMatchObject([
    { action: 'run.cancel', outcome: 'done', code: null, details: { reason: 'wrong' } },
    { action: 'run.cancel', outcome: 'failed', code: 'UNCHANGED', details: { reason: 'now', changed: false, status: 'compensating' } },
  ]); // prettier-ignore
  back.open();
  await until(async () => (await run.execution())?.status === 'compensated');
  const over = await on(['cancel', id]);
  expect(over.err).toContain('is left alone: it has ended as compensated.');
  expect(await rows()).toMatchObject([
    { outcome: 'failed', code: 'EXECUTION_FINISHED', details: { changed: false, status: 'compensated' } },
  ]);
});
