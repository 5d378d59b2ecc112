import { createRequire } from 'node:module';
import pg from 'pg';

const QUEUE = 'bench';

/**
 * DBOS Transact as its documentation has it: functions registered as workflows, steps with `DBOS.runStep`, a queue
 * stored in the database, no limit on what a worker takes.
 *
 * `poolSize` and `pollMs` unset mean its defaults (10 connections, a queue poll each second, a result poll each second).
 */
export async function create({ url, steps, onStep, poolSize, pollMs }) {
  const require = createRequire(new URL('../peers/package.json', import.meta.url));
  const { DBOS, DBOSClient } = require('@dbos-inc/dbos-sdk');
  const logger = { debug() {}, info() {}, warn: console.warn, error: console.error };

  async function bench(input) {
    let data = input;
    for (let index = 0; index < steps; index += 1) {
      data = await DBOS.runStep(
        async () => {
          onStep();
          return { ...data, n: data.n + 1 };
        },
        { name: `step${index}` },
      );
    }
    return data;
  }
  const workflow = DBOS.registerWorkflow(bench, { name: 'bench' });
  DBOS.setConfig({ name: 'bench', systemDatabaseUrl: url, systemDatabasePoolSize: poolSize, logger });

  const pool = new pg.Pool({ connectionString: url, max: 1 });
  await DBOS.migrate(url);
  const client = await DBOSClient.create({
    systemDatabaseUrl: url,
    applicationName: 'bench',
    logger,
    systemDatabasePoolSize: 20,
  });
  await client.registerQueue(QUEUE, { minPollingIntervalMs: pollMs });

  const runQueued = async (input) => {
    const handle = await DBOS.startWorkflow(workflow, { queueName: QUEUE })(input);
    return handle.getResult({ pollingIntervalMs: pollMs });
  };
  const runDirect = async (input) => (await DBOS.startWorkflow(workflow)(input)).getResult();

  return {
    enqueue: async (inputs) => {
      const pending = inputs.values();
      const lane = async () => {
        for (const input of pending) await client.enqueue({ queueName: QUEUE, workflowName: 'bench' }, input);
      };
      await Promise.all(Array.from({ length: 20 }, lane));
    },
    start: () => DBOS.launch(),
    completed: async () => {
      const { rows } = await pool.query(`SELECT count(*)::int AS n FROM dbos.workflow_status WHERE status = 'SUCCESS'`);
      return rows[0].n;
    },
    stop: () => DBOS.shutdown(),
    runs: { direct: runDirect, queued: runQueued },
    close: async () => {
      await client.destroy();
      await pool.end();
    },
  };
}
