import { Parallel, Step, waitForEvent, Workflow } from 'nest-durable';
import { PeerHints } from '../../lib/engine/worker/peer-hints.js';
import { PgStore } from '../../lib/storage/engine/pg-store.js';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { until } from '../support/faults/effects.js';
import { type Ground, openGround } from '../support/faults/ground.js';
import { expectInvariants } from '../support/invariants.js';

/** What is asked of a run between its claim and its opening is heard when it opens, not by the next look at the leases. */

let release: () => void;
let released: Promise<void>;

@Workflow({ name: 'both' })
class BothWorkflow {
  @Parallel({ first: 'first', second: ['second', 'release'] })
  both() {}

  @Step()
  async first() {
    await waitForEvent('first');
    // At work, with no commit by which it would hear.
    await released;
  }

  @Step()
  async second() {
    await waitForEvent('second');
  }

  @Step()
  release() {
    release();
  }
}

let ground: Ground;
let worker: FaultApp;
let client: FaultApp;

beforeAll(async () => {
  ground = await openGround();
  const database = { url: ground.url };
  // No look by itself for as long as the test lasts.
  worker = await openApp({ database, recoveryInterval: 600_000 }, [BothWorkflow]);
  client = await openApp({ database, workers: false }, [BothWorkflow]);
});

afterAll(async () => {
  await client.close();
  await worker.close();
  await ground.pool.end();
});

it.each([
  ['an event of the same process', () => worker],
  ['an event of another process', () => client],
])('hears of %s that came after its waits were read', async (_what, from) => {
  released = new Promise((resolve) => (release = resolve));
  const run = await worker.client.start('both', {});
  await until(ground.pool, `SELECT FROM durable.workflow_queue WHERE id = $1 AND state = 'sleeping'`, [run.id]);
  const { claim } = PgStore.prototype;
  const { control } = PeerHints.prototype;
  const heard = new Promise<void>((resolve) => {
    PeerHints.prototype.control = function (runId) {
      resolve();
      return control.call(this, runId);
    };
  });
  let sent = 0;
  PgStore.prototype.claim = async function (...asked) {
    const read = await claim.apply(this, asked);
    if (read.length > 0 && sent++ === 0) {
      await from().client.sendEvent(run.id, 'second');
      if (from() === client) await heard;
    }
    return read;
  };
  try {
    // Sent from there, so that a claim takes it and not the event's own transaction.
    await client.client.sendEvent(run.id, 'first');
    await run.result();
    expect(sent).toBeGreaterThan(0);
    await expectInvariants(ground.pool, { runs: [run] });
  } finally {
    PgStore.prototype.claim = claim;
    PeerHints.prototype.control = control;
  }
});
