import { Step, waitForAny, waitForEvent, Workflow } from 'nest-durable';
import pg from 'pg';
import { createTestDatabase } from '../support/database.js';
import { type FaultApp, openApp } from '../support/faults/app.js';

/** Events that were there before anybody asked for them: the one that was sent first is first, whatever the clock says. */

let pool: pg.Pool;
let app: FaultApp;

@Workflow({ name: 'race' })
class RaceWorkflow {
  @Step()
  async begin() {
    await waitForEvent('begin');
  }

  @Step()
  async race() {
    const second = waitForEvent('second').then(() => 'second');
    const first = waitForEvent('first').then(() => 'first');
    return { won: await Promise.race([second, first]) };
  }
}

@Workflow({ name: 'any' })
class AnyWorkflow {
  @Step()
  async begin() {
    await waitForEvent('begin');
  }

  @Step()
  async any() {
    const [won] = await waitForAny(['second', 'first']);
    return { won };
  }
}

beforeAll(async () => {
  const { url } = await createTestDatabase();
  pool = new pg.Pool({ connectionString: url });
  app = await openApp({ database: { url } }, [RaceWorkflow, AnyWorkflow]);
});

afterAll(async () => {
  await app.close();
  await pool.end();
});

it.each(['race', 'any'])('%s: the clock was set back between two events, and the first wins', async (workflow) => {
  const run = await app.client.start(workflow, {});
  await run.sendEvent('first');
  await run.sendEvent('second');
  await pool.query(
    `UPDATE durable.events SET sent_at = sent_at - interval '1 hour' WHERE run_id = $1 AND name = 'second'`,
    [run.id],
  );
  await run.sendEvent('begin');
  expect(await run.result()).toMatchObject({ won: 'first' });
});
