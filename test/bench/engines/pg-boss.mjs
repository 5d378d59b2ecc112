import { createRequire } from 'node:module';
import pg from 'pg';

const require = createRequire(new URL('../peers/package.json', import.meta.url));

/** pg-boss: `workers` loops that each take a batch of jobs and complete it as a whole. A job is one step. */
export async function create({ url, onStep, workers, batchSize }) {
  const PgBoss = require('pg-boss');
  const boss = new PgBoss({ connectionString: url, supervise: false, schedule: false });
  boss.on('error', console.error);
  await boss.start();
  await boss.createQueue('bench');
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  return {
    enqueue: async (inputs) => {
      for (let at = 0; at < inputs.length; at += 500) {
        await boss.insert(inputs.slice(at, at + 500).map((data) => ({ name: 'bench', data })));
      }
    },
    start: async () => {
      for (let worker = 0; worker < workers; worker += 1) {
        await boss.work('bench', { batchSize, pollingIntervalSeconds: 0.5 }, async (jobs) => jobs.forEach(onStep));
      }
    },
    completed: async () => {
      const { rows } = await pool.query(
        `SELECT count(*)::int AS n FROM pgboss.job WHERE name = 'bench' AND state = 'completed'`,
      );
      return rows[0].n;
    },
    stop: () => boss.offWork('bench'),
    runs: {},
    close: async () => {
      await boss.stop({ graceful: false });
      await pool.end();
    },
  };
}
