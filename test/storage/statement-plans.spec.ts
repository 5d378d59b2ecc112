import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { NO_REDACTION } from '../../lib/core/redact/redact.js';
import type { RunFilters, RunListFilters } from '../../lib/core/run/execution.js';
import { TRANSACTION_PLANNER } from '../../lib/storage/connection/planner.js';
import { countQuery, oneQuery } from '../../lib/storage/reads/run-query.js';
import { RunPages } from '../../lib/storage/reads/run-pages.js';
import { RunStarts } from '../../lib/storage/reads/run-starts.js';
import { walksHistory } from '../../lib/storage/reads/run-stretch.js';
import { sql, statementFiles } from '../../lib/storage/sql.js';
import { PgWaitReads } from '../../lib/storage/reads/wait-reads.js';
import { createTestDatabase } from '../support/database.js';

/**
 * No statement reads more of a long history than it shows: none scans a table that grows, and each touches a bounded
 * number of pages. Counted in pages, so that it holds on any machine.
 */

const LARGE = ['workflow_executions', 'workflow_queue', 'step_executions', 'waits', 'events'];
/** Of some 5 000 that the tables have. */
const MOST_PAGES = 1_200;

let pool: pg.Pool;
/** A finished run, one with a loop of many items, a time near the end of that, a waiting run, a parent, and a wait. */
const ids = {
  done: '',
  long: '',
  late: 0,
  waiting: '',
  parent: '',
  wait: '',
  nobody: '00000000-0000-4000-8000-000000000000',
};

beforeAll(async () => {
  const { url } = await createTestDatabase({ breaksRows: true });
  pool = new pg.Pool({ connectionString: url, max: 1 });
  await pool.query(`
    INSERT INTO durable.workflow_definitions (name, version, hash, definition)
      SELECT 'w' || i, 1, 'h', '{"queue":"default"}' FROM generate_series(0, 9) i;
    INSERT INTO durable.workers (host, pid, version, queues, definitions, expires_at)
      SELECT 'h', 1, '1', '{default}', '{1}', now() + interval '1 hour' FROM generate_series(1, 2);
    CREATE TEMP TABLE run AS
      SELECT i, gen_random_uuid() AS id, now() - (80000 - i) * interval '10 s' AS t, i > 60000 AS open FROM generate_series(1, 80000) i;
    INSERT INTO durable.workflow_executions
      (id, created_at, updated_at, started_at, completed_at, data_seq, definition_id, end_token, status, error, priority,
       workflow, queue, parent_id, tags, schedule_name, input)
      SELECT id, t, t, t, CASE WHEN NOT open THEN t END, 1, 1 + i % 10, 1,
        CASE WHEN open THEN 'active' WHEN i % 20 = 0 THEN 'failed' ELSE 'completed' END,
        CASE WHEN NOT open AND i % 20 = 0 THEN '{"name":"Error","message":""}' END, 0, 'w' || i % 10, 'q' || i % 3,
        CASE WHEN i % 10 = 1 THEN (SELECT id FROM run p WHERE p.i = 1000) END,
        CASE WHEN i % 3 = 0 THEN jsonb_build_object('order', 'o' || i, 'tenant', 't' || i % 5) END,
        CASE WHEN i % 4000 = 7 THEN 'nightly' WHEN i % 4 = 1 THEN 'hourly' END, '{"a":1}'
      FROM run ORDER BY i;
    INSERT INTO durable.workflow_queue
      (id, created_at, due_at, started_at, definition_id, priority, token, worker_id, state, because, queue)
      SELECT id, t, t, CASE WHEN i % 4 < 2 THEN t END, 1 + i % 10, 0, 1, CASE WHEN i % 100 = 0 THEN 1 END,
        CASE WHEN i % 100 = 0 THEN 'running' WHEN i % 4 < 2 THEN 'sleeping' ELSE 'ready' END,
        CASE WHEN i % 400 = 1 THEN 'retry' END, 'q' || i % 3
      FROM run WHERE open ORDER BY i;
    INSERT INTO durable.step_executions
      (run_id, seq, input_seq, completed_at, token, round, visit, attempt, duration_ms, type, status, path, output)
      SELECT id, n, 0, t, 1, 1, 1, 1, 1, 'step', 'completed', 'step' || n, '{"a":1}' FROM run, generate_series(1, 2) n ORDER BY i;
    INSERT INTO durable.step_executions
      (run_id, seq, input_seq, input_item, completed_at, token, round, visit, attempt, duration_ms, type, status, path, facts, output, error, logs)
      SELECT id, 10 + n, 10, CASE WHEN n > 0 THEN n - 1 END, t + n * interval '10 ms', 1, 1, 1, 1, 1, CASE WHEN n = 0 THEN 'forEach' ELSE 'step' END,
        CASE WHEN n % 100 = 99 THEN 'failed' ELSE 'completed' END, CASE WHEN n = 0 THEN 'loop' ELSE 'loop[' || n - 1 || ']/send' END,
        CASE WHEN n = 0 THEN '{"items":10000}' END, CASE WHEN n % 100 <> 99 THEN '{"a":1}' END, CASE WHEN n % 100 = 99 THEN '{}' END,
        '1000 {"l":"log","m":"sent"}'
      FROM run, generate_series(0, 10000) n WHERE i = 20001 ORDER BY n;`);
  // Columns that waits have beside these come from other pieces of the engine.
  await pool.query(
    `INSERT INTO durable.waits (${(await waitColumns()).join(', ')})
     SELECT ${(await waitColumns()).map((column) => WAIT[column] ?? "'step'").join(', ')} FROM run WHERE i % 2 = 0 OR open`,
  );
  await pool.query(`
    INSERT INTO durable.events (run_id, sent_at, wait_id, name, payload)
      SELECT run_id, created_at, CASE WHEN state <> 'open' THEN id END, names[1], '{}' FROM durable.waits`);
  await pool.query('VACUUM ANALYZE');
  const { rows } = await pool.query<typeof ids>(`
    SELECT (SELECT id FROM run WHERE i = 30000) AS done, (SELECT id FROM run WHERE i = 20001) AS long,
      (SELECT (extract(epoch FROM t) * 1000)::float8 + 99000 FROM run WHERE i = 20001) AS late, (SELECT id FROM run WHERE i = 70001) AS waiting,
      (SELECT id FROM run WHERE i = 1000) AS parent, (SELECT id FROM durable.waits WHERE state = 'open' LIMIT 1) AS wait`);
  Object.assign(ids, rows[0]);
});

afterAll(() => pool.end());

const WAIT: Readonly<Record<string, string>> = {
  run_id: 'id',
  id: 'gen_random_uuid()',
  created_at: 't',
  closed_at: 'CASE WHEN NOT open THEN t END',
  round: '1',
  visit: '1',
  attempt: '1',
  input_seq: '0',
  active: 'open',
  state: "CASE WHEN open THEN 'open' ELSE 'done' END",
  kind: "CASE WHEN i % 3 = 0 THEN 'input' ELSE 'event' END",
  path: "'step1'",
  key: "'x'",
  names: "ARRAY['paid']",
};

async function waitColumns(): Promise<string[]> {
  const { rows } = await pool.query<{ column_name: string }>(
    `SELECT column_name FROM information_schema.columns
     WHERE table_schema = 'durable' AND table_name = 'waits' AND (column_name = ANY ($1) OR (is_nullable = 'NO' AND column_default IS NULL))`,
    [Object.keys(WAIT)],
  );
  return rows.map((row) => row.column_name);
}

interface Node {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly Node[];
}

/** What the statement scans of the tables that grow, the rows of them that it looks at, and the pages; nothing of it is kept. */
async function cost(
  text: string,
  values: readonly unknown[],
  settings = '',
): Promise<{ scanned: string[]; rows: number; pages: number }> {
  await pool.query(`BEGIN; ${settings}`);
  try {
    const explain = `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`;
    const plans = await pool.query<{ 'QUERY PLAN': { Plan: Node }[] }>(explain, [...values]);
    const root = plans.rows[0]?.['QUERY PLAN'][0]?.Plan;
    if (root === undefined) throw new Error('no plan');
    const scanned: string[] = [];
    let rows = 0;
    const look = (node: Node): void => {
      const table = node['Relation Name'] ?? '';
      if (node['Node Type'] === 'Seq Scan' && LARGE.includes(table)) scanned.push(table);
      if (LARGE.includes(table) && node['Node Type'] !== 'ModifyTable')
        rows += (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops'];
      node.Plans?.forEach(look);
    };
    look(root);
    return { scanned, rows, pages: root['Shared Hit Blocks'] + root['Shared Read Blocks'] };
  } finally {
    await pool.query('ROLLBACK');
  }
}

type Asked = readonly [text: string, parameters: readonly unknown[]][];

/** The statements that a list or a count of runs is asked with, of so many runs that are looked at, and its outcome. */
async function askedOf<T>(ask: (pages: RunPages) => Promise<T>, most?: number): Promise<{ outcome: T; asked: Asked }> {
  const asked: [string, readonly unknown[]][] = [];
  const query = async <R extends object>(text: string, parameters: readonly unknown[] = []): Promise<R[]> => {
    asked.push([text, parameters]);
    return (await pool.query<R>(text, [...parameters])).rows;
  };
  return { outcome: await ask(new RunPages(query, 'durable', most)), asked };
}

describe('lists and counts of runs', () => {
  const far = new Date(Date.now() - 79_000 * 10_000);
  const placeFar = { id: randomUUID(), at: String(far.getTime() * 1_000) };
  const named = (field: 'schedule' | 'error', value: string): RunListFilters => ({
    match: { texts: [{ field, not: false, values: [value] }] },
  });
  const lists: [string, () => RunListFilters][] = [
    ['all', () => ({})],
    ['a workflow', () => ({ workflow: 'w3' })],
    ['a workflow that has none', () => ({ workflow: 'none' })],
    ['a queue', () => ({ queue: 'q1' })],
    ['a queue that has none', () => ({ queue: 'none' })],
    ['a workflow and a queue', () => ({ workflow: 'w3', queue: 'q1' })],
    ['until far back', () => ({ until: far })],
    ['since now', () => ({ since: new Date() })],
    ['before a run', () => ({ before: ids.done })],
    ['behind a place', () => ({ behind: placeFar })],
    ['behind a place, upwards', () => ({ behind: placeFar, order: 'asc' })],
    ['failed, behind a place, upwards', () => ({ status: 'failed', behind: placeFar, order: 'asc' })],
    ['after a run, upwards', () => ({ after: ids.done, order: 'asc' })],
    ['failed', () => ({ status: 'failed' })],
    ['failed, of a workflow that has none', () => ({ status: 'failed', workflow: 'w3' })],
    ['running', () => ({ status: 'running' })],
    ['tags', () => ({ tags: { order: 'o30000' } })],
    ['tags that many have', () => ({ tags: { tenant: 't1' } })],
    ['children', () => ({ parentId: ids.parent })],
    ['with input and data', () => ({ includeData: true })],
    ['of a schedule', () => named('schedule', 'nightly')],
    [
      'of a schedule that few runs have, of some statuses',
      () => ({ ...named('schedule', 'nightly'), status: ['failed', 'running'] }),
    ],
    ['of a schedule that has none', () => named('schedule', 'none')],
    ['with an error', () => named('error', 'Error')],
    ['with an error, of a workflow', () => ({ ...named('error', 'Error'), workflow: 'w0' })],
    ['with an error that none has', () => named('error', 'none')],
    [
      'of all workflows but the one that has most',
      () => ({ match: { texts: [{ field: 'workflow', not: true, values: ['w9'] }] } }),
    ],
    ['of some workflows', () => ({ match: { texts: [{ field: 'workflow', not: false, values: ['w0', 'none'] }] } })],
    ['of a queue among others', () => ({ match: { texts: [{ field: 'queue', not: false, values: ['q1', 'none'] }] } })],
    [
      'of queues that there are not',
      () => ({ match: { texts: [{ field: 'queue', not: false, values: ['x', 'y'] }] } }),
    ],
    [
      'one of some tags',
      () => ({ match: { tags: [{ name: 'order', not: false, values: ['o30000', 'o29997', 'x'] }] } }),
    ],
    ['tried again', () => ({ match: { retrying: true } })],
    ['tried again, of a status that none of them has', () => ({ match: { retrying: true }, status: 'failed' })],
  ];

  it.each(lists)('%s: a list reads what it shows', async (_, filters) => {
    for (const [text, parameters] of (await askedOf((of) => of.list(filters()))).asked) {
      const { scanned, pages } = await cost(text, parameters);
      expect(scanned).toEqual([]);
      // Of the newest runs some thousand are looked at for tags.
      const { tags, match } = filters();
      expect(pages).toBeLessThan(tags === undefined && match?.tags === undefined ? MOST_PAGES : 10 * MOST_PAGES);
    }
  });

  it.each<[string, () => RunListFilters]>([
    ['by how long they took', () => ({ match: { tookAtLeast: 1e12 } })],
    ['by how long they took, of a workflow', () => ({ match: { tookAtLeast: 1e12 }, workflow: 'w3' })],
    ['by how long they took, of a queue', () => ({ match: { tookAtLeast: 1e12 }, queue: 'q1' })],
    ['by how long they took, of a workflow and a queue', () => ({ match: { tookAtLeast: 1e12 }, workflow: 'w3', queue: 'q1' })],
    ['by how long they took, before a run', () => ({ match: { tookAtLeast: 1e12 }, before: ids.done })],
    ['by how long they took, after a run', () => ({ match: { tookAtLeast: 1e12 }, after: ids.done, order: 'asc' })],
    ['by how long they took, behind a place', () => ({ match: { tookAtLeast: 1e12 }, behind: placeFar })],
    ['by how long they took, until far back', () => ({ match: { tookAtLeast: 1e12 }, until: far })],
    ['by their version', () => ({ match: { texts: [{ field: 'version', not: false, values: ['9'] }] } })],
    ['not of their version', () => ({ match: { texts: [{ field: 'version', not: true, values: ['1'] }] } })],
    ['by a tag that they have not', () => ({ match: { tags: [{ name: 'tenant', not: true, values: ['t0', 't1', 't2', 't3', 't4', ''] }] } })],
    ['by another beginning of their id', () => ({ match: { texts: [{ field: 'id', not: true, values: '0123456789abcdef'.split('') }] } })],
    ['none of which is tried again', () => ({ match: { retrying: false, tookAtLeast: 1e12 } })],
  ])('%s: no index has it, and a page and a count look at so many runs', async (_, filters) => {
    expect(walksHistory(filters())).toBe(true);
    const page = await askedOf((of) => of.page(filters()), 500);
    expect(page.outcome).toEqual({ rows: expect.any(Array), lookedTo: expect.any(Date) });
    for (const [text, parameters] of [...page.asked, ...(await askedOf((of) => of.countUpTo(filters(), 10_000), 500)).asked]) {
      const { scanned, pages } = await cost(text, parameters);
      expect(scanned).toEqual([]);
      // Of 500 runs the row of each.
      expect(pages).toBeLessThan(3 * MOST_PAGES);
    }
  }); // prettier-ignore

  it.each<[string, () => RunListFilters]>([
    ['of a queue', () => ({ queue: 'q1' })],
    ['of all workflows but one', () => ({ match: { texts: [{ field: 'workflow', not: true, values: ['w9'] }] } })],
    ['completed', () => ({ status: 'completed' })],
    ['failed', () => ({ status: 'failed' })],
    ['by how long they took', () => ({ match: { tookAtLeast: 1 } })],
    ['by how long they took, of a workflow', () => ({ match: { tookAtLeast: 1 }, workflow: 'w3' })],
    ['by their version', () => ({ match: { texts: [{ field: 'version', not: true, values: ['9'] }] } })],
    ['with no parent', () => ({ match: { root: true } })],
    ['by a tag that they have not', () => ({ match: { tags: [{ name: 'tenant', not: true, values: ['x'] }] } })],
    ['by a tag that many have', () => ({ match: { tags: [{ name: 'tenant', not: false, values: ['t1'] }] } })],
    ['by a beginning of their id that many have', () => ({ match: { texts: [{ field: 'id', not: false, values: ['0', '1', '2', '3'] }] } })],
    ['with an error', () => named('error', 'Error')],
    ['children', () => ({ parentId: ids.parent })],
  ])('%s: starts over time are counted of so many runs, however long the time', async (_, filters) => {
    const asked: [string, readonly unknown[]][] = [];
    const query = async <R extends object>(text: string, parameters: readonly unknown[] = []): Promise<R[]> => {
      asked.push([text, parameters]);
      return (await pool.query<R>(text, [...parameters])).rows;
    };
    const pieces = { since: new Date(Date.now() - 30 * 86_400_000), until: new Date(), count: 144 };
    const { lookedTo } = await new RunStarts(query, 'durable', 500).over(filters(), pieces, ['failed']);
    expect(lookedTo).toBeInstanceOf(Date);
    for (const [text, parameters] of asked) {
      const { rows, pages } = await cost(text, parameters);
      // Of each workflow and queue so many may be tried; with a bitmap of what many have the pages are far fewer than the rows.
      expect(rows).toBeLessThan(20_000);
      expect(pages).toBeLessThan(4 * MOST_PAGES);
    }
  }); // prettier-ignore

  it.each<[string, () => RunListFilters]>([
    ['a common tag and a status that none has', () => ({ tags: { tenant: 't1' }, status: 'cancelled' })],
    ['a common tag and a status of others', () => ({ tags: { tenant: 't1' }, status: 'failed' })],
    ['a common tag and an unfinished status of others', () => ({ tags: { tenant: 't1' }, status: 'running' })],
    ['a common tag and a workflow of others', () => ({ tags: { tenant: 't1' }, workflow: 'w0' })],
    ['a common tag and a workflow and status of others', () => ({ tags: { tenant: 't1' }, workflow: 'w0', status: 'completed' })],
    ['a common tag and a schedule', () => ({ tags: { tenant: 't1' }, ...named('schedule', 'hourly'), status: 'failed' })],
    ['children of a status that none has', () => ({ parentId: ids.parent, status: 'failed' })],
    ['children with a tag that none has', () => ({ parentId: ids.parent, tags: { tenant: 't2' } })],
    ['runs of a schedule of a status that none has', () => ({ ...named('schedule', 'hourly'), status: 'cancelled' })],
    ['runs of a schedule and a workflow of others', () => ({ ...named('schedule', 'hourly'), workflow: 'w0' })],
    ['completed ones where none is', () => ({ status: 'completed', since: new Date(Date.now() - 19_500 * 10_000) })],
  ])('%s: a page and a count look at so many', async (_, filters) => {
    const page = await askedOf((of) => of.page(filters()), 500);
    expect(page.outcome.rows).toEqual([]);
    const count = await askedOf((of) => of.countUpTo(filters(), 10_000), 500);
    expect(count.outcome).toEqual({ n: 0, more: page.outcome.lookedTo !== null });
    for (const [text, parameters] of [...page.asked, ...count.asked]) {
      const { scanned, rows } = await cost(text, parameters);
      expect(scanned).toEqual([]);
      // Of 5 000 runs with the tag, 8 000 children, 20 000 of the schedule and as many that have not ended.
      expect(rows).toBeLessThan(4_000);
    }
  }); // prettier-ignore

  it('a tag and what no index has: the newest are looked at, not history', async () => {
    const match = { tookAtLeast: 1e12, tags: [{ name: 'tenant', not: false, values: ['t1'] }] };
    const { asked } = await askedOf((of) => of.list({ match }));
    const { scanned, pages } = await cost(...(asked[0] ?? ['', []]));
    expect(scanned).toEqual([]);
    expect(pages).toBeLessThan(10 * MOST_PAGES);
  });

  it('several ids: a list and a count read them along their key', async () => {
    const values = [ids.done, ids.waiting, ids.parent].map((id) => id.replaceAll('-', ''));
    const match = { texts: [{ field: 'id' as const, not: false, values: [...values, '0199', 'ffff'] }] };
    const some: RunListFilters = { match };
    expect(walksHistory(some)).toBe(false);
    const [list, count] = [await askedOf((of) => of.list(some)), await askedOf((of) => of.countUpTo(some, 10_000))];
    for (const [text, parameters] of [...list.asked, ...count.asked]) {
      const { scanned, pages } = await cost(text, parameters);
      expect(scanned).toEqual([]);
      expect(pages).toBeLessThan(MOST_PAGES);
    }
  });

  it.each<[string, () => string]>([
    ['one that has ended', () => ids.done],
    ['an unfinished one', () => ids.waiting],
  ])('%s: a run is read along its keys', async (_, id) => {
    const { text, parameters } = oneQuery('durable', id());
    const { scanned, pages } = await cost(text, parameters);
    expect(scanned).toEqual([]);
    expect(pages).toBeLessThan(MOST_PAGES);
  });

  it('an unfinished status reads the unfinished runs, and no history', async () => {
    for (const status of ['pending', 'waiting', 'paused', 'compensating'] as const) {
      const { asked } = await askedOf((of) => of.list({ status }));
      const { scanned } = await cost(...(asked[0] ?? ['', []]));
      expect(scanned.filter((table) => table !== 'workflow_queue')).toEqual([]);
    }
  });

  it.each<[string, RunFilters]>([
    ['a workflow', { workflow: 'w3' }],
    ['a queue', { queue: 'q1' }],
    ['a time', { since: far }],
    ['failed', { status: 'failed' }],
    ['running', { status: 'running' }],
    ['tags', { tags: { order: 'o30000' } }],
  ])('%s: a count asks an index', async (_, filters) => {
    const { text, parameters } = countQuery('durable', filters) ?? { text: '', parameters: [] };
    const { scanned, pages } = await cost(text, parameters);
    expect(scanned).toEqual([]);
    expect(pages).toBeLessThan(2 * MOST_PAGES);
  });
});

it.each<[string, (reads: PgWaitReads) => Promise<unknown>]>([
  ['open inputs', (reads) => reads.pendingInputs()],
  ['inputs of a run', (reads) => reads.pendingInputs({ executionId: ids.waiting })],
  ['answered inputs', (reads) => reads.pendingInputs({ status: 'completed' })],
  ['open events', (reads) => reads.pendingEvents()],
  ['inputs by timeout', (reads) => reads.inputs({ order: 'timeout' })],
  ['inputs by timeout, far in', (reads) => reads.inputs({ order: 'timeout', from: far('next') })],
  ['inputs by timeout, back again', (reads) => reads.inputs({ order: 'timeout', from: far('prev') })],
  ['inputs of one type', (reads) => reads.inputs({}, 'free_text')],
  ['inputs, far in', (reads) => reads.inputs({ from: far('next') })],
  ['answered inputs, back again', (reads) => reads.inputs({ status: 'completed', from: far('prev') })],
  ['a number of inputs', (reads) => reads.countInputs({}, null, 300)],
  ['open events, far in', (reads) => reads.events({ from: far('next') })],
  ['events that came', (reads) => reads.pendingEvents({ status: ['completed', 'timed_out'] })],
])('%s: a list reads what it shows', async (_, list) => {
  let asked: [string, readonly unknown[]] = ['', []];
  const query = async <R extends object>(text: string, parameters: readonly unknown[] = []): Promise<R[]> => {
    asked = [text, parameters];
    return [];
  };
  await list(new PgWaitReads({ query, schema: 'durable', redact: NO_REDACTION }));
  const { scanned, pages } = await cost(...asked);
  expect(scanned).toEqual([]);
  expect(pages).toBeLessThan(MOST_PAGES);
});

it('open events by timeout: of those that were asked for first so many are put in order', async () => {
  let asked: [string, readonly unknown[]] = ['', []];
  const query = async <R extends object>(text: string, parameters: readonly unknown[] = []): Promise<R[]> => {
    asked = [text, parameters];
    return [];
  };
  await new PgWaitReads({ query, schema: 'durable', redact: NO_REDACTION }).events({ order: 'timeout' });
  const { scanned, pages } = await cost(...asked);
  expect(scanned).toEqual([]);
  expect(pages).toBeLessThan(10 * MOST_PAGES);
});

/** Calls of a statement that takes several: of a run that has ended, and of one that has not. */
const calls = (more: object = {}): unknown[] => [
  JSON.stringify([ids.done, ids.waiting].map((id, n) => ({ n, id, ...more }))),
];

/** Fifty of a run with a long journal: those of a page share what is looked at. */
const long = (more: object = {}): unknown[] => [
  JSON.stringify(Array.from({ length: 50 }, (_, n) => ({ n, id: ids.long, ...more }))),
];

/** Some way into a list of waits. */
const far = (way: 'next' | 'prev') => ({ way, id: ids.wait, place: 1, due: null });

/** Statements that one run, or a few, are looked up with; a list is that of the engine's sessions, which only use indexes. */
const BOUNDED: Readonly<Record<string, () => unknown[]>> = {
  'blocked-keys': () => ['[{"workflow":"w1","per_key":1,"whole":false}]', '', 100],
  'look-again': () => [1, JSON.stringify([{ id: ids.done, run: ids.done, token: 1, seq: 1, ends: true }])],
  'look-at-workers': () => [1],
  pulse: () => [1, null, ['q1'], [1], ['w1']],
  'queue-row': () => [ids.waiting],
  'idle-queues': () => [['q1', 'nobody']],
  'queue-lag': () => [['q1'], [1]],
  'read-leased': () => [1, [ids.waiting], '[]'],
  'ready-definitions': () => ['q1', [1]],
  'referred-runs': () => [[ids.done]],
  'runs-below': () => [[ids.done], [ids.done], ['completed'], '2026-01-01', 1_000],
  'last-records': () => [[ids.done]],
  'answer-input': () => [ids.waiting, ids.wait, '{}'],
  'cancel-waits': () => [ids.waiting, null, '{}'],
  'attempt-logs': () => [ids.long, 'loop[7]/send', 1, 1, 1],
  'called-children': () => [ids.long, ['loop[7]/send']],
  'ended-attempts': () => [ids.long, ['loop[7]/send'], 500],
  'journal-page': () => [ids.long, 5_000, 200, 4_000_000],
  'logs-page': () => [ids.long, 5_000, null, 'send', 50],
  'long-loops': () => [ids.long, 200],
  'loop-items': () => [
    ids.long, 10, null, 'loop', 10_000, '{"ends":["send"],"fails":["send"],"counted":[],"settles":[]}', '[]', 'waiting', ['failed'], 5_000, null, 50,
  ], // prettier-ignore
  'open-steps': () => [ids.waiting, 'step1', ['loop[']],
  'step-data': () => [ids.long, 11],
  'step-payloads': () => [ids.long, 11],
  'step-figures': () => [[ids.done, ids.waiting], 1_000],
  'steps-page': () => [ids.long, 5_000, null, 'loop', null, ['step'], 500],
  'add-audit': () => [ids.nobody, 'a', 'run.cancel', 'run', ids.done, 'done', null, '{}', null],
  'list-audit': () => [null, null, ids.done, null, null, null, 50],
  'run-facts': () => [[ids.done, ids.waiting]],
  'run-definition': () => [ids.done],
  'retries-of': () => [ids.done, 50],
  'schedule-runs': () => [['nightly', 'hourly', 'none'], ['w1', 'w1', 'w1'], 5],
  'child-statuses': () => [ids.parent, 300],
  'given-events': () => [ids.waiting, 1_000],
  'run-history': () => [ids.long, '-9000000000000000000', '', null, null, 200],
  'run-parents': () => [ids.waiting, 20],
  'child-counts': () => [[ids.done, ids.parent], 500],
  'failed-steps': () => [[ids.done, ids.waiting]],
  'find-gaps': () => [JSON.stringify([{ id: ids.done, run: ids.done, records: [1, 2], wait: ids.waiting }])],
  'find-open-inputs': () => [ids.waiting, null, null],
  'get-logs': () => [ids.done],
  'get-step-waits': () => [ids.waiting],
  'get-steps': () => [ids.done, true],
  'leased-rows': () => [1],
  'history-events': () => [Date.now() - 60_000, 10_000, 0, 500],
  'history-pages': () => [],
  'ids-by-prefix': () => ['00000000-0000-0000-0000-000000000000', '0fffffff-ffff-ffff-ffff-ffffffffffff', 4],
  'id-neighbours': () => [[ids.done, ids.waiting]],
  'last-payload': () => ['w1', 'paid', 100],
  'last-input': () => [ids.waiting, null, null],
  'list-workers': () => [],
  'list-workflows': () => [],
  'late-runs': () => [[ids.waiting, ids.done]],
  'load-undo': () => [ids.done, 1],
  'end-runs': () => [[ids.waiting], ['failed'], ['{}'], [null]],
  'lock-free-history': () => [[ids.waiting, ids.done]],
  'lock-free-runs': () => [[ids.waiting]],
  'lock-old-runs': () => [[ids.done]],
  'lock-run': () => [ids.waiting],
  'lock-runs': () => [[ids.waiting, ids.done]],
  'unmatched-runs': () => [100],
  'open-children': () => [ids.waiting, null],
  'open-runs': () => [[ids.waiting, ids.done]],
  'pause-run': () => [ids.waiting],
  'read-waits': () => [ids.waiting],
  'request-rollback': () => [[ids.waiting], ['{}']],
  'restart-records': () => [ids.done, 1],
  'restart-source': () => [ids.done],
  'resume-run': () => [ids.waiting],
  'retry-source': () => [ids.done],
  'run-events': () => [
    JSON.stringify([
      { id: ids.waiting, since: 0 },
      { id: ids.long, since: ids.late },
    ]),
  ],
  'run-outcomes': () => [[ids.done, ids.waiting]],
  'run-status': () => [ids.done],
  'run-tree': () => [[ids.waiting], false],
  'run-workflows': () => [[ids.done]],
  'list-events': () => [ids.waiting, false, '0', 100],
  'run-counts': () => [ids.long, 10_000, 1_000, 20_000],
  'retried-runs': () => [[ids.done, ids.waiting]],
  'restart-look': () => [ids.done],
  'standing-attempt': () => long({ round: 1, path: null, name: 'step1', final: true }),
  'standing-failure': () => calls(),
  'standing-loop': () =>
    long({ round: 1, path: 'loop', places: { ends: ['send'], fails: ['send'], counted: [], settles: [] } }),
  'standing-queue': () => [JSON.stringify([{ n: 0, id: ids.waiting }])],
  'standing-records': () => calls({ round: 1 }),
  'standing-rollback': () => calls({ round: 1, began: null }),
  'standing-run': () => calls(),
  'standing-undo': () => long({ round: 1 }),
  'standing-waits': () => calls(),
  'standing-work': () => long(),
  'steps-source': () => [ids.waiting],
  'taken-ids': () => [[ids.done]],
  'taken-keys': () => [['w1'], ['key']],
  unheard: () => [1, [ids.waiting]],
  'watch-runs': () => [[ids.waiting]],
};

/**
 * Of the journal of a long run, which has 10 000 records, of a page of fifty that share it, and of its events; all others
 * look at what they are asked for and no more, however many runs wait.
 */
const MOST_ROWS = 1_000;
const MORE_ROWS: Readonly<Record<string, number>> = {
  'standing-loop': 150_000,
  'run-history': 40_000,
  'standing-work': 25_000,
  'run-counts': 25_000,
  'standing-attempt': 25_000,
  'history-events': 25_000,
  'loop-items': 12_000,
  'standing-undo': 12_000,
  'attempt-logs': 12_000,
  'logs-page': 6_000,
  'steps-page': 6_000,
};

/** It also counts the records that it does not look at: a hundred thousand in all, in the index alone. */
const MORE_PAGES: Readonly<Record<string, number>> = { 'standing-loop': 2 * MOST_PAGES };

it.each(Object.keys(BOUNDED))('%s looks up what it is asked for', async (name) => {
  const { scanned, rows, pages } = await cost(sql(name, 'durable'), BOUNDED[name]?.() ?? [], TRANSACTION_PLANNER);
  expect(scanned).toEqual([]);
  expect(rows).toBeLessThan(MORE_ROWS[name] ?? MOST_ROWS);
  expect(pages).toBeLessThan(MORE_PAGES[name] ?? MOST_PAGES);
});

it('called-children looks at the waits of its steps, however many others of the run have called a child', async () => {
  const { rows } = await pool.query<{ run_id: string }>(`
    INSERT INTO durable.waits (run_id, id, created_at, closed_at, ended, input_seq, child_id, round, visit, attempt, active,
      state, kind, type, path, key)
      SELECT r.id, gen_random_uuid(), now(), now(), 1, 0, gen_random_uuid(), 1, 1, 1, false, 'done', 'child', 'step',
        'loop[' || n || ']/send', 'child:x:1'
      FROM (SELECT gen_random_uuid() AS id) r, generate_series(1, 10000) n
    RETURNING run_id`);
  const values = [rows[0]?.run_id, ['loop[7]/send', 'loop[9]/send']];
  for (const analyze of [false, true]) {
    if (analyze) await pool.query('ANALYZE durable.waits');
    const { scanned, rows: looked } = await cost(sql('called-children', 'durable'), values);
    expect(scanned).toEqual([]);
    expect(looked).toBe(2);
  }
});

it('run-counts looks at so many records for lines, however many have none', async () => {
  // As of a run that logs nothing: there are never as many with lines as are asked for.
  const { scanned, pages } = await cost(sql('run-counts', 'durable'), [ids.long, 100, 1_000_000, 500]);
  expect(scanned).toEqual([]);
  expect(pages).toBeLessThan(100);
});

/** Statements that read much on purpose, or whose plan another spec looks at. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'begun-events': 'reads the unfinished runs, after a lost connection',
  'count-statuses': 'counts every run',
  'count-unfinished': 'counts the unfinished runs',
  'reconcile-rates': 'reads the spans of the rates: some fifty a queue',
  'find-unsound': 'reads a bounded stretch of the queue at a time',
  'doctor-work': 'reads the unfinished runs',
  'leased-in-queue': 'counts what is leased, of which there is little',
  'queue-has-runs': 'reads the unfinished runs where none is in the queue',
  'list-queues': 'counts the unfinished runs',
  'old-runs': 'retention.spec.ts: a stretch of history',
  'verify-claims': 'reads all on purpose',
  'verify-ends': 'reads all on purpose',
  'verify-events': 'reads all on purpose',
  'verify-journal': 'reads all on purpose',
  'verify-leases': 'reads all on purpose',
  'verify-limits': 'reads all on purpose',
  'verify-payloads': 'reads all on purpose',
  'verify-records': 'reads all on purpose',
  'verify-runs': 'reads all on purpose',
  'verify-schedules': 'reads all on purpose',
  'verify-sessions': 'reads the sessions of the server',
  'verify-waits': 'reads all on purpose',
  claim: 'claim-plan.spec.ts',
  'wake-due': 'claim-plan.spec.ts',
  'claimable-definitions': 'claimable-definitions.spec.ts',
};

it('what is said of statements is said of ones that there are', () => {
  const all = [...statementFiles().keys()];
  for (const name of [...Object.keys(BOUNDED), ...Object.keys(ELSEWHERE)]) expect(all).toContain(name);
  // Reads, all of them: a new one is either bounded, or says why not.
  const reads = [...statementFiles()].filter(([, file]) => {
    const text = readFileSync(file, 'utf8').replace(/^--.*$/gm, '');
    return !/\b(UPDATE|INSERT|DELETE|FOR)\b/.test(text) && LARGE.some((table) => text.includes(`durable.${table}`));
  });
  const unsaid = reads.map(([name]) => name).filter((name) => !(name in BOUNDED) && !(name in ELSEWHERE));
  expect(unsaid).toEqual([]);
});
