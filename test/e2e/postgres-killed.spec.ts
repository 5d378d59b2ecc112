import { currentStep, workflowId } from 'nest-durable';
import pg from 'pg';
import { migrate } from '../../lib/storage/migrations/migrator.js';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { Effects } from '../support/faults/effects.js';
import { prepareGround } from '../support/faults/ground.js';
import { faultWorkflows } from '../support/faults/workflows.js';
import { expectInvariants } from '../support/invariants.js';
import { startPostgres } from '../support/postgres-server.mjs';

/** Effects that outlive the database. */
class Counted extends Effects {
  readonly counts = new Map<string, number>();

  override leave(): Promise<void> {
    const key = `${currentStep()} of ${workflowId()}`;
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
    return Promise.resolve();
  }
}

it('goes on where it was when PostgreSQL is killed and started again under 200 runs, twice', async () => {
  const server = await startPostgres();
  const apps: FaultApp[] = [];
  const pool = new pg.Pool({ connectionString: server.url, max: 2 });
  pool.on('error', () => {});
  const effects = new Counted(pool, 'both');
  try {
    await migrate({ connectionString: server.url, schema: 'durable' });
    await prepareGround(pool);
    const options = { database: { url: server.url }, queues: { default: { concurrency: 10, pollInterval: 200 } } };
    for (let n = 0; n < 2; n++) apps.push(await openApp(options, faultWorkflows, effects));
    const [one, two] = apps as [FaultApp, FaultApp];
    const items = Array.from({ length: 200 }, () => ({ input: { ms: 100 } }));
    const runs = await one.client.startMany('three', items);
    const results = Promise.all(runs.map((run, n) => (n % 2 === 0 ? run : two.client.handle(run.id)).result()));
    results.catch(() => {});
    for (const begun of [100, 300]) {
      while (effects.counts.size < begun) await new Promise((resolve) => setTimeout(resolve, 5));
      await server.kill();
      await server.start();
    }
    await results;
    // Both workers lived all the while.
    expect([...effects.counts].filter(([, times]) => times > 1)).toEqual([]);
    expect(effects.counts.size).toBe(600);
    await expectInvariants(pool, { runs, records: 600 });
  } finally {
    await Promise.all(apps.map((app) => app.close()));
    await pool.end();
    await server.close();
  }
});
