import { Inject } from '@nestjs/common';
import { Step, stepManager, Workflow, workflowId } from 'nest-durable';
import type { Pool, PoolClient } from 'pg';
import { DataSource, type EntityManager } from 'typeorm';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { Effects, effectsOf } from '../support/faults/effects.js';
import { bookingsOf, type Ground, openGround } from '../support/faults/ground.js';
import { expectInvariants } from '../support/invariants.js';

/**
 * A server that takes no writes, under a transactional step: the app's connections lead to a standby for a while, or to a
 * primary that was demoted and lives on. Its sessions are set read-only, as they look from outside.
 */

const READ_ONLY = 'SET default_transaction_read_only = on';

@Workflow({ name: 'write', maxRecoveries: 1 })
class WriteWorkflow {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @Step({ transactional: true })
  async write({ own, asked }: { own: boolean; asked?: boolean }) {
    await this.effects.leave();
    const manager = stepManager<EntityManager>();
    if (asked === true) await manager.query('SET TRANSACTION READ ONLY');
    if (own) await manager.query('INSERT INTO bookings (run, step) VALUES ($1, $2)', [workflowId(), 'write']);
    return { written: true };
  }
}

let ground: Ground;
let dataSource: DataSource;
let pool: Pool;
let app: FaultApp;

beforeEach(async () => {
  ground = await openGround();
  dataSource = await new DataSource({
    type: 'postgres',
    url: ground.url,
    installExtensions: false,
    extra: { max: 4 },
  }).initialize();
  pool = (dataSource.driver as unknown as { master: Pool }).master;
  app = await openApp({ database: { dataSource } }, [WriteWorkflow], new Effects(ground.pool, 'worker'));
});

afterEach(async () => {
  await app.close();
  await dataSource.destroy();
  await ground.pool.end();
});

/** So many connections that are opened from now on take no writes. */
function standbyFor(connections: number): void {
  let left = connections;
  pool.on('connect', (client) => {
    if (left-- > 0) void client.query(READ_ONLY);
  });
}

describe.each([
  ['a query of its own', true],
  ['its record', false],
])('where a server that takes no writes refuses %s', (_what, own) => {
  it('is made again until one takes them, more often than maxRecoveries, and counts no attempt', async () => {
    standbyFor(4);
    // What was opened before is lent first.
    const before = await pool.connect();
    before.release(true);
    const run = await app.client.start('write', { own });
    expect(await run.result()).toEqual({ written: true });
    expect(await effectsOf(ground.pool, [run])).toEqual({ write: 5 });
    expect(await bookingsOf(ground.pool, run.id)).toEqual(own ? ['write'] : []);
    const steps = await app.client.getSteps(run.id);
    expect(steps.map(({ step, attempt, status }) => [step, attempt, status])).toEqual([['write', 1, 'completed']]);
    await expectInvariants(ground.pool, { runs: [run] });
  });

  it("takes each connection that was demoted out of the app's pool", async () => {
    const lent: PoolClient[] = [];
    for (let n = 0; n < 3; n++) lent.push(await pool.connect());
    for (const client of lent) await client.query(READ_ONLY);
    for (const client of lent) client.release();
    const run = await app.client.start('write', { own });
    expect(await run.result()).toEqual({ written: true });
    expect(await effectsOf(ground.pool, [run])).toEqual({ write: 4 });
    const [row] = await dataSource.query<{ on: string }[]>(`SELECT current_setting('transaction_read_only') AS on`);
    expect(row?.on).toBe('off');
  });
});

it('fails where its own code has made the transaction read-only, more often than maxRecoveries', async () => {
  const run = await app.client.start('write', { own: true, asked: true });
  await expect(run.result()).rejects.toMatchObject({ cause: { code: '25006' } });
  expect(await effectsOf(ground.pool, [run])).toEqual({ write: 2 });
  await expectInvariants(ground.pool, { runs: [run] });
});
