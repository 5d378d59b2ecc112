import pg from 'pg';
import { parseArgs } from 'node:util';
import { setTimeout as pause } from 'node:timers/promises';
import { migrate } from '../../lib/storage/migrations/migrator.js';
import { openApp } from '../support/faults/app.js';
import { createEffects, effectsOf } from '../support/faults/effects.js';
import { Load } from '../support/faults/load.js';
import { WorkerProcess } from '../support/faults/worker-process.js';
import { startPostgres } from '../support/postgres-server.mjs';
import { type Sample, Sampler } from './sampler.js';
import { printed, verdictOf, write } from './report.js';

/**
 * npm run test:soak [-- --minutes=30] [--write]
 *
 * A mixed load for so long, while worker processes are killed and started again: what the processes and the database need must
 * not grow. `--write`: docs/soak.md, with its chart. Exits with 1 where something has grown, or a run is not completed.
 */
const { values: flags } = parseArgs({
  options: { minutes: { type: 'string', default: '30' }, write: { type: 'boolean', default: false } },
});
const minutes = Number(flags.minutes);
if (!(minutes >= 3))
  throw new Error('--minutes: a number from 3; the first quarter fills what is kept, and does not count');

/** ms for which finished runs are kept: what is kept is all there long before the figures count. */
const KEPT = (minutes * 60_000) / 15;
const SAMPLES = 120;
const KILL_EVERY = 20_000;

// What the spec files' environment would end: here the process itself does.
const testProcesses = new Map<unknown, unknown>();
Object.assign(globalThis, { testProcesses });

const [server, elsewhere] = await Promise.all([startPostgres(), startPostgres()]);
const ends: (() => Promise<unknown>)[] = [() => server.close(), () => elsewhere.close()];
try {
  await soak();
} finally {
  for (const end of ends.toReversed()) await end();
}

async function soak(): Promise<void> {
  const effects = poolOf(elsewhere.url);
  const pool = poolOf(server.url);
  await createEffects(effects);
  await migrate({ connectionString: server.url, schema: 'durable' });
  await pool.query('CREATE TABLE bookings (run uuid NOT NULL, step text NOT NULL)');
  const queues = { default: {}, elsewhere: {} };
  const options = { queues, retention: { completed: KEPT } };
  const begin = (label: string): Promise<WorkerProcess> =>
    WorkerProcess.start({ url: elsewhere.url, engineUrl: server.url, label, options, dataSource: true });
  const steady = await begin('steady');
  const mortal = await Promise.all(['one', 'two'].map(begin));
  ends.push(() => Promise.all([steady, ...mortal].map((worker) => worker.end('SIGKILL'))));
  const client = await openApp({ database: { url: server.url }, workers: false });
  ends.push(() => client.close());

  const load = new Load(client.client, { pace: 50 });
  const sampler = new Sampler(pool, steady.pid, () => load.told.size);
  const until = performance.now() + minutes * 60_000;
  const samples: Sample[] = [];
  let kills = 0;
  const killing = (async () => {
    while (performance.now() < until - KILL_EVERY) {
      await pause(KILL_EVERY);
      const n = kills++ % mortal.length;
      await mortal[n]?.end('SIGKILL');
      mortal[n] = await begin(`after kill ${kills}`);
    }
  })();
  while (performance.now() < until) {
    const turn = pause((minutes * 60_000) / SAMPLES);
    samples.push(await sampler.take());
    await turn;
  }
  await killing;
  await load.stop();
  await load.settled();
  const failed = [...load.told].filter(([, told]) => told !== 'completed').map(([id, told]) => `${id}: ${told}`);
  const taken = { minutes, kills, runs: load.runs.length, kept: KEPT, samples, failed };
  const verdict = verdictOf(taken);
  console.log(printed(taken, verdict));
  // Steps ran at least once each: a load that did nothing would be flat as well.
  if (Object.keys(await effectsOf(effects, load.runs)).length === 0) throw new Error('no step has left an effect');
  if (flags.write) await write(taken, verdict);
  if (failed.length > 0 || verdict.some(({ holds }) => !holds)) process.exitCode = 1;
}

function poolOf(connectionString: string): pg.Pool {
  const pool = new pg.Pool({ connectionString, max: 3 });
  pool.on('error', () => {});
  ends.push(() => pool.end());
  return pool;
}
