import {
  callWorkflow,
  DurableClient,
  ForEach,
  Parallel,
  Schedule,
  sleep,
  Step,
  waitForEvent,
  Workflow,
} from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';
import pg from 'pg';
import { onTestServer } from '../testing/support.js';

class CardError extends Error {
  override name = 'Card"\\Error';
}

const broken = new Set<string>();

@Workflow({ name: 'order' })
class OrderWorkflow {
  @Step()
  validate() {}

  @Parallel({ pay: ['charge'], pack: ['boxes'] })
  fulfil() {}

  @Step({ retry: { maxAttempts: 2, jitter: false } })
  charge() {
    if (broken.has('charge')) throw new CardError('declined');
  }

  @ForEach('box')
  boxes() {
    return [1, 2];
  }

  @Step()
  box(item: number) {
    if (item === 2 && broken.has('box')) throw new RangeError('no boxes');
  }
}

@Workflow({ name: 'waits' })
class WaitsWorkflow {
  @Step()
  async event() {
    await waitForEvent('paid');
  }

  @Step()
  async child() {
    await callWorkflow('napper', {});
  }
}

@Workflow({ name: 'away' })
class AwayWorkflow {
  @Step({ queue: 'away' })
  elsewhere() {}
}

@Workflow({ name: 'napper', timeout: 1_000 })
@Schedule({ name: 'nightly', cron: '0 3 * * *' })
class NapperWorkflow {
  @Step()
  async nap() {
    await sleep(5_000);
  }
}

let test: DurableTest;
let client: DurableClient;
let pool: pg.Pool;

beforeAll(async () => {
  const providers = [OrderWorkflow, WaitsWorkflow, AwayWorkflow, NapperWorkflow];
  test = await createDurableTest({ providers, durable: { queues: { default: { concurrency: 3 } } } }, onTestServer);
  client = test.client;
  pool = new pg.Pool({ connectionString: test.url, max: 1 });
});

beforeEach(() => broken.clear());

afterAll(async () => {
  await pool.end();
  await test.close();
});

async function one(table: string, id: string): Promise<Record<string, unknown> | undefined> {
  return (await pool.query<Record<string, unknown>>(`SELECT * FROM durable.${table} WHERE id = $1`, [id])).rows[0];
}

it('a failed run names the innermost step that failed it, and its error', async () => {
  broken.add('box');
  const inLoop = await client.start(OrderWorkflow, {});
  await test.idle();
  expect(await one('workflow_executions', inLoop.id)).toMatchObject({ failed_step: 'box', error_name: 'RangeError' });
  broken.clear();
  const fine = await client.start(OrderWorkflow, {});
  await test.idle();
  expect(await one('workflow_executions', fine.id)).toMatchObject({
    status: 'completed',
    failed_step: null,
    error_name: null,
  });
});

it('a run that is tried again says so as long as it sleeps; one that ran out of time names no step', async () => {
  broken.add('charge');
  const { id } = await client.start(OrderWorkflow, {});
  await test.idle();
  expect(await one('workflow_queue', id)).toMatchObject({ state: 'sleeping', because: 'retry' });
  await test.advance(1_000);
  // A name with quotes is as it stands in the stored text.
  expect(await one('workflow_executions', id)).toMatchObject({ failed_step: 'charge', error_name: 'Card\\"\\\\Error' });
  const late = await client.start(NapperWorkflow, {});
  await test.advance(1_000);
  expect(await one('workflow_executions', late.id)).toMatchObject({
    failed_step: null,
    error_name: 'WorkflowTimeoutError',
  });
});

it('a suspended run says whether it is for a wait, a child, or a step on another queue', async () => {
  const run = await client.start(WaitsWorkflow, {});
  const { id } = run;
  await test.idle();
  expect(await one('workflow_queue', id)).toMatchObject({ because: 'wait' });
  await run.sendEvent('paid');
  await test.idle();
  expect(await one('workflow_queue', id)).toMatchObject({ because: 'child' });
  const [child] = await client.listChildren(id);
  await client.cancel(child?.id ?? '');
  await test.idle();
  expect(await one('workflow_executions', id)).toMatchObject({
    failed_step: 'child',
    error_name: 'ChildWorkflowError',
  });
});

it('a run of a schedule names it, whether the clock or a person has started it', async () => {
  const run = await client.triggerSchedule('nightly');
  expect(await one('workflow_executions', run.id)).toMatchObject({ schedule_name: 'nightly', schedule_time: null });
  await test.advance(24 * 3_600_000);
  const { rows } = await pool.query(`SELECT DISTINCT schedule_name, schedule_time IS NULL AS by_hand FROM durable.workflow_executions WHERE workflow = 'napper' AND schedule_name IS NOT NULL ORDER BY 2`); // prettier-ignore
  expect(rows).toEqual([
    { schedule_name: 'nightly', by_hand: false },
    { schedule_name: 'nightly', by_hand: true },
  ]);
});

it('a worker says how many places it has in which queue, and whether notifications reach it', async () => {
  const { rows } = await pool.query('SELECT capacity, listening FROM durable.workers WHERE dead_at IS NULL');
  expect(rows).toEqual([{ capacity: { default: 3, away: 50 }, listening: expect.any(Boolean) as boolean }]);
});
