import {
  callWorkflow,
  once,
  scheduleAt,
  sleep,
  startWorkflow,
  Step,
  waitForAll,
  waitForAny,
  waitForApproval,
  waitForChoice,
  waitForEvent,
  waitForForm,
  waitForInput,
  waitForText,
  Workflow,
} from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';
import { Bodies } from '../support/bodies.js';
import { HOSTILE } from '../support/hostile.js';

/**
 * What a step gives to the functions of the package is checked at the call, by the rules of the client: the step gets an
 * error that it can catch, and the run goes on; it is never paused by what the server says of it.
 */

const bodies = new Bodies();

@Workflow({ name: 'child' })
class ChildWorkflow {
  @Step()
  work() {}
}

@Workflow({ name: 'calls' })
class CallsWorkflow {
  @Step()
  async work(data: { body: string }) {
    await bodies.call(data.body, data);
  }
}

let test: DurableTest;

beforeAll(async () => {
  const durable = { maxPayloadBytes: 20_000 };
  const options = { providers: [ChildWorkflow, CallsWorkflow], durable, patience: 30_000 };
  test = await createDurableTest(options, { databaseUrl: process.env['TEST_SERVER_URL'] });
});

afterAll(() => test.close());

/** Codes of what the calls were rejected with; the run goes on after each. */
async function codesOf(calls: readonly (() => unknown)[]): Promise<unknown[]> {
  const codes: unknown[] = [];
  const body = bodies.add(async () => {
    codes.length = 0;
    for (const call of calls) {
      try {
        await call();
        codes.push('taken');
      } catch (error) {
        codes.push((error as { code?: unknown }).code ?? error);
      }
    }
  });
  const run = await test.client.start(CallsWorkflow, { body });
  await test.idle();
  expect(await run.execution()).toMatchObject({ status: 'completed', error: null });
  return codes;
}

const any = (value: unknown): never => value as never;
const LATE = { timeout: 0, timeoutValue: null };
/** What is no name: texts that are empty, too long or cannot be stored, and everything that is none. */
const TEXTS: readonly unknown[] = [
  '',
  'a\0b',
  'x\uD800',
  'x'.repeat(513),
  ...Object.values(HOSTILE).map((make) => make()),
];

const TAKES_NAME: Readonly<Record<string, (name: never) => unknown>> = {
  once: (name) => once(name, () => 1),
  waitForEvent: (name) => waitForEvent(name, LATE),
  waitForAny: (name) => waitForAny([name], LATE),
  waitForAll: (name) => waitForAll(['good', name], LATE),
  waitForInput: (name) => waitForInput(name, LATE),
  waitForApproval: (name) => waitForApproval(name, LATE),
  waitForChoice: (name) => waitForChoice(name, { choices: [{ value: 1 }], ...LATE }),
  waitForText: (name) => waitForText(name, LATE),
  waitForForm: (name) => waitForForm(name, { fields: [{ name: 'a', type: 'text' }], ...(LATE as object) }),
};

it.each(Object.entries(TAKES_NAME))('%s refuses what is no name', async (_, call) => {
  const codes = await codesOf(TEXTS.map((text) => () => call(any(text))));
  expect(codes).toEqual(TEXTS.map(() => 'INVALID_INPUT'));
});

it.each(Object.entries(TAKES_NAME))('%s takes a name of 512 characters, as the client does', async (_, call) => {
  const [code] = await codesOf([() => call(any('\u00e9'.repeat(512)))]);
  expect(['taken', 'WAIT_TIMEOUT']).toContain(code);
});

const OPTIONS: Readonly<Record<string, readonly unknown[]>> = {
  ref: ['', 'a\0b', 'x\uD800', 'x'.repeat(513), 7, null],
  queue: ['', ' ', 'a\0b', 'a\nb', 'x\uD800', 'x'.repeat(65), 7],
  priority: [0.5, NaN, Infinity, 2 ** 31, -(2 ** 31) - 1, '1'],
};

it.each([
  ['callWorkflow', (options: object) => callWorkflow(ChildWorkflow, {}, options)],
  ['startWorkflow', (options: object) => startWorkflow(ChildWorkflow, {}, options)],
])('%s refuses refs, queues and priorities that the client would refuse', async (_, call) => {
  const wrong = Object.entries(OPTIONS).flatMap(([key, values]) => values.map((value) => ({ [key]: value })));
  const codes = await codesOf([...wrong, { unheardOf: 1 }, null, 'x'].map((options) => () => call(options as object)));
  expect(codes).toEqual([...wrong.map(() => 'INVALID_INPUT'), 'INVALID_INPUT', 'INVALID_INPUT', 'INVALID_INPUT']);
});

it('times and options of waits are refused where the client would refuse them', async () => {
  const times = [-1, NaN, Infinity, 200 * 366 * 86_400_000, '1', null, new Date()];
  const dates = [new Date(NaN), new Date(8.64e15), new Date(-8e15), Object.create(Date.prototype), 1e12, '2030-01-01'];
  const options = [{ timout: 1 }, { onTimeout: 'explode' }, { timeoutValue: 1, onTimout: 'fail' }, null, 5];
  const calls = [
    ...times.map((ms) => () => sleep(any(ms))),
    ...dates.map((date) => () => scheduleAt(any(date))),
    ...times.map((timeout) => () => waitForEvent('x', any({ timeout }))),
    ...times.map((timeout) => () => waitForText('x', any({ timeout }))),
    ...times.map((timeout) => () => callWorkflow(ChildWorkflow, {}, any({ timeout }))),
    ...options.flatMap((one) => [() => waitForAny(['x'], any(one)), () => waitForInput('x', any(one))]),
    () => waitForInput('x', { prompt: any(7) }),
    () => waitForInput('x', { type: any('colour') }),
    () => waitForAny(any('x')),
    () => waitForAll([]),
    () => waitForAny(Array.from({ length: 1_001 }, (_, n) => `e${n}`)),
  ];
  expect(await codesOf(calls)).toEqual(calls.map(() => 'INVALID_INPUT'));
});

it('what a wait declares counts against maxPayloadBytes', async () => {
  const large = 'x'.repeat(20_001);
  const choices = Array.from({ length: 2_000 }, (_, n) => ({ value: n, label: 'a label' }));
  const fields = Array.from({ length: 1_000 }, (_, n) => ({ name: `field ${n}`, type: 'text' as const }));
  const calls = [
    () => waitForInput('x', { prompt: large }),
    () => waitForInput('x', { metadata: { large } }),
    () => waitForChoice('x', { choices }),
    () => waitForForm('x', { fields }),
    () => waitForEvent('x', { timeout: 1, timeoutValue: large }),
    () => callWorkflow(ChildWorkflow, {}, { timeout: 1, timeoutValue: large }),
    () => waitForInput('x', { metadata: () => 1 }),
  ];
  expect(await codesOf(calls)).toEqual(calls.map(() => 'SERIALIZATION'));
});
