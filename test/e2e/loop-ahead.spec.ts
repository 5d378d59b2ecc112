import { setImmediate } from 'node:timers/promises';
import { ForEach, Step, Workflow } from 'nest-durable';
import pg from 'pg';
import { createTestDatabase } from '../support/database.js';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { expectInvariants } from '../support/invariants.js';

/** Items of a loop wait for none of each other's records. While nothing can be recorded they do not run ahead of it for ever. */

const CONCURRENCY = 20;
/** Turns of the event loop in which thousands of items would be made. */
const TURNS = 2_000;

/** A promise, and what settles it (Node 20 has no Promise.withResolvers). */
function gate(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}

let pool: pg.Pool;
let app: FaultApp;
/** Settles once the row is locked. */
let locked = gate();
let first = gate();
let made = 0;

@Workflow({ name: 'ahead' })
class AheadWorkflow {
  @ForEach('one', { concurrency: CONCURRENCY, results: 'none' })
  all({ count }: { count: number; size: number }) {
    return Array.from({ length: count }, (_, n) => n);
  }

  @Step()
  async one(n: number, { data }: { data: { size: number } }) {
    made++;
    if (n === 0) first.resolve();
    await locked.promise;
    return { text: 'x'.repeat(data.size) };
  }
}

beforeAll(async () => {
  const { url } = await createTestDatabase();
  pool = new pg.Pool({ connectionString: url });
  app = await openApp({ database: { url } }, [AheadWorkflow]);
});

afterAll(async () => {
  await app.close();
  await pool.end();
});

it.each([
  ['small items', 20_000, 1, 2_000],
  ['large items', 500, 100_000, 40],
])('%s: so many are made, and no more, before their records are committed', async (_, count, size, most) => {
  made = 0;
  locked = gate();
  first = gate();
  const run = await app.client.start('ahead', { count, size });
  await first.promise;
  const other = await pool.connect();
  try {
    await other.query('BEGIN');
    await other.query('SELECT FROM durable.workflow_queue WHERE id = $1 FOR UPDATE', [run.id]);
    locked.resolve();
    for (let turn = 0; turn < TURNS; turn++) await setImmediate();
    // What one commit had before it was refused, what the next one has, and what was running.
    expect(made).toBeLessThanOrEqual(2 * (most + CONCURRENCY));
  } finally {
    await other.query('COMMIT');
    other.release();
  }
  await run.result();
  expect(made).toBe(count);
  await expectInvariants(pool, { runs: [run], records: count + 1 });
});
