import type { RemoteStepOp, NewRecord, RunOp } from '../../lib/engine/ports/store.js';
import type { Connections } from '../../lib/storage/connection/connections.js';
import { PgQueueStore } from '../../lib/storage/engine/queue-store.js';
import { PgStore } from '../../lib/storage/engine/pg-store.js';
import { sql } from '../../lib/storage/sql.js';
import { connectTo } from '../support/connections.js';
import { Rows } from './rows.js';

/**
 * One order of locks: the row of a run before those of its steps on other queues, runs by id, whatever the ids look like
 * (a caller may give any). Statements that take several rows beside that wait for none of them.
 */

/** In the order of ids the step comes before its run. */
const STEP = '00000000-0000-4000-8000-000000000001';
const RUN = 'ffffffff-ffff-4fff-8fff-ffffffffffff';
const OTHER = 'eeeeeeee-ffff-4fff-8fff-ffffffffffff';

let rows: Rows;
let connections: Connections;
let store: PgStore;
let worker: number;

beforeEach(async () => {
  rows = await Rows.open();
  connections = connectTo(rows.url);
  store = new PgStore({ connections, schema: 'durable', appDataSource: rows.dataSource });
  worker = await rows.worker();
  for (const id of [RUN, OTHER]) {
    await rows.open({ id, started_at: new Date(), state: 'running', worker_id: worker, token: 1 }, { id });
  }
  await rows.queued({
    id: STEP, step_of: RUN, step: '{"nextSeq":2}', state: 'running', worker_id: worker, token: 1, started_at: new Date(),
  }); // prettier-ignore
});

afterEach(async () => {
  await connections.close();
  await rows.close();
});

const record: NewRecord = {
  seq: 2, input: 0, round: 1, path: 'there', visit: 1, attempt: 1, type: 'step', status: 'completed', facts: null,
  output: null, error: null, logs: null, retryInMs: null, durationMs: 0,
}; // prettier-ignore
const op = { rowId: STEP, runId: RUN, token: 1, after: [], afterWait: null, records: [record], extras: null };

/** While somebody has locked a row. */
async function locked<T>(row: string, work: () => Promise<T>, table = 'workflow_queue'): Promise<T> {
  const client = await rows.pool.connect();
  try {
    await client.query('BEGIN');
    const { rowCount } = await client.query(`SELECT FROM durable.${table} WHERE id::text = $1 FOR UPDATE`, [row]);
    expect(rowCount).toBe(1);
    return await work();
  } finally {
    await client.query('ROLLBACK');
    client.release();
  }
}

async function someoneWaits(): Promise<void> {
  const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  while ((await rows.pool.query(waiting)).rowCount === 0) await new Promise((resolve) => setImmediate(resolve));
}

const WRITES: Record<string, () => Promise<unknown>> = {
  'what it commits': () => store.commitRemoteStep(worker, { ...op, outcome: { kind: 'done' } } satisfies RemoteStepOp),
  'its transaction': () =>
    store.transaction((transaction) => transaction.record(worker, { ...op, outcome: null } satisfies RunOp)),
};

it.each(Object.entries(WRITES))(
  'of a step on another queue %s waits for the run, and holds nothing by then',
  async (_, write) => {
    let writing: Promise<unknown> = Promise.resolve();
    await locked(RUN, async () => {
      writing = write();
      await someoneWaits();
      // A cancel that has the run takes the step's row next.
      await rows.pool.query('SELECT FROM durable.workflow_queue WHERE id = $1 FOR UPDATE NOWAIT', [STEP]);
    });
    await writing;
    expect(await rows.pool.query('SELECT FROM durable.step_executions WHERE run_id = $1', [RUN])).toHaveProperty(
      'rowCount',
      1,
    );
  },
);

it('whoever abandons steps waits for the run, and has none of their rows by then', async () => {
  let abandoning: Promise<unknown> = Promise.resolve();
  await locked(RUN, async () => {
    abandoning = store.abandonSteps(RUN, [STEP], '{}', true);
    await someoneWaits();
    // A pause that has the run takes the rows of its steps next, in whatever order.
    await rows.pool.query('SELECT FROM durable.workflow_queue WHERE id = $1 FOR UPDATE NOWAIT', [STEP]);
  });
  expect(await abandoning).toEqual([]);
  expect(await rows.one('workflow_queue', STEP)).toBeUndefined();
});

describe('waits for no row that somebody has locked', () => {
  const SEVERAL: Record<string, (run: string) => Promise<unknown>> = {
    'a release': () => store.release(worker, [{ rowId: RUN, token: 1 }, { rowId: OTHER, token: 1 }], true), // prettier-ignore
    'a worker that leaves': () => store.deregisterWorker(worker),
    'a sweep': async () => {
      await rows.pool.query('UPDATE durable.workers SET dead_at = now()');
      return store.recover([]);
    },
    'a look at waits': () => store.takeWaits(worker, [RUN, OTHER]),
    'keys of a limit': () => {
      const keys = [RUN, OTHER].map((runId) => ({ runId, limitKey: 'k' }));
      return new PgQueueStore(connections.pool, 'durable').setLimitKeys(keys);
    },
  };

  it.each(Object.entries(SEVERAL))('%s', async (_, statement) => {
    const before = await rows.one('workflow_queue', RUN);
    await locked(RUN, () => statement(RUN));
    expect(await rows.one('workflow_queue', RUN)).toEqual(before);
    expect(await rows.one('workflow_queue', OTHER)).toBeDefined();
  });

  it('a declaration of death', async () => {
    const [first, second] = [await rows.worker(), await rows.worker()];
    const { rows: seen } = await rows.pool.query(
      'SELECT id, seen_at::text AS "seenAt" FROM durable.workers WHERE id <> $1',
      [worker],
    );
    await locked(String(first), () => store.recover(seen), 'workers');
    expect(await rows.pool.query('SELECT id FROM durable.workers WHERE dead_at IS NOT NULL')).toHaveProperty('rows', [
      { id: second },
    ]);
  });

  it('whoever settles the events of runs that have ended', async () => {
    const ended = await rows.run({ status: 'completed' });
    for (const n of [1, 2]) {
      await rows.pool.query(
        `INSERT INTO durable.events (run_id, sent_at, name, payload, unmatched) VALUES ($1, now(), $2, '1', true)`,
        [ended, `event ${n}`],
      );
    }
    const { rows: events } = await rows.pool.query('SELECT id::text FROM durable.events ORDER BY id');
    const settled = await locked(
      events[0].id,
      () => rows.pool.query(sql('settle-unmatched', 'durable'), [[], [ended]]),
      'events',
    );
    expect(settled.rows.map(({ name }) => name)).toEqual(['event 2']);
  });
});
