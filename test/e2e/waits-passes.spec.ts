import {
  callWorkflow,
  Compensate,
  currentAttempt,
  DurableWorkflow,
  hours,
  minutes,
  once,
  Parallel,
  seconds,
  sleep,
  Step,
  waitForAll,
  waitForApproval,
  waitForEvent,
  waitForInput,
  Workflow,
  type WorkflowHandle,
} from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';
import { Bodies, settled } from '../support/bodies.js';
import { onTestServer } from '../testing/support.js';

/** How a step with waits is called again and again, and what it sees of them. */

type Data = { body: string };
const bodies = new Bodies();
const undone: string[] = [];
const RETRY = { maxAttempts: 3, backoff: 'constant', initialDelay: 1_000, jitter: false } as const;

@Workflow({ name: 'one' })
class OneWorkflow extends DurableWorkflow<Data> {
  @Step()
  async work(data: Data) {
    return { got: await bodies.call(data.body, data) };
  }
}

@Workflow({ name: 'retried' })
class RetriedWorkflow extends DurableWorkflow<Data> {
  @Step({ retry: RETRY })
  async work(data: Data) {
    return { got: await bodies.call(data.body, data) };
  }
}

@Workflow({ name: 'limited' })
class LimitedWorkflow extends DurableWorkflow<Data> {
  @Step({ timeout: minutes(1) })
  async work(data: Data) {
    return { got: await bodies.call(data.body, data) };
  }
}

/** Undoes a booking where the step after it fails. */
@Workflow({ name: 'saga' })
class SagaWorkflow extends DurableWorkflow<Data> {
  @Step({ compensate: 'unbook' })
  book() {}

  @Step()
  async work(data: Data) {
    return { got: await bodies.call(data.body, data) };
  }

  @Compensate({ retry: { maxAttempts: 1 } })
  async unbook(data: Data & { undo?: string }) {
    undone.push(data.body);
    await bodies.call(data.undo, data, 'unbook');
  }
}

interface Arms {
  left: string;
  right: string;
  after?: string;
}

@Workflow({ name: 'lenient' })
class LenientWorkflow extends DurableWorkflow<Arms> {
  @Parallel({ left: 'goLeft', inner: 'strict' }, { onError: 'completeAll' })
  both(data: Arms, results: object) {
    return { ...data, results };
  }

  @Step({ compensate: 'undoLeft' })
  async goLeft(data: Arms) {
    return { got: await bodies.call(data.left, { ...data }, 'left') };
  }

  /** Fails as a whole with its first failure. */
  @Parallel({ right: 'goRight', other: 'fails' })
  strict() {}

  @Step()
  async goRight(data: Arms) {
    return { got: await bodies.call(data.right, { ...data }, 'right') };
  }

  @Step()
  async fails() {
    await waitForEvent('fail');
    throw new Error('this arm fails');
  }

  @Step()
  async last(data: Arms) {
    return { ...data, got: await bodies.call(data.after, { ...data }, 'after') };
  }

  @Compensate()
  undoLeft() {
    undone.push('left');
  }
}

let test: DurableTest;

beforeAll(async () => {
  const providers = [OneWorkflow, RetriedWorkflow, LimitedWorkflow, SagaWorkflow, LenientWorkflow];
  test = await createDurableTest({ providers }, onTestServer);
});

beforeEach(() => undone.splice(0));
afterAll(() => test.close());

async function start(body: () => unknown, workflow = 'one'): Promise<WorkflowHandle<unknown>> {
  const run = await test.client.start(workflow, { body: bodies.add(body) });
  await test.idle();
  return run;
}

async function gotOf(run: WorkflowHandle<unknown>): Promise<unknown> {
  await test.idle();
  return ((await run.result({ timeout: 30_000 })) as { got: unknown }).got;
}

describe('a step', () => {
  it('waits any number of times, and runs from its top each time', async () => {
    const run = await start(async () => {
      const got: unknown[] = [];
      for (let n = 0; n < 5; n++) {
        await sleep(seconds(1));
        got.push(await waitForEvent('next'), await waitForInput('say'));
      }
      return got;
    });
    for (let n = 0; n < 5; n++) {
      await test.advance(seconds(1));
      await run.sendEvent('next', n);
      await test.idle();
      await run.provideInput('say', `${n}`);
    }
    expect(await gotOf(run)).toEqual([0, '0', 1, '1', 2, '2', 3, '3', 4, '4']);
    expect(bodies.passes(run)).toBe(16);
    // The passes of an attempt are one record.
    expect(await test.client.getSteps(run.id)).toMatchObject([{ step: 'work', attempt: 1, status: 'completed' }]);
  });

  it('does what stands in `once` before a wait one time only, also beside an open wait', async () => {
    const calls: string[] = [];
    const run = await start(async () => {
      const order = await once('order', () => calls.push('order'));
      const event = waitForEvent('paid');
      const slow = once('slow', async () => {
        // Longer than a macrotask: the pass is not dropped before it is recorded.
        for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
        calls.push('slow');
        return 'slow';
      });
      return [order, await slow, await event];
    });
    await run.sendEvent('paid', 1);
    expect(await gotOf(run)).toEqual([1, 'slow', 1]);
    expect(calls).toEqual(['order', 'slow']);
    expect(bodies.passes(run)).toBe(2);
  });

  it('sees nothing of a suspension: no catch, no finally, no race, no allSettled', async () => {
    const seen: string[] = [];
    const run = await start(async () => {
      try {
        const [event] = await Promise.allSettled([waitForEvent('a'), Promise.reject(new Error('other'))]);
        seen.push('settled');
        return await Promise.race([waitForEvent('b').then((b) => [event, b]), waitForEvent('never')]);
      } catch (error) {
        seen.push('catch');
        throw error;
      } finally {
        seen.push('finally');
      }
    });
    expect(seen).toEqual([]);
    await run.sendEvent('a', 1);
    expect((await settled(test, run)).status).toBe('waiting');
    expect(seen).toEqual(['settled']);
    await run.sendEvent('b', 2);
    expect(await gotOf(run)).toEqual([{ status: 'fulfilled', value: 1 }, 2]);
    expect(seen).toEqual(['settled', 'settled', 'finally']);
    // The one that lost is closed with its step.
    expect((await test.client.listPendingEvents()).filter((event) => event.executionId === run.id)).toEqual([]);
  });

  it('has all the waits of a Promise.all registered together', async () => {
    const run = await start(() => Promise.all([waitForEvent('a'), sleep(seconds(5)), waitForInput('c')]));
    expect((await test.client.listPendingEvents()).filter((event) => event.executionId === run.id)).toHaveLength(1);
    await run.provideInput('c', 3);
    await run.sendEvent('a', 1);
    await test.advance(seconds(5));
    expect(await gotOf(run)).toEqual([1, undefined, 3]);
    expect(bodies.passes(run)).toBeLessThanOrEqual(4);
  });

  it('goes on with each of several sequences of waits, whichever is over first', async () => {
    const chain = async (name: string): Promise<unknown[]> => [
      await waitForEvent(`${name}1`),
      await waitForEvent(`${name}2`),
      await waitForEvent(`${name}3`),
    ];
    const orders = [
      ['a1', 'a2', 'a3', 'b1', 'b2', 'b3'],
      ['b1', 'b2', 'a1', 'b3', 'a2', 'a3'],
      ['b1', 'a1', 'b2', 'a2', 'b3', 'a3'],
      ['b3', 'b2', 'b1', 'a3', 'a2', 'a1'],
    ];
    for (const order of orders) {
      const run = await start(() => Promise.all([chain('a'), chain('b')]));
      for (const name of order) {
        await run.sendEvent(name, name);
        expect((await settled(test, run)).status).toBe(name === order.at(-1) ? 'completed' : 'waiting');
      }
      expect(await gotOf(run)).toEqual([['a1', 'a2', 'a3'], ['b1', 'b2', 'b3']]); // prettier-ignore
    }
  });

  it('may be late with its race: what is over first by the database wins in each pass', async () => {
    const run = await start(() => Promise.race([waitForEvent('paid'), sleep(hours(1)).then(() => 'too late')]));
    await test.advance(hours(1));
    expect(await gotOf(run)).toBe('too late');
  });

  it('counts no parked time against its timeout', async () => {
    const run = await start(async () => {
      await sleep(hours(1));
      await waitForEvent('go');
      return 'in time';
    }, 'limited');
    await test.advance(hours(2));
    await run.sendEvent('go');
    expect(await gotOf(run)).toBe('in time');
  });
});

describe('a further attempt', () => {
  it('keeps what waits have returned, values of timeouts among them, and asks anew for those that threw', async () => {
    const run = await start(async () => {
      const event = await waitForEvent('kept');
      const value = await waitForEvent('silent', { timeout: 10, timeoutValue: 'nobody' });
      const late = await waitForEvent('late', { timeout: minutes(1) });
      if (currentAttempt() === 2) throw new Error('once more');
      return [event, value, late];
    }, 'retried');
    await run.sendEvent('kept', 1);
    await test.advance(10);
    // The first attempt fails by the timeout, and the second waits for as long again.
    await test.advance(minutes(1) + RETRY.initialDelay + minutes(1) - 1);
    expect((await settled(test, run)).status).toBe('waiting');
    await run.sendEvent('late', 2);
    await test.advance(RETRY.initialDelay);
    expect(await gotOf(run)).toEqual([1, 'nobody', 2]);
    const steps = await test.client.getSteps(run.id);
    expect(steps.map(({ attempt, status, error }) => [attempt, status, error?.code ?? error?.message])).toEqual([
      [1, 'failed', 'WAIT_TIMEOUT'],
      [2, 'failed', 'once more'],
      [3, 'completed', undefined],
    ]);
  });

  it('begins though a wait of the one before is still open, and finds it again', async () => {
    const run = await start(async () => {
      const open = waitForEvent('open');
      if (currentAttempt() === 1) await Promise.all([open, waitForEvent('x', { timeout: 10 })]);
      return await open;
    }, 'retried');
    await test.advance(10);
    await test.advance(RETRY.initialDelay);
    expect(bodies.passes(run)).toBe(3);
    expect((await settled(test, run)).status).toBe('waiting');
    await run.sendEvent('open', 'found');
    expect(await gotOf(run)).toBe('found');
  });

  it('is made for a wait that was cancelled, which is asked anew', async () => {
    const run = await start(() => waitForInput('name'), 'retried');
    expect(await test.client.cancelWait(run.id, { name: 'name', reason: 'wrong person' })).toBe(1);
    await test.advance(RETRY.initialDelay);
    await run.provideInput('name', 'ann');
    expect(await gotOf(run)).toBe('ann');
    const [first] = await test.client.getSteps(run.id);
    expect(first).toMatchObject({ status: 'failed', error: { code: 'WAIT_CANCELLED', reason: 'wrong person' } });
  });
});

describe('a pass that asks for other waits than the one before', () => {
  it('pauses the run, undoes nothing, and goes on when the code is mended', async () => {
    const body = bodies.add(async () => [await waitForEvent('a'), await waitForEvent('b')]);
    const run = await test.client.start(SagaWorkflow, { body });
    await run.sendEvent('a', 1);
    await test.idle();
    bodies.replace(body, async () => [await waitForEvent('new'), await waitForEvent('a'), await waitForEvent('b')]);
    await run.sendEvent('b', 2);
    expect(await settled(test, run)).toMatchObject({
      status: 'paused',
      error: {
        name: 'NonDeterministicStepError', code: 'NON_DETERMINISTIC_STEP', step: 'work',
        recorded: expect.stringContaining('event "a"'), asked: expect.stringContaining('event "new"'),
      },
    }); // prettier-ignore
    expect(undone).toEqual([]);
    // Resumed with the same code it is paused again.
    await run.resume();
    expect((await settled(test, run)).status).toBe('paused');
    bodies.replace(body, async () => [await waitForEvent('a'), await waitForEvent('b'), await waitForEvent('c')]);
    await run.resume();
    await run.sendEvent('c', 3);
    expect(await gotOf(run)).toEqual([1, 2, 3]);
    expect(await run.execution()).toMatchObject({ status: 'completed', error: null });
    expect(undone).toEqual([]);
  });
});

describe("onTimeout: 'fail'", () => {
  it('fails the run whatever the step catches, and undoes what was done', async () => {
    const run = await start(async () => {
      try {
        return await waitForApproval('ok', { timeout: minutes(1), onTimeout: 'fail' });
      } catch {
        return 'caught';
      }
    }, 'saga');
    await test.advance(minutes(1));
    expect(await settled(test, run)).toMatchObject({
      status: 'compensated',
      error: { code: 'WAIT_TIMEOUT' },
      compensationResults: [{ step: 'book', compensation: 'unbook', status: 'completed' }],
    });
    expect(undone).toHaveLength(1);
    expect(bodies.passes(run)).toBe(1);
  });

  it('of two waits at once makes one failure', async () => {
    const options = { timeout: minutes(1), onTimeout: 'fail' } as const;
    const run = await start(() => Promise.all([waitForEvent('a', options), waitForAll(['b'], options)]), 'retried');
    await test.advance(minutes(1));
    expect((await settled(test, run)).status).toBe('failed');
    expect(await test.client.getSteps(run.id)).toMatchObject([{ attempt: 1, status: 'failed' }]);
  });

  it('fails the run out of an arm that failures are collected from', async () => {
    const run = await test.client.start(LenientWorkflow, {
      left: bodies.add(() => 'left'),
      right: bodies.add(() => waitForEvent('x', { timeout: minutes(1), onTimeout: 'fail' })),
    });
    await test.advance(minutes(1));
    expect(await settled(test, run)).toMatchObject({ status: 'compensated', error: { code: 'WAIT_TIMEOUT' } });
    expect(undone).toEqual(['left']);
    expect((await test.client.listPendingEvents()).filter((event) => event.executionId === run.id)).toEqual([]);
  });
});

describe('an arm that is given up', () => {
  it('takes no event any more, and its inputs are not listed', async () => {
    const run = await test.client.start(LenientWorkflow, {
      left: bodies.add(() => waitForEvent('left')),
      right: bodies.add(() => Promise.all([waitForEvent('go'), waitForInput('say')])),
      after: bodies.add(() => waitForEvent('go')),
    });
    await test.idle();
    expect(await test.client.listPendingInputs({ executionId: run.id })).toHaveLength(1);
    await run.sendEvent('fail');
    await test.idle();
    expect(await test.client.listPendingInputs({ executionId: run.id })).toEqual([]);
    // For nobody now; the step after the arms is the first to ask for it.
    await run.sendEvent('go', 'went');
    await run.sendEvent('left', 1);
    expect(await gotOf(run)).toBe('went');
  });
});

describe('a compensation', () => {
  it('does not wait: that fails it, and says what to do instead', async () => {
    for (const wait of [() => sleep(1), () => waitForEvent('x'), () => callWorkflow(OneWorkflow, { body: '' })]) {
      const undo = bodies.add(wait);
      const body = bodies.add(() => {
        throw new Error('fails');
      });
      const run = await test.client.start(SagaWorkflow, { body, undo } as Data);
      expect(await settled(test, run)).toMatchObject({
        status: 'compensation_failed',
        compensationResults: [{ status: 'failed', error: { code: 'WAIT_IN_COMPENSATION' } }],
      });
    }
  });
});
