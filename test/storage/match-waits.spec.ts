import type pg from 'pg';
import { INDEXES_ONLY } from '../../lib/storage/connection/planner.js';
import { sql } from '../../lib/storage/sql.js';
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
  // As in the engine's sessions.
  await client.query([...INDEXES_ONLY, 'jit'].map((setting) => `SET LOCAL ${setting} = off`).join('; '));
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

interface ScanNode {
  readonly 'Relation Name'?: string;
  readonly 'Node Type': string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly ScanNode[];
}

/** Rows of the waits that the statement reads. */
async function rowsRead(text: string, values: readonly unknown[]): Promise<number> {
  const { rows: plans } = await client.query<{ 'QUERY PLAN': { Plan: ScanNode }[] }>(
    `EXPLAIN (ANALYZE, FORMAT JSON) ${text}`,
    [...values],
  );
  const readBy = (node: ScanNode): number => {
    const isScan = node['Relation Name'] === 'waits' && node['Node Type'].includes('Scan');
    const own = isScan ? (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops'] : 0;
    return (node.Plans ?? []).reduce((sum, one) => sum + readBy(one), own);
  };
  const plan = plans[0]?.['QUERY PLAN'][0]?.Plan;
  return plan === undefined ? Infinity : readBy(plan);
}

/** The waits of the run that are over: kind or child, in the order in which they ended. */
async function over(): Promise<string[]> {
  const { rows: found } = await client.query<{ what: string }>(
    `SELECT COALESCE(child_id::text, kind) AS what FROM durable.waits WHERE run_id = $1 AND state = 'done' ORDER BY ended`,
    [parent],
  );
  return found.map(({ what }) => what);
}

/** Closes so many of the run's waits as the commits of their steps do. */
const closing = (ids: readonly string[]): unknown[] => [
  JSON.stringify([
    { id: parent, run: parent, waits: [], closes: ids, close_all: false, drop_steps: false, remote: [] },
  ]),
];

const MATCH = 'SELECT * FROM durable.match_waits($1, $2)';
const MATCH_FRESH = 'SELECT * FROM durable.match_waits($1, $2, $3)';

/** The wait for a child. */
async function waitFor(child: string): Promise<string> {
  const { rows: found } = await client.query<{ id: string }>('SELECT id FROM durable.waits WHERE child_id = $1', [
    child,
  ]);
  return found[0]?.id ?? '';
}

/** Puts an event into the mailbox. `unmatched`: it was sent in a transaction, and nobody has joined it yet. */
async function mail(name: string, unmatched = false): Promise<void> {
  await client.query(
    `INSERT INTO durable.events (run_id, sent_at, name, payload, unmatched)
     VALUES ($1, now() + interval '1 ms', $2, '1', $3)`,
    [parent, name, unmatched],
  );
}

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

it('the waits that a commit closes are found by their ids, not among all of the run', async () => {
  const { rows: found } = await client.query<{ id: string }>(
    'SELECT id FROM durable.waits WHERE run_id = $1 ORDER BY id LIMIT 20',
    [parent],
  );
  const ids = found.map(({ id }) => id);
  // Most runs wait for one thing at a time, and that is what the planner reckons with.
  await client.query(
    `INSERT INTO durable.waits (run_id, id, created_at, input_seq, round, visit, attempt, kind, type, path, key)
     SELECT gen_random_uuid(), gen_random_uuid(), now(), 0, 1, 1, 1, 'event', 'step', 'ask', 'event:e:1'
     FROM generate_series(1, 5000)`,
  );
  await client.query('ANALYZE durable.waits');
  expect(await rowsRead(sql('commit-extras', 'durable'), closing(ids))).toBeLessThan(100);
  const { rows: left } = await client.query('SELECT FROM durable.waits WHERE run_id = $1 AND active', [parent]);
  expect(left).toHaveLength(CHILDREN - 20);
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

it('an event looks at the waits that ask for it, up to the one that it is given to', async () => {
  for (let n = 0; n < 20; n++) await rows.wait(parent, { kind: 'event', names: [n < 10 ? 'other' : 'go'] });
  const send = `SELECT * FROM durable.send_event($1, 'go', '1', NULL, NULL, gen_random_uuid(), false)`;
  const { locked } = await cost(send, [parent]);
  expect(await over()).toEqual(['event']);
  expect(locked).toBe(0);
});

it('of the waits of a run those are looked at that it has just registered', async () => {
  for (let n = 0; n < 20; n++) await rows.wait(parent, { kind: 'event', names: ['other'] });
  const [child = ''] = children;
  await end(child);
  const fresh = [await rows.wait(parent, { kind: 'event', names: ['go'] }), await waitFor(child)];
  await mail('go');
  const { pages, locked } = await cost(MATCH_FRESH, [fresh.map(() => parent), [], fresh]);
  expect(await over()).toEqual([child, 'event']);
  expect(locked).toBe(0);
  expect(pages).toBeLessThan(300);
});

it('those too that a child has ended, of a run that registers others in the same transaction', async () => {
  const [child = '', before = '', open = ''] = children;
  await end(before, 1);
  await end(child, 2);
  await client.query(MATCH_FRESH, [[parent, parent], [child], [await waitFor(before), await waitFor(open)]]);
  expect(await over()).toEqual([before, child]);
});

it('all, where an event of a transaction has come that nobody has joined yet', async () => {
  const fresh = await rows.wait(parent, { kind: 'event', names: ['new'] });
  await rows.wait(parent, { kind: 'event', names: ['go'] });
  await mail('go', true);
  await mail('new');
  await client.query(MATCH_FRESH, [[parent], [], [fresh]]);
  const { rows: ended } = await client.query<{ name: string }>(
    `SELECT names[1] AS name FROM durable.waits WHERE run_id = $1 AND state = 'done' ORDER BY ended`,
    [parent],
  );
  expect(ended.map(({ name }) => name)).toEqual(['go', 'new']);
});

it('a run of which nothing more is said has all its waits looked at', async () => {
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
