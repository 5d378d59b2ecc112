import { decode } from '../../lib/core/codec/codec.js';
import { cancelChildren, cancelRun, endLocked } from '../../lib/storage/engine/cancel-tree.js';
import { PgControl } from '../../lib/storage/client/control.js';
import { transaction } from '../../lib/storage/connection/transaction.js';
import { sql } from '../../lib/storage/sql.js';
import { plansOf } from '../support/plans.js';
import { Rows } from './rows.js';

let rows: Rows;
let control: PgControl;
let worker: number;

beforeAll(async () => {
  rows = await Rows.open();
  const { pool, instanceId } = rows;
  control = new PgControl({ pool, schema: 'durable', instanceId, hint: null });
  worker = await rows.worker();
});

afterAll(() => rows.close());

const WAITING = { state: 'sleeping', due_at: 'infinity', started_at: new Date() };

function child(parent: string, queue: Record<string, unknown> = WAITING): Promise<string> {
  return rows.open(queue, { parent_id: parent });
}

function idsOf(runs: readonly { readonly id: string }[]): string[] {
  return runs.map((run) => run.id).toSorted();
}

async function statusOf(id: string): Promise<unknown> {
  return (await rows.one('workflow_executions', id))?.['status'];
}

/** Resolves once so many sessions of the test's database wait for a lock. */
async function untilBlocked(sessions = 1): Promise<void> {
  for (;;) {
    const { rows: found } = await rows.pool.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    if (found.length >= sessions) return;
  }
}

describe('a cancel', () => {
  it('takes everything below the run along, also below what has ended, and nothing beside it', async () => {
    const top = await rows.open(WAITING);
    const root = await child(top);
    const held = await child(root, { state: 'running', worker_id: worker, started_at: new Date(), watched: true });
    const fresh = await child(held, {});
    const paused = await child(root, { ...WAITING, paused: true });
    const over = await rows.run({ parent_id: root, status: 'completed' });
    const below = await child(over);
    const beside = await child(top);
    const elsewhere = await rows.open(WAITING);
    const step = await rows.queued({ step_of: paused, step: '{}', queue: 'ai' });
    const done = await control.cancel(root, 'enough');
    const gone = [root, held, fresh, paused, below];
    expect(done.cancelled).toBe(true);
    expect(idsOf(done.ended)).toEqual(gone.toSorted());
    expect(done.ended.filter((run) => run.leased || run.watched)).toMatchObject([
      { id: held, leased: true, watched: true },
    ]);
    expect(done.woken).toEqual([]);
    for (const id of gone) {
      const row = await rows.one('workflow_executions', id);
      expect(row).toMatchObject({ status: 'cancelled', completed_at: expect.any(Date) });
      expect(decode(String(row?.['error']))).toMatchObject({ name: 'WorkflowCancelledError', reason: 'enough' });
      expect(await rows.one('workflow_queue', id)).toBeUndefined();
    }
    expect(await rows.one('workflow_queue', step)).toBeUndefined();
    expect(await statusOf(over)).toBe('completed');
    for (const id of [top, beside, elsewhere]) expect(await statusOf(id)).toBe('active');
  });

  it('closes the waits of all of them, and lets a parent go on that waits for the run', async () => {
    const parent = await rows.open(WAITING);
    const root = await child(parent);
    const below = await child(root);
    const forRoot = await rows.wait(parent, { kind: 'child', child_id: root });
    const forBelow = await rows.wait(root, { kind: 'child', child_id: below });
    const input = await rows.wait(below, { kind: 'input', names: ['a'] });
    const answered = await rows.wait(below, { kind: 'input', names: ['b'], state: 'done', result: '1' });
    const { woken } = await control.cancel(root, 'enough');
    expect(woken).toEqual([{ runId: parent, queue: 'default', paused: false, state: 'ready' }]);
    expect(await rows.one('waits', forRoot)).toMatchObject({ state: 'done', active: true });
    for (const id of [forBelow, input]) {
      expect(await rows.one('waits', id)).toMatchObject({ state: 'cancelled', active: false, result: '"enough"' });
    }
    expect(await rows.one('waits', answered)).toMatchObject({ state: 'done', active: false, result: '1' });
    expect(await rows.one('workflow_queue', parent)).toMatchObject({ state: 'ready' });
  });

  it('leaves a run alone that is being undone, with what it has started for that', async () => {
    const root = await rows.open(WAITING);
    const undone = await child(root, { ...WAITING, compensating: true });
    const notice = await child(undone);
    expect(await control.cancel(undone, null)).toEqual({
      cancelled: false,
      ended: [],
      undoing: [],
      woken: [],
    });
    expect(idsOf((await control.cancel(root, null)).ended)).toEqual([root]);
    expect(await statusOf(undone)).toBe('active');
    expect(await statusOf(notice)).toBe('active');
  });

  it('sees a child that was started while it waited for the lock, of a smaller id too', async () => {
    const root = await rows.open(WAITING);
    const client = await rows.pool.connect();
    await client.query('BEGIN');
    await client.query('SELECT FROM durable.workflow_queue WHERE id = $1 FOR UPDATE', [root]);
    const cancelled = control.cancel(root, null);
    await untilBlocked();
    const started = '00000000-0000-7000-8000-000000000001';
    await client.query(
      `WITH history AS (
         INSERT INTO durable.workflow_executions
           (id, created_at, updated_at, definition_id, priority, workflow, queue, input, parent_id)
         VALUES ($1, now(), now(), 1, 0, 'order', 'default', '{}', $2))
       INSERT INTO durable.workflow_queue (id, due_at, definition_id, priority, state, queue)
       VALUES ($1, now(), 1, 0, 'ready', 'default')`,
      [started, root],
    );
    await client.query('COMMIT');
    client.release();
    expect(idsOf((await cancelled).ended)).toEqual([started, root]);
  });

  it('gets hold of a tree that grows each time that it is looked at: it keeps the locks that it has', async () => {
    const root = await rows.open(WAITING);
    const starter = await child(root, { state: 'running', worker_id: worker, started_at: new Date() });
    let looks = 0;
    /** The starter commits another child, unless its row is locked: the journal passes over it then. */
    const grow = async (): Promise<void> => {
      const free = await rows.pool.query(
        'SELECT FROM durable.workflow_queue WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED',
        [starter],
      );
      if (free.rowCount === 1 && looks <= 20) await child(starter, {});
    };
    const done = await transaction(rows.pool, (query) =>
      cancelRun(
        async (text, values) => {
          const found = await query(text, values);
          if (text === sql('run-tree', 'durable')) {
            looks++;
            await grow();
          }
          return found as never;
        },
        'durable',
        root,
        'enough',
      ),
    );
    expect(looks).toBe(3);
    expect(done.ended).toHaveLength(3);
  });

  it('of runs of one tree at the same time ends each run once', async () => {
    for (let n = 0; n < 50; n++) {
      const root = await rows.open(WAITING);
      const middle = await child(root);
      const leaf = await child(middle);
      await rows.wait(root, { kind: 'child', child_id: middle });
      const all = [root, middle, leaf];
      const done = await Promise.all(all.map((id) => control.cancel(id, `by ${id}`)));
      const ended = done.flatMap((one) => idsOf(one.ended));
      expect(ended.toSorted()).toEqual(all.toSorted());
      expect(done.filter((one) => one.cancelled).length).toBeGreaterThan(0);
      expect((await rows.pool.query('SELECT FROM durable.waits WHERE run_id = $1 AND active', [root])).rows).toEqual(
        [],
      );
    }
  });

  it('of a parent against the end of its child: each ends once, and nothing is left', async () => {
    for (let round = 0; round < 50; round++) {
      const pairs = await Promise.all(
        Array.from({ length: 20 }, async () => {
          const parent = await rows.open(WAITING);
          const id = await child(parent, { state: 'running', worker_id: worker, started_at: new Date() });
          await rows.wait(parent, { kind: 'child', child_id: id });
          return { parent, id };
        }),
      );
      const results = await Promise.all(
        pairs.map(({ parent, id }) => Promise.all([complete(id, parent), control.cancel(parent, null)])),
      );
      const ids = pairs.flatMap(({ parent, id }) => [parent, id]);
      const { rows: found } = await rows.pool.query<{ id: string; status: string }>(
        'SELECT id, status FROM durable.workflow_executions WHERE id = ANY ($1)',
        [ids],
      );
      const status = new Map(found.map((row) => [row.id, row.status]));
      for (const [at, { parent, id }] of pairs.entries()) {
        const [completed, cancel] = results[at] ?? [];
        expect(cancel?.cancelled).toBe(true);
        expect(status.get(parent)).toBe('cancelled');
        expect(status.get(id)).toBe(completed ? 'completed' : 'cancelled');
        expect(idsOf(cancel?.ended ?? []).includes(id)).toBe(!completed);
      }
      const { rows: active } = await rows.pool.query('SELECT FROM durable.waits WHERE active AND run_id = ANY ($1)', [
        ids,
      ]);
      expect(active).toEqual([]);
    }
    expect((await rows.pool.query(`SELECT FROM durable.workflow_queue WHERE state = 'running'`)).rows).toEqual([]);
  });
});

/** Ends a run as its worker would: with the locks of the run and its parent, who is told. False: it was gone. */
function complete(id: string, parent: string): Promise<boolean> {
  return transaction(rows.pool, async (query) => {
    const locked = await query<{ id: string }>(
      'SELECT id FROM durable.workflow_queue WHERE id IN ($1, $2) ORDER BY id FOR NO KEY UPDATE',
      [id, parent],
    );
    if (!locked.some((row) => row.id === id)) return false;
    await query('DELETE FROM durable.workflow_queue WHERE id = $1', [id]);
    await query(`UPDATE durable.workflow_executions SET status = 'completed', completed_at = now() WHERE id = $1`, [
      id,
    ]);
    await query('SELECT durable.match_waits($1)', [[parent]]);
    return true;
  });
}

describe('a cancel that undoes', () => {
  it('asks each run that has begun for it, wakes what sleeps or is paused, and ends what has not begun', async () => {
    const root = await rows.open({ ...WAITING, paused: true });
    const held = await child(root, { state: 'running', worker_id: worker, started_at: new Date() });
    const asleep = await child(root, { ...WAITING, queue: 'ai' });
    const fresh = await child(root, {});
    const later = await child(root, { state: 'sleeping', due_at: new Date('2100-01-01T00:00:00Z') });
    const undone = await child(root, { ...WAITING, compensating: true });
    const wait = await rows.wait(root, { kind: 'child', child_id: fresh });
    const done = await control.cancel(root, 'stop', true);
    expect(done.cancelled).toBe(true);
    expect(idsOf(done.ended)).toEqual([fresh, later].toSorted());
    expect(done.undoing.toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual([
      { id: root, queue: 'default', leased: false },
      { id: held, queue: 'default', leased: true },
      { id: asleep, queue: 'ai', leased: false },
    ]);
    expect(done.woken.map((run) => run.runId)).toEqual([root]);
    expect(await rows.one('waits', wait)).toMatchObject({ state: 'done' });
    for (const id of [root, held, asleep]) {
      const row = await rows.one('workflow_queue', id);
      expect(row).toMatchObject({ state: id === held ? 'running' : 'ready', paused: false, wake: id === held });
      expect(decode(String(row?.['cancel']))).toMatchObject({ name: 'WorkflowCancelledError', reason: 'stop' });
      expect(await statusOf(id)).toBe('active');
    }
    expect(await rows.one('workflow_queue', undone)).toMatchObject({ cancel: null, state: 'sleeping' });
    expect(await control.cancel(root, 'again', true)).toMatchObject({ cancelled: false, undoing: [] });
    expect(await control.cancel(undone, 'stop', true)).toMatchObject({ cancelled: false, undoing: [] });
  });

  it('ends at once a run that was never claimed', async () => {
    const id = await rows.open({});
    expect(await control.cancel(id, null, true)).toMatchObject({ cancelled: true, ended: [{ id }], undoing: [] });
    expect(await statusOf(id)).toBe('cancelled');
  });

  it('is what a run below may still get that ended long ago, and whose children have not', async () => {
    const root = await rows.open({ ...WAITING, compensating: true });
    const over = await rows.run({ parent_id: root, status: 'completed' });
    const below = await child(over);
    const direct = await child(root);
    const wait = await rows.wait(root, { kind: 'child', child_id: direct });
    const done = await transaction(rows.pool, (query) => cancelChildren(query, 'durable', root, 'undoing'));
    expect(idsOf(done.ended)).toEqual([below, direct].toSorted());
    expect(done.woken).toEqual([{ runId: root, queue: 'default', paused: false, state: 'ready' }]);
    expect(await rows.one('waits', wait)).toMatchObject({ state: 'done' });
    expect(await transaction(rows.pool, (query) => cancelRun(query, 'durable', over, 'again'))).toMatchObject({
      ended: [],
    });
  });

  it('gives way to a plain one by the client, and not to one by the end of a parent', async () => {
    const root = await rows.open(WAITING);
    const flagged = await child(root);
    const other = await child(root);
    await control.cancel(flagged, null, true);
    const done = await transaction(rows.pool, (query) => cancelChildren(query, 'durable', root, 'the parent failed'));
    expect(done).toMatchObject({ ended: [{ id: other }], undoing: [] });
    expect(await statusOf(root)).toBe('active');
    expect(await control.cancel(root, null)).toMatchObject({ cancelled: true });
    expect(await statusOf(flagged)).toBe('cancelled');
  });
});

/** Rows that joins, and nodes that are begun again and again, have looked at and thrown away. */
function passedOver(plan: string): number {
  let [sum, loops] = [0, 0];
  for (const line of plan.split('\n')) {
    loops = Number(/ loops=(\d+)\)$/.exec(line)?.[1] ?? loops);
    const [, join = '', removed = 0] = /Rows Removed by (Join )?Filter: (\d+)/.exec(line) ?? [];
    if (loops > 1 || join !== '') sum += loops * Number(removed);
  }
  return sum;
}

it('costs each of many children that wait for their first claim a look of its own, not one at all the others', async () => {
  const many = await Rows.open();
  const client = await many.pool.connect();
  try {
    // All that there is, as of a queue that was filled just now: the planner takes few of them for unfinished.
    const root = await many.open(WAITING);
    const ids = [root, ...(await Promise.all(Array.from({ length: 500 }, () => many.open({}, { parent_id: root }))))];
    const plans: string[] = [];
    const query = async (text: string, values: readonly unknown[]): Promise<never[]> => {
      if (text === sql('end-runs', 'durable')) plans.push(...(await plansOf(client, text, [...values])));
      else await client.query(text, [...values]);
      return [];
    };
    await client.query('BEGIN');
    const endings = ids.map((id) => ({ id, status: 'cancelled' as const, error: '{"name":"Error"}', reason: null }));
    await endLocked(query, 'durable', endings, []);
    await client.query('COMMIT');
    expect(plans.length).toBeGreaterThan(0);
    expect(Math.max(...plans.map(passedOver))).toBeLessThan(10 * ids.length);
    expect((await many.one('workflow_executions', root))?.['status']).toBe('cancelled');
  } finally {
    client.release();
    await many.close();
  }
});
