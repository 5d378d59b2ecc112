import {
  callWorkflow,
  Compensate,
  DurableWorkflow,
  Parallel,
  seconds,
  startWorkflow,
  Step,
  stepSignal,
  waitForEvent,
  waitForInput,
  Workflow,
} from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';

const undone: string[] = [];
let begun: () => void = () => {};
let aborted = false;

@Workflow({ name: 'waiting_child' })
class WaitingChildWorkflow {
  @Step()
  async wait() {
    await waitForInput('child');
  }
}

interface Data {
  readonly how?: string;
}

@Workflow({ name: 'parent' })
class ParentWorkflow extends DurableWorkflow<Data> {
  @Step({ compensate: 'undo' })
  async first({ how }: Data) {
    if (how === 'starts') await startWorkflow(WaitingChildWorkflow, {});
  }

  @Step({ compensate: 'undo' })
  async second({ how }: Data) {
    begun();
    if (how === 'runs') {
      const signal = stepSignal();
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => {
          aborted = true;
          resolve();
        });
      });
      return;
    }
    await Promise.all([waitForEvent('event'), waitForInput('input'), callWorkflow(WaitingChildWorkflow, {})]);
  }

  @Compensate()
  undo(_data: object, { step }: { step: string }) {
    undone.push(step);
  }
}

@Workflow({ name: 'fan' })
class FanWorkflow extends DurableWorkflow<object> {
  @Step({ compensate: 'undo' })
  before() {}

  @Parallel({ waits: 'waits', calls: 'calls', fails: 'fails' })
  all() {}

  @Step()
  async waits() {
    await Promise.all([waitForEvent('fan event'), waitForInput('fan input')]);
  }

  @Step()
  async calls() {
    await callWorkflow(WaitingChildWorkflow, {});
  }

  @Step()
  async fails() {
    await waitForEvent('fail');
    throw new RangeError('one arm');
  }

  @Compensate({ retry: { maxAttempts: 2, backoff: 'constant', initialDelay: seconds(10), jitter: false } })
  undo() {
    undone.push('undo');
    if (undone.length === 1) throw new Error('not yet');
  }
}

@Workflow({ name: 'caller' })
class CallerWorkflow extends DurableWorkflow<object, { told: unknown }> {
  @Step()
  async call() {
    const told: unknown = await callWorkflow(FanWorkflow, {}).catch((error: unknown) => error);
    const { name, status } = told as { name: string; status: string };
    return { told: [name, status] };
  }
}

@Workflow({ name: 'nothing' })
class NothingWorkflow {
  @Step()
  async wait() {
    await waitForEvent('never');
  }
}

let test: DurableTest;

beforeAll(async () => {
  const providers = [WaitingChildWorkflow, ParentWorkflow, FanWorkflow, CallerWorkflow, NothingWorkflow];
  test = await createDurableTest({ providers }, { databaseUrl: process.env['TEST_SERVER_URL'] });
});

afterAll(() => test.close());

beforeEach(() => {
  undone.length = 0;
  aborted = false;
});

async function openOf(id: string): Promise<string[]> {
  const events = await test.client.listPendingEvents({ limit: 1000 });
  const inputs = await test.client.listPendingInputs({ executionId: id });
  return [
    ...events.filter(({ executionId }) => executionId === id).map(({ eventName }) => eventName),
    ...inputs.map(({ name }) => name),
  ].sort();
}

describe('cancel() with compensate', () => {
  it('closes the open waits, cancels the active children, and undoes what was done', async () => {
    const run = await test.client.start(ParentWorkflow, {});
    await test.idle();
    const [child] = await test.client.listChildren(run.id);
    expect(await openOf(run.id)).toEqual(['event', 'input']);
    expect(await openOf(child?.id ?? '')).toEqual(['child']);
    expect(await run.cancel('changed my mind', { compensate: true })).toBe(true);
    await test.idle();
    expect(undone).toEqual(['first']);
    const execution = await run.execution();
    expect(execution).toMatchObject({ status: 'compensated', compensatedAt: expect.any(Date) as Date });
    expect(execution?.compensationResults).toEqual([{ step: 'first', compensation: 'undo', status: 'completed' }]);
    expect(await openOf(run.id)).toEqual([]);
    expect(await openOf(child?.id ?? '')).toEqual([]);
    expect((await test.client.getExecution(child?.id ?? ''))?.status).toBe('cancelled');
    await expect(run.result()).rejects.toMatchObject({ name: 'WorkflowCancelledError' });
  });

  it('cancels children that were only started, too', async () => {
    const run = await test.client.start(ParentWorkflow, { how: 'starts' });
    await test.idle();
    expect(await test.client.listChildren(run.id, { status: 'waiting' })).toHaveLength(2);
    await run.cancel(undefined, { compensate: true });
    await test.idle();
    expect(await test.client.listChildren(run.id, { status: 'cancelled' })).toHaveLength(2);
  });

  it('aborts a running attempt, settles it, and then undoes', async () => {
    const running = new Promise<void>((resolve) => (begun = resolve));
    const run = await test.client.start(ParentWorkflow, { how: 'runs' });
    await running;
    await run.cancel(undefined, { compensate: true });
    await expect(run.result()).rejects.toMatchObject({ name: 'WorkflowCancelledError' });
    expect(aborted).toBe(true);
    expect((await run.execution())?.status).toBe('compensated');
    expect(undone.slice(-1)).toEqual(['first']);
  });

  it('with nothing to undo the run is cancelled', async () => {
    const run = await test.client.start(NothingWorkflow, {});
    await test.idle();
    await run.cancel('enough', { compensate: true });
    await test.idle();
    expect(await run.execution()).toMatchObject({ status: 'cancelled', compensationResults: [], compensatedAt: null });
    await expect(run.result()).rejects.toMatchObject({ name: 'WorkflowCancelledError' });
  });
});

describe('cancel() without it', () => {
  it('undoes nothing', async () => {
    const run = await test.client.start(ParentWorkflow, {});
    await test.idle();
    await run.cancel('enough');
    await test.idle();
    expect(undone).toEqual([]);
    expect(await run.execution()).toMatchObject({ status: 'cancelled', compensationResults: [] });
    expect(await openOf(run.id)).toEqual([]);
  });
});

describe('a failure', () => {
  it('closes the open waits and cancels the active children before it undoes; a parent is told when that is over', async () => {
    const parent = await test.client.start(CallerWorkflow, {});
    await test.idle();
    const [fan] = await test.client.listChildren(parent.id);
    const id = fan?.id ?? '';
    const [child] = await test.client.listChildren(id);
    expect(await openOf(id)).toEqual(['fail', 'fan event', 'fan input']);
    await test.client.sendEvent(id, 'fail');
    await test.idle();
    expect(undone).toEqual(['undo']);
    expect((await test.client.getExecution(id))?.status).toBe('compensating');
    expect(await openOf(id)).toEqual([]);
    expect((await test.client.getExecution(child?.id ?? ''))?.status).toBe('cancelled');
    expect((await parent.execution())?.status).toBe('waiting');
    // A run that is being undone is left alone.
    expect(await test.client.cancel(id)).toBe(false);
    await test.advance(seconds(10));
    expect((await test.client.getExecution(id))?.status).toBe('compensated');
    expect(await parent.result()).toEqual({ told: ['ChildWorkflowError', 'compensated'] });
  });
});
