import {
  callWorkflow,
  Compensate,
  DurableWorkflow,
  hours,
  Parallel,
  seconds,
  Step,
  stepSignal,
  waitForEvent,
  Workflow,
} from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';

interface Info {
  readonly step: string;
  readonly outcome: string;
  readonly error: { readonly name: string };
}

const undone: unknown[] = [];
const errors: string[] = [];
let begun: () => void = () => {};

function undo(data: object, { step, outcome, error }: Info): void {
  undone.push([step, outcome, data]);
  errors.push(error.name);
}

/** A step that does its work to the end, whatever becomes of the run. */
async function work(): Promise<object> {
  const signal = stepSignal();
  begun();
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve());
  });
  return { charged: true };
}

@Workflow({ name: 'charging', timeout: hours(1) })
class ChargingWorkflow extends DurableWorkflow<object> {
  @Step({ compensate: 'undo' })
  first() {
    return { first: true };
  }

  @Step({ compensate: 'undo' })
  charge() {
    return work();
  }

  @Step({ compensate: 'undo' })
  never() {
    undone.push('never');
  }

  @Compensate()
  undo(data: object, info: Info) {
    undo(data, info);
  }
}

@Workflow({ name: 'siblings' })
class SiblingsWorkflow extends DurableWorkflow<object> {
  @Parallel({ good: 'good', bad: 'bad' })
  both() {}

  @Step({ compensate: 'undo' })
  good() {
    return work();
  }

  @Step({ compensate: 'undo' })
  async bad() {
    await waitForEvent('fail');
    throw new RangeError('bad');
  }

  @Compensate()
  undo(data: object, info: Info) {
    undo(data, info);
  }
}

@Workflow({ name: 'limited', timeout: hours(1) })
class LimitedWorkflow extends DurableWorkflow<object> {
  @Step({ compensate: 'undo' })
  first() {}

  @Step()
  async wait() {
    await waitForEvent('never');
  }

  @Compensate({ retry: { maxAttempts: 2, initialDelay: hours(1), jitter: false } })
  undo(data: object, info: Info) {
    undo(data, info);
    if (undone.length === 1) throw new Error('takes longer than the run may');
  }
}

@Workflow({ name: 'stuck' })
class StuckWorkflow {
  @Step({ compensate: 'undo' })
  first() {}

  @Step()
  second() {
    throw new RangeError('second');
  }

  @Compensate()
  undo() {
    throw new Error('stuck');
  }
}

@Workflow({ name: 'caller' })
class CallerWorkflow extends DurableWorkflow<object, { told: unknown }> {
  @Step()
  async call() {
    const error: unknown = await callWorkflow(StuckWorkflow, {}).catch((thrown: unknown) => thrown);
    const { name, status, cause } = error as { name: string; status: string; cause: Error };
    return { told: [name, status, cause.name] };
  }
}

let test: DurableTest;

beforeAll(async () => {
  const providers = [ChargingWorkflow, SiblingsWorkflow, LimitedWorkflow, StuckWorkflow, CallerWorkflow];
  test = await createDurableTest({ providers }, { databaseUrl: process.env['TEST_SERVER_URL'] });
});

afterAll(() => test.close());

beforeEach(() => {
  undone.length = 0;
  errors.length = 0;
});

describe('an attempt that was running, and completes all the same, is undone', () => {
  const both = [
    ['charge', 'completed', { charged: true }],
    ['first', 'completed', { first: true }],
  ];

  it('when the run is cancelled', async () => {
    const running = new Promise<void>((resolve) => (begun = resolve));
    const run = await test.client.start(ChargingWorkflow, {});
    await running;
    await run.cancel('enough', { compensate: true });
    await expect(run.result()).rejects.toMatchObject({ name: 'WorkflowCancelledError' });
    expect(undone).toEqual(both);
  });

  it('when its time is up', async () => {
    const running = new Promise<void>((resolve) => (begun = resolve));
    const run = await test.client.start(ChargingWorkflow, {});
    await running;
    await test.advance(hours(1));
    await expect(run.result()).rejects.toMatchObject({
      status: 'compensated',
      cause: { name: 'WorkflowTimeoutError' },
    });
    expect(undone).toEqual(both);
    expect(errors).toEqual(['WorkflowTimeoutError', 'WorkflowTimeoutError']);
  });

  it('when a sibling fails', async () => {
    const running = new Promise<void>((resolve) => (begun = resolve));
    const run = await test.client.start(SiblingsWorkflow, {});
    await running;
    await run.sendEvent('fail');
    await expect(run.result()).rejects.toMatchObject({ status: 'compensated', cause: { message: 'bad' } });
    expect(undone).toEqual([['good', 'completed', { charged: true }]]);
  });
});

describe("the run's timeout", () => {
  it('undoes what was done, however long that takes', async () => {
    const run = await test.client.start(LimitedWorkflow, {});
    await test.advance(hours(1) - seconds(1));
    expect((await run.execution())?.status).toBe('waiting');
    await test.advance(hours(3));
    expect(await run.execution()).toMatchObject({ status: 'compensated', error: { name: 'WorkflowTimeoutError' } });
    expect(errors).toEqual(['WorkflowTimeoutError', 'WorkflowTimeoutError']);
  });
});

describe('a child whose rollback failed', () => {
  it('its caller is told so', async () => {
    const run = await test.client.start(CallerWorkflow, {});
    expect(await run.result()).toEqual({ told: ['ChildWorkflowError', 'compensation_failed', 'RangeError'] });
  });
});
