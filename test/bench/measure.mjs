import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { cli } from './cli.mjs';
import { dashboard } from './dashboard.mjs';
import { features } from './features.mjs';
import { history } from './history.mjs';
import { idle } from './idle.mjs';
import { memory } from './memory.mjs';
import { processes } from './processes.mjs';
import { reads } from './reads.mjs';
import { serverCpuSeconds } from './server.mjs';

/**
 * Before the clock starts each engine works for so many seconds, so that none is charged for compiling its code: runs that do
 * not count, as many as these, and twice as many each time.
 */
const WARM_UP_SECONDS = 2;
const WARM_UP_RUNS = 300;
const WARM_UP_LATENCY = 20;

/** The entry of a child process: one engine, one measurement, one database of its own. */
process.once('disconnect', () => process.exit(1));
process.once('message', (job) => {
  measure(job).then(
    (result) => process.send({ result }, () => process.exit(0)),
    (error) => process.send({ error: error.stack ?? String(error) }, () => process.exit(1)),
  );
});

async function measure(job) {
  if (job.kind === 'features') return features(job);
  if (job.kind === 'history') return history(job);
  if (job.kind === 'idle') return idle(job);
  if (job.kind === 'memory') return memory(job);
  if (job.kind === 'processes') return processes(job);
  if (job.kind === 'reads') return reads(job);
  if (job.kind === 'cli') return cli(job);
  if (job.kind === 'dashboard') return dashboard(job);
  const meter = new pg.Client({ connectionString: job.url });
  await meter.connect();
  const steps = counter();
  const { create } = await import(`./engines/${job.engine}.mjs`);
  const engine = await create({ url: job.url, steps: job.steps, onStep: steps.hit, ...job.options });
  try {
    return job.kind === 'latency' ? await latency(engine, job) : await throughput(engine, job, steps, meter);
  } finally {
    await engine.close();
    await meter.end();
  }
}

async function throughput(engine, job, steps, meter) {
  let warmUp = 0;
  for (let seconds = 0, runs = Math.min(WARM_UP_RUNS, job.backlog); seconds < WARM_UP_SECONDS; runs *= 2) {
    await engine.enqueue(inputs(runs));
    warmUp += runs;
    seconds += await drain(engine, steps, runs, job.steps, warmUp);
    await engine.stop();
    if (job.backlog < WARM_UP_RUNS) break;
  }

  const sizeBefore = await size(meter);
  const enqueued = performance.now();
  await engine.enqueue(inputs(job.backlog));
  const startSeconds = (performance.now() - enqueued) / 1000;
  await meter.query('CHECKPOINT');
  const server = engine.serverPid ?? job.postmaster;
  const before = await snapshot(meter, server);
  const clock = await drain(engine, steps, job.backlog, job.steps, warmUp + job.backlog);
  const after = await snapshot(meter, server);
  const wal = await walRecords(meter, before.lsn, after.lsn);
  await engine.stop();

  const expected = (warmUp + job.backlog) * job.steps;
  if (steps.total !== expected) throw new Error(`${steps.total} steps ran, expected ${expected}`);
  const perRun = (value) => value / job.backlog;
  const stored = (value) => (engine.serverPid === undefined ? perRun(value) : null);
  return {
    runsPerSecond: job.backlog / clock,
    startsPerSecond: job.options.startsFirst === false ? null : job.backlog / startSeconds,
    statements: stored(after.statements - before.statements),
    commits: stored(wal.commits),
    walBytes: stored(wal.bytes),
    walImageBytes: stored(wal.imageBytes),
    diskBytes: stored((await size(meter)) - sizeBefore),
    nodeCpu: perRun(after.nodeCpu - before.nodeCpu) * 1000,
    serverCpu: perRun(after.serverCpu - before.serverCpu) * 1000,
    cpu: perRun(after.nodeCpu + after.serverCpu - before.nodeCpu - before.serverCpu) * 1000,
  };
}

/**
 * Starts the workers and waits until all `runs` are done. The clock runs from the first step's start to the last
 * run's recorded end, so that no engine is charged for its boot; from `begun` with an engine whose runs are all with the
 * worker before, which works on them all before the first step. While steps still run the database is not asked.
 */
async function drain(engine, steps, runs, stepsPerRun, completed) {
  steps.expect(runs * stepsPerRun);
  await engine.start();
  await steps.done;
  while ((await engine.completed()) < completed) await delay(2);
  return (performance.now() - (engine.begun?.() ?? steps.first)) / 1000;
}

async function latency(engine, job) {
  await engine.start();
  const run = engine.runs[job.mode];
  const times = [];
  for (let index = 0; index < Math.min(WARM_UP_LATENCY, job.samples) + job.samples; index += 1) {
    const started = performance.now();
    await run({ orderId: `order-${index}`, n: 0 });
    times.push(performance.now() - started);
  }
  await engine.stop();
  const sorted = times.slice(-job.samples).sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
  return { p50: at(0.5), p99: at(0.99) };
}

/** Counts step bodies; `done` settles when the expected number has run. */
function counter() {
  let left = 0;
  let settle;
  const self = {
    total: 0,
    first: 0,
    done: undefined,
    expect: (count) => {
      left = count;
      self.first = 0;
      self.done = new Promise((resolve) => (settle = resolve));
    },
    hit: () => {
      self.total += 1;
      self.first ||= performance.now();
      left -= 1;
      if (left === 0) settle();
    },
  };
  return self;
}

const inputs = (count) => Array.from({ length: count }, (_, index) => ({ orderId: `order-${index}`, n: 0 }));

async function snapshot(meter, postmaster) {
  const { rows } = await meter.query(`
    SELECT pg_current_wal_insert_lsn() AS lsn, coalesce(sum(calls), 0)::float8 AS statements
    FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())`);
  const { user, system } = process.cpuUsage();
  return { ...rows[0], nodeCpu: (user + system) / 1e6, serverCpu: serverCpuSeconds(postmaster) };
}

/** Bytes of the database, its indexes and what its tables keep free included. */
async function size(meter) {
  return Number((await meter.query('SELECT pg_database_size(current_database()) AS bytes')).rows[0].bytes);
}

/** Read from the log itself: only commits that wrote something count, and full-page images are told apart. */
async function walRecords(meter, from, to) {
  // What was written by sessions that do not wait for a flush may not be readable yet; a committed write flushes it.
  await meter.query('CREATE TABLE IF NOT EXISTS bench_flush (n int)');
  const { rows } = await meter.query(
    `SELECT coalesce(sum(count) FILTER (WHERE "resource_manager/record_type" = 'Transaction/COMMIT'), 0)::float8 AS commits,
            pg_wal_lsn_diff($2, $1)::float8 AS bytes, coalesce(sum(fpi_size), 0)::float8 AS "imageBytes"
     FROM pg_get_wal_stats($1, $2, true)`,
    [from, to],
  );
  return rows[0];
}
