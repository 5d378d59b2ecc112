import { NestFactory } from '@nestjs/core';
import pg from 'pg';
import { prefixed, quantile, times, workflow } from './figures.mjs';

const RUNS = 3_000;
const REPEATS = 3;
const PAGE = 50_000;

/**
 * What a history of finished runs costs, and its deletion: throughput and latency of runs of 3 steps on an empty database,
 * beside `finished` runs that ended a day ago, and while these are being deleted. One process, one database of its own.
 */
export async function history({ url, finished }) {
  const durable = await import('../../dist/index.js');
  const { Step, Workflow, DurableModule, DurableClient, DurableQueues } = durable;
  const step = [Step(), (data) => ({ ...data, n: data.n + 1 })];
  const Three = workflow(Workflow, 'history', { a: step, b: step, c: step });
  const app = await NestFactory.createApplicationContext(
    {
      module: class HistoryModule {},
      imports: [DurableModule.forRoot({ database: { url }, queues: { default: { concurrency: 100 } } })],
      providers: [Three],
    },
    { logger: ['error', 'warn'], abortOnError: false },
  );
  const client = app.get(DurableClient);
  const queues = app.get(DurableQueues);
  const measure = () => figures(client, queues, Three);
  try {
    await measure();
    const empty = await measure();
    await fill(url, finished);
    const full = await measure();
    const begun = performance.now();
    let ended = 0;
    const cleaning = client.cleanup({ olderThan: 3_600_000 }).then((gone) => {
      ended = performance.now();
      return gone;
    });
    const during = await measure();
    if (ended > 0) throw new Error('The history was gone before the measurement beside it was over: take a longer one');
    const gone = await cleaning;
    if (gone !== finished) throw new Error(`${gone} runs were deleted, expected ${finished}`);
    return {
      finished,
      deletedPerSecond: (gone / (ended - begun)) * 1_000,
      ...prefixed('empty', empty),
      ...prefixed('full', full),
      ...prefixed('during', during),
    };
  } finally {
    await app.close();
  }
}

async function figures(client, queues, Three) {
  const rates = [];
  for (let repeat = 0; repeat < REPEATS; repeat += 1) {
    await queues.pause('default');
    const runs = [];
    for (let at = 0; at < RUNS; at += 500) {
      runs.push(
        ...(await client.startMany(
          Three,
          Array.from({ length: 500 }, () => ({ input: { n: 0 } })),
        )),
      );
    }
    const begun = performance.now();
    await queues.resume('default');
    await Promise.all(runs.map((run) => run.result()));
    rates.push((RUNS / (performance.now() - begun)) * 1_000);
  }
  const latencies = await times(async () => (await client.startMany(Three, [{ input: { n: 0 } }]))[0].result());
  return {
    runsPerSecond: quantile(rates, 0.5),
    queuedP50: quantile(latencies, 0.5),
    queuedP99: quantile(latencies, 0.99),
  };
}

/** Runs that completed a day ago, with one step each, as the engine leaves them behind. */
async function fill(url, count) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (let done = 0; done < count; done += PAGE) {
    const page = Math.min(PAGE, count - done);
    await client.query(
      `WITH run AS (
         INSERT INTO durable.workflow_executions (
           id, created_at, updated_at, started_at, completed_at, definition_id, priority, workflow, queue, status, data_seq, input)
         SELECT uuidv7(interval '-1 day'), t, t, t, t, d.id, 0, d.name, 'default', 'completed', 1, '{"n":0}'
         FROM generate_series(1, $1) CROSS JOIN durable.workflow_definitions d CROSS JOIN (SELECT now() - interval '1 day' AS t) m
         WHERE d.name = 'history'
         RETURNING id
       )
       INSERT INTO durable.step_executions (
         run_id, seq, input_seq, completed_at, token, round, visit, attempt, duration_ms, type, status, path, output)
       SELECT id, 1, 0, now(), 1, 1, 1, 1, 1, 'step', 'completed', 'a', '{"n":1}' FROM run`,
      [page],
    );
  }
  await client.query('VACUUM ANALYZE');
  // Or the server writes a gigabyte back to the disk while it is measured.
  await client.query('CHECKPOINT');
  await client.end();
}
