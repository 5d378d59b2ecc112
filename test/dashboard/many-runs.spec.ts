import { jest } from '@jest/globals';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { PgWaitReads } from '../../lib/storage/reads/wait-reads.js';
import { Rows } from '../storage/rows.js';
import { type RunningApp, startApp } from './hosts.js';

/** More runs than one look counts, or goes through. */

const MOST = 10_000;
const RUNS = MOST + 50;

let rows: Rows;
let running: RunningApp;
let parent: string;

beforeAll(async () => {
  rows = await Rows.open();
  parent = await rows.run({ status: 'completed', started_at: new Date(), completed_at: new Date() });
  await rows.pool.query(
    `INSERT INTO durable.workflow_executions
       (id, created_at, updated_at, started_at, completed_at, data_seq, definition_id, end_token, status, priority, workflow, queue, input,
        parent_id)
     SELECT gen_random_uuid(), t, t, t, t + CASE WHEN i IN (1, ${RUNS}) THEN interval '40 d' ELSE interval '1 s' END,
       0, $1, 1, 'completed', 0, 'order', 'default', '{}', $2
     FROM (SELECT i, now() - i * interval '1 s' AS t FROM generate_series(1, ${RUNS}) i) AS runs`,
    [rows.definitionId, parent],
  );
  await rows.pool.query('ANALYZE durable.workflow_executions');
  const mounted = DurableDashboardModule.forRoot({ authorize: () => true });
  running = await startApp({ name: 'express', framework: 'express' }, rows.url, [mounted]);
});
afterAll(async () => {
  await running.close();
  await rows.close();
});

it('an act on what no index has is refused where not all of it was looked for, and says how to go on', async () => {
  const preview = (q: string) => running.ask('/api/bulk/preview', { method: 'POST', body: { act: 'retry', q } });
  const { status, json } = await preview('took:>30d');
  expect([status, json.error?.code]).toEqual([400, 'INVALID_INPUT']);
  const [, since = ''] =
    /was looked for as far as \S+ only: make it narrower: give (since:\S+Z)/.exec(json.error.message) ?? [];
  expect(since).toMatch(/^since:/);
  expect((await preview(`took:>30d ${since}`)).json).toMatchObject({ count: 1, eligible: 1 });
});

it('counts so many children of a run', async () => {
  const counts = jest.spyOn(PgWaitReads.prototype, 'childCounts');
  const { items } = (await running.ask('/api/runs?q=root:yes')).json;
  expect(items).toMatchObject([{ id: parent, childCount: MOST }]);
  expect((await running.ask(`/api/runs/${parent}`)).json.childCount).toBe(MOST);
  expect((await running.ask(`/api/runs/${parent}/export?as=test`)).text).toContain('Its children run in the test too');
  expect(counts.mock.calls.map(([, most]) => most)).toEqual([MOST, MOST, 1]);
  counts.mockRestore();
});
