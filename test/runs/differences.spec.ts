import {
  callWorkflow,
  ChildWorkflowError,
  Compensate,
  Decision,
  goto,
  Parallel,
  sleep,
  Step,
  WaitTimeoutError,
  waitForEvent,
  waitForInput,
  Workflow,
} from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { kit, settled, type Thrown, thrownBy } from '../support/kit-app.js';

/** Section 7: where it differs from the Elixir original. */

const log: unknown[] = [];

@Workflow()
class ReplaceWorkflow {
  @Step()
  replace() {
    return { b: 2 };
  }
}

@Workflow()
class CollectorWorkflow {
  @Parallel(['fine', 'broken'])
  collector() {
    log.push('collector');
  }

  @Step()
  fine() {}

  @Step()
  broken() {
    throw new Error('broken arm');
  }
}

@Workflow()
class TimeoutWorkflow {
  @Step()
  async wait(data: { withValue?: boolean }) {
    if (data.withValue) {
      return { event: await waitForEvent('never', { timeout: 1_000, timeoutValue: 'none' }) };
    }
    const event = await thrownBy(() => waitForEvent('never', { timeout: 1_000 }));
    const input = await thrownBy(() => waitForInput('never', { timeout: 1_000 }));
    return { thrown: [event, input].map((error) => [error instanceof WaitTimeoutError, error?.name]) };
  }
}

@Workflow()
class EarlyWorkflow {
  @Step()
  async wait() {
    await sleep(1_000);
    return { event: await waitForEvent('early') };
  }
}

@Workflow()
class BackwardsWorkflow {
  @Step()
  count(data: { n: number }) {
    return { n: data.n + 1 };
  }

  @Decision({ goto: ['count'] })
  again(data: { n: number }) {
    return data.n < 3 ? goto('count') : undefined;
  }
}

@Workflow()
class FailingChildWorkflow {
  @Step({ compensate: 'undo' })
  book() {}

  @Step()
  fail(data: { how: string }) {
    if (data.how !== 'wait') throw new RangeError('child failed');
    return waitForEvent('never') as unknown as object;
  }

  @Compensate()
  undo() {
    log.push('undone');
  }
}

@Workflow()
class CallingWorkflow {
  @Step()
  async call(data: { how: string }) {
    const error = (await thrownBy(() => callWorkflow(FailingChildWorkflow, data))) as Thrown & { childId?: string };
    const { name, status, childId, cause } = error;
    const live = error instanceof ChildWorkflowError;
    return { name, status, childId, live, cause: cause && { message: (cause as Error).message } };
  }
}

let test: DurableTest;

beforeAll(async () => {
  const waits = [TimeoutWorkflow, EarlyWorkflow, BackwardsWorkflow, FailingChildWorkflow, CallingWorkflow];
  test = await kit([ReplaceWorkflow, CollectorWorkflow, ...waits]);
});

afterAll(() => test.close());

beforeEach(() => log.splice(0));

it("a step's returned object replaces the data", async () => {
  const run = await test.client.start(ReplaceWorkflow, { a: 1 });
  await test.idle();
  expect(await run.result()).toEqual({ b: 2 });
});

it('a collector does not imply completeAll', async () => {
  const run = await test.client.start(CollectorWorkflow, {});
  expect(await settled(test, run)).toMatchObject({ status: 'failed', error: { message: 'broken arm' } });
  expect(log).toEqual([]);
});

it('a wait that times out without a value throws', async () => {
  const run = await test.client.start(TimeoutWorkflow, {});
  await test.advance(3_000);
  const thrown = [true, 'WaitTimeoutError'];
  expect(await run.result()).toEqual({ thrown: [thrown, thrown] });
  const other = await test.client.start(TimeoutWorkflow, { withValue: true });
  await test.advance(1_000);
  expect(await other.result()).toEqual({ event: 'none' });
});

it('early events are kept', async () => {
  const run = await test.client.start(EarlyWorkflow, {});
  await run.sendEvent('early', 'bird');
  await test.advance(1_000);
  expect(await run.result()).toEqual({ event: 'bird' });
});

it('backwards jumps are allowed', async () => {
  const run = await test.client.start(BackwardsWorkflow, { n: 0 });
  await test.idle();
  expect(await run.result()).toEqual({ n: 3 });
});

describe('callWorkflow throws', () => {
  it('when the child failed and was compensated', async () => {
    const run = await test.client.start(CallingWorkflow, { how: 'fail' });
    await test.idle();
    const [child] = await test.client.listChildren(run.id);
    expect(await run.result()).toEqual({
      name: 'ChildWorkflowError',
      status: 'compensated',
      childId: child?.id,
      live: true,
      cause: { message: 'child failed' },
    });
  });

  it('when the child was cancelled', async () => {
    const run = await test.client.start(CallingWorkflow, { how: 'wait' });
    await test.idle();
    const [child] = await test.client.listChildren(run.id);
    await test.client.cancel(child?.id ?? '');
    await test.idle();
    expect(await run.result()).toMatchObject({ name: 'ChildWorkflowError', status: 'cancelled', childId: child?.id });
  });
});
