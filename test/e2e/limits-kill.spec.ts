import type { INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { DurableClient, DurableModule, type WorkflowHandle } from 'nest-durable';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { createTestDatabase } from '../support/database.js';
import { type Fork, Forks } from '../support/forks.js';
import { largestOverlaps, watchOverlaps } from '../support/overlaps.js';

/** Each time while the victim holds something. */
const KILLS = 5;
const WORKERS = 3;

let url: string;
let app: INestApplicationContext;
let client: DurableClient;
let pool: pg.Pool;
const workers = new Forks(new URL('./limits-worker.ts', import.meta.url));

beforeAll(async () => {
  ({ url } = await createTestDatabase());
  pool = new pg.Pool({ connectionString: url, max: 2 });
  const module = await Test.createTestingModule({
    imports: [DurableModule.forRoot({ database: { url }, workers: false })],
  }).compile();
  app = await module.init();
  client = app.get(DurableClient);
});

afterAll(async () => {
  await app.close();
  await pool.end();
});

/** A worker that holds a row at this moment; `more` is called when no run is left that one could hold. */
async function holder(more: () => Promise<void>): Promise<Fork> {
  for (;;) {
    const { rows } = await pool.query<{ pid: number }>(
      `SELECT w.pid FROM durable.workflow_queue q JOIN durable.workers w ON w.id = q.worker_id
       WHERE w.dead_at IS NULL ORDER BY random()`,
    );
    const pids = rows.map(({ pid }) => pid);
    const found = workers.alive.find(({ pid }) => pids.includes(pid));
    if (found !== undefined) return found;
    if ((await pool.query('SELECT FROM durable.workflow_queue LIMIT 1')).rowCount === 0) await more();
    await pause(5);
  }
}

it('the limits of queues and workflows hold while workers are killed', async () => {
  await Promise.all(Array.from({ length: WORKERS }, () => workers.start([url])));
  await watchOverlaps(pool);
  const runs: WorkflowHandle[] = [];
  const more = async (): Promise<void> => {
    runs.push(
      ...(await client.startMany(
        'narrow',
        Array.from({ length: 30 }, () => ({ input: {} })),
      )),
    );
    runs.push(
      ...(await client.startMany(
        'keyed',
        Array.from({ length: 30 }, (_, n) => ({ input: { key: `k${n % 4}` } })),
      )),
    );
  };
  for (let kill = 0; kill < KILLS; kill++) {
    // There is something to hold when the next one is to be killed.
    await more();
    const victim = await holder(more);
    await victim.end('SIGKILL');
    await workers.start([url]);
  }
  const results = await Promise.allSettled(runs.map((run) => run.result()));
  expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
  const { rows } = await pool.query<{ n: number }>('SELECT max(token) AS n FROM durable.step_executions');
  expect(rows[0]?.n).toBeGreaterThan(1);
  const { 'queue default': _, ...found } = await largestOverlaps(pool);
  expect(found).toEqual({ 'queue narrow': 3, 'keyed\n=k0': 2, 'keyed\n=k1': 2, 'keyed\n=k2': 2, 'keyed\n=k3': 2 });
}, 600_000);
