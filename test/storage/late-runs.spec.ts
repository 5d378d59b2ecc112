import type pg from 'pg';
import { decode } from '../../lib/core/codec/codec.js';
import type { Connections } from '../../lib/storage/connection/connections.js';
import { PgStore } from '../../lib/storage/engine/pg-store.js';
import { connectTo } from '../support/connections.js';
import { endLateRuns } from '../../lib/storage/engine/late-runs.js';
import { transaction } from '../../lib/storage/connection/transaction.js';
import { Rows } from './rows.js';

/** Runs whose timeout is over are ended, or to be undone, wherever they stand. */

let rows: Rows;
let store: PgStore;
let connections: Connections;
let worker: number;
let undoable: number;

beforeAll(async () => {
  rows = await Rows.open();
  connections = connectTo(rows.url);
  store = new PgStore({ connections, schema: 'durable', appDataSource: null });
  worker = await rows.worker();
  undoable = await addUndoing('charge', 1);
  await addUndoing('gone', 2);
});

async function addUndoing(name: string, version: number): Promise<number> {
  const id = await rows.addDefinition('undoable', version);
  const settings = { compensate: 'refund', compensateWhen: 'completed' };
  const nodes = [{ kind: 'step', name, settings }];
  const definition = { name: 'undoable', nodes, compensations: [{ name: 'refund' }] };
  await rows.pool.query('UPDATE durable.workflow_definitions SET definition = $2 WHERE id = $1', [id, definition]);
  return id;
}

afterAll(async () => {
  await connections.close();
  await rows.close();
});

const PAST = new Date(Date.now() - 60_000);
/** It has had a timeout of 2 s. */
const LATE = { started_at: new Date(PAST.getTime() - 2_000), deadline_at: PAST, token: 1 };

interface Ended {
  readonly ended: readonly { readonly id: string }[];
}

const idsOf = ({ ended }: Ended): string[] => ended.map(({ id }) => id);

async function late(): Promise<readonly string[]> {
  return (await store.wakeDue(1_000)).late;
}

const PLACES: Readonly<Record<string, Record<string, unknown>>> = {
  'is ready in its queue': {},
  'waits for a place of its key': { state: 'blocked', limit_key: 'w:1' },
  'is paused': { paused: true },
  'is paused while it waits': { state: 'sleeping', due_at: 'infinity', paused: true },
  'backs off': { state: 'sleeping', due_at: new Date(Date.now() + 3_600_000) },
  'waits for an event that may never come': { state: 'sleeping', due_at: 'infinity' },
  'is in a queue that nobody has': { queue: 'nobody has it' },
};

it.each(Object.entries(PLACES))('a run that %s when its timeout is over has failed', async (_, place) => {
  const run = await rows.open({ ...LATE, ...place }, { snapshot: '{}' });
  const step = await rows.queued({ step_of: run, step: '{}', queue: 'ai', deadline_at: PAST });
  const wait = await rows.wait(run, { kind: 'event', names: ['paid'], active: true, state: 'open' });
  expect(await late()).toEqual([run]);
  const done = await store.endLate([run]);
  expect(done).toMatchObject({ left: false, undoing: [], woken: [] });
  expect(done.ended).toMatchObject([{ id: run, workflow: 'order', status: 'failed', leased: false, watched: false }]);
  const row = await rows.one('workflow_executions', run);
  expect(row).toMatchObject({ status: 'failed', snapshot: null, completed_at: expect.any(Date) });
  expect(decode(String(row?.['error']))).toMatchObject({
    name: 'WorkflowTimeoutError',
    code: 'WORKFLOW_TIMEOUT',
    message: 'Workflow "order" did not end within its timeout of 2000 ms.',
  });
  expect(await rows.one('waits', wait)).toMatchObject({ state: 'cancelled', active: false });
  for (const id of [run, step]) expect(await rows.one('workflow_queue', id)).toBeUndefined();
  expect(await late()).toEqual([]);
});

it('a run that is held, is to be undone or is being undone is not late, nor is a step of one', async () => {
  const held = await rows.open({ ...LATE, state: 'running', worker_id: worker });
  const asked = await rows.open({ ...LATE, cancel: '{}' });
  const undone = await rows.open({ ...LATE, compensating: true });
  const step = await rows.queued({ step_of: held, step: '{}', deadline_at: PAST });
  const early = await rows.open({ ...LATE, deadline_at: new Date(Date.now() + 3_600_000) });
  const all = [held, asked, undone, step, early];
  expect(await late()).toEqual([]);
  // As where one of them was claimed or cancelled since the look.
  expect(await store.endLate(all)).toEqual({ left: false, ended: [], undoing: [], woken: [] });
  for (const id of all) expect(await rows.one('workflow_queue', id)).toBeDefined();
});

describe('a run whose workflow has compensations', () => {
  const open = (queue: Record<string, unknown> = {}): Promise<string> =>
    rows.open({ ...LATE, ...queue }, { workflow: 'undoable', definition_id: undoable });

  it.each([
    ['no step of the round is to be undone', 'other', 'once'],
    ['what is gone from the code had nothing to undo', 'plain', 'step'],
  ])('has failed where %s', async (_, path, type) => {
    const run = await open();
    await rows.record(run, 1, { path, type });
    expect(idsOf(await store.endLate([run]))).toEqual([run]);
  });

  it.each([
    ['a step is to be undone', 'charge'],
    ['one that another definition undoes is gone from the code', 'gone'],
  ])('is claimed to be undone where %s', async (_, path) => {
    const run = await open({ state: 'sleeping', due_at: 'infinity', paused: true });
    await rows.record(run, 1, { path });
    expect(await store.endLate([run])).toMatchObject({ ended: [], undoing: [{ id: run, queue: 'default' }] });
    const row = await rows.one('workflow_queue', run);
    expect(row).toMatchObject({ state: 'ready', paused: false });
    expect(decode(String(row?.['cancel']))).toMatchObject({ name: 'WorkflowTimeoutError' });
    expect(await late()).toEqual([]);
  });
});

it('takes along what is below the run, and lets a parent go on that waits for it', async () => {
  const parent = await rows.open({ state: 'sleeping', due_at: 'infinity', started_at: PAST });
  const run = await rows.open({ ...LATE, watched: true }, { parent_id: parent });
  const wait = await rows.wait(parent, { kind: 'child', child_id: run, active: true });
  const held = await rows.open({ state: 'running', worker_id: worker }, { parent_id: run });
  const asked = await rows.open({ cancel: '{}' }, { parent_id: run });
  const done = await store.endLate([run]);
  expect(done.ended.toSorted((a, b) => a.status.localeCompare(b.status))).toMatchObject([
    { id: held, status: 'cancelled', leased: true },
    { id: run, status: 'failed', watched: true },
  ]);
  expect(done.woken).toEqual([{ runId: parent, queue: 'default', paused: false, state: 'ready' }]);
  expect(await rows.one('waits', wait)).toMatchObject({ state: 'done' });
  expect(decode(String((await rows.one('workflow_executions', held))?.['error']))).toMatchObject({
    name: 'WorkflowCancelledError',
    reason: 'The parent run was failed: it did not end within its timeout.',
  });
  expect(await rows.one('workflow_queue', asked)).toMatchObject({ cancel: '{}' });
});

it('a late run below a late run has its own error', async () => {
  const top = await rows.open(LATE);
  const below = await rows.open(LATE, { parent_id: top });
  const done = await store.endLate([below, top]);
  expect(idsOf(done).toSorted()).toEqual([below, top].toSorted());
  expect(done.ended.map(({ status }) => status)).toEqual(['failed', 'failed']);
});

const LOCKS = {
  'its row in the queue': (run: string) => [run, 'workflow_queue'],
  'its row in history': (run: string) => [run, 'workflow_executions'],
  'the row of a child': (_: string, child: string) => [child, 'workflow_queue'],
  'the row of the parent that waits for it': (_: string, __: string, parent: string) => [parent, 'workflow_queue'],
};

it.each(Object.entries(LOCKS))('where somebody has a lock on %s, the run is left and no other', async (_, lock) => {
  const parent = await rows.open({ state: 'sleeping', due_at: 'infinity', started_at: PAST });
  const run = await rows.open(LATE, { parent_id: parent });
  const child = await rows.open({}, { parent_id: run });
  await rows.wait(parent, { kind: 'child', child_id: run, active: true });
  const others = [await rows.open(LATE), await rows.open(LATE), await rows.open(LATE), await rows.open(LATE)];
  const [first = '', ...rest] = others;
  const [id, table] = lock(run, child, parent);
  const client = await rows.pool.connect();
  try {
    await client.query('BEGIN');
    await client.query(`SELECT FROM durable.${table} WHERE id = $1 FOR UPDATE`, [id]);
    const done = await store.endLate([first, run, ...rest]);
    expect(done.left).toBe(true);
    expect(idsOf(done).toSorted()).toEqual(others.toSorted());
  } finally {
    await client.query('ROLLBACK');
    client.release();
  }
  expect(await late()).toEqual([run]);
  const done = await store.endLate([run]);
  expect([done.left, idsOf(done).toSorted()]).toEqual([false, [run, child].toSorted()]);
});

it('ends a run of whose tree something is locked whenever it is looked at: it waits for the locks, one after the other', async () => {
  const run = await rows.open(LATE);
  const children = await Promise.all(Array.from({ length: 3 }, () => rows.open({}, { parent_id: run })));
  // As busy workers do: before one lets go of its run, the next has its own locked.
  const busy = children.toSorted().map((id) => ({ id, client: null as pg.PoolClient | null }));
  const lock = async (one: (typeof busy)[number]): Promise<void> => {
    one.client = await rows.pool.connect();
    await one.client.query('BEGIN');
    await one.client.query('SELECT FROM durable.workflow_queue WHERE id = $1 FOR UPDATE', [one.id]);
  };
  const letGo = async ({ client }: (typeof busy)[number]): Promise<void> => {
    await client?.query('ROLLBACK');
    client?.release();
  };
  await Promise.all(busy.map(lock));
  const ending = endLateRuns((work) => transaction(rows.pool, work), 'durable', [run]);
  for (const one of busy) {
    await untilBlocked();
    await letGo(one);
  }
  expect(await ending).toMatchObject({ left: false, ended: { length: 4 } });
});

/** Resolves once a session of the test's database waits for a lock. */
async function untilBlocked(): Promise<void> {
  const blocked = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  while ((await rows.pool.query(blocked)).rowCount === 0);
}

it('of a timeout, a claim and a cancel by other processes at one moment, one has the run', async () => {
  const others = connectTo(rows.url);
  const other = new PgStore({ connections: others, schema: 'durable', appDataSource: null });
  const claimable = [{ id: rows.definitionId, runAs: rows.definitionId, timeout: null }];
  try {
    for (let round = 0; round < 40; round++) {
      const queue = `race ${round}`;
      const runs = await Promise.all(Array.from({ length: 6 }, () => rows.open({ ...LATE, queue }, { queue })));
      const [failed, again, claimed, ...cancelled] = await Promise.all([
        store.endLate(runs),
        other.endLate(runs.toReversed()),
        other.claim(worker, queue, 3, claimable),
        ...runs.slice(2).map((id) => store.cancelRun(id, 'not wanted')),
      ]);
      const ended = [failed, again, ...cancelled].flatMap(idsOf);
      // Each has one end; what was claimed first may still have been cancelled.
      expect(new Set(ended).size).toBe(ended.length);
      const taken = new Set(claimed.map(({ runId }) => runId));
      for (const id of [...idsOf(failed), ...idsOf(again)]) expect(taken.has(id)).toBe(false);
      const left = failed.left || again.left;
      const open = runs.filter((id) => !ended.includes(id) && !taken.has(id));
      expect(left ? [] : open).toEqual([]);
      // Those that all others had locked at that moment are had next time.
      expect(idsOf(await store.endLate(runs)).toSorted()).toEqual(open.toSorted());
    }
  } finally {
    await others.close();
  }
});
