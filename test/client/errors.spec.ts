import * as durable from 'nest-durable';
import {
  Decision,
  DurableError,
  FatalError,
  finish,
  once,
  Step,
  stepManager,
  waitForEvent,
  Workflow,
  workflowId,
  type WorkflowHandle,
} from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { kit } from '../support/plain-app.js';

/** The classes of errors and their codes. */

const NAMES = `InvalidInputError, InvalidStepResultError, ExecutionNotFoundError, ExecutionFinishedError,
  ExecutionExistsError, IdempotencyConflictError, DefinitionChangedError, WorkerCrashedError, WorkflowNotFoundError,
  DefinitionError, ConfigurationError, FatalError, StepTimeoutError, WorkflowTimeoutError, WaitTimeoutError,
  WaitCancelledError, WaitInTransactionError, InputNotPendingError, AmbiguousInputError, NonDeterministicStepError,
  SerializationError, RefConflictError, ChildWorkflowError, WorkflowFailedError, WorkflowCancelledError,
  ResultTimeoutError, AttemptClosedError, NotInStepError, ScheduleNotFoundError, ScheduleExistsError,
  InvalidCronError, TransactionFailedError`.split(/,\s*/);

interface ErrorClass {
  readonly name: string;
  readonly prototype: Error;
}

const classes = durable as unknown as Record<string, ErrorClass | undefined>;

it.each(NAMES)('%s extends DurableError', (name) => {
  const type = classes[name];
  expect(type).toBeInstanceOf(Function);
  expect(type?.prototype).toBeInstanceOf(DurableError);
  expect(type?.prototype.name).toBe(name);
});

it('DurableError is an Error', () => {
  expect(DurableError.prototype).toBeInstanceOf(Error);
});

it('FatalError takes a message and a cause', () => {
  const cause = new Error('declined');
  const error = new FatalError('no', { cause });
  expect(error).toMatchObject({ name: 'FatalError', message: 'no', cause, code: expect.any(String) });
  expect(error.stack).toContain('FatalError: no');
  expect(new FatalError('no').code).toBe(error.code);
});

describe('in steps', () => {
  const bodies: Record<string, () => unknown> = {
    result: () => 7,
    array: () => [1],
    fatal: () => {
      throw new FatalError('dead', { cause: Object.assign(new Error('why'), { code: 'E_WHY' }) });
    },
    serialization: () => ({ deep: { fn: () => {} } }),
    timeout: () => new Promise(() => {}),
    waitTimeout: () => waitForEvent('never', { timeout: 1 }),
    twice: async () => {
      await once('same', () => 1);
      await once('same', () => 2);
    },
    manager: () => stepManager(),
  };

  @Workflow({ name: 'throwing' })
  class ThrowingWorkflow {
    @Step({ timeout: 50 })
    async work({ body }: { body: string }) {
      attempts.set(workflowId(), (attempts.get(workflowId()) ?? 0) + 1);
      return (await bodies[body]?.()) as object;
    }
  }

  @Workflow({ name: 'retrying' })
  class RetryingWorkflow {
    @Decision({ retry: { maxAttempts: 3, initialDelay: 1 } })
    async work({ body }: { body: string }) {
      attempts.set(workflowId(), (attempts.get(workflowId()) ?? 0) + 1);
      const result = (await bodies[body]?.()) as object;
      return body === 'finish' ? finish({}) : result;
    }
  }

  const attempts = new Map<string, number>();
  let test: DurableTest;

  beforeAll(async () => {
    test = await kit([ThrowingWorkflow, RetryingWorkflow]);
  });

  afterAll(() => test.close());

  async function errorOf(run: WorkflowHandle<unknown>): Promise<{ name: string; code?: string } | null | undefined> {
    await test.advance(60_000);
    const execution = await run.execution();
    expect(execution?.status).toBe('failed');
    return execution?.error;
  }

  it.each([
    ['result', 'InvalidStepResultError'],
    ['array', 'InvalidStepResultError'],
    ['fatal', 'FatalError'],
    ['serialization', 'SerializationError'],
    ['timeout', 'StepTimeoutError'],
    ['waitTimeout', 'WaitTimeoutError'],
  ])('%s: stored as %s with its code', async (body, name) => {
    const error = await errorOf(await test.client.start(ThrowingWorkflow, { body }));
    expect(error).toMatchObject({ name, code: expect.stringMatching(/./), message: expect.stringMatching(/./) });
  });

  it.each(['twice', 'manager'])('%s: a DurableError', async (body) => {
    const error = await errorOf(await test.client.start(ThrowingWorkflow, { body }));
    expect(error).toMatchObject({ code: expect.stringMatching(/./) });
  });

  it.each([
    ['result', 1],
    ['fatal', 1],
    ['waitTimeout', 3],
  ])('%s: attempts where three are allowed: %d', async (body, count) => {
    const run = await test.client.start(RetryingWorkflow, { body });
    await errorOf(run);
    const failed = (await test.client.getSteps(run.id)).filter(({ status }) => status === 'failed');
    expect(failed).toHaveLength(count);
  });

  it('outside of steps: NotInStepError', async () => {
    const outside: [string, () => unknown][] = [
      ['workflowId', () => durable.workflowId()],
      ['workflowInput', () => durable.workflowInput()],
      ['currentStep', () => durable.currentStep()],
      ['currentAttempt', () => durable.currentAttempt()],
      ['scheduledTime', () => durable.scheduledTime()],
      ['stepSignal', () => durable.stepSignal()],
      ['stepManager', () => durable.stepManager()],
      ['once', () => durable.once('x', () => 1)],
      ['getContext', () => durable.getContext()],
      ['putContext', () => durable.putContext('a', 1)],
      ['parallelResults', () => durable.parallelResults()],
      ['sleep', () => durable.sleep(1)],
      ['waitForEvent', () => durable.waitForEvent('x')],
      ['waitForApproval', () => durable.waitForApproval('x')],
      ['callWorkflow', () => durable.callWorkflow(ThrowingWorkflow, {})],
      ['startWorkflow', () => durable.startWorkflow(ThrowingWorkflow, {})],
    ];
    for (const [name, call] of outside) {
      const thrown: unknown = await (async () => call())().catch((error: unknown) => error);
      expect([name, thrown]).toEqual([name, expect.any(durable.NotInStepError)]);
    }
  });
});
