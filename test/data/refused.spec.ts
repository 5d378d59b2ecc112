import {
  callWorkflow,
  once,
  putContext,
  SerializationError,
  startWorkflow,
  Step,
  waitForEvent,
  waitForInput,
  Workflow,
  type WorkflowHandle,
} from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { caught, kit } from '../support/plain-app.js';

/** What cannot be stored is refused at the call or return that brought it. */

class Account {
  balance = 0;
  deposit(): void {}
}

class Temperature {
  celsius = 20;
  get fahrenheit(): number {
    return this.celsius * 1.8 + 32;
  }
}

function circular(): object {
  const object: Record<string, unknown> = { name: 'ring' };
  object['self'] = object;
  return object;
}

const BAD: [string, () => unknown][] = [
  ['a function', () => () => {}],
  ['a class', () => Account],
  ['a symbol', () => Symbol('s')],
  ['a circular structure', circular],
  ['an instance with methods', () => new Account()],
  ['an instance with accessors', () => new Temperature()],
  ['a RegExp', () => /x/],
  ['a Promise', () => Promise.resolve(1)],
  ['a WeakMap', () => new WeakMap()],
  ['a circular Map', () => {
    const map = new Map<string, unknown>();
    return map.set('self', map);
  }],
]; // prettier-ignore

const bodies: Record<string, (bad: unknown) => unknown> = {
  return: (bad) => ({ deep: [{ bad }] }),
  once: (bad) => once('name', () => ({ deep: [{ bad }] })),
  putContext: (bad) => putContext('deep', [{ bad }]),
  callWorkflow: (bad) => callWorkflow(ReturningWorkflow, { deep: [{ bad }] }),
  startWorkflow: (bad) => startWorkflow(ReturningWorkflow, { deep: [{ bad }] }),
  metadata: (bad) => waitForInput('x', { metadata: { deep: [{ bad }] } }),
};

const caughtIn = new Map<string, unknown>();

@Workflow({ name: 'returning' })
class ReturningWorkflow {
  @Step()
  async work({ place, bad, catches }: { place: string; bad: string; catches?: boolean }) {
    const make = BAD.find(([name]) => name === bad)?.[1];
    const work = async (): Promise<unknown> => bodies[place]?.(make?.());
    if (catches !== true) return (await work()) as object;
    await work().catch((error: unknown) => caughtIn.set(place, error));
    return {};
  }
}

@Workflow({ name: 'waiting' })
class WaitingWorkflow {
  @Step()
  async wait() {
    await waitForEvent('event');
    await waitForInput('input');
  }
}

let test: DurableTest;

beforeAll(async () => {
  test = await kit([ReturningWorkflow, WaitingWorkflow]);
});

afterAll(() => test.close());

async function failed(run: WorkflowHandle<unknown>): Promise<{ name: string; message: string } | null | undefined> {
  await test.idle();
  const execution = await run.execution();
  expect(execution?.status).toBe('failed');
  return execution?.error;
}

it.each(BAD)('%s is refused by start, and nothing is started', async (_name, make) => {
  const before = await test.client.countExecutions();
  const error = await caught(test.client.start(ReturningWorkflow, { deep: [{ bad: make() }] }), SerializationError);
  expect(error.message).toContain('deep[0].bad');
  await caught(test.client.startMany('returning', [{ input: { bad: make() } }]), SerializationError);
  expect(await test.client.countExecutions()).toBe(before);
});

it.each(BAD)('%s is refused at the return', async (bad) => {
  const error = await failed(await test.client.start(ReturningWorkflow, { place: 'return', bad }));
  expect(error).toMatchObject({ name: 'SerializationError', message: expect.stringContaining('deep[0].bad') });
});

it.each(Object.keys(bodies).filter((place) => place !== 'return'))('%s throws it in the step', async (place) => {
  const run = await test.client.start(ReturningWorkflow, { place, bad: 'a function', catches: true });
  await run.result();
  expect(caughtIn.get(place)).toBeInstanceOf(SerializationError);
});

it('sendEvent and provideInput refuse it, and the wait stays open', async () => {
  const run = await test.client.start(WaitingWorkflow, {});
  await test.idle();
  for (const [, make] of BAD) await caught(run.sendEvent('event', { deep: make() }), SerializationError);
  await test.idle();
  expect((await run.execution())?.status).toBe('waiting');
  await run.sendEvent('event');
  await test.idle();
  for (const [, make] of BAD) await caught(run.provideInput('input', { deep: make() }), SerializationError);
  expect(await test.client.listPendingInputs({ executionId: run.id })).toHaveLength(1);
  await run.provideInput('input', null);
  await run.result();
});

it('an object that is there twice is no circle', async () => {
  const shared = { a: 1 };
  const run = await test.client.start('waiting', { one: shared, two: [shared, shared] });
  expect((await run.execution())?.input).toEqual({ one: { a: 1 }, two: [{ a: 1 }, { a: 1 }] });
  await run.cancel();
});
