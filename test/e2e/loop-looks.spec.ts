import { jest } from '@jest/globals';
import { ForEach, Step, waitForEvent, Workflow } from 'nest-durable';
import pg from 'pg';
import { WaitBook } from '../../lib/engine/step/wait-book.js';
import { createTestDatabase } from '../support/database.js';
import { type App, openApp } from '../support/kit-app.js';
import { until } from '../support/until.js';

/** Thousands of items that wait, or have failed, cost the others nothing. */

const ITEMS = 2_000;

@Workflow({ name: 'long' })
class LongWorkflow {
  @ForEach('one', { onError: 'completeAll', results: 'none' })
  all({ fails }: { fails: boolean }) {
    return Array.from({ length: ITEMS }, (_, n) => ({ n, fails: fails && n % 2 === 1 }));
  }

  @Step()
  async one({ n, fails }: { n: number; fails: boolean }) {
    if (fails) throw new Error('for good');
    await waitForEvent(`go ${n}`);
  }
}

let pool: pg.Pool;
let app: App;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  pool = new pg.Pool({ connectionString: url });
  app = await openApp(url, [LongWorkflow], { report: 'none' });
});

afterEach(() => jest.restoreAllMocks());

afterAll(async () => {
  await app.app.close();
  await pool.end();
});

it.each([false, true])('each is looked at a few times (some fail: %s)', async (fails) => {
  const looks = jest.spyOn(WaitBook.prototype, 'waitsUntil');
  const all = jest.spyOn(WaitBook.prototype, 'all');
  const run = await app.client.start('long', { fails });
  await until(async () => (await run.execution())?.status === 'waiting');
  expect(looks.mock.calls.length).toBeLessThan(30 * ITEMS);
  expect(all.mock.calls.length).toBeLessThan(20);
  const { rows } = await pool.query<{ open: number }>(
    `SELECT count(*)::int AS open FROM durable.waits WHERE run_id = $1 AND state = 'open'`,
    [run.id],
  );
  expect(rows[0]?.open).toBe(fails ? ITEMS / 2 : ITEMS);
  await run.cancel('enough');
});
