import { setImmediate as macrotask } from 'node:timers/promises';
import {
  appendContext,
  callWorkflow,
  currentAttempt,
  currentStep,
  deleteContext,
  DurableWorkflow,
  getContext,
  hasContext,
  incrementContext,
  mergeContext,
  once,
  putContext,
  sleep,
  startWorkflow,
  Step,
  stepSignal,
  updateContext,
  waitForEvent,
  waitForInput,
  Workflow,
  workflowId,
  type WorkflowHandle,
  workflowInput,
} from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';
import { createTestDatabase } from '../support/database.js';
import { Bodies } from '../support/bodies.js';
import { Forks } from '../support/forks.js';
import { Gate, onTestServer } from '../testing/support.js';

/** Code that runs on in a pass that does not count any more. */

type Data = { body: string; n: number };
const bodies = new Bodies();

@Workflow({ name: 'one' })
class OneWorkflow extends DurableWorkflow<Data> {
  @Step()
  async work(data: Data) {
    await bodies.call(data.body, data);
  }
}

@Workflow({ name: 'child' })
class ChildWorkflow {
  @Step()
  work() {}
}

const reads: Readonly<Record<string, () => unknown>> = {
  workflowId: () => workflowId().length,
  workflowInput: () => workflowInput<Data>().n,
  currentStep: () => currentStep(),
  currentAttempt: () => currentAttempt(),
  stepSignal: () => stepSignal().aborted,
  getContext: () => getContext<Data>().n,
  hasContext: () => hasContext('n'),
  written: () => getContext('written'),
};
/** What they give, before and after the writes. */
const seen = JSON.stringify([36, 1, 'work', 1, false, 1, true, 'before']);

const writes: Readonly<Record<string, () => void>> = {
  putContext: () => putContext('late', 1),
  'putContext of what cannot be stored': () => putContext('late', () => 1),
  updateContext: () => updateContext('n', () => 2),
  appendContext: () => appendContext('n', 2),
  incrementContext: () => incrementContext('n'),
  mergeContext: () => mergeContext({ late: { n: 1 } }),
  deleteContext: () => deleteContext('n'),
};

const asks: Readonly<Record<string, () => Promise<unknown>>> = {
  once: () => once('late', () => (called = true)),
  'once that was recorded': () => once('early', () => 2),
  sleep: () => sleep(1),
  waitForEvent: () => waitForEvent('late'),
  'waitForEvent of no name': () => waitForEvent(''),
  waitForInput: () => waitForInput('late'),
  callWorkflow: () => callWorkflow(ChildWorkflow, {}),
  startWorkflow: () => startWorkflow(ChildWorkflow, {}),
  'startWorkflow of none': () => startWorkflow('none', {}),
};

let called = false;
let test: DurableTest;

beforeAll(async () => {
  test = await createDurableTest({ providers: [OneWorkflow, ChildWorkflow] }, onTestServer);
});

beforeEach(() => (called = false));
afterAll(() => test.close());

/** A run whose first pass leaves code behind that goes on when the gate is open; and what has become of that code. */
async function leaves(rest: () => unknown): Promise<{ run: WorkflowHandle; gate: Gate; outcome: () => string[] }> {
  const gate = new Gate();
  const outcome: string[] = [];
  let passes = 0;
  const body = bodies.add(async () => {
    putContext('written', 'before');
    await once('early', () => 1);
    if (++passes === 1) {
      const late = async (): Promise<void> => {
        await gate.promise;
        const read = (): string => JSON.stringify(Object.values(reads).map((one) => one()));
        outcome.push(read());
        for (const write of Object.values(writes)) write();
        outcome.push(read());
        for (const [name, ask] of Object.entries(asks)) {
          ask().then(
            () => outcome.push(`${name} was settled`),
            (error: unknown) => outcome.push(`${name} has thrown ${String(error)}`),
          );
        }
      };
      late().catch((error: unknown) => outcome.push(String(error)));
    }
    await rest();
  });
  const run = await test.client.start(OneWorkflow, { body, n: 1 });
  await test.idle();
  return { run, gate, outcome: () => outcome };
}

async function goOn(gate: Gate): Promise<void> {
  gate.open();
  for (let turn = 0; turn < 20; turn++) await macrotask();
}

it('in a pass that a wait has suspended reads give what it saw, writes are ignored, nothing settles', async () => {
  const { run, gate, outcome } = await leaves(() => waitForEvent('go'));
  expect((await run.execution())?.status).toBe('waiting');
  await goOn(gate);
  expect(outcome()).toEqual([seen, seen]);
  await run.sendEvent('go');
  expect(await run.result()).toEqual({ body: expect.any(String), n: 1, written: 'before' });
  expect(called).toBe(false);
  expect(await test.client.listChildren(run.id)).toEqual([]);
});

it('the same after the step has come to its end', async () => {
  const { run, gate, outcome } = await leaves(() => {});
  await goOn(gate);
  expect(outcome()).toEqual([seen, seen]);
  expect(await run.result()).toEqual({ body: expect.any(String), n: 1, written: 'before' });
  expect(called).toBe(false);
});

it('what a step has awaited in part when it waits is awaited again in the next pass', async () => {
  const gates = [new Gate(), new Gate()];
  let passes = 0;
  const body = bodies.add(async () => {
    const { promise } = gates[passes++] ?? new Gate();
    const side = (async () => {
      await promise;
      putContext('side', passes);
    })();
    await waitForEvent('go');
    gates[1]?.open();
    await side;
  });
  const run = await test.client.start(OneWorkflow, { body, n: 1 });
  await test.idle();
  await goOn(gates[0] as Gate);
  await run.sendEvent('go');
  expect(await run.result()).toMatchObject({ side: 2 });
});

describe('a process', () => {
  const processes = new Forks<Record<string, string>>(new URL('./detached-worker.ts', import.meta.url));

  it('outlives every promise of the engine that nobody looks at, or not yet', async () => {
    const database = await createTestDatabase();
    const process = await processes.start([database.url]);
    expect(process.told).toEqual({
      'written behind a wait': 'completed',
      'timed out behind a wait': 'completed',
      'once in flight': 'completed',
      'once that throws': 'completed',
      'child not awaited': 'completed',
      'child of no workflow': 'completed',
      'wait in once': 'completed',
      'beside a failure': 'failed',
      'timed out': 'failed',
    });
    await process.gone();
    expect(process.exitCode).toBe(0);
  });
});
