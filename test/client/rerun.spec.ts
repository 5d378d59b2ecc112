import {
  Compensate,
  Decision,
  DurableError,
  type DurableClient,
  type Execution,
  FatalError,
  goto,
  Parallel,
  Step,
  Workflow,
  WorkflowHandle,
  workflowId,
} from 'nest-durable';
import { createTestDatabase } from '../support/database.js';
import { type PlainApp, openApp, reached } from '../support/plain-app.js';

/** retry and restartFrom */

const calls: string[] = [];
/** Steps that fail now. */
const broken = new Set<string>();

function called(step: string): void {
  calls.push(`${workflowId()} ${step}`);
  if (broken.has(step)) throw new FatalError(`${step} is broken`);
}

const callsOf = (run: { id: string }): string[] =>
  calls.filter((call) => call.startsWith(run.id)).map((call) => call.slice(run.id.length + 1));

@Workflow({ name: 'order', queue: 'orders' })
class OrderWorkflow {
  @Step()
  validate(data: { order: string }) {
    called('validate');
    return { ...data, validated: true };
  }

  @Step()
  price(data: object) {
    called('price');
    return { ...data, price: 10 };
  }

  @Step()
  ship(data: object) {
    called('ship');
    return { ...data, shipped: true };
  }
}

@Workflow({ name: 'looping' })
class LoopingWorkflow {
  @Step()
  begin() {
    return { count: 0 };
  }

  @Step()
  add({ count }: { count: number }) {
    called('add');
    return { count: count + 1 };
  }

  @Decision({ goto: ['add'] })
  again({ count }: { count: number }) {
    called('again');
    return count < 3 ? goto('add') : undefined;
  }

  @Step()
  end() {
    called('end');
  }
}

@Workflow({ name: 'undoable' })
class UndoableWorkflow {
  @Step({ compensate: 'refund' })
  charge() {
    called('charge');
    return { charged: true };
  }

  @Step()
  check() {
    called('check');
  }

  @Parallel({ a: 'armA', b: 'armB' })
  arms(data: object) {
    return data;
  }

  @Step()
  armA() {}

  @Step()
  armB() {}

  @Step()
  deliver() {
    called('deliver');
  }

  @Compensate()
  refund() {
    called('refund');
  }
}

let opened: PlainApp;
let client: DurableClient;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  const queues = { default: {}, orders: {}, express: {} };
  opened = await openApp({ database: { url }, queues }, [OrderWorkflow, LoopingWorkflow, UndoableWorkflow]);
  client = opened.client;
});

afterEach(() => broken.clear());

afterAll(() => opened.app.close());

async function execution(run: WorkflowHandle<unknown>): Promise<Execution> {
  const found = await run.execution();
  if (found === null) throw new Error('no such run');
  return found;
}

describe('retry', () => {
  it('starts a new run with the same workflow, queue, priority, tags and input', async () => {
    broken.add('price');
    const options = { queue: 'express', priority: 4, tags: { tenant: 'acme' } };
    const run = await client.start(OrderWorkflow, { order: 'o-1' }, options);
    await reached(client, run.id, 'failed');
    broken.clear();
    const again = await client.retry(run.id);
    expect(again).toBeInstanceOf(WorkflowHandle);
    expect(again.id).not.toBe(run.id);
    expect(await again.result()).toEqual({ order: 'o-1', validated: true, price: 10, shipped: true });
    expect(await execution(again)).toMatchObject({
      ...options,
      workflow: 'order',
      input: { order: 'o-1' },
      retryOf: run.id,
      status: 'completed',
    });
    expect(callsOf(again)).toEqual(['validate', 'price', 'ship']);
    expect(await execution(run)).toMatchObject({ status: 'failed', retryOf: null });
  });

  it('takes runs that ended in whatever way', async () => {
    const done = await client.start(OrderWorkflow, { order: 'o-2' });
    await done.result();
    expect(await (await client.retry(done.id)).result()).toMatchObject({ order: 'o-2', shipped: true });
    const cancelled = await client.start(OrderWorkflow, { order: 'o-3' }, { delay: 3_600_000 });
    await cancelled.cancel();
    expect(await (await client.retry(cancelled.id)).result()).toMatchObject({ order: 'o-3', shipped: true });
  });

  it('takes finished runs only', async () => {
    const run = await client.start(OrderWorkflow, { order: 'o-4' }, { delay: 3_600_000 });
    await expect(client.retry(run.id)).rejects.toBeInstanceOf(DurableError);
    await expect(client.restartFrom(run.id, 'price')).rejects.toBeInstanceOf(DurableError);
    await run.cancel();
  });
});

describe('restartFrom', () => {
  it('takes over the records before the step, and runs from there', async () => {
    broken.add('ship');
    const run = await client.start(OrderWorkflow, { order: 'o-1' }, { tags: { a: 'b' } });
    await reached(client, run.id, 'failed');
    broken.clear();
    const again = await client.restartFrom(run.id, 'ship');
    expect(again).toBeInstanceOf(WorkflowHandle);
    expect(await again.result()).toEqual({ order: 'o-1', validated: true, price: 10, shipped: true });
    expect(callsOf(again)).toEqual(['ship']);
    expect((await client.getSteps(again.id)).map(({ step }) => step)).toEqual(['validate', 'price', 'ship']);
    expect(await execution(again)).toMatchObject({ workflow: 'order', input: { order: 'o-1' }, retryOf: run.id });
    expect((await client.getSteps(run.id)).map(({ step, status }) => [step, status])).toEqual([
      ['validate', 'completed'],
      ['price', 'completed'],
      ['ship', 'failed'],
    ]);
  });

  it('takes completed runs, and the first step', async () => {
    const run = await client.start(OrderWorkflow, { order: 'o-2' });
    await run.result();
    const middle = await client.restartFrom(run.id, 'price');
    await middle.result();
    expect(callsOf(middle)).toEqual(['price', 'ship']);
    const first = await client.restartFrom(run.id, 'validate');
    await first.result();
    expect(callsOf(first)).toEqual(['validate', 'price', 'ship']);
  });

  it('goes to the last visit of the step', async () => {
    const run = await client.start(LoopingWorkflow, {});
    expect(await run.result()).toEqual({ count: 3 });
    const again = await client.restartFrom(run.id, 'add');
    expect(await again.result()).toEqual({ count: 3 });
    expect(callsOf(again)).toEqual(['add', 'again', 'end']);
  });

  it('refuses a step that there is not, one in a parallel arm, and one that was not reached', async () => {
    const run = await client.start(UndoableWorkflow, {});
    await run.result();
    await expect(client.restartFrom(run.id, 'nonsense')).rejects.toBeInstanceOf(DurableError);
    await expect(client.restartFrom(run.id, 'armA')).rejects.toBeInstanceOf(DurableError);
    broken.add('check');
    const failed = await client.start(OrderWorkflow, { order: 'o-3' }, {});
    broken.clear();
    await failed.result();
    broken.add('validate');
    const early = await client.start(OrderWorkflow, { order: 'o-4' });
    await reached(client, early.id, 'failed');
    await expect(client.restartFrom(early.id, 'ship')).rejects.toBeInstanceOf(DurableError);
  });

  it('refuses a run whose earlier steps were undone', async () => {
    broken.add('deliver');
    const run = await client.start(UndoableWorkflow, {});
    await reached(client, run.id, 'compensated');
    await expect(client.restartFrom(run.id, 'deliver')).rejects.toBeInstanceOf(DurableError);
  });

  it('takes the duty to undo along', async () => {
    const run = await client.start(UndoableWorkflow, {});
    await run.result();
    broken.add('deliver');
    const again = await client.restartFrom(run.id, 'check');
    const ended = await reached(client, again.id, 'compensated');
    expect(ended.compensationResults).toEqual([{ step: 'charge', compensation: 'refund', status: 'completed' }]);
    expect(callsOf(again)).toEqual(['check', 'deliver', 'refund']);
    expect((await execution(run)).status).toBe('completed');
  });
});
