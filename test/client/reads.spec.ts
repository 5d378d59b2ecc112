import {
  Branch,
  callWorkflow,
  Compensate,
  Decision,
  type DurableClient,
  type Execution,
  ExecutionNotFoundError,
  FatalError,
  ForEach,
  finish,
  Parallel,
  Step,
  waitForEvent,
  Workflow,
} from 'nest-durable';
import { createTestDatabase } from '../support/database.js';
import { type PlainApp, Gates, NOBODY, openApp, reached } from '../support/plain-app.js';
import { until } from '../support/until.js';

/** `Execution`, step records, and the methods that read one run. */

const gates = new Gates();

@Workflow({ name: 'child' })
class ChildWorkflow {
  @Step()
  work({ fail }: { fail?: boolean }) {
    if (fail === true) throw new FatalError('child failed');
    return { made: 'by the child' };
  }
}

@Workflow({ name: 'kinds' })
class KindsWorkflow {
  @Step({ retry: { maxAttempts: 2, initialDelay: 1 } })
  flaky({ tries }: { tries: { count: number } }) {
    if (!seen.has('flaky')) {
      seen.add('flaky');
      throw Object.assign(new TypeError('not yet'), { code: 'E_AGAIN', hint: 'retry' });
    }
    return { tries: { count: tries.count + 1 } };
  }

  @Branch({ yes: 'inBranch', default: 'never' })
  select() {
    return 'yes';
  }

  @Step()
  inBranch() {}

  @Step()
  never() {}

  @Parallel({ left: 'armOne', right: 'armTwo' })
  both(data: object) {
    return { ...data, both: true };
  }

  @Step()
  armOne() {}

  @Step()
  armTwo() {}

  @ForEach('item')
  loop() {
    return ['a', 'b'];
  }

  @Step()
  item(value: string) {
    return { value };
  }

  @Step()
  async call(data: object) {
    return { ...data, ...((await callWorkflow(ChildWorkflow, {})) as object) };
  }

  @Decision()
  end(data: object) {
    return finish(data);
  }

  @Step()
  notReached() {}
}

const seen = new Set<string>();

@Workflow({ name: 'undone' })
class UndoneWorkflow {
  @Step({ compensate: 'refund' })
  charge() {
    return { charged: true };
  }

  @Step()
  ship() {
    throw new Error('no stock');
  }

  @Compensate()
  refund() {}
}

@Workflow({ name: 'gated' })
class GatedWorkflow {
  @Step()
  async pass({ gate }: { gate: string }) {
    await gates.pass(gate);
  }

  @Step()
  async wait() {
    await waitForEvent('go');
  }
}

const EXECUTION_KEYS =
  'id, workflow, status, queue, priority, input, data, error, currentSteps, parentId, retryOf, tags, round, pauseRequested, scheduledAt, startedAt, completedAt, compensatedAt, compensationResults, createdAt, updatedAt'.split(
    ', ',
  );
const STEP_KEYS =
  'step, path, type, round, visit, attempt, status, input, output, error, startedAt, completedAt, durationMs, isCompensation, compensationFor, childId'.split(
    ', ',
  );

let url: string;
let opened: PlainApp;
let client: DurableClient;

beforeAll(async () => {
  ({ url } = await createTestDatabase());
  opened = await openApp({ database: { url } }, [ChildWorkflow, KindsWorkflow, UndoneWorkflow, GatedWorkflow]);
  client = opened.client;
});

afterAll(async () => {
  gates.openAll();
  await opened.app.close();
});

async function execution(id: string, options?: { includeSteps?: boolean; includeLogs?: boolean }): Promise<Execution> {
  const run = await client.getExecution(id, options);
  if (run === null) throw new Error('no such run');
  return run;
}

describe('getExecution', () => {
  it('gives an Execution', async () => {
    const { id } = await client.start(ChildWorkflow, { a: 1 }, { tags: { t: 'x' } });
    await client.handle(id).result();
    const run = await execution(id);
    expect(Object.keys(run)).toEqual(expect.arrayContaining(EXECUTION_KEYS));
    expect(run).toMatchObject({
      id,
      workflow: 'child',
      status: 'completed',
      queue: 'default',
      priority: 0,
      input: { a: 1 },
      data: { made: 'by the child' },
      error: null,
      currentSteps: [],
      parentId: null,
      retryOf: null,
      tags: { t: 'x' },
      round: 1,
      pauseRequested: false,
      scheduledAt: null,
      compensatedAt: null,
      compensationResults: [],
    });
    for (const key of ['startedAt', 'completedAt', 'createdAt', 'updatedAt'] as const) {
      expect(run[key]).toBeInstanceOf(Date);
    }
    expect(run.steps).toBeUndefined();
  });

  it('gives null for an unknown id', async () => {
    expect(await client.getExecution(NOBODY)).toBeNull();
    expect(await client.getExecution(NOBODY, { includeSteps: true, includeLogs: true })).toBeNull();
  });

  it('has the steps with includeSteps', async () => {
    const { id } = await client.start(ChildWorkflow, {});
    await client.handle(id).result();
    const { steps } = await execution(id, { includeSteps: true });
    expect(steps).toEqual(await client.getSteps(id));
    expect(steps?.[0]?.logs).toBeUndefined();
    const withLogs = await execution(id, { includeSteps: true, includeLogs: true });
    expect(withLogs.steps?.[0]?.logs).toEqual([]);
  });

  it('tells what runs now', async () => {
    const { id } = await client.start(GatedWorkflow, { gate: 'now' });
    await gates.arrived('now');
    await until(async () => (await execution(id)).currentSteps.length > 0);
    expect(await execution(id)).toMatchObject({
      status: 'running',
      currentSteps: ['pass'],
      input: { gate: 'now' },
      completedAt: null,
    });
    expect(await client.getSteps(id)).toMatchObject([
      { step: 'pass', attempt: 1, status: 'running', completedAt: null, durationMs: null, input: { gate: 'now' } },
    ]);
    gates.open('now');
    expect(await reached(client, id, 'waiting')).toMatchObject({ currentSteps: ['wait'] });
    expect(await client.getSteps(id)).toMatchObject([
      { step: 'pass', status: 'completed' },
      { step: 'wait', status: 'waiting' },
    ]);
    await client.sendEvent(id, 'go');
    await client.handle(id).result();
  });

  it('tells on other nodes what runs now', async () => {
    const { app, client: elsewhere } = await openApp({ database: { url }, workers: false });
    const { id } = await client.start(GatedWorkflow, { gate: 'elsewhere' });
    await until(async () => (await elsewhere.getSteps(id)).length > 0);
    expect(await elsewhere.getSteps(id)).toMatchObject([{ step: 'pass', status: 'running', attempt: 1 }]);
    await until(async () => (await elsewhere.getExecution(id))?.currentSteps[0] === 'pass');
    gates.open('elsewhere');
    await client.cancel(id);
    await app.close();
    expect((await execution(id)).status).toBe('cancelled');
  });

  it('tells of a rollback', async () => {
    const { id } = await client.start(UndoneWorkflow, {});
    const run = await reached(client, id, 'compensated');
    expect(run).toMatchObject({
      error: { name: 'Error', message: 'no stock' },
      data: { charged: true },
      compensatedAt: expect.any(Date),
    });
    expect(run.compensationResults).toEqual([{ step: 'charge', compensation: 'refund', status: 'completed' }]);
    const steps = await client.getSteps(id);
    expect(steps.map(({ step, status, isCompensation, compensationFor }) => [
      step, status, isCompensation, compensationFor,
    ])).toEqual([
      ['charge', 'completed', false, null],
      ['ship', 'failed', false, null],
      ['refund', 'completed', true, 'charge'],
    ]); // prettier-ignore
  });
});

describe('getSteps', () => {
  it('gives the attempts in order, with what each is', async () => {
    const run = await client.start(KindsWorkflow, { tries: { count: 0 } });
    expect(await run.result()).toMatchObject({ tries: { count: 1 }, both: true, made: 'by the child' });
    const steps = await client.getSteps(run.id);
    for (const step of steps) {
      expect(Object.keys(step)).toEqual(expect.arrayContaining(STEP_KEYS));
      expect(step).toMatchObject({ round: 1, visit: 1, isCompensation: false, compensationFor: null });
      expect(step.startedAt).toBeInstanceOf(Date);
      expect(step.completedAt).toBeInstanceOf(Date);
      expect(step.durationMs).toEqual(expect.any(Number));
    }
    const types = Object.fromEntries(steps.map(({ step, type }) => [step, type.toLowerCase()]));
    expect(types).toMatchObject({
      flaky: 'step', select: 'branch', both: 'parallel', loop: 'foreach', end: 'decision', item: 'step',
    }); // prettier-ignore
    expect(types).not.toHaveProperty('never');
    expect(types).not.toHaveProperty('notReached');
    expect(steps.slice(0, 2)).toMatchObject([
      {
        step: 'flaky',
        attempt: 1,
        status: 'failed',
        input: { tries: { count: 0 } },
        error: { name: 'TypeError', message: 'not yet', code: 'E_AGAIN', hint: 'retry', stack: expect.any(String) },
      },
      { step: 'flaky', attempt: 2, status: 'completed', output: { tries: { count: 1 } }, error: null },
    ]);
    expect(steps.filter(({ step }) => step === 'item').map(({ input }) => input)).toEqual(
      expect.arrayContaining(['a', 'b']),
    );
    expect(new Set(steps.filter(({ step }) => step === 'item').map(({ path }) => path)).size).toBe(2);
  });

  it('names the child that a step called', async () => {
    const [run] = await client.listExecutions({ workflow: KindsWorkflow });
    const [child] = await client.listChildren(run?.id ?? '');
    expect(child?.parentId).toBe(run?.id);
    const call = (await client.getSteps(run?.id ?? '')).find(({ step }) => step === 'call');
    expect(call?.childId).toBe(child?.id);
  });
});

describe('an unknown id', () => {
  it('is ExecutionNotFoundError', async () => {
    await expect(client.getSteps(NOBODY)).rejects.toBeInstanceOf(ExecutionNotFoundError);
    await expect(client.getLogs(NOBODY)).rejects.toBeInstanceOf(ExecutionNotFoundError);
    await expect(client.cancel(NOBODY)).rejects.toBeInstanceOf(ExecutionNotFoundError);
    await expect(client.retry(NOBODY)).rejects.toBeInstanceOf(ExecutionNotFoundError);
    await expect(client.restartFrom(NOBODY, 'work')).rejects.toBeInstanceOf(ExecutionNotFoundError);
    await expect(client.pause(NOBODY)).rejects.toBeInstanceOf(ExecutionNotFoundError);
    await expect(client.resume(NOBODY)).rejects.toBeInstanceOf(ExecutionNotFoundError);
    await expect(client.sendEvent(NOBODY, 'x', {})).rejects.toBeInstanceOf(ExecutionNotFoundError);
    await expect(client.provideInput(NOBODY, 'x', {})).rejects.toBeInstanceOf(ExecutionNotFoundError);
    await expect(client.cancelWait(NOBODY, { reason: 'x' })).rejects.toBeInstanceOf(ExecutionNotFoundError);
    await expect(client.listChildren(NOBODY, {})).rejects.toBeInstanceOf(ExecutionNotFoundError);
    await expect(client.handle(NOBODY).result()).rejects.toBeInstanceOf(ExecutionNotFoundError);
  });
});
