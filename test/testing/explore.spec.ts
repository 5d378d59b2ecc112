import {
  DurableWorkflow,
  FatalError,
  hours,
  minutes,
  once,
  Step,
  stepManager,
  Workflow,
  workflowId,
  currentAttempt,
} from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';
import { DataSource, type EntityManager } from 'typeorm';
import { onTestServer } from './support.js';

/** Counts by run, as a payment provider that knows idempotency keys would not. */
class Counter {
  private readonly counts = new Map<string, number>();

  add(what: string): number {
    const key = `${workflowId()} ${what}`;
    const n = (this.counts.get(key) ?? 0) + 1;
    this.counts.set(key, n);
    return n;
  }

  of(id: string, what: string): number {
    return this.counts.get(`${id} ${what}`) ?? 0;
  }
}

@Workflow({ name: 'safe' })
class SafeWorkflow extends DurableWorkflow<{ order: number }> {
  constructor(private readonly counter: Counter) {
    super();
  }

  @Step({ retry: { maxAttempts: 2, initialDelay: hours(1), jitter: false } })
  async charge(order: { order: number }) {
    const charge = await once('charge', () => this.counter.add('charge'));
    if (currentAttempt() === 1) throw new Error('the answer was lost');
    return { ...order, charge };
  }

  @Step({ queue: 'warehouse' })
  pack(order: object) {
    return { ...order, packed: true };
  }

  @Step({ transactional: true })
  async book() {
    const manager = stepManager<EntityManager>();
    await manager.query('INSERT INTO bookings (run) VALUES ($1)', [workflowId()]);
  }
}

@Workflow({ name: 'unsafe' })
class UnsafeWorkflow {
  constructor(private readonly counter: Counter) {}

  @Step()
  prepare() {}

  @Step()
  charge() {
    this.counter.add('charge');
  }
}

@Workflow({ name: 'failing' })
class FailingWorkflow {
  @Step()
  fail() {
    throw new FatalError('never');
  }
}

const minute = { ms: minutes(1) };
let test: DurableTest;
let dataSource: DataSource;

beforeAll(async () => {
  test = await createDurableTest((url) => {
    dataSource = new DataSource({ type: 'postgres', url });
    return {
      providers: [
        Counter,
        { provide: SafeWorkflow, useFactory: (counter: Counter) => new SafeWorkflow(counter), inject: [Counter] },
        { provide: UnsafeWorkflow, useFactory: (counter: Counter) => new UnsafeWorkflow(counter), inject: [Counter] },
        FailingWorkflow,
      ],
      dataSource,
    };
  }, onTestServer);
  await dataSource.query('CREATE TABLE bookings (run uuid NOT NULL)');
});

afterAll(() => test.close());

/** A commit whose row is locked at that moment is sent again, and counts each time. */
function withoutRepeats(commits: readonly string[]): string[] {
  return commits.filter((what, n) => what !== commits[n - 1]);
}

async function bookings(id: string): Promise<number> {
  const rows: unknown[] = await dataSource.query('SELECT FROM bookings WHERE run = $1', [id]);
  return rows.length;
}

describe('explore', () => {
  it('crashes before and after each commit, and lets the run recover', async () => {
    const checked: string[] = [];
    const { commits, crashes } = await test.explore(
      SafeWorkflow,
      { order: 7 },
      {
        check: async ({ id, status, data, steps }, { client }) => {
          checked.push(id);
          expect(status).toBe('completed');
          expect(data).toMatchObject({ order: 7, packed: true });
          // A crash between the charge and its record repeats it: `once` makes that as rare as it can be.
          expect(test.get(Counter).of(id, 'charge')).toBeLessThanOrEqual(2);
          expect(await bookings(id)).toBe(1);
          expect(steps?.map(({ step, status: state }) => `${step} ${state}`)).toEqual([
            'charge failed',
            'charge completed',
            'pack completed',
            'book completed',
          ]);
          expect(await client.getExecution(id)).toMatchObject({ status });
        },
      },
    );
    expect(withoutRepeats(commits)).toEqual([
      'charge~~charge completed',
      'charge failed, the run suspended',
      'charge completed, the run suspended',
      'pack completed, done',
      'book completed',
      'the run ended: completed',
    ]);
    expect(crashes).toBeGreaterThanOrEqual(12);
    expect(new Set(checked).size).toBe(1 + 2 * commits.length);
  });

  it('finds what is not safe, and says where', async () => {
    const check = ({ id }: { id: string }): void => expect(test.get(Counter).of(id, 'charge')).toBe(1);
    const explored = test.explore(UnsafeWorkflow, {}, { check });
    await expect(explored).rejects.toThrow(
      /^After a crash before commit [2-9] \(charge completed, the run ended: completed\): /,
    );
    await expect(explored).rejects.toHaveProperty('cause.matcherResult.actual', 2);
  });

  it('takes runs that fail for what they are, and says so when the check fails without a crash', async () => {
    const { commits, crashes } = await test.explore(
      FailingWorkflow,
      {},
      { check: ({ status }) => expect(status).toBe('failed') },
    );
    expect(withoutRepeats(commits)).toEqual(['fail failed, the run ended: failed']);
    expect(crashes).toBeGreaterThanOrEqual(2);
    const wrong = test.explore(FailingWorkflow, {}, { check: ({ status }) => expect(status).toBe('completed') });
    await expect(wrong).rejects.toThrow(/^Without a crash: /);
  });

  it('drives the run, through the crash', async () => {
    const drives: number[] = [];
    const { commits, crashes } = await test.explore(
      UnsafeWorkflow,
      {},
      {
        start: { delay: minute.ms },
        drive: async (run, { now, advance, idle }) => {
          drives.push(now.call(test).getTime());
          await advance.call(test, minute.ms);
          await idle.call(test);
          expect((await run.execution())?.status).toBe('completed');
        },
        check: ({ completedAt, createdAt }) => {
          expect((completedAt?.getTime() ?? 0) - createdAt.getTime()).toBe(minute.ms);
        },
      },
    );
    expect(withoutRepeats(commits)).toHaveLength(2);
    expect(crashes).toBeGreaterThanOrEqual(4);
    expect(drives.length).toBe(1 + 2 * commits.length);
  });

  it('names a run that nobody goes on with', async () => {
    const explored = test.explore(
      UnsafeWorkflow,
      {},
      { start: { delay: minute.ms }, drive: (run) => run.pause(), check: () => {} },
    );
    await expect(explored).rejects.toThrow(/^Without a crash: the run is paused .*drive\(\) sent nothing more$/);
    // Nothing dies any more once it is over.
    const [paused] = await test.client.listExecutions({ status: 'paused' });
    await test.client.resume(paused?.id ?? '');
    await test.advance(minute.ms);
    expect((await test.client.getExecution(paused?.id ?? ''))?.status).toBe('completed');
  });
});
