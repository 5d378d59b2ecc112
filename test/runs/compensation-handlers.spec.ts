import {
  Compensate,
  DurableWorkflow,
  FatalError,
  hours,
  once,
  sleep,
  Step,
  stepSignal,
  Workflow,
  workflowId,
} from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';

type Handler = (step: string) => unknown;

let handler: Handler = () => {};
const undone: string[] = [];

interface Info {
  readonly step: string;
}

@Workflow({ name: 'three' })
class ThreeWorkflow extends DurableWorkflow<object> {
  @Step({ compensate: 'undo' })
  one() {}

  @Step({ compensate: 'retried' })
  two() {}

  @Step({ compensate: 'undo' })
  three() {}

  @Step()
  fails() {
    throw new RangeError('the run');
  }

  @Compensate()
  async undo(_data: object, { step }: Info) {
    undone.push(step);
    await handler(step);
  }

  @Compensate({
    retry: { maxAttempts: 3, backoff: 'constant', initialDelay: 1000, jitter: false },
    timeout: hours(1),
  })
  async retried(_data: object, { step }: Info) {
    undone.push(step);
    await handler(step);
  }
}

let test: DurableTest;

beforeAll(async () => {
  test = await createDurableTest({ providers: [ThreeWorkflow] }, { databaseUrl: process.env['TEST_SERVER_URL'] });
});

afterAll(() => test.close());

async function rolledBack(how: Handler, ms = 0) {
  handler = how;
  undone.length = 0;
  const run = await test.client.start(ThreeWorkflow, {});
  await test.advance(ms);
  return run;
}

describe('a handler that throws', () => {
  it('has failed; the others still run', async () => {
    const run = await rolledBack((step) => {
      if (step === 'three') throw new TypeError('stuck');
    });
    const execution = await run.execution();
    expect(execution).toMatchObject({ status: 'compensation_failed', error: { name: 'RangeError' } });
    expect(undone).toEqual(['three', 'two', 'one']);
    expect(execution?.compensationResults).toEqual([
      {
        step: 'three',
        compensation: 'undo',
        status: 'failed',
        error: expect.objectContaining({ name: 'TypeError', message: 'stuck' }) as unknown,
      },
      { step: 'two', compensation: 'retried', status: 'completed' },
      { step: 'one', compensation: 'undo', status: 'completed' },
    ]);
    await expect(run.result()).rejects.toMatchObject({
      name: 'WorkflowFailedError',
      status: 'compensation_failed',
      cause: { name: 'RangeError', message: 'the run' },
    });
  });

  it('with options.retry is tried again', async () => {
    let failures = 2;
    const run = await rolledBack((step) => {
      if (step === 'two' && failures-- > 0) throw new TypeError('not yet');
    });
    expect(undone).toEqual(['three', 'two']);
    expect((await run.execution())?.status).toBe('compensating');
    await test.advance(1000);
    expect((await run.execution())?.status).toBe('compensating');
    await test.advance(1000);
    expect((await run.execution())?.status).toBe('compensated');
    expect(undone).toEqual(['three', 'two', 'two', 'two', 'one']);
    const records = (await test.client.getSteps(run.id)).filter(({ step }) => step === 'retried');
    expect(records).toMatchObject([
      { attempt: 1, status: 'failed', compensationFor: 'two', isCompensation: true, error: { name: 'TypeError' } },
      { attempt: 2, status: 'failed', compensationFor: 'two', isCompensation: true },
      { attempt: 3, status: 'completed', compensationFor: 'two', isCompensation: true },
    ]);
  });

  it('FatalError is not', async () => {
    const run = await rolledBack((step) => {
      if (step === 'two') throw new FatalError('never');
    }, 5000);
    expect((await run.execution())?.status).toBe('compensation_failed');
    expect(undone).toEqual(['three', 'two', 'one']);
  });
});

describe('options.timeout', () => {
  it('ends an attempt', async () => {
    const run = await rolledBack((step) => {
      if (step !== 'two') return;
      const signal = stepSignal();
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')));
      });
    }, hours(4));
    const execution = await run.execution();
    expect(execution).toMatchObject({ status: 'compensation_failed' });
    expect(execution?.compensationResults[1]).toMatchObject({
      step: 'two',
      status: 'failed',
      error: { name: 'StepTimeoutError' },
    });
  });
});

describe('in a handler', () => {
  it('once() works', async () => {
    let calls = 0;
    let failures = 2;
    const run = await rolledBack(async (step) => {
      if (step !== 'two') return;
      await once('refund', () => ++calls);
      if (failures-- > 0) throw new Error('after it');
    }, 2000);
    expect((await run.execution())?.status).toBe('compensated');
    expect(calls).toBe(1);
  });

  it("once() of one handler is not another's", async () => {
    const seen: unknown[] = [];
    const run = await rolledBack(async (step) => {
      seen.push(await once('refund', () => step));
    });
    expect((await run.execution())?.status).toBe('compensated');
    expect(seen).toEqual(['three', 'two', 'one']);
  });

  it('waits do not', async () => {
    const run = await rolledBack(async (step) => {
      if (step === 'one') await sleep(1);
    }, 1000);
    const execution = await run.execution();
    expect(execution?.status).toBe('compensation_failed');
    expect(execution?.compensationResults).toMatchObject([
      { status: 'completed' },
      { status: 'completed' },
      { step: 'one', status: 'failed' },
    ]);
  });

  it('the functions of a step work', async () => {
    const ids: string[] = [];
    const run = await rolledBack(() => ids.push(workflowId()));
    expect(ids).toEqual([run.id, run.id, run.id]);
  });
});

describe('a crash in the middle', () => {
  it('goes on where it was', async () => {
    let reached: () => void = () => {};
    const inTwo = new Promise<void>((resolve) => (reached = resolve));
    let crashed = false;
    handler = (step) => {
      if (step !== 'two' || crashed) return;
      reached();
      const signal = stepSignal();
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')));
      });
    };
    undone.length = 0;
    const run = await test.client.start(ThreeWorkflow, {});
    await inTwo;
    expect((await run.execution())?.status).toBe('compensating');
    await test.crash();
    crashed = true;
    await test.restart();
    await test.idle();
    expect((await run.execution())?.status).toBe('compensated');
    expect(undone).toEqual(['three', 'two', 'two', 'one']);
  });

  it('at any commit', async () => {
    const effects = new Map<string, Set<string>>();
    handler = (step) => {
      const id = workflowId();
      effects.set(id, (effects.get(id) ?? new Set()).add(step));
    };
    let checks = 0;
    await test.explore(
      ThreeWorkflow,
      {},
      {
        check(execution) {
          checks++;
          expect(execution.status).toBe('compensated');
          expect([...(effects.get(execution.id) ?? [])]).toEqual(['three', 'two', 'one']);
          expect(execution.compensationResults.map(({ step, status }) => [step, status])).toEqual([
            ['three', 'completed'],
            ['two', 'completed'],
            ['one', 'completed'],
          ]);
        },
      },
    );
    expect(checks).toBeGreaterThan(6);
  });
});
