import { Inject } from '@nestjs/common';
import { currentStep, stepManager, Step, Workflow, workflowId } from 'nest-durable';
import { DataSource, type EntityManager } from 'typeorm';
import { PgStore } from '../../lib/storage/engine/pg-store.js';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { Effects, effectsOf } from '../support/faults/effects.js';
import { bookingsOf, type Ground, openGround } from '../support/faults/ground.js';
import { expectInvariants } from '../support/invariants.js';

/** A transactional step on another queue loses its lease between its transaction and the commit that takes its row away. */

@Workflow({ name: 'booked_elsewhere' })
class BookedElsewhereWorkflow {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @Step({ queue: 'elsewhere', transactional: true })
  async book(data: object) {
    await this.effects.leave();
    const manager = stepManager<EntityManager>();
    await manager.query('INSERT INTO public.bookings (run, step) VALUES ($1, $2)', [workflowId(), currentStep()]);
    return { ...data, booked: true };
  }

  @Step()
  async after(data: object) {
    await this.effects.leave();
    return { ...data, after: true };
  }
}

let ground: Ground;
let dataSource: DataSource;
let worker: FaultApp;

beforeEach(async () => {
  ground = await openGround();
  dataSource = await new DataSource({ type: 'postgres', url: ground.url, installExtensions: false }).initialize();
  const options = { database: { dataSource }, queues: { default: {}, elsewhere: {} } };
  worker = await openApp(options, [BookedElsewhereWorkflow], new Effects(ground.pool, 'worker'));
});

afterEach(async () => {
  await worker.close();
  await dataSource.destroy();
  await ground.pool.end();
});

it('is not made again by the next that has it, and its run goes on', async () => {
  const { commitRemoteStep } = PgStore.prototype;
  let lost = 0;
  PgStore.prototype.commitRemoteStep = async function (id, op) {
    // As if this worker had died here: another has the row next.
    if (lost++ === 0) await this.release(id, [{ rowId: op.rowId, token: op.token }], false);
    return commitRemoteStep.call(this, id, op);
  };
  try {
    const run = await worker.client.start('booked_elsewhere', {});
    expect(await run.result()).toEqual({ booked: true, after: true });
    expect(lost).toBe(2);
    expect(await effectsOf(ground.pool, [run])).toEqual({ book: 1, after: 1 });
    expect(await bookingsOf(ground.pool, run.id)).toEqual(['book']);
    await expectInvariants(ground.pool, { runs: [run] });
  } finally {
    PgStore.prototype.commitRemoteStep = commitRemoteStep;
  }
});
