import {
  callWorkflow,
  ChildWorkflowError,
  Compensate,
  DurableWorkflow,
  hours,
  Parallel,
  sleep,
  startWorkflow,
  Step,
  unwrap,
  type ParallelResults,
  waitForEvent,
  Workflow,
} from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { begin, got, onServer, RetriedScriptWorkflow, ScriptWorkflow } from './scripts.js';
import { createDurableTest } from 'nest-durable/testing';

@Workflow({ name: 'double', queue: 'own', priority: 3 })
class DoubleWorkflow extends DurableWorkflow<{ n: number }, { n: number }> {
  @Step()
  double({ n }: { n: number }) {
    return { n: n * 2 };
  }
}

/** Fails until `failures` is used up. */
let failures = 0;

@Workflow({ name: 'failing' })
class FailingWorkflow extends DurableWorkflow<{ undo?: boolean }, { ok: boolean }> {
  @Step({ compensate: 'back' })
  begin({ undo }: { undo?: boolean }) {
    if (!undo && failures-- > 0) throw new RangeError('too far');
    return { ok: true, undo };
  }

  @Step()
  end({ undo }: { undo?: boolean }) {
    if (undo) throw new RangeError('too far');
    return { ok: true };
  }

  @Compensate()
  back() {}
}

@Workflow({ name: 'patient' })
class PatientWorkflow extends DurableWorkflow<object, { heard: unknown }> {
  @Step()
  async wait() {
    return { heard: await waitForEvent('go') };
  }
}

@Workflow({ name: 'two_calls' })
class TwoCallsWorkflow extends DurableWorkflow<object, { ids: string[] }> {
  @Step()
  async one() {
    const id = await startWorkflow(DoubleWorkflow, { n: 1 });
    return { ids: [id], called: await callWorkflow(DoubleWorkflow, { n: 2 }) };
  }

  @Step()
  async two(data: { ids: string[] }) {
    const id = await startWorkflow(DoubleWorkflow, { n: 1 });
    return { ids: [...data.ids, id], called: await callWorkflow(DoubleWorkflow, { n: 2 }) };
  }
}

@Workflow({ name: 'arms' })
class ArmsWorkflow extends DurableWorkflow<object, { left: { n: number }; right: { n: number } }> {
  @Parallel({ left: 'callLeft', right: 'callRight' })
  both(_data: object, results: ParallelResults<{ left: { n: number }; right: { n: number } }>) {
    return unwrap(results);
  }

  @Step()
  callLeft() {
    return callWorkflow(DoubleWorkflow, { n: 1 });
  }

  @Step()
  async callRight() {
    await sleep(hours(1));
    return callWorkflow(DoubleWorkflow, { n: 2 });
  }
}

let test: DurableTest;

beforeAll(async () => {
  const children = [DoubleWorkflow, FailingWorkflow, PatientWorkflow, TwoCallsWorkflow, ArmsWorkflow];
  test = await createDurableTest({ providers: [ScriptWorkflow, RetriedScriptWorkflow, ...children] }, onServer);
});

afterAll(() => test.close());

async function childOf(id: string) {
  const children = await test.client.listChildren(id);
  expect(children).toHaveLength(1);
  const [child] = children;
  if (child === undefined) throw new Error('no child');
  return child;
}

function told(error: unknown): unknown {
  if (!(error instanceof ChildWorkflowError)) return error;
  const { name, status, childId, cause } = error;
  return { name, status, childId, cause: cause === undefined ? null : { name: cause.name, message: cause.message } };
}

describe('callWorkflow()', () => {
  it("returns the child's result, typed", async () => {
    const run = await begin(test, async () => {
      const result: { n: number } = await callWorkflow(DoubleWorkflow, { n: 21 });
      // @ts-expect-error the result is { n: number }
      const wrong: { m: number } = result;
      return [result, wrong];
    });
    expect(await got(run)).toEqual([{ n: 42 }, { n: 42 }]);
    expect(await childOf(run.id)).toMatchObject({ workflow: 'double', status: 'completed', parentId: run.id });
  });

  it('checks the input against the type of the workflow', () => {
    // @ts-expect-error n is a number
    const wrong = () => callWorkflow(DoubleWorkflow, { n: 'x' });
    // @ts-expect-error n is missing
    const missing = () => startWorkflow(DoubleWorkflow, {});
    expect([wrong, missing]).toHaveLength(2);
  });

  it('takes the name of a workflow', async () => {
    const run = await begin(test, () => callWorkflow('double', { n: 1 }));
    expect(await got(run)).toEqual({ n: 2 });
  });

  it('throws ChildWorkflowError for a child that failed', async () => {
    failures = 1;
    const run = await begin(test, () => callWorkflow(FailingWorkflow, {}).catch(told));
    expect(await got(run)).toEqual({
      name: 'ChildWorkflowError',
      status: 'failed',
      childId: (await childOf(run.id)).id,
      cause: { name: 'RangeError', message: 'too far' },
    });
  });

  it('for one that was compensated', async () => {
    const run = await begin(test, () => callWorkflow(FailingWorkflow, { undo: true }).catch(told));
    expect(await got(run)).toMatchObject({ status: 'compensated', cause: { name: 'RangeError' } });
  });

  it('for one that was cancelled', async () => {
    const run = await begin(test, () => callWorkflow(PatientWorkflow, {}).catch(told));
    const { id } = await childOf(run.id);
    await test.client.cancel(id, 'not needed');
    expect(await got(run)).toMatchObject({ name: 'ChildWorkflowError', status: 'cancelled', childId: id });
  });

  it('fails the step that does not catch it, and the run with it', async () => {
    failures = 1;
    const run = await begin(test, () => callWorkflow(FailingWorkflow, {}));
    expect(await run.execution()).toMatchObject({
      status: 'failed',
      error: { name: 'ChildWorkflowError', status: 'failed', cause: { name: 'RangeError' } },
    });
  });

  it('that threw is asked anew by the next attempt', async () => {
    failures = 1;
    const run = await begin(test, () => callWorkflow(FailingWorkflow, {}), RetriedScriptWorkflow);
    await test.advance(1000);
    expect(await got(run)).toMatchObject({ ok: true });
    const children = await test.client.listChildren(run.id);
    expect(children.map(({ status }) => status)).toEqual(['failed', 'completed']);
  });

  it('that returned gives the same child when the step is tried again', async () => {
    let attempts = 0;
    const run = await begin(
      test,
      async () => {
        const result = await callWorkflow(DoubleWorkflow, { n: 4 });
        if (++attempts < 2) throw new Error('again');
        return result;
      },
      RetriedScriptWorkflow,
    );
    await test.advance(1000);
    expect(await got(run)).toEqual({ n: 8 });
    await childOf(run.id);
  });

  it('takes queue, priority and timeouts', async () => {
    const run = await begin(test, () =>
      callWorkflow(PatientWorkflow, {}, { queue: 'fast', priority: 9, timeout: hours(1), timeoutValue: 'late' }),
    );
    expect(await childOf(run.id)).toMatchObject({ queue: 'fast', priority: 9 });
    await test.advance(hours(1));
    expect(await got(run)).toBe('late');
    expect((await childOf(run.id)).status).toBe('cancelled');
  });
});

describe('startWorkflow()', () => {
  it("returns the child's id at once, and is no wait", async () => {
    let passes = 0;
    const run = await begin(test, () => {
      passes++;
      return startWorkflow(PatientWorkflow, {});
    });
    const id = await got(run);
    expect(passes).toBe(1);
    expect(await childOf(run.id)).toMatchObject({ id, workflow: 'patient', status: 'waiting' });
    await test.client.sendEvent(String(id), 'go', 'heard');
    expect(await test.client.handle(String(id)).result()).toEqual({ heard: 'heard' });
  });

  it('gives the same id in a later pass and a later attempt', async () => {
    const ids: string[] = [];
    const run = await begin(
      test,
      async () => {
        ids.push(await startWorkflow(DoubleWorkflow, { n: 1 }));
        await sleep(hours(1));
        if (ids.length < 3) throw new Error('again');
      },
      RetriedScriptWorkflow,
    );
    await test.advance(hours(1) + 1000);
    await run.result();
    expect(new Set(ids).size).toBe(1);
    expect(ids).toHaveLength(3);
    await childOf(run.id);
  });

  it('takes queue and priority', async () => {
    const run = await begin(test, () => startWorkflow(DoubleWorkflow, { n: 1 }, { queue: 'fast', priority: -2 }));
    await run.result();
    expect(await childOf(run.id)).toMatchObject({ queue: 'fast', priority: -2 });
  });
});

describe('children', () => {
  it('inherit the priority', async () => {
    const run = await test.client.start(TwoCallsWorkflow, {}, { priority: 7 });
    await run.result();
    const children = await test.client.listChildren(run.id);
    expect(children.map(({ priority }) => priority)).toEqual([7, 7, 7, 7]);
  });

  it('of two calls in two steps are two', async () => {
    const run = await test.client.start(TwoCallsWorkflow, {});
    const { ids } = await run.result();
    expect(new Set(ids).size).toBe(2);
    expect(await test.client.listChildren(run.id)).toHaveLength(4);
  });

  it('of two calls in one step are two', async () => {
    const run = await begin(test, async () => [
      await callWorkflow(DoubleWorkflow, { n: 1 }),
      await callWorkflow(DoubleWorkflow, { n: 1 }),
      ...(await Promise.all([callWorkflow(DoubleWorkflow, { n: 1 }), callWorkflow(DoubleWorkflow, { n: 2 })])),
    ]);
    expect(await got(run)).toEqual([{ n: 2 }, { n: 2 }, { n: 2 }, { n: 4 }]);
    expect(await test.client.listChildren(run.id)).toHaveLength(4);
  });

  it('work in arms', async () => {
    const run = await test.client.start(ArmsWorkflow, {});
    await test.advance(hours(1));
    expect(await run.result()).toEqual({ left: { n: 2 }, right: { n: 4 } });
    expect(await test.client.listChildren(run.id)).toHaveLength(2);
  });

  it('are the same after any crash', async () => {
    let checks = 0;
    await test.explore(
      TwoCallsWorkflow,
      {},
      {
        async check(execution, { client }) {
          checks++;
          expect(execution.status).toBe('completed');
          const children = await client.listChildren(execution.id);
          expect(children.map(({ status }) => status)).toEqual(['completed', 'completed', 'completed', 'completed']);
        },
      },
    );
    expect(checks).toBeGreaterThan(5);
  });
});
