import { Step, stepManager, Workflow, workflowId } from 'nest-durable';
import { DataSource, type EntityManager, type EntitySubscriberInterface } from 'typeorm';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { bookingsOf, type Ground, openGround } from '../support/faults/ground.js';
import { expectInvariants } from '../support/invariants.js';

/** Who may still send over the connection of a step's transaction when its attempt is over. */

const INSERT = 'INSERT INTO bookings (run, step) VALUES ($1, $2)';

/** Its step is given up by its timeout, and goes on when that transaction is rolled back; within one of its own or not. */
@Workflow({ name: 'given_up' })
class GivenUpWorkflow {
  static go: () => void = () => {};
  static late: Promise<unknown>;

  @Step({ transactional: true, timeout: 100 })
  async late({ within }: { within: boolean }) {
    const gone = new Promise<void>((resolve) => (GivenUpWorkflow.go = resolve));
    // Those who keep it do not go through stepManager() again, which would refuse them.
    const write = async (manager: EntityManager): Promise<unknown> => {
      await gone;
      return manager.query('INSERT INTO bookings (run, step) VALUES ($1, $2)', [id, 'late']);
    };
    const id = workflowId();
    const manager = stepManager<EntityManager>();
    const work = within ? manager.transaction(write) : write(manager);
    GivenUpWorkflow.late = work.then(
      () => 'written',
      (error: Error) => error.message,
    );
    await work;
  }
}

/** Its step returns while a transaction of its own within is open, which then fails, or is never ended. */
@Workflow({ name: 'left_open' })
class LeftOpenWorkflow {
  static go: () => void = () => {};
  static left: Promise<unknown>;

  @Step({ transactional: true })
  async book() {
    const manager = stepManager<EntityManager>();
    await manager.query(INSERT, [workflowId(), 'book']);
    let inside: () => void = () => {};
    const begun = new Promise<void>((resolve) => (inside = resolve));
    const gone = new Promise<void>((resolve) => (LeftOpenWorkflow.go = resolve));
    const id = workflowId();
    const left = manager.transaction(async (within) => {
      await within.query(INSERT, [id, 'within']);
      inside();
      await gone;
      throw new Error('within failed');
    });
    LeftOpenWorkflow.left = left.catch((error: Error) => error.message);
    await begun;
    return { booked: true };
  }
}

@Workflow({ name: 'plain' })
class PlainWorkflow {
  @Step({ transactional: true })
  async book({ fails = false }: { fails?: boolean }) {
    await stepManager<EntityManager>().query(INSERT, [workflowId(), 'book']);
    if (fails) throw new Error('no funds');
    return { booked: true };
  }
}

let ground: Ground;
let dataSource: DataSource;
let worker: FaultApp;

beforeAll(async () => {
  ground = await openGround();
  dataSource = await new DataSource({ type: 'postgres', url: ground.url, installExtensions: false }).initialize();
  worker = await openApp({ database: { dataSource } }, [GivenUpWorkflow, LeftOpenWorkflow, PlainWorkflow]);
});

afterAll(async () => {
  await worker.close();
  await dataSource.destroy();
  await ground.pool.end();
});

/** The app's own, while the work lasts. */
async function subscribed(subscriber: EntitySubscriberInterface, work: () => Promise<void>): Promise<void> {
  dataSource.subscribers.push(subscriber);
  try {
    await work();
  } finally {
    dataSource.subscribers.pop();
  }
}

/** Nor is a transaction left open for whoever has the connection next. */
async function expectNoneOpen(id: string): Promise<void> {
  await dataSource.query(INSERT, [id, 'next']);
  expect(await bookingsOf(ground.pool, id)).toContain('next');
  const open = await ground.pool.query(
    `SELECT FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'`,
  );
  expect(open.rowCount).toBe(0);
}

it.each([false, true])(
  'keeps nothing of what its code writes after it was given up (in a savepoint: %s)',
  async (within) => {
    const told: unknown[] = [];
    // Behind the ROLLBACK, before its connection is free for others.
    const afterTransactionRollback = async (): Promise<void> => {
      GivenUpWorkflow.go();
      told.push(await GivenUpWorkflow.late);
    };
    await subscribed({ afterTransactionRollback }, async () => {
      const run = await worker.client.start('given_up', { within });
      await expect(run.result()).rejects.toMatchObject({ cause: { code: 'STEP_TIMEOUT' } });
      expect(told).toEqual(['The transaction of this step is over']);
      expect(await bookingsOf(ground.pool, run.id)).toEqual([]);
      await expectNoneOpen(run.id);
    });
  },
);

it('commits once where a transaction within, which nobody awaits, fails between the record and the COMMIT', async () => {
  const left: unknown[] = [];
  const beforeTransactionCommit = async (): Promise<void> => {
    LeftOpenWorkflow.go();
    left.push(await LeftOpenWorkflow.left);
  };
  await subscribed({ beforeTransactionCommit }, async () => {
    const run = await worker.client.start('left_open', {});
    expect(await run.result()).toEqual({ booked: true });
    expect(left).toEqual(['within failed']);
    // It could not be undone any more: a part of the work that is to be undone has to be awaited.
    expect(await bookingsOf(ground.pool, run.id)).toEqual(['book', 'within']);
    expect((await worker.client.getSteps(run.id)).map(({ step, status }) => [step, status])).toEqual([
      ['book', 'completed'],
    ]);
    await expectInvariants(ground.pool, { runs: [run] });
    await expectNoneOpen(run.id);
  });
});

it('commits what a subscriber of the app writes before and after the COMMIT', async () => {
  const write = (step: string) => async (event: { manager: EntityManager }) => {
    const [row] = await event.manager.query<{ run: string }[]>('SELECT run FROM bookings ORDER BY ctid DESC LIMIT 1');
    await event.manager.query(INSERT, [row?.run, step]);
  };
  const subscriber = { beforeTransactionCommit: write('before'), afterTransactionCommit: write('after') };
  await subscribed(subscriber as EntitySubscriberInterface, async () => {
    const run = await worker.client.start('plain', {});
    expect(await run.result()).toEqual({ booked: true });
    expect(await bookingsOf(ground.pool, run.id)).toEqual(['after', 'before', 'book']);
    await expectInvariants(ground.pool, { runs: [run] });
  });
});

it('rolls back where a subscriber of the app asks the database before the ROLLBACK', async () => {
  const beforeTransactionRollback = async ({ manager }: { manager: EntityManager }): Promise<void> => {
    await manager.query('SELECT 1');
  };
  await subscribed({ beforeTransactionRollback } as EntitySubscriberInterface, async () => {
    const run = await worker.client.start('plain', { fails: true });
    await expect(run.result()).rejects.toMatchObject({ cause: { message: 'no funds' } });
    expect(await bookingsOf(ground.pool, run.id)).toEqual([]);
    await expectNoneOpen(run.id);
  });
});

it('fails where a subscriber of the app refuses the transaction, with what it threw', async () => {
  const afterTransactionStart = async (): Promise<void> => {
    throw new Error('no tenant');
  };
  await subscribed({ afterTransactionStart }, async () => {
    const run = await worker.client.start('plain', {});
    await expect(run.result()).rejects.toMatchObject({ cause: { message: 'no tenant' } });
    expect(await bookingsOf(ground.pool, run.id)).toEqual([]);
  });
});
