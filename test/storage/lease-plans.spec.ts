import pg from 'pg';
import { INDEXES_ONLY } from '../../lib/storage/connection/planner.js';
import { sql, statementFiles, statementOf } from '../../lib/storage/sql.js';
import { createTestDatabase } from '../support/database.js';

/**
 * Sessions of the engine keep the plans of their statements. While the tables are small, or were when they were last analysed,
 * an index of other columns looks as good to the planner as that of the ids: each of a group's rows is then looked for among
 * all rows of the worker, or among all whose timeout is over; or the whole table is read once, and joined. So what could be found
 * by an id may not be filtered by it, and nothing that is done all the time reads an index from end to end.
 */

/** Reads of people, planned anew each time by what the tables hold then; and one that reads what nobody has looked at, which is little. */
const EXCEPT = new Set(['find-open-inputs', 'resume-run', 'retry-delays', 'run-history', 'settle-unmatched']);

let client: pg.Client;

beforeAll(async () => {
  const { url } = await createTestDatabase({ breaksRows: true });
  client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query([...INDEXES_ONLY, 'jit'].map((setting) => `SET ${setting} = off`).join('; '));
  await client.query('SET plan_cache_mode = force_generic_plan');
  for (const table of TABLES) await client.query(`ALTER TABLE durable.${table} SET (autovacuum_enabled = false)`);
});

afterAll(() => client.end());

interface Node {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string | undefined;
  readonly 'Index Cond'?: string;
  readonly Filter?: string;
  readonly Plans?: readonly Node[];
}

const READS = new Set(['Seq Scan', 'Index Scan', 'Index Only Scan', 'Bitmap Heap Scan']);
const TABLES = new Set(['workflow_executions', 'workflow_queue', 'step_executions', 'waits', 'events']);

/** The nodes of the statement's generic plan that read one of our tables, and the joins. */
async function nodesOf(text: string): Promise<Node[]> {
  await client.query(`PREPARE statement AS ${text}`);
  try {
    const { rows: prepared } = await client.query<{ count: number }>(
      `SELECT cardinality(parameter_types) AS count FROM pg_prepared_statements WHERE name = 'statement'`,
    );
    const count = prepared[0]?.count ?? 0;
    const given = count === 0 ? '' : `(${Array.from({ length: count }, () => 'NULL').join(', ')})`;
    const { rows } = await client.query<{ 'QUERY PLAN': { Plan: Node }[] }>(
      `EXPLAIN (FORMAT JSON) EXECUTE statement${given}`,
    );
    const found: Node[] = [];
    const look = (node: Node): void => {
      const index = node['Index Name'] ?? node.Plans?.[0]?.['Index Name'];
      if (TABLES.has(node['Relation Name'] ?? '') && READS.has(node['Node Type']))
        found.push({ ...node, 'Index Name': index });
      node.Plans?.forEach(look);
    };
    const root = rows[0]?.['QUERY PLAN'][0]?.Plan;
    if (root !== undefined) look(root);
    return found;
  } finally {
    await client.query('DEALLOCATE statement');
  }
}

const BY_ID = /\b(run_|child_|parent_)?id = |\bstep_of = /;
const names = [...statementFiles().keys()].filter((name) => !EXCEPT.has(name));
const whole = statementOf('commit-group', ['operations', 'ends', 'parks', 'starts']);

/** Statements of which each run, start, event and wait has some. */
const HOT = [whole, 'abandon-steps', 'commit-extras', 'end-runs', 'find-gaps', 'late-runs', 'lock-leases', 'lock-waiters', 'look-again', 'match-waits', 'read-leased', 'release', 'request-rollback', 'send-event', 'send-event-and-claim', 'start-runs', 'take-waits', 'unheard', 'wake-due', 'wake-run', 'watch-runs']; // prettier-ignore

const DEFINITION = `INSERT INTO durable.workflow_definitions (name, version, hash, definition) VALUES ('w', 1, 'h', '{}')`;

/** Rows of all tables; of those in the queue half are leased. */
const enter = (count: number): string => `
  INSERT INTO durable.workflow_queue (id, due_at, deadline_at, started_at, definition_id, priority, token, worker_id, state, queue)
    SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, now(), now(), now(), 1, 0, 1, CASE WHEN n % 2 = 0 THEN 1 END, CASE WHEN n % 2 = 0 THEN 'running' ELSE 'ready' END, 'default'
    FROM generate_series(1, ${count}) n;
  INSERT INTO durable.workflow_executions (id, created_at, updated_at, definition_id, priority, workflow, queue, input)
    SELECT id, now(), now(), 1, 0, 'w', 'default', '{}' FROM durable.workflow_queue;
  INSERT INTO durable.step_executions (run_id, seq, input_seq, completed_at, token, round, visit, attempt, duration_ms, type, status, path)
    SELECT id, 1, 0, now(), 1, 1, 1, 1, 1, 'step', 'completed', 's' FROM durable.workflow_queue;
  INSERT INTO durable.waits (run_id, id, created_at, input_seq, round, visit, attempt, kind, type, path, key)
    SELECT id, id, now(), 0, 1, 1, 1, 'event', 'step', 's', 'event:e:1' FROM durable.workflow_queue;
  INSERT INTO durable.events (run_id, sent_at, name, payload) SELECT id, now(), 'e', '1' FROM durable.workflow_queue`;
const LEAVE = [...TABLES].map((table) => `DELETE FROM durable.${table}`).join('; ');
const ANALYSE = `ANALYZE ${[...TABLES].map((table) => `durable.${table}`).join(', ')}`;

describe.each([
  ['no rows', []],
  ['few rows', [DEFINITION, enter(8), ANALYSE]],
  // The statistics of a pause between two bursts: pages, and nothing in them.
  ['none of many rows left', [LEAVE, enter(5_000), LEAVE, ANALYSE]],
  ['many rows, of which the statistics know nothing', [LEAVE, enter(5_000), LEAVE, ANALYSE, enter(2_000)]],
])('planned with %s', (_, before) => {
  beforeAll(async () => {
    await client.query(before.join(';\n'));
  });

  it.each([...names, whole])('%s looks for nothing by its id in an index of something else', async (name) => {
    const nodes = await nodesOf(sql(name, 'durable'));
    const found = nodes.filter((node) => BY_ID.test(node.Filter ?? '') && !BY_ID.test(node['Index Cond'] ?? ''));
    expect(found).toEqual([]);
  });

  it.each(HOT)('%s reads no index from end to end', async (name) => {
    const nodes = await nodesOf(sql(name, 'durable'));
    const read = nodes.filter((node) => node['Node Type'] !== 'Bitmap Heap Scan' && node['Index Cond'] === undefined);
    expect(read).toEqual([]);
  });

  it('a group is found by the ids of its rows', async () => {
    const indexes = (await nodesOf(sql(whole, 'durable'))).map((node) => node['Index Name']);
    expect(indexes).toContain('workflow_queue_pkey');
    expect(indexes).not.toContain('queue_worker');
  });
});
