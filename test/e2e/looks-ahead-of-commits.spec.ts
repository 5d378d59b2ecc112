import { callWorkflow, currentAttempt, Parallel, Step, waitForEvent, Workflow } from 'nest-durable';
import type { RunOp } from '../../lib/engine/ports/store.js';
import { PgStore } from '../../lib/storage/engine/pg-store.js';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { type Ground, openGround } from '../support/faults/ground.js';
import { expectInvariants } from '../support/invariants.js';

/** What a run waits for is known to its session before its commit: a look at its waits in between, which does not know of it, changes nothing. */

let release: () => void;
let released: Promise<void>;
let passes: string[] = [];

@Workflow({ name: 'looked_at' })
class LookedAtWorkflow {
  @Parallel({ first: 'first', stays: 'stays', asks: ['before', 'asks'] })
  all() {}

  @Step()
  async first() {
    await waitForEvent('first');
  }

  @Step()
  async stays() {
    // At work, so that the session stays.
    await released;
  }

  @Step()
  async before() {
    await waitForEvent('before');
  }

  @Step({ retry: { maxAttempts: 2, initialDelay: 1 } })
  async asks({ what }: { what: string }) {
    passes.push(`pass ${passes.length + 1} of attempt ${currentAttempt()}`);
    if (what === 'a child') return { got: await callWorkflow('looked_at_child', {}) };
    const timeout = what === 'an event, again' && currentAttempt() === 1 ? 20 : undefined;
    return { got: await waitForEvent('asked', { timeout }) };
  }
}

@Workflow({ name: 'looked_at_child' })
class ChildWorkflow {
  @Step()
  async wait() {
    await waitForEvent('end');
    return { ended: true };
  }
}

let ground: Ground;
let worker: FaultApp;
let client: FaultApp;

beforeAll(async () => {
  ground = await openGround();
  const database = { url: ground.url };
  worker = await openApp({ database }, [LookedAtWorkflow, ChildWorkflow]);
  client = await openApp({ database, workers: false }, [LookedAtWorkflow, ChildWorkflow]);
});

afterAll(async () => {
  await client.close();
  await worker.close();
  await ground.pool.end();
});

beforeEach(() => {
  passes = [];
  released = new Promise((resolve) => (release = resolve));
});

/** Before the first commit of which that is true the run is woken, and its waits are looked at. */
function lookBefore(run: { id: string }, isMeant: (op: RunOp) => boolean): { done: Promise<void>; undo(): void } {
  const { commitGroup, takeWaits } = PgStore.prototype;
  let looked: () => void = () => {};
  const look = new Promise<void>((resolve) => (looked = resolve));
  let over: () => void = () => {};
  const done = new Promise<void>((resolve) => (over = resolve));
  let isUnderWay = false;
  PgStore.prototype.takeWaits = async function (...asked) {
    const taken = await takeWaits.apply(this, asked);
    if (isUnderWay && taken.has(run.id)) looked();
    return taken;
  };
  PgStore.prototype.commitGroup = async function (holder, group) {
    if (!isUnderWay && group.ops.some((op) => op.runId === run.id && isMeant(op))) {
      isUnderWay = true;
      await client.client.sendEvent(run.id, 'first');
      await look;
      // What was read is taken in meanwhile, and what that sets going begins.
      await new Promise((resolve) => setImmediate(resolve));
      over();
    }
    return commitGroup.call(this, holder, group);
  };
  return {
    done,
    undo: () => Object.assign(PgStore.prototype, { commitGroup, takeWaits }),
  };
}

const asksFor = (op: RunOp): boolean => op.extras?.waits.some(({ path }) => path.endsWith('/asks')) === true;
const hasFailed = (op: RunOp): boolean => op.records.some(({ status }) => status === 'failed');

it('a child that a step has called is not called again', async () => {
  const run = await worker.client.start('looked_at', { what: 'a child' });
  const look = lookBefore(run, asksFor);
  try {
    await client.client.sendEvent(run.id, 'before');
    await look.done;
    release();
    const children = await untilSome(() => worker.client.listChildren(run.id));
    for (const { id } of children) await worker.client.sendEvent(id, 'end');
    await run.result();
    expect(await worker.client.listChildren(run.id)).toHaveLength(1);
    expect(passes).toEqual(['pass 1 of attempt 1', 'pass 2 of attempt 1']);
    await expectInvariants(ground.pool, { runs: [run] });
  } finally {
    look.undo();
  }
});

it('a step that waits for an event gets it, once', async () => {
  const run = await worker.client.start('looked_at', { what: 'an event' });
  const look = lookBefore(run, asksFor);
  try {
    await client.client.sendEvent(run.id, 'before');
    await look.done;
    release();
    await client.client.sendEvent(run.id, 'asked', 1);
    expect(await run.result()).toMatchObject({ __results__: { asks: { value: { got: 1 } } } });
    expect(passes.length).toBeLessThanOrEqual(2);
    await expectInvariants(ground.pool, { runs: [run] });
  } finally {
    look.undo();
  }
});

it('a wait that timed out and that is asked for anew is not the one of before', async () => {
  const run = await worker.client.start('looked_at', { what: 'an event, again' });
  const look = lookBefore(run, hasFailed);
  try {
    await client.client.sendEvent(run.id, 'before');
    await look.done;
    release();
    await client.client.sendEvent(run.id, 'asked', 1);
    expect(await run.result()).toMatchObject({ __results__: { asks: { value: { got: 1 } } } });
    await expectInvariants(ground.pool, { runs: [run] });
  } finally {
    look.undo();
  }
});

async function untilSome<T>(list: () => Promise<T[]>): Promise<T[]> {
  for (;;) {
    const found = await list();
    if (found.length > 0) return found;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
