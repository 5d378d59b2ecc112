import pg from 'pg';
import type { WorkflowHandle } from 'nest-durable';
import { createTestDatabase } from '../support/database.js';
import { createEffects, effectsOf } from '../support/faults/effects.js';
import { openApp } from '../support/faults/app.js';
import type { PodSettings } from '../support/faults/pod.js';
import { WorkerProcess } from '../support/faults/worker-process.js';
import { brokenInvariants, startAudit } from '../support/invariants.js';
import { dumpSchema } from '../support/schema-dump.js';
import { until } from '../support/until.js';
import { migrate, revertMigrations } from '../../lib/storage/migrations/migrator.js';
import { fault, type Trial } from './fault.js';

const ROUNDS = { full: 4, short: 1 };
const PROCESSES = { full: 8, short: 4 };
const RUNS = 20;

fault(
  {
    name: 'migrations',
    title: '8 processes migrating at once; old data under new code',
    bar: 'one schema, 0 lost',
    how:
      'Eight processes booted at the same moment on an empty database. Then runs of the earlier code were left open, waiting and in ' +
      'the middle of steps, its processes killed, the last migration taken back, and eight processes of later code, whose ' +
      'workflows have other steps, booted at once on what was there.',
    injections: { full: 2 * ROUNDS.full, short: 2 },
    runs: { full: ROUNDS.full * RUNS, short: RUNS },
  },
  async (trial) => {
    const alone = await createTestDatabase({ migrated: false });
    await migrate({ connectionString: alone.url, schema: 'durable' });
    const reference = await schemaOf(alone.url);
    const broken: string[] = [];
    const lost: string[] = [];
    const rounds = trial.size(ROUNDS);
    for (let round = 0; round < rounds; round++) {
      const found = await migrateAndMigrateAgain(trial, reference);
      broken.push(...found.broken);
      lost.push(...found.lost);
    }
    return {
      injected: { [`${trial.size(PROCESSES)} boots at once`]: 2 * rounds },
      runs: rounds * RUNS,
      load: `${RUNS} open runs each time`,
      verdict: { lost, doubled: [], stuck: [], broken },
    };
  },
);

async function migrateAndMigrateAgain(
  trial: Trial,
  reference: string,
): Promise<{ readonly lost: string[]; readonly broken: string[] }> {
  const { url } = await createTestDatabase({ migrated: false });
  const effects = new pg.Pool({ connectionString: (await createTestDatabase({ migrated: false })).url });
  trial.after(() => effects.end());
  await createEffects(effects);
  const effectsUrl = (effects as unknown as { options: { connectionString: string } }).options.connectionString;
  const boot = async (version: 1 | 2): Promise<WorkerProcess[]> => {
    const settings: PodSettings = { url, effectsUrl, version };
    const pods = Array.from({ length: trial.size(PROCESSES) }, () => WorkerProcess.run('./pod.ts', settings));
    trial.after(() => Promise.all(pods.map((pod) => pod.end('SIGKILL'))));
    await Promise.all(pods.map((pod) => pod.says((line) => line.event === 'up')));
    return pods;
  };
  const broken: string[] = [];
  const early = await boot(1);
  if ((await schemaOf(url)) !== reference) broken.push('the schema is another than that of one migrator');
  const pool = new pg.Pool({ connectionString: url, max: 5 });
  trial.after(() => pool.end());
  await startAudit(pool);
  const audited = await schemaOf(url);

  const client = await openApp({ database: { url }, workers: false });
  const items = Array.from({ length: RUNS }, (_, n) => ({ input: { key: `${n}` } }));
  const orders: WorkflowHandle[] = await client.client.startMany('order', items);
  // Some wait, some are still on their way.
  const waiting = `SELECT FROM durable.waits WHERE state = 'open' HAVING count(*) >= 5`;
  await until(async () => (await pool.query(waiting)).rowCount === 1);
  await Promise.all(early.map((pod) => pod.end('SIGKILL')));
  await client.close();

  await revertMigrations({ connectionString: url, schema: 'durable', to: 1 });
  const late = await boot(2);
  if ((await schemaOf(url)) !== audited) broken.push('the schema is another after the second migration');
  const again = await openApp({ database: { url }, workers: false });
  const ends = await Promise.all(
    orders.map(async ({ id }) => {
      await again.client.sendEvent(id, 'approved', true);
      return again.client
        .handle(id)
        .result({ timeout: 120_000 })
        .then(() => null, String);
    }),
  );
  if ((await effectsOf(effects, orders))['bill'] !== RUNS)
    broken.push('not every run has had the step of the later code');
  broken.push(...(await brokenInvariants(pool, { runs: orders, records: 5 * RUNS })));
  await again.close();
  await Promise.all(late.map((pod) => pod.end('SIGTERM')));
  return { lost: ends.filter((end) => end !== null), broken };
}

async function schemaOf(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const versions = await client.query('SELECT version, name FROM durable.migrations ORDER BY version');
    return `${await dumpSchema(client, 'durable')}\n${JSON.stringify(versions.rows)}`;
  } finally {
    await client.end();
  }
}
