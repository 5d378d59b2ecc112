import {
  callWorkflow,
  ChildWorkflowError,
  Compensate,
  currentAttempt,
  days,
  DurableWorkflow,
  ForEach,
  hours,
  minutes,
  once,
  Parallel,
  type ParallelResults,
  sleep,
  startWorkflow,
  Step,
  unwrap,
  waitForApproval,
  waitForEvent,
  waitForInput,
  Workflow,
  workflowId,
  type WorkflowHandle,
} from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';
import pg from 'pg';
import { expectInvariants } from '../support/invariants.js';
import { onTestServer } from '../testing/support.js';

/** Workers that die at every commit of runs with waits and children, and a restart with very many that wait. */

const RETRY = { maxAttempts: 2, backoff: 'constant', initialDelay: 1_000, jitter: false } as const;

/** Effects by run, as outside systems would see them. */
const effects = new Map<string, number>();

function effect(what: string): void {
  const key = `${workflowId()} ${what}`;
  effects.set(key, (effects.get(key) ?? 0) + 1);
}

@Workflow({ name: 'item' })
class ItemWorkflow extends DurableWorkflow<{ n: number }, { n: number; packed: true }> {
  @Step()
  async pack(data: { n: number }) {
    await sleep(minutes(data.n));
    return { ...data, packed: true as const };
  }
}

@Workflow({ name: 'courier' })
class CourierWorkflow extends DurableWorkflow<object, object> {
  @Step()
  async wait() {
    await waitForEvent('never');
  }
}

@Workflow({ name: 'whole' })
class WholeWorkflow extends DurableWorkflow<{ items: number[] }> {
  @Step({ retry: RETRY })
  async order(data: { items: number[] }) {
    const id = await once('order', () => {
      effect('order');
      return 'order';
    });
    const approval = await waitForApproval('ok', { timeout: days(1), timeoutValue: 'nobody' });
    if (currentAttempt() === 1) throw new Error('once more');
    return { ...data, id, approval };
  }

  @ForEach('pack', { concurrency: 2 })
  async items({ items }: { items: number[] }) {
    return items;
  }

  @Step()
  async pack(n: number) {
    return callWorkflow(ItemWorkflow, { n }, { ref: 'pack' });
  }

  @Parallel(['pay', 'ship'])
  both(data: object, results: ParallelResults<{ pay: object; ship: object }>) {
    const { pay, ship } = unwrap(results);
    return { ...data, ...pay, ...ship };
  }

  @Step({ queue: 'payments' })
  async pay() {
    const [first, second] = await Promise.all([waitForEvent<number>('paid'), waitForEvent<number>('paid')]);
    return { paid: first + second };
  }

  @Step()
  async ship() {
    const courier = await callWorkflow(CourierWorkflow, {}, { timeout: hours(1) }).catch(({ code }) => String(code));
    return { courier };
  }
}

@Workflow({ name: 'failing' })
class FailingWorkflow extends DurableWorkflow<object> {
  @Step({ compensate: 'unbook' })
  async book(data: object) {
    return { ...data, child: await startWorkflow(CourierWorkflow, {}) };
  }

  @Parallel(['a', 'b'], { onError: 'completeAll' })
  both() {}

  @Step()
  async a() {
    await waitForInput('signature', { timeout: hours(2), onTimeout: 'fail' });
  }

  @Step()
  async b() {
    try {
      await callWorkflow(CourierWorkflow, {});
    } catch (error) {
      if (!(error instanceof ChildWorkflowError)) throw error;
    }
  }

  @Compensate()
  unbook() {
    effect('unbook');
  }
}

@Workflow({ name: 'waiting' })
class WaitingWorkflow extends DurableWorkflow<{ n: number }> {
  @Step()
  async wait({ n }: { n: number }) {
    effect('pass');
    return { n, got: [await waitForEvent('go'), await sleep(minutes(1)), await waitForEvent('end')] };
  }
}

let test: DurableTest;

beforeAll(async () => {
  const providers = [ItemWorkflow, CourierWorkflow, WholeWorkflow, FailingWorkflow, WaitingWorkflow];
  const durable = { queues: { default: { concurrency: 50 } } };
  test = await createDurableTest({ providers, durable, patience: 30_000 }, onTestServer);
});

afterAll(() => test.close());

/** Sends it as long as the run is not over: a worker may die, and events are kept. */
async function sendAll(run: WorkflowHandle<unknown>): Promise<void> {
  await run.sendEvent('paid', 1);
  await run.sendEvent('paid', 2);
}

it('a run with waits, children, items, a step elsewhere and a call that times out is safe to crash anywhere', async () => {
  const { commits, crashes } = await test.explore(
    WholeWorkflow,
    { items: [1, 2] },
    {
      drive: sendAll,
      check: async ({ id, status, data }) => {
        expect(status).toBe('completed');
        const results = [1, 2].map((n) => ({ status: 'fulfilled', value: { n, packed: true } }));
        expect(data).toEqual({
          items: [1, 2], id: 'order', approval: 'nobody', __results__: results, paid: 3, courier: 'WAIT_TIMEOUT',
        }); // prettier-ignore
        const children = await test.client.listChildren(id);
        expect(children.map(({ workflow, status: end }) => `${workflow} ${end}`).toSorted()).toEqual([
          'courier cancelled', 'item completed', 'item completed',
        ]); // prettier-ignore
        expect(effects.get(`${id} order`)).toBeLessThanOrEqual(2);
      },
    },
  );
  // What shares a commit differs a little from run to run, so a few of the points may not come.
  expect(crashes).toBeGreaterThan(commits.length * 1.5);
  expect(commits.length).toBeGreaterThan(15);
  expect(commits).toContain('a child cancelled');
}, 300_000);

it('a run that fails by a timeout with active children is safe to crash anywhere', async () => {
  const { commits, crashes } = await test.explore(
    FailingWorkflow,
    {},
    {
      check: async ({ id, status, error }) => {
        expect({ status, code: error?.code }).toEqual({ status: 'compensated', code: 'WAIT_TIMEOUT' });
        const children = await test.client.listChildren(id);
        expect(children.map((child) => child.status)).toEqual(['cancelled', 'cancelled']);
        expect(effects.get(`${id} unbook`)).toBeLessThanOrEqual(2);
        expect(await test.client.listPendingInputs({ executionId: id })).toEqual([]);
      },
    },
  );
  expect(crashes).toBeGreaterThan(commits.length * 1.5);
}, 300_000);

it('1 000 waiting runs are found again after a restart, none runs for nothing', async () => {
  const count = 1_000;
  const inputs = Array.from({ length: count }, (_, n) => ({ input: { n } }));
  const runs = await test.client.startMany(WaitingWorkflow, inputs);
  await test.idle();
  expect(await test.client.countExecutions({ workflow: WaitingWorkflow, status: 'waiting' })).toBe(count);
  await test.crash();
  // While nothing works, some of what they wait for comes.
  await Promise.all(runs.filter((_, n) => n % 2 === 0).map((run) => run.sendEvent('go', 'down')));
  await test.restart();
  await test.idle();
  await Promise.all(runs.filter((_, n) => n % 2 === 1).map((run) => run.sendEvent('go', 'up')));
  await test.idle();
  await test.crash();
  await test.restart();
  await test.advance(minutes(1));
  await Promise.all(runs.map((run) => run.sendEvent('end', true)));
  await test.idle();
  const results = await Promise.all(runs.map((run) => run.result({ timeout: 30_000 })));
  expect(results).toEqual(runs.map((_, n) => ({ n, got: [n % 2 === 0 ? 'down' : 'up', undefined, true] })));
  expect(new Set(runs.map(({ id }) => effects.get(`${id} pass`)))).toEqual(new Set([4]));
  const pool = new pg.Pool({ connectionString: test.url, max: 2 });
  try {
    await expectInvariants(pool, { runs, records: count });
  } finally {
    await pool.end();
  }
}, 180_000);
