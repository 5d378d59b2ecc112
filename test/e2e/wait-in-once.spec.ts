import {
  callWorkflow,
  DurableWorkflow,
  once,
  scheduleAt,
  sleep,
  Step,
  waitForAll,
  waitForAny,
  waitForApproval,
  waitForEvent,
  waitForForm,
  waitForInput,
  WaitInOnceError,
  Workflow,
} from 'nest-durable';
import { createDurableTest, type DurableTest, runStep } from 'nest-durable/testing';
import { Bodies } from '../support/bodies.js';
import { onTestServer } from '../testing/support.js';

type Data = { body: string };
const bodies = new Bodies();

@Workflow({ name: 'one' })
class OneWorkflow extends DurableWorkflow<Data> {
  @Step({ retry: { maxAttempts: 3 } })
  async work(data: Data) {
    return { got: await bodies.call(data.body, data) };
  }
}

const waits: Readonly<Record<string, () => Promise<unknown>>> = {
  sleep: () => sleep(1),
  scheduleAt: () => scheduleAt(new Date(0)),
  waitForEvent: () => waitForEvent('x'),
  waitForAny: () => waitForAny(['x']),
  waitForAll: () => waitForAll(['x']),
  waitForInput: () => waitForInput('x'),
  waitForApproval: () => waitForApproval('x'),
  waitForForm: () => waitForForm('x', { fields: [{ name: 'a', type: 'text' }] }),
  callWorkflow: () => callWorkflow(OneWorkflow, { body: '' }),
};

let test: DurableTest;

beforeAll(async () => {
  test = await createDurableTest({ providers: [OneWorkflow] }, onTestServer);
});

afterAll(() => test.close());

it.each(Object.entries(waits))('%s() inside once() throws WaitInOnceError at the call', async (fn, wait) => {
  const error = await runStep(() => once('outer', wait)).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(WaitInOnceError);
  expect(error).toMatchObject({ code: 'WAIT_IN_ONCE', fn, once: 'outer', step: 'step' });
});

it('is thrown in nested ones and behind something asynchronous, and names the once() that it is in', async () => {
  const { result } = await runStep(async () => {
    const inner = async (): Promise<unknown> => {
      await new Promise(setImmediate);
      return once('inner', () => sleep(1));
    };
    const error = await once('outer', () => inner().catch((thrown: WaitInOnceError) => thrown.once));
    await sleep(1);
    return error;
  });
  expect(result).toBe('inner');
});

const looks: Readonly<Record<string, (wait: Promise<unknown>) => unknown>> = {
  returns: (wait) => wait,
  awaits: async (wait) => {
    await wait;
  },
  races: (wait) => Promise.race([wait, new Promise(() => {})]),
  'returns, later,': async (wait) => {
    await new Promise(setImmediate);
    return wait;
  },
};

describe.each(Object.entries(looks))('a once() that %s a wait that was asked for before it', (_, look) => {
  it.each(Object.entries(waits))('throws WaitInOnceError (%s())', async (fn, wait) => {
    const body = bodies.add(async () => {
      const before = wait();
      return once('outer', () => look(before));
    });
    const run = await test.client.start(OneWorkflow, { body });
    await test.idle();
    const { status, error } = (await run.execution()) ?? {};
    expect({ status, error }).toMatchObject({ status: 'failed', error: { code: 'WAIT_IN_ONCE', fn, once: 'outer' } });
  });
});

it('is not thrown for a wait that is over, and does not come from a once() beside one', async () => {
  const body = bodies.add(async () => {
    const wait = sleep(0).then(() => 'over');
    const own = waitForEvent('x', { timeout: 0, timeoutValue: 'late' });
    const beside = once('beside', () => 1);
    const value = await own;
    return [await once('again', async () => [await own, value]), await beside, await wait];
  });
  const run = await test.client.start(OneWorkflow, { body });
  await test.idle();
  expect(await run.result()).toEqual({ got: [['late', 'late'], 1, 'over'] });
});

it('fails the step with no further attempt, and its place in the queue is free', async () => {
  const body = bodies.add(() => once('nap', () => sleep(50)));
  const run = await test.client.start(OneWorkflow, { body });
  await test.idle();
  expect(await run.execution()).toMatchObject({ status: 'failed', error: { code: 'WAIT_IN_ONCE' } });
  expect(await test.client.getSteps(run.id)).toHaveLength(1);
});

it('is nothing that keeps a step from waiting beside a once()', async () => {
  const body = bodies.add(() => Promise.all([once('a', () => 1), sleep(0), once('b', () => once('c', () => 2))]));
  const run = await test.client.start(OneWorkflow, { body });
  await test.idle();
  expect(await run.result()).toEqual({ got: [1, undefined, 2] });
});
