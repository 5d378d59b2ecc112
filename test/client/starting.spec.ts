import {
  type DurableClient,
  ExecutionExistsError,
  ExecutionNotFoundError,
  FatalError,
  IdempotencyConflictError,
  ResultTimeoutError,
  SerializationError,
  Compensate,
  Step,
  TransactionFailedError,
  Workflow,
  WorkflowCancelledError,
  WorkflowFailedError,
  WorkflowHandle,
  WorkflowNotFoundError,
} from 'nest-durable';
import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { createTestDatabase } from '../support/database.js';
import { caught, type PlainApp, Gates, NOBODY, openApp, reached } from '../support/plain-app.js';

const gates = new Gates();

@Workflow()
class EchoWorkflow {
  @Step()
  echo(data: Record<string, unknown>) {
    return { ...data, echoed: true };
  }
}

@Workflow({ name: 'other', queue: 'slow', priority: 7 })
class OtherWorkflow {
  @Step()
  nothing() {}
}

@Workflow({ name: 'gated' })
class GatedWorkflow {
  @Step()
  async pass({ gate }: { gate: string }) {
    await gates.pass(gate);
  }
}

class PaymentError extends Error {
  readonly code = 'E_DECLINED';
  override readonly name = 'PaymentError';
}

@Workflow({ name: 'failing' })
class FailingWorkflow {
  @Step({ compensate: 'undo' })
  first({ undoable }: { undoable?: boolean }) {
    if (undoable !== true) throw new FatalError('not even begun', { cause: new PaymentError('declined') });
  }

  @Step()
  second() {
    throw new PaymentError('declined');
  }

  @Compensate()
  undo() {}
}

@Workflow({ name: 'unregistered' })
class UnregisteredWorkflow {
  @Step()
  nothing() {}
}

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

let opened: PlainApp;
let client: DurableClient;
let dataSource: DataSource;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  dataSource = await new DataSource({ type: 'postgres', url, installExtensions: false }).initialize();
  const queues = { default: { concurrency: 10 }, slow: {}, ai: {} };
  opened = await openApp({ database: { dataSource }, queues }, [
    EchoWorkflow,
    OtherWorkflow,
    GatedWorkflow,
    FailingWorkflow,
  ]);
  client = opened.client;
});

afterAll(async () => {
  gates.openAll();
  await opened.app.close();
  if (dataSource.isInitialized) await dataSource.destroy();
});

describe('start', () => {
  it('gives a handle, by class or by name', async () => {
    const byClass = await client.start(EchoWorkflow, { a: 1 });
    const byName = await client.start('echo', { a: 2 });
    expect(byClass).toBeInstanceOf(WorkflowHandle);
    expect(byName).toBeInstanceOf(WorkflowHandle);
    expect(await byClass.result()).toEqual({ a: 1, echoed: true });
    expect(await byName.result()).toEqual({ a: 2, echoed: true });
    expect(byClass.id).not.toBe(byName.id);
  });

  it('gives ids that are UUIDv7', async () => {
    const run = await client.start(EchoWorkflow, {});
    expect(run.id).toMatch(UUID_V7);
    for (const { id } of await client.startMany(EchoWorkflow, [{ input: {} }, { input: {} }])) {
      expect(id).toMatch(UUID_V7);
    }
  });

  it('refuses workflows that nobody knows', async () => {
    await expect(client.start('ekho', {})).rejects.toBeInstanceOf(WorkflowNotFoundError);
    await expect(client.start(UnregisteredWorkflow, {})).rejects.toBeInstanceOf(WorkflowNotFoundError);
    await expect(client.startMany('ekho', [{ input: {} }])).rejects.toBeInstanceOf(WorkflowNotFoundError);
  });

  it('refuses at the call what cannot be stored', async () => {
    const error = await caught(client.start(EchoWorkflow, { items: [1, { fn: () => {} }] }), SerializationError);
    expect(error.message).toContain('items[1].fn');
  });

  it('takes the queue and the priority from the options, else from the workflow', async () => {
    const own = await client.start(OtherWorkflow, {});
    expect(await own.execution()).toMatchObject({ queue: 'slow', priority: 7 });
    const given = await client.start(OtherWorkflow, {}, { queue: 'ai', priority: -3 });
    expect(await given.execution()).toMatchObject({ queue: 'ai', priority: -3 });
    const plain = await client.start(EchoWorkflow, {});
    expect(await plain.execution()).toMatchObject({ queue: 'default', priority: 0, tags: {}, workflow: 'echo' });
  });

  it('keeps tags', async () => {
    const run = await client.start(EchoWorkflow, {}, { tags: { tenant: 'acme', region: 'eu' } });
    expect((await run.execution())?.tags).toEqual({ tenant: 'acme', region: 'eu' });
  });
});

describe('id', () => {
  it('is the id of the run, and is taken once', async () => {
    const id = randomUUID();
    const run = await client.start(EchoWorkflow, { a: 1 }, { id });
    expect(run.id).toBe(id);
    await caught(client.start(EchoWorkflow, { a: 1 }, { id }), ExecutionExistsError);
    await caught(client.start(OtherWorkflow, {}, { id }), ExecutionExistsError);
    expect(await run.result()).toEqual({ a: 1, echoed: true });
  });
});

describe('idempotencyKey', () => {
  it('gives the same run for the same workflow and input, also when it has ended', async () => {
    const run = await client.start(EchoWorkflow, { a: 1, b: 2 }, { idempotencyKey: 'order-1' });
    const again = await client.start(EchoWorkflow, { a: 1, b: 2 }, { idempotencyKey: 'order-1' });
    expect(again.id).toBe(run.id);
    await run.result();
    const later = await client.start('echo', { b: 2, a: 1 }, { idempotencyKey: 'order-1' });
    expect(later.id).toBe(run.id);
    expect(await later.result()).toEqual({ a: 1, b: 2, echoed: true });
  });

  it('refuses another input', async () => {
    await client.start(EchoWorkflow, { a: 1 }, { idempotencyKey: 'order-2' });
    await expect(client.start(EchoWorkflow, { a: 2 }, { idempotencyKey: 'order-2' })).rejects.toBeInstanceOf(
      IdempotencyConflictError,
    );
  });

  it('is of one workflow', async () => {
    const run = await client.start(EchoWorkflow, { a: 1 }, { idempotencyKey: 'order-3' });
    const other = await client.start(OtherWorkflow, { a: 2 }, { idempotencyKey: 'order-3' });
    expect(other.id).not.toBe(run.id);
  });

  it('makes one run of many starts at the same time', async () => {
    const starts = Array.from({ length: 10 }, () => client.start(EchoWorkflow, {}, { idempotencyKey: 'at-once' }));
    const ids = new Set((await Promise.all(starts)).map(({ id }) => id));
    expect(ids.size).toBe(1);
  });
});

describe('startMany', () => {
  it('gives handles in order', async () => {
    const runs = await client.startMany(
      EchoWorkflow,
      Array.from({ length: 20 }, (_, n) => ({ input: { n } })),
    );
    const results = await Promise.all(runs.map((run) => run.result()));
    expect(results).toEqual(Array.from({ length: 20 }, (_, n) => ({ n, echoed: true })));
    expect(await client.startMany(EchoWorkflow, [])).toEqual([]);
  });

  it('takes options with each item, and shared ones', async () => {
    const id = randomUUID();
    const shared = { queue: 'ai', tags: { from: 'shared' }, priority: 1 };
    const items = [{ input: { n: 1 } }, { input: { n: 2 }, id, priority: 9, tags: { from: 'item' } }];
    const [one, two] = await client.startMany(EchoWorkflow, items, shared);
    expect(await one?.execution()).toMatchObject({ queue: 'ai', priority: 1, tags: { from: 'shared' } });
    expect(await two?.execution()).toMatchObject({ id, queue: 'ai', priority: 9, tags: { from: 'item' } });
  });

  it('starts all or none', async () => {
    const taken = await client.start(EchoWorkflow, {});
    const before = await client.countExecutions();
    const items = [{ input: { n: 1 } }, { input: { n: 2 }, id: taken.id }, { input: { n: 3 } }];
    await caught(client.startMany(EchoWorkflow, items), ExecutionExistsError);
    await caught(client.startMany(EchoWorkflow, [{ input: {} }, { input: { bad: Symbol('s') } }]), SerializationError);
    await client.start(EchoWorkflow, { a: 1 }, { idempotencyKey: 'many' });
    const conflict = [{ input: {} }, { input: { a: 2 }, idempotencyKey: 'many' }];
    await caught(client.startMany(EchoWorkflow, conflict), IdempotencyConflictError);
    expect(await client.countExecutions()).toBe(before + 1);
  });

  it('gives the run that an idempotency key has', async () => {
    const run = await client.start(EchoWorkflow, { a: 1 }, { idempotencyKey: 'of-many' });
    const items = [{ input: { a: 0 } }, { input: { a: 1 }, idempotencyKey: 'of-many' }];
    const runs = await client.startMany(EchoWorkflow, items);
    expect(runs).toHaveLength(2);
    expect(runs[1]?.id).toBe(run.id);
  });
});

describe('manager', () => {
  it('starts all of many or none, though the transaction goes on after the refusal', async () => {
    await client.start(EchoWorkflow, { a: 1 }, { idempotencyKey: 'taken' });
    const before = await client.countExecutions();
    const conflict = [{ input: { n: 1 } }, { input: { n: 2 } }, { input: { a: 2 }, idempotencyKey: 'taken' }];
    const kept = await dataSource.transaction(async (manager) => {
      await caught(client.startMany(EchoWorkflow, conflict, { manager }), IdempotencyConflictError);
      return client.startMany(EchoWorkflow, conflict.slice(0, 1), { manager });
    });
    expect(await Promise.all(kept.map((run) => run.result()))).toEqual([{ n: 1, echoed: true }]);
    expect(await client.countExecutions()).toBe(before + 1);
  });

  it('makes the run if and only if the transaction commits', async () => {
    const [kept, dropped] = [randomUUID(), randomUUID()];
    const run = await dataSource.transaction(async (manager) => {
      const started = await client.start(EchoWorkflow, { a: 1 }, { id: kept, manager });
      expect(started.id).toBe(kept);
      expect(await client.getExecution(kept)).toBeNull();
      return started;
    });
    expect(await run.result()).toEqual({ a: 1, echoed: true });
    const rolledBack = dataSource.transaction(async (manager) => {
      await client.start(EchoWorkflow, {}, { id: dropped, manager });
      throw new Error('no');
    });
    await expect(rolledBack).rejects.toThrow('no');
    expect(await client.getExecution(dropped)).toBeNull();
    await caught(client.handle(dropped).result(), ExecutionNotFoundError);
  });

  it.each(['REPEATABLE READ', 'SERIALIZABLE'] as const)(
    'tells a %s transaction that another was first as that, and no outage',
    async (isolation) => {
      const idempotencyKey = `raced in ${isolation}`;
      await dataSource.transaction(isolation, async (manager) => {
        await manager.query('SELECT FROM durable.instance');
        const first = await client.start(EchoWorkflow, { a: 1 }, { idempotencyKey });
        const start = () => client.start(EchoWorkflow, { a: 1 }, { idempotencyKey, manager });
        const serialization = { code: 'TRANSACTION_FAILED', sqlState: '40001', cause: { code: '40001' } };
        expect(await caught(start(), TransactionFailedError)).toMatchObject(serialization);
        // It has failed, whatever comes next.
        expect(await caught(start(), TransactionFailedError)).toMatchObject({ sqlState: '25P02' });
        const send = client.sendEvent(first.id, 'paid', 1, { manager });
        expect(await caught(send, TransactionFailedError)).toMatchObject({ sqlState: '25P02' });
      });
    },
  );

  it('holds for startMany too', async () => {
    const ids = [randomUUID(), randomUUID()];
    const items = ids.map((id) => ({ id, input: {} }));
    const rolledBack = dataSource.transaction(async (manager) => {
      await client.startMany(EchoWorkflow, items, { manager });
      throw new Error('no');
    });
    await expect(rolledBack).rejects.toThrow('no');
    expect(await Promise.all(ids.map((id) => client.getExecution(id)))).toEqual([null, null]);
    const runs = await dataSource.transaction((manager) => client.startMany(EchoWorkflow, items, { manager }));
    expect(await Promise.all(runs.map((run) => run.result()))).toEqual([{ echoed: true }, { echoed: true }]);
  });
});

describe('result', () => {
  it('throws ResultTimeoutError, and the run goes on', async () => {
    const run = await client.start(GatedWorkflow, { gate: 'result' });
    await caught(run.result({ timeout: 20 }), ResultTimeoutError);
    gates.open('result');
    expect(await run.result()).toEqual({ gate: 'result' });
    expect(await run.result({ timeout: 1 })).toEqual({ gate: 'result' });
  });

  it('throws WorkflowFailedError with id, status and cause', async () => {
    const run = await client.start(FailingWorkflow, {});
    const error = await caught(run.result(), WorkflowFailedError);
    expect(error).toMatchObject({
      executionId: run.id,
      status: 'failed',
      cause: {
        name: 'FatalError',
        message: 'not even begun',
        code: new FatalError('').code,
        cause: { name: 'PaymentError', message: 'declined', code: 'E_DECLINED' },
      },
    });
    expect(error.cause).not.toBeInstanceOf(Error);
  });

  it('throws WorkflowFailedError when the run was compensated', async () => {
    const run = await client.start(FailingWorkflow, { undoable: true });
    const error = await caught(run.result(), WorkflowFailedError);
    expect(error).toMatchObject({
      executionId: run.id,
      status: 'compensated',
      cause: { name: 'PaymentError', message: 'declined', code: 'E_DECLINED' },
    });
  });

  it('throws WorkflowCancelledError', async () => {
    const run = await client.start(GatedWorkflow, { gate: 'cancelled' });
    const waiting = caught(run.result(), WorkflowCancelledError);
    expect(await run.cancel('not wanted')).toBe(true);
    expect((await waiting).message).toContain('not wanted');
    await caught(run.result(), WorkflowCancelledError);
    gates.open('cancelled');
  });
});

describe('handle', () => {
  it('is the same run from its id', async () => {
    const run = await client.start(GatedWorkflow, { gate: 'handle' });
    const handle = client.handle(run.id);
    expect(handle).toBeInstanceOf(WorkflowHandle);
    expect(handle.id).toBe(run.id);
    await reached(client, run.id, 'running');
    expect(await handle.execution()).toMatchObject({ id: run.id, status: 'running', input: { gate: 'handle' } });
    gates.open('handle');
    expect(await handle.result()).toEqual({ gate: 'handle' });
    for (const method of ['result', 'execution', 'sendEvent', 'provideInput', 'cancel', 'pause', 'resume'] as const) {
      expect(handle[method]).toBeInstanceOf(Function);
    }
  });

  it('of no run gives null or ExecutionNotFoundError', async () => {
    const handle = client.handle(NOBODY);
    expect(await handle.execution()).toBeNull();
    await caught(handle.result(), ExecutionNotFoundError);
    await caught(handle.sendEvent('x'), ExecutionNotFoundError);
    await caught(handle.provideInput('x', 1), ExecutionNotFoundError);
    await caught(handle.cancel(), ExecutionNotFoundError);
    await caught(handle.pause(), ExecutionNotFoundError);
    await caught(handle.resume(), ExecutionNotFoundError);
  });
});
