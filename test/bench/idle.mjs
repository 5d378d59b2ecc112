import { NestFactory } from '@nestjs/core';
import { setTimeout as delay } from 'node:timers/promises';
import { quantile, workflow } from './figures.mjs';
import { query } from './server.mjs';

const BOOTS = 9;
/** ms after which a process has closed what it opened for its boot. */
const SETTLED = 35_000;
const WATCHED = 30_000;

/**
 * An app with default options on a schema that is there: ms from its boot until the first step of a run that was waiting in
 * the queue, and what it sends and keeps open once there is nothing to do.
 */
export async function idle({ url }) {
  const { DurableClient, DurableModule, Step, Workflow } = await import('../../dist/index.js');
  let begun = () => {};
  const Single = workflow(Workflow, 'single', { step: [Step(), () => begun(performance.now())] });
  const boot = (workers) =>
    NestFactory.createApplicationContext(
      {
        module: class IdleModule {},
        imports: [DurableModule.forRoot({ database: { url }, workers })],
        providers: [Single],
      },
      { logger: ['error', 'warn'], abortOnError: false },
    );
  const boots = [];
  // The first brings the schema, and does not count.
  for (let n = 0; n <= BOOTS; n += 1) {
    const producer = await boot(false);
    await producer.get(DurableClient).start(Single, {});
    await producer.close();
    const first = new Promise((resolve) => (begun = resolve));
    const from = performance.now();
    const app = await boot(true);
    boots.push((await first) - from);
    await app.close();
  }
  const app = await boot(true);
  try {
    await delay(SETTLED);
    const before = await statements(url);
    await delay(WATCHED);
    // Less the look itself.
    const sent = (await statements(url)) - before - 1;
    const [{ sessions }] = await query(
      url,
      `SELECT count(*)::integer AS sessions FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
    );
    return { bootP50: quantile(boots.slice(1), 0.5), statementsPerSecond: (sent / WATCHED) * 1_000, sessions };
  } finally {
    await app.close();
  }
}

/** Statements that sessions of the database have sent so far. */
async function statements(url) {
  const [{ calls }] = await query(
    url,
    `SELECT coalesce(sum(calls), 0)::float8 AS calls FROM pg_stat_statements
     WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  );
  return calls;
}
