import type pg from 'pg';
import { Rows } from './rows.js';

/** What the ends of children, and events, look at of a run with many open waits. */

let rows: Rows;
let client: pg.PoolClient;
let parent: string;
let children: string[];

const CHILDREN = 1_000;

beforeAll(async () => {
  rows = await Rows.open();
});

beforeEach(async () => {
  parent = await rows.open({ state: 'sleeping', due_at: 'infinity', started_at: new Date() });
  const { rows: made } = await rows.pool.query<{ id: string }>(
    `WITH child AS (
       INSERT INTO durable.workflow_executions
         (id, created_at, updated_at, definition_id, priority, workflow, queue, parent_id, input)
       SELECT gen_random_uuid(), now(), now(), $2, 0, 'order', 'default', $1, '{}' FROM generate_series(1, $3)
       RETURNING id
     )
     INSERT INTO durable.waits
       (run_id, id, created_at, input_seq, round, visit, attempt, kind, type, path, key, child_id)
     SELECT $1, gen_random_uuid(), now(), 0, 1, 1, 1, 'child', 'step', 'ask', 'child:order:' || row_number() OVER (), id
     FROM child
     RETURNING child_id AS id`,
    [parent, rows.definitionId, CHILDREN],
  );
  children = made.map(({ id }) => id);
  await rows.pool.query('ANALYZE durable.waits, durable.workflow_executions');
  client = await rows.pool.connect();
  await client.query('BEGIN');
});

afterEach(async () => {
  await client.query('ROLLBACK');
  client.release();
});

afterAll(() => rows.close());

interface Plan {
  readonly Plan: { readonly 'Shared Hit Blocks': number; readonly 'Shared Read Blocks': number };
}

/** Ends a child as the commit of its end does, so many ms from now. */
async function end(child: string, inMs = 0): Promise<void> {
  await client.query(
    `UPDATE durable.workflow_executions
     SET status = 'completed', completed_at = now() + $2 * interval '1 ms' WHERE id = $1`,
    [child, inMs],
  );
}

/** Pages that the statement touches, and the open waits that it has locked. */
async function cost(text: string, values: readonly unknown[]): Promise<{ pages: number; locked: number }> {
  // The first call plans the statements.
  await client.query(`SAVEPOINT first`);
  await client.query(text, [...values]);
  await client.query(`ROLLBACK TO first; RELEASE first`);
  const { rows: plans } = await client.query<{ 'QUERY PLAN': Plan[] }>(
    `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`,
    [...values],
  );
  const plan = plans[0]?.['QUERY PLAN'][0]?.Plan;
  const { rows: found } = await client.query<{ locked: number }>(
    `SELECT count(*)::int AS locked FROM durable.waits
     WHERE run_id = $1 AND state = 'open' AND xmax::text = (pg_current_xact_id()::xid)::text`,
    [parent],
  );
  return {
    pages: (plan?.['Shared Hit Blocks'] ?? Infinity) + (plan?.['Shared Read Blocks'] ?? 0),
    locked: found[0]?.locked ?? Infinity,
  };
}

/** The waits of the run that are over: kind or child, in the order in which they ended. */
async function over(): Promise<string[]> {
  const { rows: found } = await client.query<{ what: string }>(
    `SELECT COALESCE(child_id::text, kind) AS what FROM durable.waits WHERE run_id = $1 AND state = 'done' ORDER BY ended`,
    [parent],
  );
  return found.map(({ what }) => what);
}

const MATCH = 'SELECT * FROM durable.match_waits($1, $2)';

it('the end of a child looks at the wait for it, not at those for the others', async () => {
  const [child = ''] = children;
  await end(child);
  const { pages, locked } = await cost(MATCH, [[], [child]]);
  expect(await over()).toEqual([child]);
  expect(locked).toBe(0);
  expect(pages).toBeLessThan(300);
});

it('an event looks at no wait for a child', async () => {
  await rows.wait(parent, { kind: 'event', names: ['go'] });
  const send = `SELECT * FROM durable.send_event($1, 'go', '1', NULL, NULL, gen_random_uuid(), false)`;
  const { pages, locked } = await cost(send, [parent]);
  expect(await over()).toEqual(['event']);
  expect(locked).toBe(0);
  expect(pages).toBeLessThan(1_000);
});

it('children that end in one transaction end their waits as they ended, and the run goes on once', async () => {
  const [first = '', second = '', third = ''] = children;
  await end(second, 2);
  await end(third, 3);
  await end(first, 1);
  const { rows: woken } = await client.query(MATCH, [[], [third, second, first]]);
  expect(woken).toMatchObject([{ run: parent, state: 'ready' }]);
  expect(await over()).toEqual([first, second, third]);
});

it('an event that was sent in a transaction before a child ended comes before it, though nobody has joined it yet', async () => {
  const [child = ''] = children;
  await rows.wait(parent, { kind: 'event', names: ['go'] });
  await rows.pool.query(
    `INSERT INTO durable.events (run_id, sent_at, name, payload, unmatched)
     VALUES ($1, now() - interval '1 s', 'go', '1', true)`,
    [parent],
  );
  await end(child);
  await client.query(MATCH, [[], [child]]);
  expect(await over()).toEqual(['event', child]);
});

it('a run that asks for more in the same transaction has all its waits looked at', async () => {
  const [child = '', before = ''] = children;
  await end(before, 1);
  await end(child, 2);
  await client.query(MATCH, [[parent], [child]]);
  expect(await over()).toEqual([before, child]);
});

it('the waits of a run for children that have not ended carry no payload of theirs', async () => {
  const [child = '', other = ''] = children;
  await end(child);
  const { rows: found } = await client.query(
    `SELECT child_id AS id, child_status AS status, child_data AS data FROM durable.active_waits($1)
     WHERE child_id = ANY ($2) ORDER BY child_status DESC`,
    [[parent], [child, other]],
  );
  expect(found).toEqual([
    { id: child, status: 'completed', data: '{}' },
    { id: other, status: 'active', data: null },
  ]);
});
