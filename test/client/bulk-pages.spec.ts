import { actOnMany, type BulkClient } from '../../lib/client/bulk.js';
import { ExecutionNotFoundError } from '../../lib/core/errors/errors.js';
import { NO_REDACTION } from '../../lib/core/redact/redact.js';
import { queryOf } from '../../lib/storage/connection/transaction.js';
import { PgReads } from '../../lib/storage/reads/reads.js';
import { Rows } from '../storage/rows.js';

/** An act on many unfinished runs reads the queue once for thousands of them: no index has these in the order of their starts. */

const RUNS = 450;

let rows: Rows;
let ids: string[] = [];
let asked = { ids: 0, byIds: [] as number[] };

beforeAll(async () => {
  rows = await Rows.open();
  await rows.pool.query(
    `WITH run AS (
       SELECT gen_random_uuid() AS id, now() - interval '1 day' + n % 300 * interval '1 s' AS at FROM generate_series(1, $1::integer) n
     ), history AS (
       INSERT INTO durable.workflow_executions (id, created_at, updated_at, definition_id, priority, workflow, queue, input, status)
       SELECT id, at, at, $2, 0, 'order', 'default', '{}', 'active' FROM run
     )
     INSERT INTO durable.workflow_queue (id, created_at, due_at, definition_id, priority, state, queue)
     SELECT id, at, 'infinity', $2, 0, 'sleeping', 'default' FROM run`,
    [RUNS, rows.definitionId],
  );
  const inOrder = await rows.pool.query<{ id: string }>(
    'SELECT id FROM durable.workflow_queue ORDER BY created_at, id',
  );
  ids = inOrder.rows.map(({ id }) => id);
});
afterAll(() => rows.close());
beforeEach(() => {
  asked = { ids: 0, byIds: [] };
});

function clientOf(act: BulkClient['act']): BulkClient {
  const query = queryOf(rows.pool);
  const options = { schema: 'durable', inFlight: () => [], workerId: () => 0, redact: NO_REDACTION };
  const reads = new PgReads({ ...options, query });
  return {
    now: () => reads.now(),
    ids: (filters) => {
      asked.ids += 1;
      return reads.listIds(filters);
    },
    byIds: (some) => {
      asked.byIds.push(some.length);
      return reads.byIds(some);
    },
    retried: (some) => reads.retried(some),
    act,
  };
}

it('all of them are read once, looked at 200 at a time, and acted on from the oldest on', async () => {
  const done: string[] = [];
  const client = clientOf(async (id) => {
    done.push(id);
    return true;
  });
  expect(await actOnMany(client, 'cancel', {}, { limit: Infinity, dryRun: false })).toEqual({
    count: RUNS,
    refused: [],
  });
  expect(done).toEqual(ids);
  expect(asked).toEqual({ ids: 1, byIds: [200, 200, 50] });
});

it('no more are looked at than the limit needs', async () => {
  const client = clientOf(async () => true);
  expect((await actOnMany(client, 'pause', {}, { limit: 7, dryRun: false })).count).toBe(7);
  expect(asked).toEqual({ ids: 1, byIds: [200] });
});

it('a run that was paused, or is gone, since its id was read fits no more: it is neither acted on nor refused', async () => {
  const [paused = '', gone = ''] = ids.slice(420);
  const done: string[] = [];
  const client = clientOf(async (id) => {
    done.push(id);
    if (id === ids[0]) {
      await rows.pool.query('UPDATE durable.workflow_queue SET paused = true WHERE id = $1', [paused]);
      await rows.pool.query('DELETE FROM durable.workflow_queue WHERE id = $1', [gone]);
      await rows.pool.query('DELETE FROM durable.workflow_executions WHERE id = $1', [gone]);
    }
    return true;
  });
  expect(await actOnMany(client, 'pause', {}, { limit: Infinity, dryRun: false })).toEqual({
    count: RUNS - 2,
    refused: [],
  });
  expect(done).toEqual(ids.filter((id) => id !== paused && id !== gone));
});

it('a run that retention has deleted since it was looked up is no refusal either', async () => {
  const client = clientOf(async (id) => {
    if (id === ids[1]) throw new ExecutionNotFoundError(id);
    return true;
  });
  expect(await actOnMany(client, 'cancel', {}, { limit: 3, dryRun: false })).toEqual({ count: 3, refused: [] });
});
