import { jest } from '@jest/globals';
import {
  DatabaseUnavailableError,
  DurableClient,
  Step,
  waitForEvent,
  Workflow,
  type WorkflowHandle,
} from 'nest-durable';
import { PgQueueControl } from '../../lib/storage/client/queue-control.js';
import { createTestDatabase } from '../support/database.js';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { Gates } from '../support/plain-app.js';
import { until } from '../support/until.js';
import { cliOn, json } from './support.js';

/** Commands that Ctrl-C or an outage ends: what they have done they tell, and go no further. */

const gates = new Gates();

@Workflow({ name: 'waiting' })
class WaitingWorkflow {
  @Step()
  async wait() {
    await waitForEvent('never');
  }
}

@Workflow({ name: 'quick' })
class QuickWorkflow {
  @Step()
  work() {}
}

@Workflow({ name: 'slow', queue: 'slow' })
class SlowWorkflow {
  @Step()
  async work({ gate }: { gate: string }) {
    await gates.pass(gate);
  }
}

let app: FaultApp;
let client: DurableClient;
let on: ReturnType<typeof cliOn>;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  on = cliOn(url);
  app = await openApp({ database: { url }, report: 'none', queues: { default: {}, slow: { concurrency: 5 } } }, [
    WaitingWorkflow,
    QuickWorkflow,
    SlowWorkflow,
  ]);
  ({ client } = app);
});

afterEach(() => jest.restoreAllMocks());

afterAll(async () => {
  gates.openAll();
  await app.close();
});

async function waiting(count: number): Promise<string[]> {
  const runs: WorkflowHandle<unknown>[] = [];
  for (let n = 0; n < count; n++) runs.push(await client.start(WaitingWorkflow, {}));
  for (const run of runs) await until(async () => (await run.execution())?.status === 'waiting');
  return runs.map(({ id }) => id);
}

/** The database is there for so many cancels. */
function outageAfter(count: number): { calls(): number } {
  const real = DurableClient.prototype.cancel;
  let calls = 0;
  jest.spyOn(DurableClient.prototype, 'cancel').mockImplementation(function (this: DurableClient, ...given) {
    if (++calls > count) return Promise.reject(new DatabaseUnavailableError('PostgreSQL cannot be reached.'));
    return real.apply(this, given);
  });
  return { calls: () => calls };
}

it('cleanup says how far it has counted before it asks, and after Ctrl-C in the count it asks nothing', async () => {
  await (await client.start(QuickWorkflow, {})).result();
  const interrupt = new AbortController();
  const ran = await on(['cleanup', '--older-than', '1ms'], {
    columns: 80,
    typed: 'y\n',
    signal: interrupt.signal,
    onWrite: (_, err) => err.includes('Counted 1, ') && interrupt.abort(),
  });
  expect(ran).toMatchObject({ code: 130, out: '', err: expect.stringContaining('Counted 1, ') });
  expect(ran.err).not.toContain('?');
  expect(await client.countExecutions({ workflow: 'quick' })).toBe(1);
});

describe('an act on several ids', () => {
  it('ends after the one that it was at when Ctrl-C was pressed', async () => {
    const [first = '', second = ''] = await waiting(2);
    const interrupt = new AbortController();
    const ran = await on(['cancel', first, second], {
      signal: interrupt.signal,
      onWrite: (out) => out.includes(first) && interrupt.abort(),
    });
    expect(ran).toEqual({ code: 130, out: `Run ${first} is cancelled.\n`, err: '' });
    expect(await client.getExecution(second)).toMatchObject({ status: 'waiting' });
    expect(json(await on(['cancel', first, second, '--json'], { signal: interrupt.signal }))).toMatchObject({
      count: 0,
    });
    await client.cancel(second);
  });

  it('ends with the first that finds no database, which is no refusal; the document has what was done', async () => {
    const ids = await waiting(3);
    const outage = outageAfter(1);
    const ran = await on(['cancel', ...ids, '--json']);
    expect(ran).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        /^nest-durable: PostgreSQL cannot be reached\. nest-durable doctor says what is wrong with the database\.\n$/,
      ),
    });
    expect(json(ran)).toEqual({ count: 1, refused: [], runs: [{ id: ids[0], changed: true }] });
    expect(outage.calls()).toBe(2);
    jest.restoreAllMocks();
    await client.cancelMany({ status: 'waiting' });
  });

  it('that is given twice is done once', async () => {
    const run = await client.start(QuickWorkflow, {}, { tags: { twice: 'yes' } });
    await run.result();
    expect(json(await on(['retry', run.id, run.id.toUpperCase(), '--json']))).toMatchObject({ retryOf: run.id });
    expect(await client.countExecutions({ tags: { twice: 'yes' } })).toBe(2);
  });
});

it('an act on all that fit says in an outage how many it has changed', async () => {
  await waiting(6);
  outageAfter(4);
  expect(await on(['cancel', '--workflow', 'waiting', '--yes'])).toMatchObject({
    code: 1,
    out: '',
    err: expect.stringContaining(
      'nest-durable: PostgreSQL cannot be reached. 4 runs were cancelled before; give it again to go on.\n',
    ),
  });
  jest.restoreAllMocks();
  expect(json(await on(['cancel', '--workflow', 'waiting', '--yes', '--json']))).toEqual({ count: 2, refused: [] });
});

it('a drain pauses once, counts down what is leased, and reads nothing of what waits', async () => {
  const runs = await client.startMany(SlowWorkflow, [{ input: { gate: 'one' } }, { input: { gate: 'two' } }]);
  await gates.arrived('one');
  await gates.arrived('two');
  const pauses = jest.spyOn(PgQueueControl.prototype, 'pause');
  const reads = jest.spyOn(PgQueueControl.prototype, 'queues');
  let said = '';
  const drained = on(['queues', 'drain', 'slow'], { columns: 80, onWrite: (_, err) => (said = err) });
  await until(() => said.includes('Drained 0 of 2, '));
  gates.open('one');
  await until(() => said.includes('Drained 1 of 2, '));
  gates.open('two');
  expect(await drained).toMatchObject({ code: 0, out: 'Queue slow is paused and idle.\n' });
  expect([pauses.mock.calls.length, reads.mock.calls.length]).toEqual([1, 0]);
  for (const { id } of runs) await client.handle(id).result();
});
