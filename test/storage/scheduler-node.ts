import pg from 'pg';
import { Registry, type RegisteredWorkflow } from '../../lib/engine/ports/registry.js';
import { Scheduler } from '../../lib/engine/worker/scheduler.js';
import { PgScheduleStore } from '../../lib/storage/schedules/schedule-store.js';

/** A process with nothing but a scheduler, for tests that kill it. */
const [url = '', definitionId = ''] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: url, max: 1 });
pool.on('error', () => {});
const registry = new Registry();
registry.add({
  definition: { name: 'order', queue: 'default', priority: 0 },
  definitionId: Number(definitionId),
  retryIf: new Map(),
  concurrencyKey: null,
  validateInput: null,
} as unknown as RegisteredWorkflow);

new Scheduler({
  store: new PgScheduleStore(pool, 'durable'),
  registry,
  worker: () => 0,
  interval: 1_000,
  onWork: () => {},
  onTrouble: (message) => process.stderr.write(`${message}\n`),
}).start();
process.send?.('up');
