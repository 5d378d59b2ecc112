import { Injectable } from '@nestjs/common';
import {
  appendContext,
  AttemptClosedError,
  callWorkflow,
  currentAttempt,
  currentStep,
  deleteContext,
  getContext,
  hasContext,
  incrementContext,
  mergeContext,
  NotInStepError,
  once,
  parallelOk,
  parallelResult,
  parallelResults,
  putContext,
  Schedule,
  scheduledTime,
  sleep,
  startWorkflow,
  Step,
  stepManager,
  stepSignal,
  updateContext,
  waitForEvent,
  Workflow,
  workflowId,
  workflowInput,
} from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { createTestDatabase } from '../support/database.js';
import { Gate, kit, openApp, present, thrownBy } from '../support/kit-app.js';

/** Anything that needs a step. */
const functions: [string, () => unknown][] = [
  ['workflowId', () => workflowId()],
  ['workflowInput', () => workflowInput()],
  ['currentStep', () => currentStep()],
  ['currentAttempt', () => currentAttempt()],
  ['scheduledTime', () => scheduledTime()],
  ['stepSignal', () => stepSignal()],
  ['stepManager', () => stepManager()],
  ['once', () => once('name', () => 1)],
  ['getContext', () => getContext()],
  ['getContext of a key', () => getContext('a', 1)],
  ['putContext', () => putContext('a', 1)],
  ['putContext of an object', () => putContext({ a: 1 })],
  ['updateContext', () => updateContext('a', (value) => value)],
  ['appendContext', () => appendContext('list', 1)],
  ['incrementContext', () => incrementContext('n')],
  ['mergeContext', () => mergeContext({})],
  ['deleteContext', () => deleteContext('a')],
  ['hasContext', () => hasContext('a')],
  ['parallelResults', () => parallelResults()],
  ['parallelResult', () => parallelResult('a')],
  ['parallelOk', () => parallelOk('a')],
  ['sleep', () => sleep(1)],
  ['waitForEvent', () => waitForEvent('a')],
  ['callWorkflow', () => callWorkflow('a', {})],
  ['startWorkflow', () => startWorkflow('a', {})],
];

@Injectable()
class DeepService {
  async facts() {
    await new Promise((resolve) => setImmediate(resolve));
    const late = new Promise<string>((resolve) => setTimeout(() => resolve(currentStep()), 1));
    return {
      id: workflowId(),
      input: workflowInput<{ a: number }>(),
      step: currentStep(),
      attempt: currentAttempt(),
      scheduled: scheduledTime(),
      late: await late,
    };
  }
}

@Workflow()
class FactsWorkflow {
  constructor(private readonly service: DeepService) {}

  @Step()
  replace() {
    return { other: true };
  }

  @Step({ name: 'renamed', retry: { maxAttempts: 2, initialDelay: 1 } })
  async facts() {
    if (currentAttempt() === 1) throw new Error('once more');
    return this.service.facts();
  }
}

const due: (Date | null)[] = [];

@Workflow()
@Schedule({ cron: '30 9 * * *' })
class ScheduledWorkflow {
  @Step()
  run() {
    due.push(scheduledTime());
  }
}

let abandoned: Gate;
let caught: Gate<Record<string, unknown>>;

@Workflow()
class AbandonedWorkflow {
  @Step({ timeout: 1_000 })
  async run() {
    await abandoned.promise;
    const found: Record<string, unknown> = {};
    for (const [name, call] of functions) found[name] = (await thrownBy(call))?.name;
    caught.open(found);
  }
}

let entered: Gate<AbortSignal>;

@Workflow()
class AbortableWorkflow {
  @Step()
  async run() {
    const signal = stepSignal();
    entered.open(signal);
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    throw new Error('aborted');
  }
}

let test: DurableTest;

beforeAll(async () => {
  test = await kit([DeepService, FactsWorkflow, ScheduledWorkflow, AbandonedWorkflow, AbortableWorkflow]);
});

afterAll(() => test.close());

describe('outside of a step', () => {
  it.each(functions)('%s throws NotInStepError, which names it', async (name, call) => {
    const error = present(await thrownBy(call));
    expect(error).toBeInstanceOf(NotInStepError);
    expect(error.message).toContain(`${name.split(' ')[0]}()`);
    expect(typeof error.code).toBe('string');
  });
});

describe('in a step, wherever it called them from', () => {
  it('they say which run, step and attempt it is', async () => {
    const run = await test.client.start(FactsWorkflow, { a: 1 });
    await test.advance(10);
    expect(await run.result()).toEqual({
      id: run.id,
      input: { a: 1 },
      step: 'renamed',
      attempt: 2,
      scheduled: null,
      late: 'renamed',
    });
  });

  it('scheduledTime() is when the schedule was due', async () => {
    await test.advance(24 * 3_600_000);
    expect(due).toHaveLength(1);
    const time = present(due[0]);
    expect(time).toBeInstanceOf(Date);
    expect(time.toISOString()).toMatch(/T09:30:00\.000Z$/);
    expect(time.getTime()).toBeLessThanOrEqual(test.now().getTime());
  });
});

it('in an attempt that was given up they throw AttemptClosedError', async () => {
  abandoned = new Gate();
  caught = new Gate();
  const run = await test.client.start(AbandonedWorkflow, {});
  await test.advance(1_000);
  expect(await run.execution()).toMatchObject({ status: 'failed', error: { name: 'StepTimeoutError' } });
  abandoned.open();
  const found = await caught.promise;
  const name = AttemptClosedError.name;
  expect(found).toEqual(Object.fromEntries(functions.map(([fn]) => [fn, name])));
});

describe('stepSignal()', () => {
  it('is aborted by cancelling', async () => {
    entered = new Gate();
    const run = await test.client.start(AbortableWorkflow, {});
    const signal = await entered.promise;
    expect(signal).toBeInstanceOf(AbortSignal);
    expect(signal.aborted).toBe(false);
    await run.cancel();
    await test.idle();
    expect(signal.aborted).toBe(true);
    expect((await run.execution())?.status).toBe('cancelled');
  });

  it('is aborted by a shutdown past its grace', async () => {
    const { url } = await createTestDatabase();
    entered = new Gate();
    const { app, client } = await openApp(url, [AbortableWorkflow], { shutdownTimeout: 50, abortGrace: 50 });
    const run = await client.start(AbortableWorkflow, {});
    const signal = await entered.promise;
    expect(signal.aborted).toBe(false);
    await app.close();
    expect(signal.aborted).toBe(true);
    entered = new Gate();
    // The run was handed back, not failed.
    const next = await openApp(url, [AbortableWorkflow], { shutdownTimeout: 50, abortGrace: 50 });
    await entered.promise;
    expect((await next.client.getExecution(run.id))?.status).toBe('running');
    await next.app.close();
  });
});
