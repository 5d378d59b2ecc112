import { jest } from '@jest/globals';
import { type DurableClient, FatalError, Step, waitForEvent, Workflow } from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';
import pg from 'pg';
import { loseBorders } from '../support/lost-borders.js';
import { onTestServer } from '../testing/support.js';

/** Acts on all runs that filters find. */

let fails = true;

@Workflow({ name: 'order' })
class OrderWorkflow {
  @Step()
  charge() {
    if (fails) throw new FatalError('declined');
  }
}

@Workflow({ name: 'waits' })
class WaitsWorkflow {
  @Step()
  async wait() {
    await waitForEvent('go');
  }
}

let test: DurableTest;
let client: DurableClient;

beforeEach(async () => {
  fails = true;
  test = await createDurableTest({ providers: [OrderWorkflow, WaitsWorkflow] }, onTestServer);
  client = test.client;
});

afterEach(() => test.close());

async function started(workflow: typeof OrderWorkflow | typeof WaitsWorkflow, count: number, tags = {}) {
  const runs = await client.startMany(
    workflow,
    Array.from({ length: count }, () => ({ input: {} })),
    { tags },
  );
  await test.idle();
  return runs.map(({ id }) => id);
}

it('retries what failed, once: a call that was broken off is gone on with by another', async () => {
  await started(OrderWorkflow, 7);
  await started(WaitsWorkflow, 1);
  fails = false;
  const nothing = await client.retryMany({ workflow: OrderWorkflow }, { dryRun: true });
  expect(nothing).toEqual({ count: 7, refused: [] });
  expect(await client.countExecutions({ workflow: 'order' })).toBe(7);
  expect(await client.retryMany({ workflow: OrderWorkflow }, { limit: 3 })).toEqual({ count: 3, refused: [] });
  await test.idle();
  const rest = await client.retryMany({ workflow: OrderWorkflow });
  expect(rest.count).toBe(4);
  expect(rest.refused).toHaveLength(3);
  expect(rest.refused[0]).toMatchObject({
    code: 'UNCHANGED',
    message: expect.stringMatching(/retried before, as/) as string,
  });
  await test.idle();
  expect(await client.countExecutions({ workflow: 'order', status: 'completed' })).toBe(7);
});

it('of two calls at a time one retries a run, and the other is refused', async () => {
  await started(OrderWorkflow, 6);
  fails = false;
  const both = await Promise.all([client.retryMany({}), client.retryMany({})]);
  expect(both.map(({ count, refused }) => count + refused.length)).toEqual([6, 6]);
  expect(both.map(({ count }) => count).reduce((sum, count) => sum + count)).toBe(6);
  for (const { code, message } of both.flatMap(({ refused }) => refused)) {
    expect({ code, message }).toEqual({
      code: 'UNCHANGED',
      message: expect.stringMatching(/^It was retried before, as/) as string,
    });
  }
  await test.idle();
  expect(await client.countExecutions({})).toBe(12);
});

it('retries that fail again at once are not retried by the same call', async () => {
  await started(OrderWorkflow, 3);
  expect((await client.retryMany({})).count).toBe(3);
  await test.idle();
  expect(await client.countExecutions({})).toBe(6);
});

it('pauses, resumes and cancels by tags, and says of each that it left alone why', async () => {
  const ids = await started(WaitsWorkflow, 5, { tenant: 'fjord' });
  const [other] = await started(WaitsWorkflow, 1);
  const filters = { tags: { tenant: 'fjord' } };
  await client.pause(ids[0] ?? '');
  expect(await client.pauseMany({ ...filters, status: ['waiting', 'paused'] })).toEqual({
    count: 4,
    refused: [{ id: ids[0], code: 'UNCHANGED', message: 'It was paused already, or has ended.' }],
  });
  expect(await client.pauseMany(filters)).toEqual({ count: 0, refused: [] });
  expect(await client.resumeMany(filters, { limit: 2 })).toEqual({ count: 2, refused: [] });
  expect(await client.resumeMany(filters)).toEqual({ count: 3, refused: [] });
  expect(await client.cancelMany(filters, { reason: 'moved' })).toEqual({ count: 5, refused: [] });
  expect((await client.getExecution(ids[1] ?? ''))?.error?.message).toBe('moved');
  const again = await client.pauseMany({ ...filters, status: 'cancelled' });
  expect(again.count).toBe(0);
  expect(again.refused.map(({ code }) => code)).toEqual(Array.from({ length: 5 }, () => 'EXECUTION_FINISHED'));
  expect(await client.getExecution(other ?? '')).toMatchObject({ status: 'waiting' });
});

it('goes through more than one page, oldest first', async () => {
  const ids = await started(WaitsWorkflow, 405);
  expect((await client.cancelMany({}, { limit: 401 })).count).toBe(401);
  const left = await client.listExecutions({ status: 'waiting', order: 'asc' });
  expect(left.map(({ id }) => id).toSorted()).toEqual(ids.slice(401).toSorted());
});

describe('the last run of a page is deleted before the next page is read', () => {
  let pool: pg.Pool;

  beforeEach(() => {
    pool = new pg.Pool({ connectionString: test.url, max: 1 });
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    await pool.end();
  });

  it.each([
    ['retryMany', true],
    ['retryMany', false],
    ['cancelMany', true],
    ['cancelMany', false],
  ] as const)('%s goes on with the rest; dry run: %s', async (act, dryRun) => {
    const ids = await started(act === 'retryMany' ? OrderWorkflow : WaitsWorkflow, 7);
    fails = false;
    const gone = loseBorders(pool, 2);
    expect(await client[act]({}, { dryRun })).toEqual({ count: 7, refused: [] });
    expect(gone).toHaveLength(3);
    await test.idle();
    const left = ids.filter((id) => !gone.includes(id));
    expect(await Promise.all(left.map(async (id) => (await client.getExecution(id))?.status))).toEqual(
      left.map(() => (act === 'retryMany' ? 'failed' : dryRun ? 'waiting' : 'cancelled')),
    );
    const anew = act === 'retryMany' && !dryRun ? 7 : 0;
    expect(await client.countExecutions({ status: 'completed' })).toBe(anew);
  });
});

it('filters and options that are none are refused before anything is done', async () => {
  await expect(client.cancelMany({ stauts: 'failed' } as object)).rejects.toThrow('cancelMany()');
  await expect(client.retryMany({}, { limit: 0 })).rejects.toThrow('limit');
  await expect(client.cancelMany({}, { reason: 7 } as object)).rejects.toThrow('reason');
});
