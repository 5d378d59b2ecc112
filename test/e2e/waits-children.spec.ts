import {
  callWorkflow,
  ChildWorkflowError,
  Compensate,
  currentAttempt,
  DurableWorkflow,
  FatalError,
  ForEach,
  minutes,
  Parallel,
  seconds,
  sleep,
  startWorkflow,
  Step,
  stepManager,
  waitForEvent,
  waitForText,
  waitForInput,
  Workflow,
  type WorkflowHandle,
} from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';
import { DataSource, type EntityManager } from 'typeorm';
import { Bodies, settled } from '../support/bodies.js';
import { onTestServer } from '../testing/support.js';

/** Children: called and started, from steps, arms and items, to whatever end. */

type Data = { body?: string; second?: string; undo?: string };
const bodies = new Bodies();
const RETRY = { maxAttempts: 2, backoff: 'constant', initialDelay: 1_000, jitter: false } as const;

/** Two steps in one sequence. */
@Workflow({ name: 'parent', priority: 3 })
class ParentWorkflow extends DurableWorkflow<Data> {
  @Step({ retry: RETRY })
  async work(data: Data) {
    return { ...data, got: await bodies.call(data.body, data) };
  }

  @Step()
  async second(data: Data) {
    return { ...data, more: await bodies.call(data.second, data, 'second') };
  }
}

@Workflow({ name: 'child', queue: 'children' })
class ChildWorkflow extends DurableWorkflow<Data & { n?: number }> {
  @Step({ compensate: 'undo' })
  book() {}

  @Step()
  async work(data: Data) {
    return { ...data, got: await bodies.call(data.body, data) };
  }

  @Compensate({ retry: { maxAttempts: 1 } })
  async undo(data: Data) {
    await bodies.call(data.undo, data, 'undo');
  }
}

@Workflow({ name: 'plain' })
class PlainWorkflow extends DurableWorkflow<{ n?: number; fail?: boolean }, { n?: number }> {
  @Step()
  work({ n, fail }: { n?: number; fail?: boolean }) {
    if (fail === true) throw new FatalError(`child ${n} fails`);
    return { n: (n ?? 0) * 2 };
  }
}

/** A calls B, which calls C. */
@Workflow({ name: 'a' })
class AWorkflow {
  @Step()
  async call() {
    return { a: await callWorkflow(BWorkflow, {}) };
  }
}

@Workflow({ name: 'b' })
class BWorkflow extends DurableWorkflow<object, object> {
  @Step()
  async call() {
    await waitForEvent('go');
    return { b: await callWorkflow(CWorkflow, {}, { ref: 'c' }) };
  }
}

@Workflow({ name: 'c' })
class CWorkflow extends DurableWorkflow<object, object> {
  @Step()
  async ask() {
    return { c: await waitForInput('answer') };
  }
}

@Workflow({ name: 'many' })
class ManyWorkflow extends DurableWorkflow<{ items: number[] }> {
  @ForEach('each', { onError: 'completeAll' })
  items(data: { items: number[] }) {
    return data.items;
  }

  @Step()
  async each(n: number) {
    // The same ref in each item is another child.
    const { n: twice } = await callWorkflow(PlainWorkflow, { n, fail: n === 3 }, { ref: 'one' });
    return twice;
  }
}

@Workflow({ name: 'fragile' })
class FragileWorkflow extends DurableWorkflow<{ child: string }> {
  @Parallel(['calls', 'starts', 'fails'])
  all() {}

  @Step()
  async calls(data: { child: string }) {
    await callWorkflow(ChildWorkflow, { body: data.child });
  }

  @Step()
  async starts(data: { child: string }) {
    await startWorkflow(ChildWorkflow, { body: data.child });
    await waitForEvent('never');
  }

  @Step()
  async fails() {
    await waitForEvent('fail');
    throw new Error('this arm fails');
  }
}

@Workflow({ name: 'again', maxRetries: 1 })
class AgainWorkflow extends DurableWorkflow<Data> {
  @Step()
  async work(data: Data) {
    return { got: await bodies.call(data.body, data) };
  }
}

@Workflow({ name: 'booking' })
class BookingWorkflow extends DurableWorkflow<{ fail: boolean }> {
  @Step({ transactional: true, retry: RETRY })
  async book({ fail }: { fail: boolean }) {
    await stepManager<EntityManager>().query('INSERT INTO bookings VALUES (1)');
    const one = await startWorkflow(PlainWorkflow, { n: 1 }, { ref: 'one' });
    const same = await startWorkflow(PlainWorkflow, { n: 1 }, { ref: 'one' });
    const other = await startWorkflow(PlainWorkflow, { n: 2 });
    if (fail || currentAttempt() === 1) throw new Error('rolled back');
    return { one, same, other };
  }
}

@Workflow({ name: 'holding' })
class HoldingWorkflow extends DurableWorkflow<{ body: string }> {
  @Step({ transactional: true, retry: { maxAttempts: 5 } })
  async book(data: { body: string }) {
    await bodies.call(data.body, data);
  }
}

let test: DurableTest;
let dataSource: DataSource;

beforeAll(async () => {
  test = await createDurableTest((url) => {
    dataSource = new DataSource({ type: 'postgres', url });
    const providers = [
      ParentWorkflow, ChildWorkflow, PlainWorkflow, AWorkflow, BWorkflow, CWorkflow, ManyWorkflow, FragileWorkflow,
      AgainWorkflow, BookingWorkflow, HoldingWorkflow,
    ]; // prettier-ignore
    return { dataSource, providers };
  }, onTestServer);
  await dataSource.query('CREATE TABLE bookings (n integer)');
});

afterAll(() => test.close());

async function start(
  work: () => unknown,
  second: () => unknown = () => null,
  workflow = 'parent',
): Promise<WorkflowHandle<unknown>> {
  const run = await test.client.start(workflow, { body: bodies.add(work), second: bodies.add(second) });
  await test.idle();
  return run;
}

async function gotOf(run: WorkflowHandle<unknown>): Promise<{ got: unknown; more?: unknown }> {
  await test.idle();
  return (await run.result({ timeout: 30_000 })) as { got: unknown; more?: unknown };
}

function childrenOf({ id }: { id: string }) {
  return test.client.listChildren(id);
}

describe('callWorkflow', () => {
  it('gives the result of the child; one for each call, over passes and attempts', async () => {
    const run = await start(
      async () => {
        const first = await callWorkflow(PlainWorkflow, { n: 1 });
        const both = await Promise.all([callWorkflow(PlainWorkflow, { n: 2 }), callWorkflow('plain', { n: 3 })]);
        await waitForEvent('go');
        if (currentAttempt() === 1) throw new Error('once more');
        return [first, ...both];
      },
      () => callWorkflow(PlainWorkflow, { n: 1 }),
    );
    await run.sendEvent('go');
    await test.advance(RETRY.initialDelay);
    expect(await gotOf(run)).toMatchObject({ got: [{ n: 2 }, { n: 4 }, { n: 6 }], more: { n: 2 } });
    expect(await childrenOf(run)).toHaveLength(4);
  });

  it('takes queue and priority, which are else those of the child and of the parent', async () => {
    const wait = bodies.add(() => waitForEvent('never'));
    const run = await start(() =>
      Promise.all([
        callWorkflow(ChildWorkflow, { body: wait }),
        callWorkflow(ChildWorkflow, { body: wait }, { queue: 'default', priority: -7 }),
      ]),
    );
    const children = await childrenOf(run);
    expect(children.map(({ queue, priority }) => `${queue} ${priority}`).toSorted()).toEqual([
      'children 3',
      'default -7',
    ]);
    for (const child of children) expect(child).toMatchObject({ parentId: run.id, status: 'waiting' });
    await run.cancel();
  });

  it('throws when the child failed, was compensated or cancelled', async () => {
    const fails = bodies.add(() => {
      throw new FatalError('no');
    });
    const waits = bodies.add(() => waitForEvent('never'));
    const errorOf = (call: Promise<unknown>) =>
      call.catch((error: unknown) => {
        if (!(error instanceof ChildWorkflowError)) throw error;
        const { status, childId, code, workflow, cause } = error;
        return { status, code, workflow, isId: childId.length === 36, cause: cause?.code ?? cause?.name };
      });
    const run = await start(async () => [
      await errorOf(callWorkflow(PlainWorkflow, { fail: true })),
      await errorOf(callWorkflow(ChildWorkflow, { body: fails })),
      await errorOf(callWorkflow(ChildWorkflow, { body: fails, undo: fails })),
      await errorOf(callWorkflow(ChildWorkflow, { body: waits })),
    ]);
    const active = (await childrenOf(run)).find(({ status }) => status === 'waiting');
    await test.client.cancel(active?.id ?? '', 'not wanted');
    const error = (workflow: string, status: string, cause: string) => ({ status, code: 'CHILD_WORKFLOW', workflow, isId: true, cause }); // prettier-ignore
    expect((await gotOf(run)).got).toEqual([
      error('plain', 'failed', 'FATAL'),
      error('child', 'compensated', 'FATAL'),
      error('child', 'compensation_failed', 'FATAL'),
      error('child', 'cancelled', 'WORKFLOW_CANCELLED'),
    ]);
  });

  it('makes another child in the next attempt after one that failed', async () => {
    const run = await start(() => callWorkflow(PlainWorkflow, { n: 1, fail: currentAttempt() === 1 }));
    await test.advance(RETRY.initialDelay);
    expect((await gotOf(run)).got).toEqual({ n: 2 });
    expect((await childrenOf(run)).map(({ status }) => status).toSorted()).toEqual(['completed', 'failed']);
  });

  it('cancels the child when it times out, with all that is under it', async () => {
    const wait = bodies.add(() => waitForEvent('never'));
    const nested = bodies.add(() => callWorkflow(ChildWorkflow, { body: wait }));
    const run = await start(async () => {
      const value = await callWorkflow(ChildWorkflow, { body: nested }, { timeout: minutes(1), timeoutValue: null });
      const thrown = await callWorkflow(ChildWorkflow, { body: wait }, { timeout: minutes(1) }).catch(
        ({ code }) => code,
      );
      return [value, thrown];
    });
    await test.advance(minutes(2));
    expect((await gotOf(run)).got).toEqual([null, 'WAIT_TIMEOUT']);
    const children = await childrenOf(run);
    const grandchildren = await Promise.all(children.map(childrenOf));
    expect([...children, ...grandchildren.flat()].map(({ status }) => status)).toEqual(Array(3).fill('cancelled'));
  });

  it('that fails the run by its timeout cancels the child as well', async () => {
    const wait = bodies.add(() => waitForEvent('never'));
    const run = await start(() =>
      callWorkflow(ChildWorkflow, { body: wait }, { timeout: minutes(1), onTimeout: 'fail' }).catch(() => 'caught'),
    );
    await test.advance(minutes(1));
    expect(await settled(test, run)).toMatchObject({ status: 'failed', error: { code: 'WAIT_TIMEOUT' } });
    expect(await childrenOf(run)).toMatchObject([{ status: 'cancelled' }]);
  });

  it('refuses a workflow that is none, and options that are none', async () => {
    const wrong = [
      () => callWorkflow('nobody', {}),
      () => callWorkflow(PlainWorkflow, {}, { ref: '' }),
      () => callWorkflow(PlainWorkflow, {}, { priority: 0.5 }),
      () => callWorkflow(PlainWorkflow, {}, { timeout: -5 }),
      () => startWorkflow(PlainWorkflow, { n: (() => {}) as never }),
    ];
    for (const call of wrong) {
      const run = await start(() => call().catch((error: { code: string }) => error.code));
      expect((await gotOf(run)).got).toMatch(/^(WORKFLOW_NOT_FOUND|INVALID_INPUT|SERIALIZATION)$/);
    }
  });
});

describe('a ref', () => {
  it('names one child for its sequence and visit', async () => {
    const run = await start(
      async () => {
        const [one, same] = await Promise.all([
          startWorkflow(PlainWorkflow, { n: 5 }, { ref: 'x' }),
          startWorkflow(PlainWorkflow, { n: 5 }, { ref: 'x' }),
        ]);
        return [one, same, await startWorkflow(PlainWorkflow, { n: 5 }, { ref: 'y' })];
      },
      async () => [
        await startWorkflow(PlainWorkflow, { n: 5 }, { ref: 'x' }),
        // It has ended long since.
        await callWorkflow(PlainWorkflow, { n: 5 }, { ref: 'y' }),
        ...(await Promise.all([
          callWorkflow(PlainWorkflow, { n: 6 }, { ref: 'z' }),
          callWorkflow(PlainWorkflow, { n: 6 }, { ref: 'z' }),
        ])),
      ],
    );
    const { got, more } = (await gotOf(run)) as { got: string[]; more: unknown[] };
    expect(got[1]).toBe(got[0]);
    expect(got[2]).not.toBe(got[0]);
    expect(more).toEqual([got[0], { n: 10 }, { n: 12 }, { n: 12 }]);
    expect(await childrenOf(run)).toHaveLength(3);
  });

  it('is not for another workflow, nor another input', async () => {
    const conflict = (call: Promise<unknown>) => call.catch((error: { code: string; message: string }) => error.code);
    const run = await start(
      () => startWorkflow(PlainWorkflow, { n: 1 }, { ref: 'x' }),
      async () => [
        await conflict(startWorkflow(PlainWorkflow, { n: 2 }, { ref: 'x' })),
        await conflict(callWorkflow(CWorkflow, { n: 1 }, { ref: 'x' })),
      ],
    );
    expect((await gotOf(run)).more).toEqual(['REF_CONFLICT', 'REF_CONFLICT']);
    const failing = await start(
      () => startWorkflow(PlainWorkflow, { n: 1 }, { ref: 'x' }),
      () => callWorkflow(PlainWorkflow, { n: 2 }, { ref: 'x' }),
    );
    expect(await settled(test, failing)).toMatchObject({ status: 'failed', error: { code: 'REF_CONFLICT' } });
  });
});

describe('startWorkflow', () => {
  it('gives the same child to each pass and attempt, and does not wait for it', async () => {
    const ids: string[] = [];
    const run = await start(async () => {
      ids.push(await startWorkflow(PlainWorkflow, { n: 1 }), await startWorkflow(PlainWorkflow, { n: 1 }));
      await sleep(seconds(1));
      if (currentAttempt() === 1) throw new Error('once more');
      return 'done';
    });
    await test.advance(seconds(1) + RETRY.initialDelay);
    expect((await gotOf(run)).got).toBe('done');
    expect(ids).toHaveLength(6);
    expect(new Set(ids).size).toBe(2);
    expect((await childrenOf(run)).map(({ id }) => id).toSorted()).toEqual([...new Set(ids)].toSorted());
  });

  it('joins the transaction of its step: a rollback forgets it', async () => {
    const failed = await test.client.start(BookingWorkflow, { fail: true });
    const run = await test.client.start(BookingWorkflow, { fail: false });
    await test.idle();
    await test.advance(RETRY.initialDelay);
    expect((await settled(test, failed)).status).toBe('failed');
    expect(await childrenOf(failed)).toEqual([]);
    const { one, same, other } = (await run.result()) as Record<string, string>;
    expect(same).toBe(one);
    expect(await childrenOf(run)).toHaveLength(2);
    for (const id of [one, other])
      expect(await test.client.handle(id ?? '').execution()).toMatchObject({ status: 'completed' });
    expect(await dataSource.query('SELECT FROM bookings')).toHaveLength(1);
  });

  it('is all of it that a transactional step can do: it does not wait', async () => {
    for (const wait of [
      () => sleep(1),
      () => waitForEvent('x'),
      () => waitForInput('x'),
      () => callWorkflow(PlainWorkflow, {}),
    ]) {
      const run = await test.client.start(HoldingWorkflow, { body: bodies.add(wait) });
      expect(await settled(test, run)).toMatchObject({ status: 'failed', error: { code: 'WAIT_IN_TRANSACTION' } });
      // Another attempt would do the same.
      expect(await test.client.getSteps(run.id)).toHaveLength(1);
    }
  });
});

describe('families', () => {
  it('of three generations: the answer goes up, a cancel goes down', async () => {
    const family = async () => {
      const a = await test.client.start(AWorkflow, {});
      await test.idle();
      const [b] = await childrenOf(a);
      await test.client.sendEvent(b?.id ?? '', 'go');
      await test.idle();
      const [c] = await childrenOf({ id: b?.id ?? '' });
      return [a.id, b?.id ?? '', c?.id ?? ''] as const;
    };
    const [a, , c] = await family();
    await test.client.provideInput(c, 'answer', 42);
    await test.idle();
    expect(await test.client.handle(a).result()).toEqual({ a: { b: { c: 42 } } });

    const cancelled = await family();
    await test.client.cancel(cancelled[0], 'no more');
    await test.idle();
    for (const id of cancelled) expect(await test.client.getExecution(id)).toMatchObject({ status: 'cancelled' });
    expect(await test.client.listPendingInputs({ executionId: cancelled[2] })).toEqual([]);

    // The failure of the last one goes up all the way.
    const failed = await family();
    await test.client.cancel(failed[2], 'this one');
    await test.idle();
    expect(await test.client.getExecution(failed[0])).toMatchObject({
      status: 'failed',
      error: { code: 'CHILD_WORKFLOW', cause: { code: 'CHILD_WORKFLOW', cause: { code: 'WORKFLOW_CANCELLED' } } },
    });
  });

  it('in items: each its own child, failures collected', async () => {
    const run = await test.client.start(ManyWorkflow, { items: [1, 2, 3, 4, 5] });
    await test.idle();
    const { __results__: results } = (await run.result()) as { __results__: { status: string; value?: number }[] };
    expect(results.map(({ value }) => value)).toEqual([2, 4, undefined, 8, 10]);
    expect(results[2]).toMatchObject({ status: 'rejected', reason: { code: 'CHILD_WORKFLOW', status: 'failed' } });
    expect(await childrenOf(run)).toHaveLength(5);
  });

  it('whose parent fails lose their active children, called and started', async () => {
    const run = await test.client.start(FragileWorkflow, { child: bodies.add(() => waitForEvent('never')) });
    await test.idle();
    expect((await childrenOf(run)).map(({ status }) => status)).toEqual(['waiting', 'waiting']);
    await run.sendEvent('fail');
    expect((await settled(test, run)).status).toBe('failed');
    expect((await childrenOf(run)).map(({ status }) => status)).toEqual(['cancelled', 'cancelled']);
  });

  it('begin anew with each round of the parent', async () => {
    const wait = bodies.add(() => waitForEvent('done'));
    const run = await start(
      async () => {
        const id = await startWorkflow(ChildWorkflow, { body: wait }, { ref: 'x' });
        // Asked for anew in each round, where an event would be taken again.
        await waitForText('fail');
        throw new Error(id);
      },
      undefined,
      'again',
    );
    await test.idle();
    await run.provideInput('fail', 'now');
    await test.idle();
    await test.advance(minutes(1));
    expect((await settled(test, run)).round).toBe(2);
    expect((await childrenOf(run)).map(({ status }) => status).toSorted()).toEqual(['cancelled', 'waiting']);
    await run.provideInput('fail', 'now');
    expect((await settled(test, run)).status).toBe('failed');
    expect((await childrenOf(run)).map(({ status }) => status)).toEqual(['cancelled', 'cancelled']);
  });
});
