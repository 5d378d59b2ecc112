import {
  Compensate,
  currentAttempt,
  FatalError,
  hours,
  Step,
  waitForEvent,
  Workflow,
  WorkflowCancelledError,
  WorkflowFailedError,
} from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { kit, present, settled, thrownBy } from '../support/kit-app.js';

const log: string[] = [];
let work: () => unknown;
let undo: () => void = () => {};

@Workflow({ maxRetries: 2 })
class RetriedWorkflow {
  @Step()
  count(data: { n: number }) {
    log.push(`count ${data.n} ${currentAttempt()}`);
    return { n: data.n + 1 };
  }

  @Step({ compensate: 'cancel' })
  book(data: { n: number }) {
    log.push('book');
    return { ...data, booked: true };
  }

  @Step()
  async pay() {
    log.push('pay');
    await work();
  }

  @Compensate()
  cancel() {
    log.push('cancel');
    undo();
  }
}

@Workflow({ maxRetries: 5, timeout: 500 })
class RetriedInTimeWorkflow {
  @Step()
  run() {
    log.push('run');
    throw new Error('no');
  }
}

@Workflow()
class OnceWorkflow {
  @Step()
  run() {
    log.push('run');
    throw new Error('no');
  }
}

let test: DurableTest;

beforeAll(async () => {
  test = await kit([RetriedWorkflow, RetriedInTimeWorkflow, OnceWorkflow]);
});

afterAll(() => test.close());

beforeEach(() => {
  log.length = 0;
  undo = () => {};
});

const ROUND = ['count 1 1', 'book', 'pay'];

function failing(times: number): void {
  let left = times;
  work = () => {
    if (left-- > 0) throw new Error('no money');
  };
}

describe('maxRetries', () => {
  it('rolls a failed run back and starts it again from its input, with the same id, after a backoff', async () => {
    failing(2);
    const run = await test.client.start(RetriedWorkflow, { n: 1 });
    await test.idle();
    expect(log).toEqual([...ROUND, 'cancel']);
    // 1000 ms, by up to ±25 %.
    await test.advance(749);
    expect(log).toHaveLength(4);
    await test.advance(501);
    expect(log).toEqual([...ROUND, 'cancel', ...ROUND, 'cancel']);
    // Twice as much.
    await test.advance(1_000);
    await test.advance(1_500);
    const execution = await settled(test, run);
    expect(execution).toMatchObject({ id: run.id, status: 'completed', round: 3 });
    expect(await run.result()).toEqual({ n: 2, booked: true });
    expect(log).toEqual([...ROUND, 'cancel', ...ROUND, 'cancel', ...ROUND]);
  });

  it('keeps the records of each round', async () => {
    failing(1);
    const run = await test.client.start(RetriedWorkflow, { n: 1 });
    await test.advance(1_250);
    await test.idle();
    const steps = await test.client.getSteps(run.id);
    expect(steps.map(({ round, step, status }) => `${round} ${step} ${status}`)).toEqual([
      '1 count completed',
      '1 book completed',
      '1 pay failed',
      '1 cancel completed',
      '2 count completed',
      '2 book completed',
      '2 pay completed',
    ]);
  });

  it('is used up after so many rounds more', async () => {
    failing(100);
    const run = await test.client.start(RetriedWorkflow, { n: 1 });
    await test.advance(hours(1));
    expect(log).toEqual([...ROUND, 'cancel', ...ROUND, 'cancel', ...ROUND, 'cancel']);
    expect(await run.execution()).toMatchObject({ status: 'compensated', round: 3 });
    const error = present(await thrownBy(() => run.result()));
    expect(error).toBeInstanceOf(WorkflowFailedError);
    expect(error).toMatchObject({ executionId: run.id, status: 'compensated', cause: { message: 'no money' } });
  });

  it('is 0 by default', async () => {
    const run = await test.client.start(OnceWorkflow, {});
    await test.advance(hours(1));
    expect(log).toEqual(['run']);
    expect(await run.execution()).toMatchObject({ status: 'failed', round: 1 });
  });

  it('result() waits for the last round', async () => {
    failing(1);
    const run = await test.client.start(RetriedWorkflow, { n: 1 });
    const result = run.result();
    await test.advance(1_250);
    expect(await result).toEqual({ n: 2, booked: true });
  });
});

describe('ends at once', () => {
  it('with a FatalError', async () => {
    work = () => {
      throw new FatalError('stolen');
    };
    const run = await test.client.start(RetriedWorkflow, { n: 1 });
    await test.advance(hours(1));
    expect(log).toEqual([...ROUND, 'cancel']);
    expect(await run.execution()).toMatchObject({ status: 'compensated', round: 1, error: { name: 'FatalError' } });
  });

  it('not with an error of another library that has the code of one', async () => {
    work = () => {
      throw Object.assign(new Error('no such street'), { code: 'INVALID_INPUT' });
    };
    const run = await test.client.start(RetriedWorkflow, { n: 1 });
    await test.advance(hours(1));
    expect(log.filter((entry) => entry === 'pay')).toHaveLength(3);
    expect(await run.execution()).toMatchObject({
      status: 'compensated',
      round: 3,
      error: { message: 'no such street' },
    });
  });

  it("with the run's timeout", async () => {
    const run = await test.client.start(RetriedInTimeWorkflow, {});
    await test.advance(hours(1));
    expect(log).toEqual(['run']);
    expect(await run.execution()).toMatchObject({ status: 'failed', error: { name: 'WorkflowTimeoutError' } });
  });

  it('with cancelling', async () => {
    work = () => waitForEvent('never');
    const run = await test.client.start(RetriedWorkflow, { n: 1 });
    await test.idle();
    expect(await test.client.cancel(run.id)).toBe(true);
    await test.advance(hours(1));
    expect(await run.execution()).toMatchObject({ status: 'cancelled', round: 1 });
    expect(log.filter((entry) => entry === 'book')).toHaveLength(1);
    expect(await thrownBy(() => run.result())).toBeInstanceOf(WorkflowCancelledError);
  });

  it('with cancelling between two rounds', async () => {
    failing(100);
    const run = await test.client.start(RetriedWorkflow, { n: 1 });
    await test.idle();
    expect(await test.client.cancel(run.id)).toBe(true);
    await test.advance(hours(1));
    expect(log).toEqual([...ROUND, 'cancel']);
    expect((await run.execution())?.status).toBe('cancelled');
  });

  it('with a failed rollback', async () => {
    failing(1);
    undo = () => {
      throw new Error('cannot be undone');
    };
    const run = await test.client.start(RetriedWorkflow, { n: 1 });
    await test.advance(hours(1));
    expect(log).toEqual([...ROUND, 'cancel']);
    expect(await run.execution()).toMatchObject({ status: 'compensation_failed', round: 1 });
  });
});
