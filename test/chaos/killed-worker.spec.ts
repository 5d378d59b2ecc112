import { type FaultApp, openApp } from '../support/faults/app.js';
import { effectsOf, openGate, until } from '../support/faults/effects.js';
import { type Ground, openGround } from '../support/faults/ground.js';
import { WorkerProcess } from '../support/faults/worker-process.js';
import { expectInvariants } from '../support/invariants.js';
import { quantile, report } from './report.js';

/**
 * How long runs of a worker that was killed stand still, with every default (a lease of 30 s): from `kill -9` to the
 * step that runs again in the other worker. CHAOS_TRIALS sets how many workers are killed.
 */

const TRIALS = Number(process.env['CHAOS_TRIALS'] ?? 50);
const RUNS = 10;
const GOAL = 5_000;

let ground: Ground;
let client: FaultApp;

beforeAll(async () => {
  ground = await openGround();
  await ground.pool.query('ALTER TABLE effects ADD COLUMN at timestamptz NOT NULL DEFAULT clock_timestamp()');
  client = await openApp({ database: { url: ground.url }, workers: false });
}, 120_000);

afterAll(async () => {
  await client.close();
  await ground.pool.end();
}, 120_000);

function startWorker(label: string): Promise<WorkerProcess> {
  return WorkerProcess.start({ url: ground.url, label });
}

it(
  `runs of ${TRIALS} killed workers go on elsewhere within 5 s, none lost, no step recorded twice`,
  async () => {
    const times: number[] = [];
    const all: { readonly id: string }[] = [];
    let victim = await startWorker('worker-0');
    for (let trial = 1; trial <= TRIALS; trial++) {
      const gate = `gate-${trial}`;
      const runs = await client.client.startMany(
        'gated',
        Array.from({ length: RUNS }, () => ({ input: { gate } })),
      );
      all.push(...runs);
      const ids = runs.map((run) => run.id);
      const held = `SELECT FROM effects WHERE step = 'at' AND run = ANY ($1) HAVING count(DISTINCT run) = $2`;
      await until(ground.pool, held, [ids, RUNS]);
      const survivor = await startWorker(`worker-${trial}`);
      const { rows: now } = await ground.pool.query<{ at: Date }>('SELECT clock_timestamp() AS at');
      await victim.end('SIGKILL');
      await until(ground.pool, `SELECT FROM effects WHERE step = 'at' AND run = ANY ($1) HAVING count(*) = $2`, [
        ids,
        2 * RUNS,
      ]);
      const { rows } = await ground.pool.query<{ ms: number }>(
        `SELECT (extract(epoch FROM max(at) - $2) * 1000)::float8 AS ms FROM effects
         WHERE step = 'at' AND run = ANY ($1) GROUP BY run`,
        [ids, now[0]?.at],
      );
      times.push(...rows.map(({ ms }) => ms));
      await openGate(ground.pool, gate);
      await Promise.all(runs.map((run) => run.result()));
      expect(await effectsOf(ground.pool, runs)).toEqual({ before: RUNS, at: 2 * RUNS, after: RUNS });
      victim = survivor;
    }
    await victim.end('SIGTERM');
    await expectInvariants(ground.pool, { runs: all, records: 3 * all.length });
    expect(times).toHaveLength(TRIALS * RUNS);
    report('Killed workers', [
      `\`kill -9\` of ${TRIALS} workers, each with ${RUNS} runs in the middle of a step, default options (lease of 30 s): ` +
        `from the kill to the step that runs again in the other worker, p50 ${quantile(times, 0.5)} ms, ` +
        `p99 ${quantile(times, 0.99)} ms, longest ${quantile(times, 1)} ms. ` +
        `${all.length} runs, 0 lost, 0 steps recorded twice.`,
    ]);
    expect(quantile(times, 0.99)).toBeLessThan(GOAL);
  },
  TRIALS * 60_000,
);
