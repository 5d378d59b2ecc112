import { newRun, type NewRun } from '../../lib/core/run/new-run.js';
import type pg from 'pg';
import { encode } from '../../lib/core/codec/codec.js';
import { switchedOff } from '../../lib/core/time/schedule.js';
import { uuidv7 } from '../../lib/core/uuid.js';
import { PgControl } from '../../lib/storage/client/control.js';
import type { Connections } from '../../lib/storage/connection/connections.js';
import { PgStore } from '../../lib/storage/engine/pg-store.js';
import { PgQueueControl } from '../../lib/storage/client/queue-control.js';
import { PgRetention } from '../../lib/storage/client/retention.js';
import { PgSchedules } from '../../lib/storage/schedules/schedules.js';
import type { Lender } from '../../lib/storage/connection/transaction.js';
import { PgWaits } from '../../lib/storage/client/waits.js';
import { connectTo } from '../support/connections.js';
import { Replica } from '../support/faults/failover.js';
import { aroundPool } from '../support/lender.js';
import { Rows } from './rows.js';

/**
 * What a client asks for is done once, and it is told what came of it, wherever its connection breaks: before the commit,
 * after it, and where the server that comes next has lost that commit.
 */

let rows: Rows;

beforeAll(async () => {
  rows = await Rows.open();
});

beforeEach(() =>
  rows.pool.query(
    `TRUNCATE durable.workflow_executions, durable.workflow_queue, durable.waits, durable.events,
       durable.scheduled_workflows, durable.queue_settings, durable.requests`,
  ),
);

afterAll(() => rows.close());

type Cut = 'before' | 'after' | 'failover';

/** A pool whose first commit has its answer cut off; what comes in between is done before the next try. */
function cut(when: Cut, between: () => Promise<void> = async () => {}): { pool: Lender; cuts: () => number } {
  let cuts = 0;
  const fail = async (): Promise<never> => {
    cuts++;
    await between();
    throw new Error('Connection terminated unexpectedly');
  };
  let begun = false;
  const pool = aroundPool(rows.pool, async (text, send, client) => {
    begun = text.startsWith('BEGIN') || (begun && text !== 'COMMIT' && text !== 'ROLLBACK');
    if (cuts > 0) return send();
    if (text === 'COMMIT') {
      await client.query(when === 'before' ? 'ROLLBACK' : 'COMMIT');
      return fail();
    }
    // Of a statement by itself the commit is part.
    if (begun || !/\b(INSERT|send_event)\b/.test(text)) return send();
    if (when !== 'before') await send();
    return fail();
  });
  return { pool, cuts: () => cuts };
}

const SLEEPING = { state: 'sleeping', due_at: 'infinity', started_at: new Date() };
const given = {
  control: (pool: Lender) => new PgControl({ pool, schema: 'durable', instanceId: rows.instanceId, hint: null }),
  waits: (pool: Lender) => new PgWaits({ pool, schema: 'durable', instanceId: rows.instanceId, unmatchedHint: null }),
  schedules: (pool: Lender) => new PgSchedules(pool, 'durable'),
};

function orderRun(changes: Partial<NewRun> = {}): NewRun {
  return newRun({
    workflow: 'order',
    definitionId: rows.definitionId,
    queue: 'default',
    priority: 0,
    input: '{}',
    ...changes,
  });
}

const declaration = {
  name: 'report', workflow: 'order', enabled: true,
  settings: {
    cron: '@yearly', timezone: 'UTC', input: '{}', queue: null, overlap: 'skip', catchUp: 'latest',
    catchUpWindow: 1_000, catchUpLimit: 1,
  },
} as const; // prettier-ignore

interface Change {
  /** What there is before; gives the run. */
  readonly before: () => Promise<string>;
  readonly make: (pool: Lender, run: string) => Promise<unknown>;
  /** What the caller is told. */
  readonly told: unknown;
  /** What is there afterwards, of the run or of all. */
  readonly there: string;
}

const made = (columns: Record<string, unknown> = {}, run: Record<string, unknown> = {}) => () => rows.open({ ...SLEEPING, ...columns }, run); // prettier-ignore
const nothing = async (): Promise<string> => uuidv7();
const withWait = (kind: string) => async (): Promise<string> => {
  const id = await rows.open(SLEEPING);
  await rows.wait(id, { kind, names: ['approve'] });
  return id;
};
const withSchedule = async (): Promise<string> => {
  await given.schedules(rows.pool).create(declaration);
  return uuidv7();
};
const QUEUE = 'SELECT FROM durable.workflow_queue WHERE id = $1 AND ';
const HISTORY = 'SELECT FROM durable.workflow_executions WHERE id = $1 AND ';

const CHANGES: Record<string, Change> = {
  'a cancel': {
    before: made(),
    make: (pool, run) => given.control(pool).cancel(run, 'mine'),
    told: { cancelled: true, ended: [{ workflow: 'order' }] },
    there: `${HISTORY} status = 'cancelled'`,
  },
  'a cancel with compensation': {
    before: made(),
    make: (pool, run) => given.control(pool).cancel(run, 'mine', true),
    told: { cancelled: true, undoing: [{ queue: 'default', leased: false }] },
    there: `${QUEUE} cancel IS NOT NULL AND state = 'ready'`,
  },
  'a pause': {
    before: made(),
    make: (pool, run) => given.control(pool).pause(run),
    told: { changed: true, idle: true },
    there: `${QUEUE} paused`,
  },
  'a resumption': {
    before: made({ paused: true }),
    make: (pool, run) => given.control(pool).resume(run),
    told: { changed: true, waits: true },
    there: `${QUEUE} NOT paused`,
  },
  'an answer': {
    before: withWait('input'),
    make: (pool, run) => given.waits(pool).provideInput(run, { name: 'approve' }, () => encode('yes')),
    told: [{ queue: 'default', state: 'ready' }],
    there: `SELECT FROM durable.waits WHERE run_id = $1 AND state = 'done' AND result = '"yes"'`,
  },
  'the end of waiting': {
    before: withWait('event'),
    make: (pool, run) => given.waits(pool).cancelWait(run, null, 'late'),
    told: { count: 1, woken: [{ queue: 'default', state: 'ready' }] },
    there: `SELECT FROM durable.waits WHERE run_id = $1 AND state = 'cancelled'`,
  },
  'an event': {
    before: withWait('event'),
    make: (pool, runId) =>
      given.waits(pool).sendEvent({ runId, name: 'approve', payload: '1', dedupeKey: null, request: uuidv7() }),
    told: { woken: [{ queue: 'default', state: 'ready' }] },
    there: `SELECT FROM durable.events WHERE run_id = $1 AND wait_id IS NOT NULL AND dedupe_key IS NULL`,
  },
  'a start with the caller’s id': {
    before: nothing,
    make: (pool, id) => given.control(pool).startUnique(orderRun({ id }), true),
    told: { created: true },
    there: `${QUEUE} state = 'ready'`,
  },
  'a start with a key': {
    before: nothing,
    make: (pool, id) => given.control(pool).startUnique(orderRun({ id, idempotencyKey: 'k' }), false),
    told: { created: true },
    there: `${QUEUE} state = 'ready'`,
  },
  'many starts': {
    before: nothing,
    make: (pool, id) => given.control(pool).startMany([orderRun({ id }), orderRun({ idempotencyKey: 'k' })]),
    told: [{ created: true }, { created: true }],
    there: `${QUEUE} state = 'ready'`,
  },
  'many starts with no ids or keys of the caller’s': {
    before: nothing,
    make: (pool, id) => given.control(pool).startMany([orderRun({ id }), orderRun()], false),
    told: [{ created: true }, { created: true }],
    there: `${QUEUE} state = 'ready' AND 2 = (SELECT count(*) FROM durable.workflow_queue)`,
  },
  'a restart': {
    before: async () => {
      const definition = JSON.stringify({ name: 'order', nodes: [{ kind: 'step', name: 'charge', settings: {} }], compensations: [] }); // prettier-ignore
      await rows.pool.query('UPDATE durable.workflow_definitions SET definition = $1', [definition]);
      await rows.run({ id: SOURCE, status: 'completed' });
      return uuidv7();
    },
    make: (pool, newId) =>
      given.control(pool).restartFrom({ newId, runId: SOURCE, step: 'charge', traceparent: null, once: false }),
    told: { queue: 'default', workflow: 'order' },
    there: `${QUEUE} token = 1`,
  },
  'a cleanup': {
    before: () => rows.run({ status: 'completed', completed_at: new Date(0) }),
    make: (pool) =>
      new PgRetention(pool, 'durable').cleanup({
        before: new Date(),
        statuses: ['completed'],
        batchSize: 10,
        dryRun: false,
      }),
    told: 1,
    there: `SELECT WHERE NOT EXISTS (${HISTORY} true)`,
  },
  'a new schedule': {
    before: nothing,
    make: (pool) => given.schedules(pool).create(declaration),
    told: undefined,
    there: `SELECT FROM durable.scheduled_workflows WHERE name = 'report' OR $1::uuid IS NULL`,
  },
  'a schedule switched off': {
    before: withSchedule,
    make: (pool) => given.schedules(pool).change('report', switchedOff),
    told: undefined,
    there: `SELECT FROM durable.scheduled_workflows WHERE NOT enabled OR $1::uuid IS NULL`,
  },
  'a schedule deleted': {
    before: withSchedule,
    make: (pool) => given.schedules(pool).delete('report'),
    told: undefined,
    there: `SELECT WHERE NOT EXISTS (SELECT FROM durable.scheduled_workflows WHERE $1::uuid IS NOT NULL)`,
  },
  'a schedule triggered': {
    before: withSchedule,
    make: (pool, id) => given.schedules(pool).trigger('report', orderRun({ id })),
    told: undefined,
    there: `SELECT FROM durable.scheduled_workflows WHERE open_runs = ARRAY[$1::uuid]`,
  },
  'a queue paused': {
    before: nothing,
    make: (pool) => new PgQueueControl(pool, 'durable').pause('default'),
    told: { changed: true, closed: true },
    there: `SELECT FROM durable.queue_settings WHERE paused_at IS NOT NULL OR $1::uuid IS NULL`,
  },
};
const SOURCE = '00000000-0000-7000-8000-000000000001';

describe.each(['before', 'after', 'failover'] as const)('with the connection cut (%s)', (when) => {
  it.each(Object.entries(CHANGES))('%s', async (_, { before, make, told, there }) => {
    const run = await before();
    const replica = when === 'failover' ? await Replica.take(rows.pool) : null;
    const flaky = cut(when, async () => replica?.failOver());
    const answer = await make(flaky.pool, run);
    expect(flaky.cuts()).toBe(1);
    expect({ answer }).toMatchObject({ answer: told });
    expect(await rows.pool.query(there, [run])).toHaveProperty('rowCount', 1);
  });
});

it('a change that was made is not made again over what others have done since', async () => {
  const run = await rows.open(SLEEPING);
  const others = given.control(rows.pool);
  const flaky = cut('after', async () => void (await others.resume(run)));
  expect(await given.control(flaky.pool).pause(run)).toEqual({ changed: true, idle: true });
  expect(await rows.one('workflow_queue', run)).toMatchObject({ paused: false });
});

it('a start with an id that another has taken meanwhile is not taken for one’s own', async () => {
  const run = orderRun();
  const flaky = cut('before', async () => void (await given.control(rows.pool).startUnique(run, true)));
  await expect(given.control(flaky.pool).startUnique(run, true)).rejects.toMatchObject({ code: 'EXECUTION_EXISTS' });
});

it('the engine hears which children a cancel has ended, though the answer was lost', async () => {
  const parent = await rows.open(SLEEPING);
  const child = await rows.open({}, { parent_id: parent });
  const connections = connectTo(rows.url);
  const flaky = Object.assign(Object.create(connections) as Connections, { pool: cut('after').pool });
  const store = new PgStore({ connections: flaky, schema: 'durable', appDataSource: null });
  expect(await store.cancelChildren(parent, 'over')).toMatchObject({ ended: [{ id: child }] });
  await connections.close();
});

it('a try that is still under way in the server is waited for', async () => {
  const run = await rows.open(SLEEPING);
  const client = await rows.pool.connect();
  let finish: () => Promise<void> = async () => {};
  const pool = Object.assign(Object.create(rows.pool) as pg.Pool, {
    connect: async () => {
      const first = finish.length === 0 && !begun;
      begun = true;
      const own = first ? client : await rows.pool.connect();
      return {
        query: async (text: string, values?: unknown[]) => {
          if (!first || text !== 'COMMIT') return own.query(text, values);
          // It arrives, but later than the next try.
          finish = async () => void (await client.query('COMMIT'));
          throw new Error('Connection terminated unexpectedly');
        },
        release: () => (first ? undefined : own.release()),
      };
    },
  });
  let begun = false;
  const paused = given.control(pool).pause(run);
  const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  while ((await rows.pool.query(waiting)).rowCount === 0) await new Promise((resolve) => setImmediate(resolve));
  await finish();
  client.release();
  expect(await paused).toEqual({ changed: true, idle: true });
  expect(await rows.pool.query('SELECT FROM durable.requests')).toHaveProperty('rowCount', 1);
});

it('what was asked for more than an hour ago is forgotten, a few at a time', async () => {
  await rows.pool.query(
    `INSERT INTO durable.requests (id, made_at)
     SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, now() - interval '2 h' FROM generate_series(1, 20) n`,
  );
  const control = given.control(rows.pool);
  const run = await rows.open(SLEEPING);
  const left: number[] = [];
  for (let n = 0; n < 4; n++) {
    await (n % 2 === 0 ? control.pause(run) : control.resume(run));
    left.push(await rows.count('requests'));
  }
  expect(left).toEqual([13, 6, 3, 4]);
});
