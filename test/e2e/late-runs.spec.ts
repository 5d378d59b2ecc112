import type { Provider } from '@nestjs/common';
import {
  callWorkflow,
  Compensate,
  DurableQueues,
  hours,
  Step,
  waitForEvent,
  Workflow,
  WorkflowFailedError,
  type WorkflowHandle,
} from 'nest-durable';
import pg from 'pg';
import { caught, Gates, openApp, type PlainApp, reached } from '../support/plain-app.js';
import { until } from '../support/until.js';
import { createTestDatabase } from '../support/database.js';

/** The timeout of a run is acted on wherever the run stands. What is late here is late since the test says so. */

const gates = new Gates();

@Workflow({ name: 'hog' })
class HogWorkflow {
  @Step()
  hold({ gate }: { gate: string }) {
    return gates.pass(gate);
  }
}

interface Order {
  readonly gate?: string;
}

@Workflow({ name: 'limited', timeout: hours(1), concurrency: { key: () => 'one', limit: 1 }, maxRetries: 3 })
class LimitedWorkflow {
  @Step()
  async wait({ gate }: Order) {
    if (gate === undefined) await waitForEvent('go');
    else await gates.pass(gate);
  }

  @Step()
  never() {}
}

const undone: string[] = [];

@Workflow({ name: 'booked', timeout: hours(1) })
class BookedWorkflow {
  @Step({ compensate: 'refund' })
  charge() {
    return { charged: true };
  }

  @Step()
  async wait() {
    await waitForEvent('go');
  }

  @Compensate()
  refund(_: object, { error }: { error: { name: string } }) {
    undone.push(error.name);
  }
}

@Workflow({ name: 'parent' })
class ParentWorkflow {
  @Step()
  async call() {
    return callWorkflow('limited', {}).catch((error: Error) => ({
      caught: error.name,
      cause: (error.cause as Error).name,
    }));
  }
}

const ALL = [HogWorkflow, LimitedWorkflow, BookedWorkflow, ParentWorkflow];

let pool: pg.Pool;
let url: string;
const apps: PlainApp[] = [];

beforeEach(async () => {
  ({ url } = await createTestDatabase());
  pool = new pg.Pool({ connectionString: url, max: 2 });
});

afterEach(async () => {
  gates.openAll();
  await Promise.all(apps.splice(0).map(({ app }) => app.close()));
  await pool.end();
});

async function deploy(providers: Provider[] = ALL, concurrency = 1): Promise<PlainApp> {
  const app = await openApp({ database: { url }, queues: { default: { concurrency } } }, providers);
  apps.push(app);
  return app;
}

/** The time that the run had is over. */
async function lapse(run: WorkflowHandle<unknown>): Promise<void> {
  const text = `UPDATE durable.workflow_queue SET deadline_at = now() WHERE id = $1 AND deadline_at IS NOT NULL`;
  expect((await pool.query(text, [run.id])).rowCount).toBe(1);
}

async function stateOf(run: WorkflowHandle<unknown>): Promise<Record<string, unknown> | undefined> {
  return (await pool.query(`SELECT * FROM durable.workflow_queue WHERE id = $1`, [run.id])).rows[0];
}

async function timedOut(run: WorkflowHandle<unknown>): Promise<void> {
  const error = await caught(run.result(), WorkflowFailedError);
  expect(error).toMatchObject({ status: 'failed', cause: { name: 'WorkflowTimeoutError', code: 'WORKFLOW_TIMEOUT' } });
}

it('fails while it is ready in a queue that has no place free', async () => {
  const { client } = await deploy();
  const run = await client.start(LimitedWorkflow, {});
  await reached(client, run.id, 'waiting');
  const hog = await client.start(HogWorkflow, { gate: 'full' });
  await gates.arrived('full');
  await run.sendEvent('go');
  expect(await stateOf(run)).toMatchObject({ state: 'ready' });
  await lapse(run);
  await timedOut(run);
  expect((await hog.execution())?.status).toBe('running');
});

it('fails while its key has no place free, and its place goes to nobody twice', async () => {
  const { client } = await deploy(ALL, 5);
  const run = await client.start(LimitedWorkflow, {});
  await reached(client, run.id, 'waiting');
  const first = await client.start(LimitedWorkflow, { gate: 'key' });
  await gates.arrived('key');
  await run.sendEvent('go');
  await until(async () => (await stateOf(run))?.['state'] === 'blocked');
  await lapse(run);
  await timedOut(run);
  expect((await first.execution())?.status).toBe('running');
  gates.open('key');
  await first.result();
});

it('fails while its queue is paused, and what it would undo is undone once the queue is resumed', async () => {
  const { app, client } = await deploy(ALL, 5);
  const runs = [await client.start(LimitedWorkflow, {}), await client.start(BookedWorkflow, {})] as const;
  for (const { id } of runs) await reached(client, id, 'waiting');
  const queues = app.get(DurableQueues, { strict: false });
  await queues.pause('default');
  const [plain, booked] = runs;
  await lapse(booked);
  await lapse(plain);
  await timedOut(plain);
  await until(async () => (await stateOf(booked))?.['cancel'] !== null);
  expect(await stateOf(booked)).toMatchObject({ state: 'ready' });
  await queues.resume('default');
  const error = await caught(booked.result(), WorkflowFailedError);
  expect(error).toMatchObject({ status: 'compensated', cause: { name: 'WorkflowTimeoutError' } });
  expect(undone.splice(0)).toEqual(['WorkflowTimeoutError']);
});

it('fails where no process has its code any more', async () => {
  const old = await deploy();
  const { id } = await old.client.start(LimitedWorkflow, {});
  await reached(old.client, id, 'waiting');
  await old.app.close();
  apps.length = 0;
  const { client } = await deploy([HogWorkflow]);
  const run = client.handle(id);
  await lapse(run);
  await timedOut(run);
  expect(await stateOf(run)).toBeUndefined();
});

it('a parent that waits for it is told', async () => {
  const { client } = await deploy(ALL, 5);
  const parent = await client.start(ParentWorkflow, {});
  await reached(client, parent.id, 'waiting');
  const children = await client.listExecutions({ parentId: parent.id });
  const [child] = children;
  await reached(client, child?.id ?? '', 'waiting');
  await lapse(client.handle(child?.id ?? ''));
  expect(await parent.result()).toMatchObject({
    caught: 'ChildWorkflowError',
    cause: 'WorkflowTimeoutError',
  });
});

it('of two processes that see it late while it is cancelled, or sent what it waits for, it has one end', async () => {
  const [one, two] = [await deploy(ALL, 20), await deploy(ALL, 20)];
  const runs = await Promise.all(Array.from({ length: 40 }, () => one.client.start(BookedWorkflow, {})));
  for (const { id } of runs) await reached(one.client, id, 'waiting');
  const nameOf = (result: Promise<unknown>): Promise<string> =>
    result.then(
      () => 'none',
      (error: Error) => error.name,
    );
  const ends = await Promise.all(
    runs.map(async (run, at) => {
      const [here, there] = await Promise.all([
        nameOf(run.result()),
        nameOf(two.client.handle(run.id).result()),
        pool.query(`UPDATE durable.workflow_queue SET deadline_at = now() WHERE id = $1`, [run.id]),
        at % 2 === 0 ? run.sendEvent('go').catch(() => {}) : null,
        at % 3 === 0 ? two.client.cancel(run.id, undefined, { compensate: true }) : null,
      ]);
      return { here, there, stored: (await run.execution())?.status };
    }),
  );
  for (const { here, there, stored } of ends) {
    expect(there).toBe(here);
    expect(stored).toBe(here === 'none' ? 'completed' : 'compensated');
  }
  expect(undone.splice(0)).toHaveLength(ends.filter(({ stored }) => stored === 'compensated').length);
});
