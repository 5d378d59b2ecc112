import pg from 'pg';
import { newRun } from '../../lib/core/run/new-run.js';
import type { CommitGroup, Outcome, RunOp } from '../../lib/engine/ports/store.js';
import { commitGroup } from '../../lib/storage/engine/commits.js';
import { sql } from '../../lib/storage/sql.js';
import { createTestDatabase } from '../support/database.js';

/** A group's statement has the parts that the group has something for, and no more. */

const id = '00000000-0000-4000-8000-000000000001';
const op = (outcome: Outcome | null): RunOp => ({
  rowId: id, runId: id, token: 1, after: [], afterWait: null, records: [], outcome, extras: null,
}); // prettier-ignore
const end: Outcome = {
  kind: 'end', status: 'completed', undone: false, dataSeq: 1, error: null, failedStep: null, dropSteps: false,
}; // prettier-ignore
const park: Outcome = {
  kind: 'park', delayMs: null, because: null, pause: false, holds: false, snapshot: '{}', snapshotSeq: 1, needs: null, dataSeq: 1,
  round: 1, heard: 0, error: null,
}; // prettier-ignore
const start = newRun({ workflow: 'order', definitionId: 1, queue: 'default', priority: 0, input: '{}' });

const GROUPS: readonly (readonly [string, string, Partial<CommitGroup>])[] = [
  ['records', 'operations', { ops: [op(null)] }],
  ['an end', 'operations/ends', { ops: [op(null), op(end)] }],
  ['a suspension', 'operations/parks', { ops: [op(park)] }],
  ['both', 'operations/ends/parks', { ops: [op(park), op(end)] }],
  ['a start', 'starts', { starts: [start] }],
  ['records and a start', 'operations/starts', { ops: [op(null)], starts: [start] }],
  ['an end and a start', 'operations/ends/starts', { ops: [op(end)], starts: [start] }],
  ['a suspension and a start', 'operations/parks/starts', { ops: [op(park)], starts: [start] }],
  ['all of it', 'operations/ends/parks/starts', { ops: [op(end), op(park)], starts: [start] }],
];

let pool: pg.Pool;

beforeAll(async () => {
  pool = new pg.Pool({ connectionString: (await createTestDatabase()).url, max: 1 });
});

afterAll(() => pool.end());

it.each(GROUPS)('%s', async (_, parts, group) => {
  const asked: string[] = [];
  const result = await commitGroup(
    async (statement, values) => {
      asked.push(statement);
      return (await pool.query(sql(statement, 'durable'), values)).rows as never[];
    },
    1,
    { ops: [], starts: [], offer: null, ...group },
  );
  expect(asked).toEqual([`commit-group/${parts}`]);
  // No worker 1 lives.
  expect(result).toEqual({ acks: new Map(), claimed: [], woken: [] });
  const made = await Promise.all(
    ['workflow_queue', 'workflow_executions'].map((table) =>
      pool.query(`DELETE FROM durable.${table} WHERE id = $1`, [start.id]),
    ),
  );
  const count = group.starts === undefined ? 0 : 1;
  expect(made.map(({ rowCount }) => rowCount)).toEqual([count, count]);
});

it('nothing is asked where a group has come to nothing', async () => {
  const run = () => Promise.reject(new Error('asked'));
  expect(await commitGroup(run, 1, { ops: [], starts: [], offer: null })).toMatchObject({ claimed: [] });
});

it('the parts are those that the file has, each with its end', () => {
  const marks = [...sql('commit-group', 'durable').matchAll(/^-- (\[\w+|\w+\])$/gm)].map(([, mark]) => mark);
  expect(marks).toEqual([
    '[operations', '[ends', 'ends]', '[parks', 'parks]', 'operations]', '[starts', 'starts]',
    '[operations', '[parks', 'parks]', 'operations]', '[starts', 'starts]',
  ]); // prettier-ignore
});
