import {
  DurableError,
  hours,
  minutes,
  Parallel,
  Step,
  waitForEvent,
  waitForInput,
  Workflow,
  WorkflowFailedError,
  workflowId,
} from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { caught, Gates, kit } from '../support/plain-app.js';
import { until } from '../support/until.js';

/** pause and resume */

const gates = new Gates();
const calls: string[] = [];

@Workflow({ name: 'gated' })
class GatedWorkflow {
  @Step()
  async first({ gate }: { gate?: string }) {
    calls.push(`${workflowId()} first`);
    if (gate !== undefined) await gates.pass(gate);
    return { first: true };
  }

  @Step()
  second(data: object) {
    calls.push(`${workflowId()} second`);
    return { ...data, second: true };
  }
}

@Workflow({ name: 'gated_arms' })
class GatedArmsWorkflow {
  @Parallel({ quick: ['quick', 'next'], slow: 'slow' })
  both() {
    return { both: true };
  }

  @Step()
  async quick() {
    await gates.pass('quick');
  }

  @Step()
  next() {
    calls.push(`${workflowId()} next`);
  }

  @Step()
  async slow() {
    await gates.pass('slow');
  }
}

@Workflow({ name: 'waiter' })
class WaiterWorkflow {
  @Step()
  async event(data: object) {
    return { ...data, event: await waitForEvent('go', { timeout: hours(2), timeoutValue: 'late' }) };
  }

  @Step()
  async input(data: object) {
    return { ...data, input: await waitForInput('ask') };
  }
}

@Workflow({ name: 'limited', timeout: minutes(30) })
class LimitedWorkflow {
  @Step()
  async wait() {
    await waitForEvent('go');
  }
}

let test: DurableTest;

beforeAll(async () => {
  test = await kit([GatedWorkflow, GatedArmsWorkflow, WaiterWorkflow, LimitedWorkflow]);
});

afterAll(async () => {
  gates.openAll();
  await test.close();
});

it('a running attempt is finished and recorded, and nothing further starts', async () => {
  const run = await test.client.start(GatedWorkflow, { gate: 'running' });
  await gates.arrived('running');
  await test.client.pause(run.id);
  expect(await run.execution()).toMatchObject({ pauseRequested: true });
  gates.open('running');
  await until(async () => (await run.execution())?.status === 'paused');
  await test.idle();
  expect(await run.execution()).toMatchObject({ status: 'paused', data: { first: true }, completedAt: null });
  expect(await test.client.getSteps(run.id)).toMatchObject([
    { step: 'first', status: 'completed', output: { first: true } },
  ]);
  await test.client.resume(run.id);
  expect(await run.result()).toEqual({ first: true, second: true });
  expect(calls.filter((call) => call.startsWith(run.id))).toEqual([`${run.id} first`, `${run.id} second`]);
  expect(await run.execution()).toMatchObject({ pauseRequested: false });
});

it('one that was resumed while another attempt still ran goes on, though its worker knew of the pause', async () => {
  const run = await test.client.start(GatedArmsWorkflow, {});
  await Promise.all([gates.arrived('quick'), gates.arrived('slow')]);
  await run.pause();
  gates.open('quick');
  await until(async () => (await run.steps()).some(({ step, status }) => step === 'quick' && status === 'completed'));
  expect(calls).not.toContain(`${run.id} next`);
  expect(await run.resume()).toBe(true);
  gates.open('slow');
  expect(await run.result()).toEqual({ both: true });
});

it('a run that has not begun does not begin', async () => {
  const run = await test.client.start(GatedWorkflow, {}, { delay: hours(1) });
  await run.pause();
  await test.advance(hours(2));
  expect((await run.execution())?.status).toBe('paused');
  expect(calls.filter((call) => call.startsWith(run.id))).toEqual([]);
  await run.resume();
  expect(await run.result()).toEqual({ first: true, second: true });
});

it('events and answers are kept', async () => {
  const run = await test.client.start(WaiterWorkflow, {});
  await test.idle();
  await run.pause();
  expect((await run.execution())?.status).toBe('paused');
  await run.sendEvent('go', { n: 1 });
  await test.idle();
  expect((await run.execution())?.status).toBe('paused');
  await run.resume();
  await test.idle();
  expect(await run.execution()).toMatchObject({ status: 'waiting', data: { event: { n: 1 } } });
  await run.pause();
  await run.provideInput('ask', 'an answer');
  await test.idle();
  expect((await run.execution())?.status).toBe('paused');
  await run.resume();
  expect(await run.result()).toEqual({ event: { n: 1 }, input: 'an answer' });
});

it('timeouts are kept', async () => {
  const run = await test.client.start(WaiterWorkflow, {});
  await test.idle();
  await run.pause();
  await test.advance(hours(3));
  expect((await run.execution())?.status).toBe('paused');
  await run.resume();
  await test.idle();
  expect(await run.execution()).toMatchObject({ data: { event: 'late' } });
});

it("the run's timeout runs on", async () => {
  const run = await test.client.start(LimitedWorkflow, {});
  await test.idle();
  await run.pause();
  await test.advance(minutes(31));
  const error = await caught(run.result(), WorkflowFailedError);
  expect(error).toMatchObject({ status: 'failed', cause: { name: 'WorkflowTimeoutError' } });
});

it('a finished run can be neither paused nor resumed', async () => {
  const run = await test.client.start(GatedWorkflow, {});
  await run.result();
  const outcome = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);
  // The contract leaves open how it is said.
  for (const said of [await outcome(run.pause()), await outcome(run.resume())]) {
    expect(said === false || said instanceof DurableError).toBe(true);
  }
  expect((await run.execution())?.status).toBe('completed');
});
