import { createRequire } from 'node:module';
import pg from 'pg';

const require = createRequire(new URL('../peers/package.json', import.meta.url));

/** Graphile Worker with the batches that its documentation recommends for throughput. A job is one step. */
export async function create({ url, onStep, concurrency, preset }) {
  const { makeWorkerUtils, run, Logger } = require('graphile-worker');
  const logger = new Logger(() => (level, message) => {
    if (level === 'error') console.error(message);
  });
  const utils = await makeWorkerUtils({ connectionString: url, logger });
  await utils.migrate();
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  let enqueued = 0;
  let runner;
  return {
    enqueue: async (inputs) => {
      enqueued += inputs.length;
      for (let at = 0; at < inputs.length; at += 500) {
        await utils.addJobs(inputs.slice(at, at + 500).map((payload) => ({ identifier: 'bench', payload })));
      }
    },
    start: async () => {
      runner = await run({
        connectionString: url,
        concurrency,
        logger,
        noHandleSignals: true,
        taskList: { bench: async () => onStep() },
        ...(preset && { preset: { worker: preset } }),
      });
    },
    // A job that is done is deleted.
    completed: async () => {
      const { rows } = await pool.query('SELECT count(*)::int AS n FROM graphile_worker._private_jobs');
      return enqueued - rows[0].n;
    },
    stop: () => runner.stop(),
    runs: {},
    close: async () => {
      await utils.release();
      await pool.end();
    },
  };
}
