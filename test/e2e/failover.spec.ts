import { Inject } from '@nestjs/common';
import {
  callWorkflow,
  Compensate,
  ForEach,
  once,
  Parallel,
  Step,
  startWorkflow,
  waitForEvent,
  Workflow,
  type WorkflowHandle,
} from 'nest-durable';
import { setTimeout as pause } from 'node:timers/promises';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { Effects, effectsOf, openGate, until } from '../support/faults/effects.js';
import { Replica } from '../support/faults/failover.js';
import { type Ground, openGround } from '../support/faults/ground.js';
import { expectInvariants } from '../support/invariants.js';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js';

/**
 * A failover to an asynchronous replica that has not got the last commits. Those who hold runs go on from what they know; no
 * journal gets a gap by that, and what was lost is done again.
 */

@Workflow({ name: 'saga' })
class SagaWorkflow {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @Step()
  async begin() {
    await this.effects.leave();
    await this.effects.gate('begin');
  }

  @Step({ compensate: 'refund' })
  async charge() {
    await this.effects.leave();
    return { charge: 'ch_1' };
  }

  @Step({ compensate: 'release' })
  async reserve() {
    await this.effects.leave();
    await this.effects.gate('reserve');
  }

  @Step()
  ship() {
    throw new Error('no stock');
  }

  @Compensate()
  async refund() {
    await this.effects.leave('refund');
  }

  @Compensate()
  async release() {
    await this.effects.leave('release');
  }
}

@Workflow({ name: 'child' })
class ChildWorkflow {
  @Step()
  done() {
    return { child: true };
  }
}

/** `what` is lost while `slow` runs, then all goes on. */
@Workflow({ name: 'arms' })
class ArmsWorkflow {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @Parallel({ lost: ['lost', 'next'], slow: 'slow' })
  both() {}

  @Step()
  async lost({ how }: { how: string }) {
    await this.effects.gate('lost');
    await this.effects.leave();
    if (how === 'once') await once('paid', () => 1);
    if (how === 'child') await startWorkflow(ChildWorkflow, {});
    if (how === 'call') await callWorkflow(ChildWorkflow, {});
    if (how === 'event') await waitForEvent('go');
    if (how === 'once') await this.effects.gate('after');
    return { lost: how };
  }

  @Step()
  async next() {
    await this.effects.gate('after');
  }

  @Step()
  async slow() {
    await this.effects.gate('after');
  }
}

@Workflow({ name: 'loop' })
class LoopWorkflow {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @ForEach('item', { concurrency: 3 })
  all() {
    return Array.from({ length: 30 }, (_, n) => n);
  }

  @Step()
  async item(n: unknown) {
    if ((n as number) === 5) await this.effects.gate('lost');
    await this.effects.leave(`item ${String(n)}`);
    if ((n as number) === 20) await this.effects.gate('after');
    return n as object;
  }
}

@Workflow({ name: 'elsewhere' })
class ElsewhereWorkflow {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @Parallel({ there: ['there', 'next'], here: 'here' })
  both() {}

  @Step({ queue: 'other', compensate: 'undo' })
  async there() {
    await this.effects.gate('lost');
    await this.effects.leave();
    return { there: true };
  }

  @Step()
  async next() {
    await this.effects.gate('after');
  }

  @Step()
  async here() {
    await this.effects.gate('after');
  }

  @Step()
  fail() {
    throw new Error('no');
  }

  @Compensate()
  async undo() {
    await this.effects.leave('undo');
  }
}

let ground: Ground;
let proxy: TcpProxy;
let app: FaultApp;

beforeEach(async () => {
  ground = await openGround();
  proxy = await startProxy(Number(new URL(ground.url).port));
  const options = { database: { url: proxy.through(ground.url) }, queues: { default: {}, other: {} } };
  const workflows = [SagaWorkflow, ChildWorkflow, ArmsWorkflow, LoopWorkflow, ElsewhereWorkflow];
  app = await openApp({ ...options, recoveryInterval: 100 }, workflows, new Effects(ground.pool, 'here'));
});

afterEach(async () => {
  await proxy.up().catch(() => {});
  await app.close();
  await proxy.close();
  await ground.pool.end();
});

/** The server goes away, and comes back as `replica`. */
async function failOver(replica: Replica): Promise<void> {
  await proxy.down();
  const left = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'nest-durable%'`;
  while ((await ground.pool.query(left)).rowCount !== 0) await pause(5);
  await replica.failOver();
  // What was audited before is of another history; only the leases stand.
  await ground.pool.query(`
    TRUNCATE audit.log;
    INSERT INTO audit.log (kind, run_id, row_id, token, live)
    SELECT 'lease', COALESCE(step_of, id), id, token, worker_id IS NOT NULL FROM durable.workflow_queue`);
  await proxy.up();
}

function record(run: WorkflowHandle, path: string): Promise<void> {
  return until(ground.pool, 'SELECT FROM durable.step_executions WHERE run_id = $1 AND path = $2', [run.id, path]);
}

function effect(run: WorkflowHandle, step: string, times = 1): Promise<void> {
  const text = 'SELECT FROM effects WHERE run = $1 AND step = $2 HAVING count(*) >= $3';
  return until(ground.pool, text, [run.id, step, times]);
}

it('loses a charge: it is made again, and refunded', async () => {
  const run = await app.client.start('saga', {});
  await effect(run, 'begin');
  const replica = await Replica.take(ground.pool);
  await openGate(ground.pool, 'begin');
  await effect(run, 'reserve');
  await failOver(replica);
  await openGate(ground.pool, 'reserve');
  await expect(run.result()).rejects.toMatchObject({ status: 'compensated' });
  const steps = (await app.client.getSteps(run.id)).filter(({ isCompensation }) => !isCompensation);
  expect(steps.map(({ step }) => step)).toEqual(['begin', 'charge', 'reserve', 'ship']);
  expect(await effectsOf(ground.pool, [run])).toMatchObject({ charge: 2, refund: 1, release: 1 });
  await expectInvariants(ground.pool, { runs: [run] });
});

it.each([
  ['what a step of an arm has recorded', 'end', 'both.lost/lost', 2],
  ['what it has recorded within', 'once', 'both.lost/lost~~paid', 2],
  ['the child that it has started', 'child', 'both.lost/lost', 2],
])('loses %s, while another arm runs on', async (_, how, path, times) => {
  const run = await app.client.start('arms', { how });
  await until(ground.pool, `SELECT FROM durable.workflow_queue WHERE id = $1 AND state = 'running'`, [run.id]);
  const replica = await Replica.take(ground.pool);
  await openGate(ground.pool, 'lost');
  await record(run, path);
  await failOver(replica);
  await openGate(ground.pool, 'after');
  await run.result();
  expect(await effectsOf(ground.pool, [run])).toEqual({ lost: times });
  const children = await app.client.listExecutions({ parentId: run.id });
  expect(children).toHaveLength(how === 'child' ? 1 : 0);
  await expectInvariants(ground.pool, { runs: [run] });
});

it.each([
  ['what an arm waits for', 'event'],
  ['the child that an arm waits for', 'call'],
])('loses %s, while another arm runs on: it is asked for again', async (_, how) => {
  const run = await app.client.start('arms', { how });
  await until(ground.pool, `SELECT FROM durable.workflow_queue WHERE id = $1 AND state = 'running'`, [run.id]);
  const replica = await Replica.take(ground.pool);
  await openGate(ground.pool, 'lost');
  await until(ground.pool, 'SELECT FROM durable.waits WHERE run_id = $1', [run.id]);
  await failOver(replica);
  await openGate(ground.pool, 'after');
  await until(ground.pool, 'SELECT FROM durable.waits WHERE run_id = $1', [run.id]);
  if (how === 'event') await run.sendEvent('go');
  expect(await run.result()).toMatchObject({ how });
  await expectInvariants(ground.pool, { runs: [run] });
});

it('loses the middle of a loop', async () => {
  const run = await app.client.start('loop', {});
  await effect(run, 'item 6');
  await record(run, 'all[6]/item');
  const replica = await Replica.take(ground.pool);
  await openGate(ground.pool, 'lost');
  await effect(run, 'item 20');
  await record(run, 'all[19]/item');
  await failOver(replica);
  await openGate(ground.pool, 'after');
  await run.result();
  const paths = (await app.client.getSteps(run.id)).map(({ path }) => path);
  expect(new Set(paths).size).toBe(31);
  expect(paths).toHaveLength(31);
  await expectInvariants(ground.pool, { runs: [run] });
});

it('loses what a step on another queue has recorded, of which its run has heard: it is made again, and undone', async () => {
  const run = await app.client.start('elsewhere', {});
  const there = `SELECT FROM durable.workflow_queue WHERE step_of = $1 AND state = 'running'`;
  await until(ground.pool, there, [run.id]);
  const replica = await Replica.take(ground.pool);
  await openGate(ground.pool, 'lost');
  await record(run, 'both.there/there');
  // The run has taken it in.
  const next = `SELECT FROM durable.workers WHERE in_flight LIKE '%both.there/next%'`;
  await until(ground.pool, next);
  await failOver(replica);
  await openGate(ground.pool, 'after');
  await expect(run.result()).rejects.toMatchObject({ status: 'compensated' });
  expect(await effectsOf(ground.pool, [run])).toEqual({ there: 2, undo: 1 });
  await expectInvariants(ground.pool, { runs: [run] });
});

it('loses the claim of a run: whoever holds it under the number that is given out again is refused', async () => {
  const run = await app.client.start('saga', {}, { delay: 300 });
  const replica = await Replica.take(ground.pool);
  await effect(run, 'begin');
  await failOver(replica);
  await openGate(ground.pool, 'begin');
  await openGate(ground.pool, 'reserve');
  await expect(run.result()).rejects.toMatchObject({ status: 'compensated' });
  const attempts = (await app.client.getSteps(run.id)).map(({ path, attempt }) => `${path} ${attempt}`);
  expect(new Set(attempts).size).toBe(attempts.length);
  expect(await effectsOf(ground.pool, [run])).toMatchObject({ refund: 1, release: 1 });
  await expectInvariants(ground.pool, { runs: [run] });
});

it('loses the end of a run, of which its client has heard: it ends again', async () => {
  const run = await app.client.start('child', {});
  const waiting = await app.client.start('arms', { how: 'end' });
  await until(ground.pool, `SELECT FROM durable.workflow_queue WHERE id = $1 AND state = 'running'`, [waiting.id]);
  const replica = await Replica.take(ground.pool);
  const later = await app.client.start('child', {});
  expect(await run.result()).toMatchObject({ child: true });
  await later.result();
  await failOver(replica);
  await openGate(ground.pool, 'lost');
  await openGate(ground.pool, 'after');
  await waiting.result();
  expect(await run.result()).toMatchObject({ child: true });
  // A start that was acknowledged is lost with the rest: for that replication must be synchronous.
  expect(await later.execution()).toBeNull();
  await expectInvariants(ground.pool, { runs: [run, waiting] });
});

it('loses the worker itself: it enters again', async () => {
  const run = await app.client.start('saga', {});
  await effect(run, 'begin');
  const replica = await Replica.take(ground.pool);
  await ground.pool.query('DELETE FROM replica.workers');
  await failOver(replica);
  await openGate(ground.pool, 'begin');
  await openGate(ground.pool, 'reserve');
  await expect(run.result()).rejects.toMatchObject({ status: 'compensated' });
  await expectInvariants(ground.pool, { runs: [run] });
});
