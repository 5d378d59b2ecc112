import {
  FatalError,
  once,
  Step,
  StepTimeoutError,
  Workflow,
  WorkflowFailedError,
  currentAttempt,
  putContext,
} from 'nest-durable';
import { DurableClient, DurableModule } from 'nest-durable';
import type { INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

interface Data {
  seen?: string[];
}

const calls = new Map<string, number>();
function count(key: string): number {
  const n = (calls.get(key) ?? 0) + 1;
  calls.set(key, n);
  return n;
}

@Workflow({ name: 'steps' })
class StepsWorkflow {
  @Step()
  first(data: Data) {
    return { ...data, seen: ['first'] };
  }

  @Step()
  nothing() {}

  @Step()
  last(data: Data) {
    return { ...data, seen: [...(data.seen ?? []), 'last'] };
  }
}

@Workflow({ name: 'retries' })
class RetriesWorkflow {
  @Step({ retry: { maxAttempts: 3, initialDelay: 10 } })
  async flaky() {
    const paid = await once('pay', () => count('pay'));
    if (currentAttempt() < 3) throw new Error(`attempt ${currentAttempt()}`);
    putContext('paid', paid);
  }
}

@Workflow({ name: 'fatal' })
class FatalWorkflow {
  @Step({ retry: { maxAttempts: 5, initialDelay: 1 } })
  broken() {
    count('fatal');
    throw new FatalError('never again');
  }
}

@Workflow({ name: 'slow' })
class SlowWorkflow {
  @Step({ timeout: 20 })
  never() {
    return new Promise<void>(() => {});
  }
}

@Workflow({ name: 'late', timeout: 30 })
class LateWorkflow {
  @Step()
  never() {
    return new Promise<void>(() => {});
  }
}

@Workflow({ name: 'endless' })
class EndlessWorkflow {
  @Step()
  never() {
    return new Promise<void>(() => {});
  }
}

@Workflow({ name: 'elsewhere' })
class ElsewhereWorkflow {
  @Step()
  here(data: object) {
    return { ...data, here: true };
  }

  @Step({ queue: 'other', retry: { maxAttempts: 2, initialDelay: 1 } })
  there(data: object) {
    if (currentAttempt() === 1) throw new Error('once more');
    return { ...data, there: true };
  }

  @Step()
  back(data: object) {
    return { ...data, back: true };
  }
}

@Workflow({ name: 'rounds', maxRetries: 1 })
class RoundsWorkflow {
  @Step()
  uneven(data: object) {
    if (count('rounds') === 1) throw new Error('first round');
    return { ...data, done: true };
  }
}

@Workflow({ name: 'odd' })
class OddWorkflow {
  @Step()
  odd() {
    return 7 as unknown as object;
  }
}

let database: TestDatabase;
let app: INestApplicationContext;
let client: DurableClient;

beforeAll(async () => {
  database = await createTestDatabase();
  const module = await Test.createTestingModule({
    imports: [
      DurableModule.forRoot({
        database: { url: database.url },
        queues: { default: { concurrency: 5 }, other: { concurrency: 2 } },
      }),
    ],
    providers: [
      StepsWorkflow,
      RetriesWorkflow,
      FatalWorkflow,
      SlowWorkflow,
      LateWorkflow,
      EndlessWorkflow,
      ElsewhereWorkflow,
      RoundsWorkflow,
      OddWorkflow,
    ],
  }).compile();
  app = await module.init();
  client = app.get(DurableClient);
});

afterAll(() => app.close());

async function failure(run: Promise<unknown>): Promise<WorkflowFailedError> {
  const error: unknown = await run.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof WorkflowFailedError)) throw new Error(`Expected a failed run, got ${String(error)}`);
  return error;
}

describe('a run', () => {
  it('takes its data from step to step, and keeps it where a step returns nothing', async () => {
    const run = await client.start(StepsWorkflow, { a: 1 });
    expect(await run.result()).toEqual({ a: 1, seen: ['first', 'last'] });
    const steps = await client.getSteps(run.id);
    expect(steps.map(({ step, status, attempt }) => [step, status, attempt])).toEqual([
      ['first', 'completed', 1],
      ['nothing', 'completed', 1],
      ['last', 'completed', 1],
    ]);
    expect((await client.getExecution(run.id))?.status).toBe('completed');
  });

  it('retries a step after a delay that holds no worker, and calls once() a single time', async () => {
    const run = await client.start(RetriesWorkflow, {});
    expect(await run.result()).toEqual({ paid: 1 });
    expect(calls.get('pay')).toBe(1);
    expect((await client.getSteps(run.id)).map(({ status }) => status)).toEqual(['failed', 'failed', 'completed']);
  });

  it('does not retry a FatalError', async () => {
    const run = await client.start(FatalWorkflow, {});
    const error = await failure(run.result());
    expect(error.cause?.name).toBe('FatalError');
    expect(calls.get('fatal')).toBe(1);
  });

  it('enforces the timeout of a step', async () => {
    const run = await client.start(SlowWorkflow, {});
    expect((await failure(run.result())).cause?.name).toBe(StepTimeoutError.name);
  });

  it('enforces the timeout of the workflow', async () => {
    const run = await client.start(LateWorkflow, {});
    expect((await failure(run.result())).cause?.code).toBe('WORKFLOW_TIMEOUT');
  });

  it('hands a step to another queue, retries it there, and goes on with its result', async () => {
    const run = await client.start(ElsewhereWorkflow, {});
    expect(await run.result()).toEqual({ here: true, there: true, back: true });
    expect((await client.getSteps(run.id)).map(({ step, attempt }) => [step, attempt])).toEqual([
      ['here', 1],
      ['there', 1],
      ['there', 2],
      ['back', 1],
    ]);
  });

  it('begins a further round after a failed one', async () => {
    const run = await client.start(RoundsWorkflow, { a: 1 });
    expect(await run.result()).toEqual({ a: 1, done: true });
    expect((await client.getSteps(run.id)).map(({ round, status }) => [round, status])).toEqual([
      [1, 'failed'],
      [2, 'completed'],
    ]);
  });

  it('fails where a step returns no object', async () => {
    const run = await client.start(OddWorkflow, {});
    expect((await failure(run.result())).cause?.code).toBe('INVALID_STEP_RESULT');
  });

  it('ends 200 runs started at once, each step recorded once', async () => {
    const runs = await Promise.all(Array.from({ length: 200 }, (_, n) => client.start(StepsWorkflow, { n })));
    const results = await Promise.all(runs.map((run) => run.result()));
    expect(results.map((data) => (data as { n: number }).n)).toEqual(runs.map((_, n) => n));
    const steps = await Promise.all(runs.map((run) => client.getSteps(run.id)));
    expect(steps.every((list) => list.length === 3)).toBe(true);
  });

  it('is cancelled once, while a step of it runs', async () => {
    const run = await client.start(EndlessWorkflow, {});
    expect(await run.cancel('no longer wanted')).toBe(true);
    expect(await run.cancel()).toBe(false);
    await expect(run.result()).rejects.toMatchObject({ code: 'WORKFLOW_CANCELLED' });
  });
});
