import { fork } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { create } from './engines/ours.mjs';
import { serverCpuSeconds } from './server.mjs';

/** Worker processes on one database. */
export const COUNTS = [1, 2, 4, 8];
const CONCURRENCY = 100;
const WARM_UP_RUNS = 300;
/** Starts a second, one by one, while the workers are up: what wakes them is measured, not what drains a backlog. */
const PACE = 100;
const TRICKLE_RUNS = 1_500;

/**
 * What so many worker processes on one database cost the server: with a backlog that all drain, and with starts that come one
 * by one while all are idle. Their boot is in none of the figures.
 */
export async function processes({ url, steps, backlog, processes: count, postmaster }) {
  const meter = new pg.Client({ connectionString: url });
  await meter.connect();
  const producer = await create({ url, steps, onStep: () => {}, concurrency: CONCURRENCY });
  const client = await producer.open();
  const workers = [];
  try {
    for (let n = 0; n < count; n += 1) workers.push(await startWorker({ url, steps, concurrency: CONCURRENCY }));
    let completed = 0;
    const until = async (runs) => {
      completed += runs;
      while ((await client.completed()) < completed) await delay(20);
    };
    const measured = async (runs, load) => {
      const before = await snapshot(meter, workers, postmaster);
      const seconds = await load();
      const after = await snapshot(meter, workers, postmaster);
      const perRun = (key) => (after[key] - before[key]) / runs;
      return {
        runsPerSecond: runs / seconds,
        serverCpu: perRun('serverCpu') * 1_000,
        claims: perRun('claims'),
        emptyClaims: perRun('emptyClaims'),
        notifies: perRun('notifies'),
        statements: perRun('statements'),
        busiest: after.busiest,
      };
    };
    const drain = async (runs) => {
      await client.pause();
      await client.enqueue(inputs(runs));
      return measured(runs, async () => {
        const begun = performance.now();
        await client.resume();
        await until(runs);
        return (performance.now() - begun) / 1_000;
      });
    };
    await drain(WARM_UP_RUNS);
    const backlogged = await drain(backlog);
    const trickled = await measured(TRICKLE_RUNS, async () => {
      const begun = performance.now();
      for (let n = 0; n < TRICKLE_RUNS; n += 1) {
        await client.start(input(n));
        await delay(Math.max(0, begun + ((n + 1) * 1_000) / PACE - performance.now()));
      }
      await until(TRICKLE_RUNS);
      return (performance.now() - begun) / 1_000;
    });
    return { backlog: backlogged, trickle: trickled };
  } finally {
    for (const worker of workers) worker.kill();
    await client.close();
    await meter.end();
  }
}

const input = (n) => ({ orderId: `order-${n}`, n: 0 });
const inputs = (count) => Array.from({ length: count }, (_, n) => input(n));

async function startWorker(settings) {
  const worker = fork(fileURLToPath(new URL('./worker.mjs', import.meta.url)), [JSON.stringify(settings)], {
    execArgv: ['--no-deprecation'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await said(worker);
  return worker;
}

/** What a worker says next. @throws Error when it ends instead */
function said(worker) {
  return new Promise((resolve, reject) => {
    const ended = (code, signal) => reject(new Error(`a worker process ended with ${signal ?? code}`));
    worker.once('exit', ended);
    worker.once('message', (message) => {
      worker.off('exit', ended);
      resolve(message);
    });
  });
}

async function snapshot(meter, workers, postmaster) {
  const { rows } = await meter.query(`
    SELECT calls::float8 AS calls, total_exec_time AS ms, left(regexp_replace(query, '\\s+', ' ', 'g'), 100) AS query
    FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    ORDER BY total_exec_time DESC`);
  const sum = (of) => of.reduce((total, { calls }) => total + calls, 0);
  const counts = await Promise.all(
    workers.map((worker) => {
      const answer = said(worker);
      worker.send('count');
      return answer;
    }),
  );
  return {
    statements: sum(rows),
    notifies: sum(rows.filter(({ query }) => query.includes('pg_notify'))),
    claims: counts.reduce((total, { claims }) => total + claims, 0),
    emptyClaims: counts.reduce((total, { empty }) => total + empty, 0),
    serverCpu: serverCpuSeconds(postmaster),
    busiest: rows.slice(0, 8),
  };
}
