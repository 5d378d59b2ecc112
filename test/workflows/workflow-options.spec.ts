import { IsInt, IsString } from 'class-validator';
import {
  Compensate,
  currentAttempt,
  hours,
  InvalidInputError,
  minutes,
  sleep,
  Step,
  Workflow,
  WorkflowFailedError,
  waitForEvent,
  workflowInput,
} from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { Barrier, Gate, kit, openApp, present, settled, thrownBy } from '../support/kit-app.js';

const log: string[] = [];

@Workflow({ queue: 'slow', priority: 3, description: 'does nothing' })
class PlacedWorkflow {
  @Step()
  run() {}
}

@Workflow()
class PlainWorkflow {
  @Step()
  run() {}
}

class OrderInput {
  @IsString()
  id!: string;

  @IsInt()
  amount!: number;
}

@Workflow({ input: OrderInput })
class CheckedWorkflow {
  @Step()
  run(data: OrderInput) {
    log.push(`ran ${data.id}`);
    return { id: data.id, amount: data.amount, plain: Object.getPrototypeOf(workflowInput()) === Object.prototype };
  }
}

@Workflow({ timeout: hours(1) })
class LimitedWorkflow {
  @Step({ compensate: 'undo' })
  book() {
    log.push('book');
  }

  @Step()
  async wait(data: { ms?: number }) {
    if (data.ms === undefined) await waitForEvent('never');
    else await sleep(data.ms);
  }

  /** Longer than the timeout, which does not count the rollback. */
  @Compensate({ retry: { maxAttempts: 2, initialDelay: hours(2), maxDelay: hours(2), jitter: false } })
  undo() {
    log.push(`undo ${currentAttempt()}`);
    if (currentAttempt() === 1) throw new Error('not yet');
  }
}

@Workflow({ timeout: hours(1) })
class BackingOffWorkflow {
  @Step({ retry: { maxAttempts: 9, initialDelay: minutes(40), jitter: false, backoff: 'constant' } })
  run() {
    log.push('tried');
    throw new Error('not yet');
  }
}

let test: DurableTest;

beforeAll(async () => {
  const providers = [PlacedWorkflow, PlainWorkflow, CheckedWorkflow, LimitedWorkflow, BackingOffWorkflow];
  test = await kit(providers, { durable: { queues: { default: {}, slow: {} } } });
});

afterAll(() => test.close());

beforeEach(() => log.splice(0));

describe('queue and priority', () => {
  it("are 'default' and 0", async () => {
    const run = await test.client.start(PlainWorkflow, {});
    expect(await settled(test, run)).toMatchObject({ queue: 'default', priority: 0, status: 'completed', round: 1 });
  });

  it('are what the workflow says', async () => {
    const run = await test.client.start(PlacedWorkflow, {});
    expect(await settled(test, run)).toMatchObject({ queue: 'slow', priority: 3, status: 'completed' });
  });
});

describe('input', () => {
  it('is checked by start, which lists every violation', async () => {
    const bad = { id: 7, amount: 1.5 } as unknown as OrderInput;
    const error = present(await thrownBy(() => test.client.start(CheckedWorkflow, bad)));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(error.message).toContain('id');
    expect(error.message).toContain('amount');
    expect(await test.client.countExecutions({ workflow: CheckedWorkflow })).toBe(0);
  });

  it('that is right runs', async () => {
    const run = await test.client.start(CheckedWorkflow, { id: 'a', amount: 1 });
    expect(await settled(test, run)).toMatchObject({ status: 'completed' });
    expect(await run.result()).toEqual({ id: 'a', amount: 1, plain: true });
  });

  it('is checked again at the first claim, when who started it has no class', async () => {
    const { app, client } = await openApp(test.url, [], { workers: false });
    try {
      const run = await client.start('checked', { id: 7 });
      await test.idle();
      const error = present(await thrownBy(() => run.result()));
      expect(error).toBeInstanceOf(WorkflowFailedError);
      const cause = present((error as WorkflowFailedError).cause);
      expect(cause.name).toBe('InvalidInputError');
      expect(cause.message).toContain('id');
      expect(cause.message).toContain('amount');
      expect(log).toEqual([]);
    } finally {
      await app.close();
    }
  });
});

describe('timeout', () => {
  it('fails the run with WorkflowTimeoutError and leaves the rollback its time', async () => {
    const run = await test.client.start(LimitedWorkflow, {});
    await test.advance(hours(1) - 1);
    expect((await run.execution())?.status).toBe('waiting');
    await test.advance(1);
    expect((await run.execution())?.status).toBe('compensating');
    await test.advance(hours(3));
    expect((await run.execution())?.status).toBe('compensated');
    expect(log).toEqual(['book', 'undo 1', 'undo 2']);
    const error = present(await thrownBy(() => run.result()));
    expect(error.cause).toMatchObject({ name: 'WorkflowTimeoutError', code: expect.any(String) as string });
  });

  it('counts from the first claim', async () => {
    const run = await test.client.start(LimitedWorkflow, { ms: minutes(30) }, { delay: hours(5) });
    await test.advance(hours(5));
    await test.advance(minutes(30));
    expect((await settled(test, run)).status).toBe('completed');
  });

  it('counts backoffs', async () => {
    const run = await test.client.start(BackingOffWorkflow, {});
    await test.advance(hours(1) - 1);
    expect((await run.execution())?.status).not.toBe('failed');
    await test.advance(1);
    expect(await run.execution()).toMatchObject({ status: 'failed', error: { name: 'WorkflowTimeoutError' } });
    expect(log).toEqual(['tried', 'tried']);
  });
});

describe('concurrency', () => {
  let gates: Record<string, Gate>;
  let inside: string[];
  let most: number;
  let barrier: Barrier;

  async function enter(name: string): Promise<void> {
    inside.push(name);
    most = Math.max(most, inside.length);
    await barrier.come();
    inside.splice(inside.indexOf(name), 1);
  }

  @Workflow({ concurrency: { limit: 2 } })
  class TwoAtOnceWorkflow {
    @Step()
    first(data: { name: string }) {
      return enter(data.name);
    }
  }

  @Workflow({ concurrency: { key: (input: { customer: string }) => input.customer, limit: 1 } })
  class PerCustomerWorkflow {
    @Step()
    async first(data: { customer: string; n: number }) {
      inside.push(data.customer);
      if (inside.filter((customer) => customer === data.customer).length > 1) log.push(`two of ${data.customer}`);
      log.push(`${data.customer}${data.n}`);
      await gates[data.customer]?.promise;
      inside.splice(inside.indexOf(data.customer), 1);
    }
  }

  beforeEach(() => {
    inside = [];
    most = 0;
  });

  it('so many runs at a time, on all nodes together', async () => {
    barrier = new Barrier(2);
    const other = await kit([TwoAtOnceWorkflow]);
    const nodes = await Promise.all([openApp(other.url, [TwoAtOnceWorkflow]), openApp(other.url, [TwoAtOnceWorkflow])]);
    try {
      const items = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => ({ input: { name: `run ${n}` } }));
      const runs = await other.client.startMany(TwoAtOnceWorkflow, items);
      await Promise.all(runs.map((run) => run.result()));
      expect(most).toBe(2);
    } finally {
      await Promise.all(nodes.map(({ app }) => app.close()));
      await other.close();
    }
  });

  it('for each key', async () => {
    gates = { ann: new Gate() };
    const other = await kit([PerCustomerWorkflow]);
    try {
      const start = (customer: string, n: number) => other.client.start(PerCustomerWorkflow, { customer, n });
      const [ann] = [await start('ann', 1), await start('ann', 2)];
      const bob = await start('bob', 1);
      await bob.result();
      expect(log.sort()).toEqual(['ann1', 'bob1']);
      gates['ann']?.open();
      await ann.result();
      await other.idle();
      expect(log.sort()).toEqual(['ann1', 'ann2', 'bob1']);
    } finally {
      await other.close();
    }
  });
});

it('a higher priority goes first', async () => {
  const gate = new Gate();

  @Workflow()
  class BlockingWorkflow {
    @Step()
    async run() {
      await gate.promise;
    }
  }

  @Workflow({ priority: -1 })
  class LowWorkflow {
    @Step()
    run() {
      log.push('low');
    }
  }

  @Workflow({ priority: 1 })
  class HighWorkflow {
    @Step()
    run() {
      log.push('high');
    }
  }

  @Workflow()
  class MiddleWorkflow {
    @Step()
    run() {
      log.push('middle');
    }
  }
  const providers = [BlockingWorkflow, LowWorkflow, MiddleWorkflow, HighWorkflow];
  const busy = await kit(providers, { durable: { queues: { default: { concurrency: 1 } } } });
  try {
    const blocking = await busy.client.start(BlockingWorkflow, {});
    while ((await blocking.execution())?.status === 'pending') await new Promise((resolve) => setImmediate(resolve));
    for (const workflow of [LowWorkflow, MiddleWorkflow, HighWorkflow]) await busy.client.start(workflow, {});
    gate.open();
    await busy.idle();
    expect(log).toEqual(['high', 'middle', 'low']);
  } finally {
    await busy.close();
  }
});
