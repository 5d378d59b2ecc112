import type { INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { DurableClient, DurableModule, type WorkflowHandle } from 'nest-durable';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { createTestDatabase } from '../support/database.js';
import { largestOverlaps, watchOverlaps } from '../support/overlaps.js';

/** Each time while the victim holds something. */
const KILLS = 5;
const WORKERS = 3;

let url: string;
let app: INestApplicationContext;
let client: DurableClient;
let pool: pg.Pool;
const workers = new Set<ChildProcess>();

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
  await Promise.all([...workers].map((worker) => end(worker, 'SIGTERM')));
  await app.close();
  await pool.end();
});

async function work(): Promise<void> {
  const worker = fork(fileURLToPath(new URL('./limits-worker.ts', import.meta.url)), [url], {
    execArgv: ['--import', fileURLToPath(new URL('../support/register-ts.mjs', import.meta.url))],
  });
  workers.add(worker);
  await once(worker, 'message');
}

async function end(worker: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  workers.delete(worker);
  if (worker.exitCode !== null || worker.signalCode !== null) return;
  const exit = once(worker, 'exit');
  worker.kill(signal);
  await exit;
}

/** A worker that holds a row at this moment. */
async function holder(): Promise<ChildProcess> {
  for (;;) {
    const { rows } = await pool.query<{ pid: number }>(
      `SELECT w.pid FROM durable.workflow_queue q JOIN durable.workers w ON w.id = q.worker_id
       WHERE w.dead_at IS NULL ORDER BY random()`,
    );
    const pids = rows.map(({ pid }) => pid);
    const found = [...workers].find(({ pid }) => pid !== undefined && pids.includes(pid));
    if (found !== undefined) return found;
  }
}

it('the limits of queues and workflows hold while workers are killed', async () => {
  await Promise.all(Array.from({ length: WORKERS }, work));
  await watchOverlaps(pool);
  const runs: WorkflowHandle[] = [];
  for (let kill = 0; kill < KILLS; kill++) {
    // There is always something to hold when the next one is to be killed.
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
    await end(await holder(), 'SIGKILL');
    await work();
  }
  const results = await Promise.allSettled(runs.map((run) => run.result()));
  expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
  const { rows } = await pool.query<{ n: number }>('SELECT max(token) AS n FROM durable.step_executions');
  expect(rows[0]?.n).toBeGreaterThan(1);
  const { 'queue default': _, ...found } = await largestOverlaps(pool);
  expect(found).toEqual({ 'queue narrow': 3, 'keyed\n=k0': 2, 'keyed\n=k1': 2, 'keyed\n=k2': 2, 'keyed\n=k3': 2 });
}, 600_000);
