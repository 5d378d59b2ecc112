import { DurableWorkflow, once, sleep, Step, Workflow, workflowId } from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';

const recorded: string[] = [];
let reached: () => void = () => {};
let hold = true;

@Workflow({ name: 'worked' })
class WorkedWorkflow extends DurableWorkflow<object, { a: number; b: number }> {
  @Step()
  a() {
    recorded.push('a');
    return { a: 1 };
  }

  @Step()
  async b(data: { a: number }) {
    recorded.push('b');
    await once('effect', () => {
      recorded.push('effect');
    });
    reached();
    if (hold) await new Promise(() => {});
    return { ...data, b: 2 };
  }
}

/** How often each run did what it does, by its id. */
const effects = new Map<string, number>();

function effect(): void {
  effects.set(workflowId(), (effects.get(workflowId()) ?? 0) + 1);
}

@Workflow({ name: 'unsafe' })
class UnsafeWorkflow {
  @Step()
  pay() {
    effect();
  }
}

test('without arguments the database is an embedded one that nobody has to start', async () => {
  const before = process.env['DATABASE_URL'];
  delete process.env['DATABASE_URL'];
  const own = await createDurableTest({ providers: [UnsafeWorkflow] });
  try {
    const run = await own.client.start(UnsafeWorkflow, { n: 1 });
    expect(await run.result()).toEqual({ n: 1 });
    await own.advance(1000);
    await own.idle();
  } finally {
    await own.close();
    if (before !== undefined) process.env['DATABASE_URL'] = before;
  }
});

describe('a crash', () => {
  let kit: DurableTest;

  beforeAll(async () => {
    kit = await createDurableTest(
      { providers: [WorkedWorkflow, UnsafeWorkflow] },
      { databaseUrl: process.env['TEST_SERVER_URL'] },
    );
  });

  afterAll(() => kit.close());

  it('drops the workers as a kill would: what was recorded is not done again, what was not is', async () => {
    const inB = new Promise<void>((resolve) => (reached = resolve));
    const run = await kit.client.start(WorkedWorkflow, {});
    await inB;
    await kit.crash();
    expect((await run.execution())?.status).toBe('running');
    hold = false;
    await kit.restart();
    expect(await run.result()).toEqual({ a: 1, b: 2 });
    expect(recorded).toEqual(['a', 'b', 'effect', 'b']);
  });

  it('may come many times', async () => {
    const run = await kit.client.start(WorkedWorkflow, {});
    for (let n = 0; n < 5; n++) {
      await kit.crash();
      await kit.restart();
    }
    expect(await run.result()).toEqual({ a: 1, b: 2 });
  });

  it('of a test does not touch another', async () => {
    const other = await createDurableTest(
      { providers: [UnsafeWorkflow] },
      { databaseUrl: process.env['TEST_SERVER_URL'] },
    );
    await kit.crash();
    const run = await other.client.start(UnsafeWorkflow, {});
    await run.result();
    expect(await kit.client.getExecution(run.id)).toBeNull();
    await other.close();
    await kit.restart();
  });
});

describe('explore()', () => {
  @Workflow({ name: 'payment' })
  class PaymentWorkflow extends DurableWorkflow<{ amount: number }, { paid: number; slept: boolean }> {
    @Step()
    async pay({ amount }: { amount: number }) {
      const paid = await once('pay', () => {
        effect();
        return amount;
      });
      return { paid };
    }

    @Step()
    async rest(data: { paid: number }) {
      await sleep(86_400_000);
      return { ...data, slept: true };
    }
  }

  let kit: DurableTest;

  beforeAll(async () => {
    kit = await createDurableTest(
      { providers: [PaymentWorkflow, UnsafeWorkflow] },
      { databaseUrl: process.env['TEST_SERVER_URL'] },
    );
  });

  afterAll(() => kit.close());

  it('runs it once for every commit, and calls check with the execution each time', async () => {
    const ids: string[] = [];
    const counts: number[] = [];
    await kit.explore(
      PaymentWorkflow,
      { amount: 7 },
      {
        check(execution) {
          expect(execution).toMatchObject({
            workflow: 'payment',
            status: 'completed',
            input: { amount: 7 },
            data: { paid: 7, slept: true },
          });
          ids.push(execution.id);
          counts.push(effects.get(execution.id) ?? 0);
        },
      },
    );
    // Its claim, once, two steps, the wait.
    expect(ids.length).toBeGreaterThanOrEqual(5);
    expect(new Set(ids).size).toBe(ids.length);
    // A crash between the effect and its record: that is what idempotency is for.
    expect(new Set(counts)).toEqual(new Set([1, 2]));
  });

  it('proves that a workflow is not safe', async () => {
    const found = kit.explore(
      UnsafeWorkflow,
      {},
      {
        check(execution) {
          expect(effects.get(execution.id)).toBe(1);
        },
      },
    );
    await expect(found).rejects.toThrow(/Expected: .*1/);
  });

  it('rejects when check rejects', async () => {
    const check = () => Promise.reject(new Error('not as it should be'));
    await expect(kit.explore(UnsafeWorkflow, {}, { check })).rejects.toThrow(/not as it should be/);
  });

  it('leaves the test usable', async () => {
    const run = await kit.client.start(UnsafeWorkflow, {});
    await run.result();
    expect(effects.get(run.id)).toBe(1);
  });

  it('takes the input of the workflow', () => {
    // @ts-expect-error amount is a number
    const wrong = () => kit.explore(PaymentWorkflow, { amount: 'x' }, { check() {} });
    // @ts-expect-error check is what it is for
    const missing = () => kit.explore(PaymentWorkflow, { amount: 1 }, {});
    expect([wrong, missing]).toHaveLength(2);
  });
});
