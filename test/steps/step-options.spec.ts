import { Inject } from '@nestjs/common';
import {
  currentAttempt,
  currentStep,
  hours,
  type RetryOptions,
  sleep,
  Step,
  stepSignal,
  Workflow,
  type WorkflowHandle,
} from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { createTestDatabase } from '../support/database.js';
import { kit, openApp, present, settled, thrownBy } from '../support/kit-app.js';

let attempts = 0;
let work: () => unknown = () => undefined;
let answer: () => unknown = () => true;

/** A workflow whose one step has these options. */
function retried(name: string, retry?: RetryOptions) {
  @Workflow({ name })
  class RetriedWorkflow {
    @Step(retry && { retry })
    async run() {
      attempts++;
      expect(currentAttempt()).toBe(attempts);
      await work();
    }
  }
  return RetriedWorkflow;
}

class TransientError extends Error {
  constructor(readonly retriable: boolean) {
    super('transient');
  }
}

const Exponential = retried('exponential', {
  maxAttempts: 4,
  backoff: 'exponential',
  initialDelay: 100,
  jitter: false,
});
const Factor = retried('factor', { maxAttempts: 4, initialDelay: 100, factor: 3, jitter: false });
const Linear = retried('linear', { maxAttempts: 4, backoff: 'linear', initialDelay: 100, jitter: false });
const Constant = retried('constant', { maxAttempts: 4, backoff: 'constant', initialDelay: 100, jitter: false });
const Defaults = retried('defaults', { maxAttempts: 4, jitter: false });
const Capped = retried('capped', { maxAttempts: 4, maxDelay: 250, initialDelay: 100, jitter: false });
const CappedByDefault = retried('capped_by_default', { maxAttempts: 3, factor: 1_000_000, jitter: false });
const Jittered = retried('jittered', { maxAttempts: 2 });
const JitteredLinear = retried('jittered_linear', { maxAttempts: 3, backoff: 'linear', initialDelay: 1_000 });
const Bare = retried('bare');
const Empty = retried('empty', {});
const Picky = retried('picky', {
  maxAttempts: 5,
  initialDelay: 1,
  retryIf: (error) => error instanceof TransientError && error.retriable,
});

const Answered = retried('answered', { maxAttempts: 3, initialDelay: 1, retryIf: () => answer() as boolean });

@Workflow()
class TimedWorkflow {
  @Step({ timeout: 1_000, retry: { maxAttempts: 2, initialDelay: 10, jitter: false } })
  async run() {
    attempts++;
    await work();
    return { done: true };
  }
}

let test: DurableTest;

beforeAll(async () => {
  const providers = [Exponential, Factor, Linear, Constant, Defaults, Capped, CappedByDefault, Jittered, Bare, Empty];
  test = await kit([...providers, JitteredLinear, Picky, Answered, TimedWorkflow], {
    durable: { queues: { default: { concurrency: 1 } } },
  });
});

afterAll(() => test.close());

beforeEach(() => {
  attempts = 0;
  work = () => {
    throw new Error(`attempt ${attempts}`);
  };
});

/** How many attempts there are at the start, and 1 ms before and after each delay, which no attempt follows. */
async function attemptsAround(run: WorkflowHandle<unknown>, delays: readonly number[]): Promise<unknown> {
  await test.idle();
  const found = [attempts];
  for (const delay of delays) {
    await test.advance(delay - 1);
    found.push(attempts);
    await test.advance(1);
    found.push(attempts);
  }
  await test.advance(hours(24));
  const { status, error } = await settled(test, run);
  return [...found, attempts, status, error?.message];
}

describe('retry', () => {
  it.each([
    ['exponential: initialDelay × factor^(n-1), factor 2', Exponential, [100, 200, 400]],
    ['exponential by default, with another factor', Factor, [100, 300, 900]],
    ['linear: initialDelay × n', Linear, [100, 200, 300]],
    ['constant: initialDelay', Constant, [100, 100, 100]],
    ['an initialDelay of 1000 by default', Defaults, [1_000, 2_000, 4_000]],
    ['never longer than maxDelay', Capped, [100, 200, 250]],
    ['a maxDelay of an hour by default', CappedByDefault, [1_000, 3_600_000]],
    ['one attempt by default', Bare, []],
    ['one attempt by default, with options', Empty, []],
  ])('%s', async (_what, workflow, delays) => {
    const last = delays.length + 1;
    const counts = [1, ...delays.flatMap((_delay, index) => [index + 1, index + 2])];
    const found = await attemptsAround(await test.client.start(workflow, {}), delays);
    expect(found).toEqual([...counts, last, 'failed', `attempt ${last}`]);
  });

  it('has a jitter of ±25 % by default', async () => {
    for (let run = 0; run < 5; run++) {
      attempts = 0;
      await test.client.start(Jittered, {});
      await test.advance(749);
      expect(attempts).toBe(1);
      await test.advance(501);
      expect(attempts).toBe(2);
    }
    attempts = 0;
    await test.client.start(JitteredLinear, {});
    await test.advance(1_250);
    expect(attempts).toBe(2);
    // The second delay began at 750 at the earliest.
    await test.advance(999);
    expect(attempts).toBe(2);
    await test.advance(1_501);
    expect(attempts).toBe(3);
  });

  it('asks retryIf with the live error', async () => {
    work = () => {
      throw new TransientError(attempts < 3);
    };
    const run = await test.client.start(Picky, {});
    await test.advance(1_000);
    expect((await settled(test, run)).status).toBe('failed');
    expect(attempts).toBe(3);
    attempts = 0;
    work = () => {
      throw new Error('another');
    };
    await test.client.start(Picky, {});
    await test.advance(1_000);
    expect(attempts).toBe(1);
  });

  it('takes what is not true for no, and a promise for a mistake, which ends the run', async () => {
    work = () => {
      throw new Error('no');
    };
    for (const no of [undefined, null, 0, '', NaN]) {
      answer = () => no;
      attempts = 0;
      expect((await settled(test, await test.client.start(Answered, {}))).status).toBe('failed');
      expect(attempts).toBe(1);
    }
    for (const promise of [async () => false, async () => true, () => Promise.reject(new Error('lost'))]) {
      answer = promise;
      attempts = 0;
      const { error } = await settled(test, await test.client.start(Answered, {}));
      expect(attempts).toBe(1);
      expect(error).toMatchObject({ name: 'FatalError', message: expect.stringContaining('retryIf of step') });
      expect(error?.cause?.message).toContain('cannot be async');
    }
  });

  it('records each attempt', async () => {
    work = () => {
      if (attempts < 3) throw new Error(`attempt ${attempts}`);
    };
    const run = await test.client.start(Constant, {});
    await test.advance(1_000);
    await settled(test, run);
    const steps = await test.client.getSteps(run.id);
    expect(steps.map(({ attempt, status, error }) => [attempt, status, error?.message])).toEqual([
      [1, 'failed', 'attempt 1'],
      [2, 'failed', 'attempt 2'],
      [3, 'completed', undefined],
    ]);
  });

  it('a backoff holds no worker, and survives a restart, as the count of attempts does', async () => {
    const run = await test.client.start(Constant, {});
    await test.idle();
    // The queue has one place.
    work = () => {};
    attempts = 0;
    await (await test.client.start(Bare, {})).result();
    attempts = 1;
    work = () => {
      throw new Error(`attempt ${attempts}`);
    };
    await test.crash();
    await test.restart();
    await test.advance(99);
    expect(attempts).toBe(1);
    await test.advance(1);
    expect(attempts).toBe(2);
    await test.advance(hours(1));
    expect(attempts).toBe(4);
    expect((await settled(test, run)).status).toBe('failed');
  });
});

describe('timeout', () => {
  it('counts by the clock of the workflows from its begin, however long its code keeps the event loop', async () => {
    const signals: AbortSignal[] = [];
    work = () => {
      signals.push(stepSignal());
      for (const end = performance.now() + 20; performance.now() < end;);
      return new Promise(() => {});
    };
    const run = await test.client.start(TimedWorkflow, {});
    await test.advance(999);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    await test.advance(1);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    await test.advance(1_010);
    expect((await settled(test, run)).status).toBe('failed');
  });

  it('is of one attempt: its signal is aborted, it fails with StepTimeoutError, and is retried', async () => {
    const signals: AbortSignal[] = [];
    work = () => {
      signals.push(stepSignal());
      return new Promise(() => {});
    };
    const run = await test.client.start(TimedWorkflow, {});
    await test.advance(999);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    await test.advance(1);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    await test.advance(10);
    expect(attempts).toBe(2);
    await test.advance(1_000);
    expect(await settled(test, run)).toMatchObject({ status: 'failed', error: { name: 'StepTimeoutError' } });
    const error = present(await thrownBy(() => run.result()));
    expect(error.cause).toMatchObject({ name: 'StepTimeoutError', code: expect.any(String) as string });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
  });

  it('does not count parked time', async () => {
    work = () => sleep(hours(5));
    const run = await test.client.start(TimedWorkflow, {});
    await test.advance(hours(5));
    expect((await settled(test, run)).status).toBe('completed');
    expect(await run.result()).toEqual({ done: true });
  });
});

it("queue: the step is run by that queue's workers", async () => {
  const { url } = await createTestDatabase();
  const at = (where: string) => ({ provide: 'PLACE', useValue: where });

  @Workflow()
  class RenderWorkflow {
    constructor(@Inject('PLACE') private readonly place: string) {}

    @Step()
    prepare() {
      return { prepare: this.place };
    }

    @Step({ queue: 'gpu' })
    async render(data: object) {
      await sleep(1);
      return { ...data, render: this.place, step: currentStep() };
    }

    @Step()
    publish(data: object) {
      return { ...data, publish: this.place };
    }
  }
  const apps = await Promise.all([
    openApp(url, [RenderWorkflow, at('main')], { queues: { default: {} } }),
    openApp(url, [RenderWorkflow, at('gpu')], { queues: { gpu: {} } }),
  ]);
  try {
    const run = await apps[0].client.start(RenderWorkflow, {});
    expect(await run.result()).toEqual({ prepare: 'main', render: 'gpu', step: 'render', publish: 'main' });
  } finally {
    await Promise.all(apps.map(({ app }) => app.close()));
  }
});
