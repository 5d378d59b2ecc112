import { ForEach, Parallel, sleep, Step, Workflow } from 'nest-durable';
import type { App } from '../support/kit-app.js';
import { openApp } from '../support/kit-app.js';
import { createTestDatabase } from '../support/database.js';

/** A loop commits without a pause, and another arm of the run waits for a time. */

const ITEMS = 5_000;
let made = 0;
let madeThen = -1;

@Workflow({ name: 'beside_a_loop' })
class BesideALoopWorkflow {
  @Parallel(['loop', 'sleeper'])
  both() {}

  @ForEach('item', { concurrency: 20, results: 'none' })
  loop() {
    return Array.from({ length: ITEMS }, (_, n) => n);
  }

  @Step()
  async item() {
    await new Promise((resolve) => setImmediate(resolve));
    for (const until = performance.now() + 0.3; performance.now() < until;);
    made++;
  }

  @Step()
  async sleeper() {
    await sleep(300);
    madeThen = made;
  }
}

let app: App;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  app = await openApp(url, [BesideALoopWorkflow]);
});

afterAll(() => app.app.close());

it('which goes on when the time has come, not when the loop is over', async () => {
  const run = await app.client.start(BesideALoopWorkflow, {});
  await run.result();
  expect(made).toBe(ITEMS);
  expect(madeThen).toBeLessThan(ITEMS / 2);
});
