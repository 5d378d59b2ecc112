import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import pg from 'pg';

const require = createRequire(new URL('../peers/package.json', import.meta.url));

/** OpenWorkflow as its README has it, on PostgreSQL. */
export async function create({ url, steps, onStep, concurrency }) {
  const { OpenWorkflow } = await import(pathToFileURL(require.resolve('openworkflow')).href);
  const { BackendPostgres } = await import(pathToFileURL(require.resolve('openworkflow/postgres')).href);
  const backend = await BackendPostgres.connect(url);
  const client = new OpenWorkflow({ backend });
  const workflow = client.defineWorkflow({ name: 'bench' }, async ({ input, step }) => {
    let data = input;
    for (let index = 0; index < steps; index += 1) {
      data = await step.run({ name: `step${index}` }, async () => {
        onStep();
        return { ...data, n: data.n + 1 };
      });
    }
    return data;
  });
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  let worker;
  return {
    enqueue: async (inputs) => {
      const pending = inputs.values();
      const lane = async () => {
        for (const input of pending) await workflow.run(input);
      };
      await Promise.all(Array.from({ length: 20 }, lane));
    },
    start: async () => {
      worker = client.newWorker({ concurrency });
      await worker.start();
    },
    completed: async () => {
      const { rows } = await pool.query(
        `SELECT count(*)::int AS n FROM openworkflow.workflow_runs WHERE status = 'completed'`,
      );
      return rows[0].n;
    },
    stop: () => worker.stop(),
    runs: {},
    close: async () => {
      await backend.stop();
      await pool.end();
    },
  };
}
