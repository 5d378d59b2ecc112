import { Inject } from '@nestjs/common';
import {
  callWorkflow,
  currentAttempt,
  DurableClient,
  once,
  sleep,
  startWorkflow,
  Step,
  stepManager,
  waitForApproval,
  waitForEvent,
  Workflow,
  workflowId,
} from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { DataSource, EntityManager } from 'typeorm';
import { kitAt, present, settled, thrownBy } from '../support/kit-app.js';

let body: (data: Record<string, unknown>) => unknown;
let dataSource: DataSource;
let client: DurableClient;

const write = (what: string) =>
  stepManager<EntityManager>().query('INSERT INTO entries (run, what) VALUES ($1, $2)', [workflowId(), what]);

@Workflow()
class TransferWorkflow {
  @Step({ transactional: true, retry: { maxAttempts: 2, initialDelay: 1 } })
  async transfer(data: Record<string, unknown>) {
    return (await body(data)) as object;
  }
}

@Workflow()
class PlainWorkflow {
  @Step()
  async run() {
    await body({});
  }
}

@Workflow()
class ChildWorkflow {
  @Step()
  run(data: object) {
    return data;
  }
}

@Workflow()
class ListenerWorkflow {
  @Step()
  async listen() {
    return { heard: await waitForEvent('news') };
  }
}

/** Its client, as a step would inject it. */
@Workflow()
class InjectedWorkflow {
  constructor(@Inject(DurableClient) private readonly durable: DurableClient) {
    client = this.durable;
  }

  @Step()
  run() {}
}

let test: DurableTest;

beforeAll(async () => {
  test = await kitAt((url) => {
    dataSource = new DataSource({ type: 'postgres', url, installExtensions: false });
    const providers = [TransferWorkflow, PlainWorkflow, ChildWorkflow, ListenerWorkflow, InjectedWorkflow];
    return { dataSource, providers };
  });
  await dataSource.query('CREATE TABLE entries (run uuid, what text)');
});

afterAll(() => test.close());

async function entries(run: { id: string }): Promise<string[]> {
  const rows: { what: string }[] = await dataSource.query('SELECT what FROM entries WHERE run = $1 ORDER BY what', [
    run.id,
  ]);
  return rows.map(({ what }) => what);
}

async function transfer(work: typeof body, input: object = {}) {
  body = work;
  const run = await test.client.start(TransferWorkflow, input);
  await test.advance(10_000);
  return run;
}

describe('a transactional step', () => {
  it('gives the EntityManager of the transaction that records the step', async () => {
    const run = await transfer(async () => {
      expect(stepManager()).toBeInstanceOf(EntityManager);
      await write('paid');
      const outside: unknown[] = await dataSource.query('SELECT FROM entries WHERE run = $1', [workflowId()]);
      return { outside: outside.length };
    });
    expect(await run.result()).toEqual({ outside: 0 });
    expect(await entries(run)).toEqual(['paid']);
  });

  it('leaves nothing behind of a failed attempt, `once` included', async () => {
    const calls: number[] = [];
    const run = await transfer(async () => {
      await write(`attempt ${currentAttempt()}`);
      const made = await once('made', () => calls.push(currentAttempt()));
      if (currentAttempt() === 1) throw new Error('no funds');
      return { made };
    });
    expect(await run.result()).toEqual({ made: 2 });
    expect(calls).toEqual([1, 2]);
    expect(await entries(run)).toEqual(['attempt 2']);
    const steps = await test.client.getSteps(run.id);
    expect(steps.map(({ status }) => status)).toEqual(['failed', 'completed']);
  });

  it('that returns what is no data leaves nothing behind either', async () => {
    const run = await transfer(async () => {
      await write('never');
      return 'text';
    });
    expect((await run.execution())?.status).toBe('failed');
    expect(await entries(run)).toEqual([]);
  });

  it('whose worker dies writes exactly once', async () => {
    let died = false;
    const run = await transfer(async () => {
      await write('paid');
      if (died) return;
      died = true;
      void test.restart();
      await new Promise(() => {});
    });
    expect((await settled(test, run)).status).toBe('completed');
    expect(await entries(run)).toEqual(['paid']);
  });

  it('starts children in it: a rollback forgets them', async () => {
    const ids: string[] = [];
    const run = await transfer(async () => {
      ids.push(await startWorkflow(ChildWorkflow, { attempt: currentAttempt() }));
      expect(await client.getExecution(present(ids.at(-1)))).toBeNull();
      if (currentAttempt() === 1) throw new Error('once more');
    });
    expect((await run.execution())?.status).toBe('completed');
    const children = await test.client.listChildren(run.id);
    expect(children.map(({ id }) => id)).toEqual([ids[1]]);
    expect((await test.client.getExecution(present(ids[1])))?.input).toEqual({ attempt: 2 });
  });

  it('sends events of the client in it: a rollback forgets them', async () => {
    const listener = await test.client.start(ListenerWorkflow, {});
    await test.idle();
    const statuses: unknown[] = [];
    const run = await transfer(async () => {
      await client.sendEvent(listener.id, 'news', currentAttempt());
      statuses.push((await client.getExecution(listener.id))?.status);
      if (currentAttempt() === 1) throw new Error('once more');
    });
    expect((await run.execution())?.status).toBe('completed');
    expect(statuses).toEqual(['waiting', 'waiting']);
    await test.idle();
    expect(await listener.result()).toEqual({ heard: 2 });
  });

  it('cannot wait', async () => {
    const names: unknown[] = [];
    const waits = [
      () => sleep(1),
      () => waitForEvent('a'),
      () => waitForApproval('b'),
      () => callWorkflow(ChildWorkflow, {}),
    ];
    const run = await transfer(async () => {
      for (const wait of waits) names.push((await thrownBy(wait))?.name);
    });
    expect((await run.execution())?.status).toBe('completed');
    expect(names).toEqual(waits.map(() => 'WaitInTransactionError'));
    expect(await test.client.listChildren(run.id)).toEqual([]);
  });
});

it('stepManager() in another step throws', async () => {
  body = () => stepManager();
  const run = await test.client.start(PlainWorkflow, {});
  const { status, error } = await settled(test, run);
  expect(status).toBe('failed');
  expect(error?.message).toContain('transactional');
});
