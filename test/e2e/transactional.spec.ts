import { Inject } from '@nestjs/common';
import { FatalError, once, Parallel, Step, stepManager, Workflow, WorkflowFailedError, workflowId } from 'nest-durable';
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { DataSource, type EntityManager } from 'typeorm';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { Effects, effectsOf, openGate } from '../support/faults/effects.js';
import { bookingsOf, type Ground, openGround } from '../support/faults/ground.js';
import { expectInvariants } from '../support/invariants.js';

/**
 * A step's writes and its record are one transaction. What becomes of it when the process dies or the connection breaks:
 * crash-points.spec.ts, cut-connections.spec.ts; when its lease is lost: stopped-worker.spec.ts.
 */

function insert(step: string): Promise<unknown> {
  return stepManager<EntityManager>().query('INSERT INTO bookings (run, step) VALUES ($1, $2)', [workflowId(), step]);
}

@Workflow({ name: 'transfer' })
class TransferWorkflow {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @Step({ transactional: true, retry: { maxAttempts: 2, initialDelay: 1 } })
  async debit(data: { fail?: 'once' | 'always' | 'query' | 'commit'; cuts?: number; fatal?: boolean }) {
    await this.effects.leave();
    await insert('debit');
    const receipt = await once('receipt', () => insert('receipt').then(() => 'r-1'));
    if (data.fail === 'query') await stepManager<EntityManager>().query('SELECT 1 / 0');
    if (data.fail === 'commit') await insert('deferred');
    const { bookings } = await this.attempts();
    if (bookings <= (data.cuts ?? 0)) await this.cut(data.fatal);
    if (data.fail === 'always' || (data.fail === 'once' && bookings === 1)) throw new Error('no funds');
    return { ...data, receipt };
  }

  @Step({ queue: 'elsewhere', transactional: true })
  async credit(data: object) {
    await this.effects.leave();
    await insert('credit');
    return { ...data, credited: true };
  }

  /** The connection of the transaction is lost in a query of the step's. */
  private async cut(fatal = false): Promise<void> {
    const cutting = stepManager<EntityManager>().query('SELECT pg_terminate_backend(pg_backend_pid())');
    await cutting.catch((error: unknown) => {
      throw fatal ? new FatalError('given up', { cause: error }) : error;
    });
  }

  /** How often the step has been begun in this run. */
  private async attempts(): Promise<{ bookings: number }> {
    const text = `SELECT count(*)::integer AS bookings FROM effects WHERE run = $1 AND step = 'debit'`;
    const [row] = await stepManager<EntityManager>().query<{ bookings: number }[]>(text, [workflowId()]);
    return row ?? { bookings: 0 };
  }
}

/** Of both its steps, each leaves a mark before it does anything else. */
@Workflow({ name: 'beside', maxRecoveries: 2 })
class BesideWorkflow {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @Parallel(['cut', 'plain'], { onError: 'completeAll' })
  both() {}

  @Step({ transactional: true, retry: { maxAttempts: 2, initialDelay: 1 } })
  async cut({ cuts }: { cuts: number }) {
    await this.effects.leave();
    const [row] = await stepManager<EntityManager>().query<{ n: number }[]>(
      `SELECT count(*)::integer AS n FROM effects WHERE run = $1 AND step = 'cut'`,
      [workflowId()],
    );
    if ((row?.n ?? 0) <= cuts)
      await stepManager<EntityManager>().query('SELECT pg_terminate_backend(pg_backend_pid())');
    await this.effects.leave('cut is done');
  }

  @Step()
  async plain({ gate }: { gate: string }) {
    await this.effects.leave();
    await this.effects.gate(gate);
  }
}

/** The connection of its transaction goes while no query of the step's is under way, and the step returns all the same. */
@Workflow({ name: 'idle' })
class IdleWorkflow {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @Step({ transactional: true })
  async idle({ cut = true }: { cut?: boolean }) {
    await this.effects.leave();
    const manager = stepManager<EntityManager>();
    const [row] = await manager.query<{ pid: number; n: number }[]>(
      `SELECT pg_backend_pid() AS pid, count(*)::integer AS n FROM effects WHERE run = $1`,
      [workflowId()],
    );
    await insert('idle');
    if (!cut || row?.n !== 1) return;
    await ground.pool.query('SELECT pg_terminate_backend($1)', [row.pid]);
    while (manager.queryRunner?.isReleased === false) await pause(1);
  }
}

/** The server's disk is full: for the record of its step, or for a query of its own. */
@Workflow({ name: 'scarce', maxRecoveries: 1 })
class ScarceWorkflow {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @Step({ transactional: true })
  async take({ own }: { own: boolean }) {
    await this.effects.leave();
    if (own) await stepManager<EntityManager>().query('SELECT public.no_space()');
  }
}

@Workflow({ name: 'slow_query' })
class SlowQueryWorkflow {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @Step({ transactional: true, retry: { maxAttempts: 2, initialDelay: 1 } })
  async query() {
    await this.effects.leave();
    await stepManager<EntityManager>().query('SELECT pg_sleep(2)');
  }
}

let ground: Ground;
let dataSource: DataSource;
let worker: FaultApp;

beforeAll(async () => {
  ground = await openGround();
  // A check that only the commit makes.
  await ground.pool.query(`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused at the commit'; END $$;
    CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON bookings DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.step = 'deferred') EXECUTE FUNCTION refuse();
    CREATE FUNCTION no_space() RETURNS void LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = '53100'; END $$;
    CREATE SEQUENCE tries;
    CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF nextval('public.tries') <= 4 THEN PERFORM public.no_space(); END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER full_disk BEFORE INSERT ON durable.step_executions
    FOR EACH ROW WHEN (NEW.path = 'take') EXECUTE FUNCTION full_disk()`);
  dataSource = await new DataSource({ type: 'postgres', url: ground.url, installExtensions: false }).initialize();
  const options = { database: { dataSource }, queues: { default: {}, elsewhere: {} } };
  worker = await openApp(
    options,
    [TransferWorkflow, BesideWorkflow, IdleWorkflow, ScarceWorkflow],
    new Effects(ground.pool, 'worker'),
  );
});

afterAll(async () => {
  await worker.close();
  await dataSource.destroy();
  await ground.pool.end();
});

async function reached(run: { readonly id: string }, effects: Record<string, number>): Promise<void> {
  while (!isDeepStrictEqual(await effectsOf(ground.pool, [run]), effects)) await pause(10);
}

it('commits the writes with the record, on another queue too', async () => {
  const run = await worker.client.start('transfer', {});
  expect(await run.result()).toEqual({ receipt: 'r-1', credited: true });
  expect(await bookingsOf(ground.pool, run.id)).toEqual(['credit', 'debit', 'receipt']);
  await expectInvariants(ground.pool, { runs: [run] });
});

it('rolls the writes of a failed attempt back, and records the failure', async () => {
  const run = await worker.client.start('transfer', { fail: 'once' });
  await run.result();
  expect(await effectsOf(ground.pool, [run])).toEqual({ credit: 1, debit: 2 });
  expect(await bookingsOf(ground.pool, run.id)).toEqual(['credit', 'debit', 'receipt']);
  const steps = (await worker.client.getSteps(run.id)).filter(({ type }) => type === 'step');
  expect(steps.map(({ step, status }) => [step, status])).toEqual([
    ['debit', 'failed'],
    ['debit', 'completed'],
    ['credit', 'completed'],
  ]);
  await expectInvariants(ground.pool, { runs: [run] });
});

it.each([
  ['always', 'no funds'],
  ['query', 'division by zero'],
  ['commit', 'refused at the commit'],
] as const)('fails when its attempts are used up, and leaves nothing behind (%s)', async (fail, message) => {
  const run = await worker.client.start('transfer', { fail });
  const error: unknown = await run.result().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(WorkflowFailedError);
  expect((error as WorkflowFailedError).cause?.message).toContain(message);
  expect(await effectsOf(ground.pool, [run])).toEqual({ debit: 2 });
  expect(await bookingsOf(ground.pool, run.id)).toEqual([]);
  await expectInvariants(ground.pool, { runs: [run] });
});

it('is made again, and counts no attempt, where a query of its own loses the connection', async () => {
  const run = await worker.client.start('transfer', { cuts: 3 });
  expect(await run.result()).toMatchObject({ receipt: 'r-1', credited: true });
  expect(await effectsOf(ground.pool, [run])).toEqual({ credit: 1, debit: 4 });
  expect(await bookingsOf(ground.pool, run.id)).toEqual(['credit', 'debit', 'receipt']);
  const steps = (await worker.client.getSteps(run.id)).filter(({ type }) => type === 'step');
  expect(steps.map(({ step, attempt, status }) => [step, attempt, status])).toEqual([
    ['debit', 1, 'completed'],
    ['credit', 1, 'completed'],
  ]);
  await expectInvariants(ground.pool, { runs: [run] });
});

it('is made again where the connection is lost between the last query of the step and its record', async () => {
  const run = await worker.client.start('idle', {});
  await run.result();
  expect(await effectsOf(ground.pool, [run])).toEqual({ idle: 2 });
  await expectInvariants(ground.pool, { runs: [run] });
});

it('is made again, and counts no attempt, where the connection is lost while the transaction is being begun', async () => {
  const lost: boolean[] = [];
  dataSource.subscribers.push({
    async beforeTransactionStart({ queryRunner }) {
      if (lost.length > 1) return;
      const [row] = (await queryRunner.query('SELECT pg_backend_pid() AS pid')) as { pid: number }[];
      await ground.pool.query('SELECT pg_terminate_backend($1)', [row?.pid]);
      while (!queryRunner.isReleased) await pause(1);
      lost.push(true);
    },
  });
  const run = await worker.client.start('idle', { cut: false });
  await run.result();
  expect(lost).toEqual([true, true]);
  dataSource.subscribers.pop();
  expect(await effectsOf(ground.pool, [run])).toEqual({ idle: 1 });
  const steps = await worker.client.getSteps(run.id);
  expect(steps.map(({ step, attempt, status }) => [step, attempt, status])).toEqual([['idle', 1, 'completed']]);
  await expectInvariants(ground.pool, { runs: [run] });
});

it('is made again beside a step that goes on undisturbed', async () => {
  const run = await worker.client.start('beside', { cuts: 2, gate: 'beside' });
  await reached(run, { cut: 3, 'cut is done': 1, plain: 1 });
  await openGate(ground.pool, 'beside');
  await run.result();
  expect(await effectsOf(ground.pool, [run])).toEqual({ cut: 3, 'cut is done': 1, plain: 1 });
  await expectInvariants(ground.pool, { runs: [run] });
});

it('fails by what it threw when its code loses the connection more often than maxRecoveries', async () => {
  await openGate(ground.pool, 'open');
  const run = await worker.client.start('beside', { cuts: Infinity, gate: 'open' });
  expect(await run.result()).toMatchObject({
    __results__: { cut: { status: 'rejected' }, plain: { status: 'fulfilled' } },
  });
  // Two attempts, of three passes each.
  expect(await effectsOf(ground.pool, [run])).toEqual({ cut: 6, plain: 1 });
  await expectInvariants(ground.pool, { runs: [run] });
});

it("fails where a query outlasts the app's own limit for one: the connection is not lost", async () => {
  const impatient = await new DataSource({
    type: 'postgres',
    url: ground.url,
    installExtensions: false,
    extra: { query_timeout: 500 },
  }).initialize();
  const app = await openApp(
    { database: { dataSource: impatient }, queues: { slow: {} } },
    [SlowQueryWorkflow],
    new Effects(ground.pool, 'slow'),
  );
  const run = await app.client.start('slow_query', {}, { queue: 'slow' });
  await expect(run.result()).rejects.toMatchObject({ cause: { message: 'Query read timeout' } });
  expect(await effectsOf(ground.pool, [run])).toEqual({ query: 2 });
  await app.close();
  await impatient.destroy();
});

it('fails where its code says that a lost connection is fatal', async () => {
  const run = await worker.client.start('transfer', { cuts: 1, fatal: true });
  await expect(run.result()).rejects.toThrow('given up');
  expect(await effectsOf(ground.pool, [run])).toEqual({ debit: 1 });
  await expectInvariants(ground.pool, { runs: [run] });
});

it('is made again until there is room where the disk is full for its record, more often than maxRecoveries too', async () => {
  const run = await worker.client.start('scarce', { own: false });
  await run.result();
  expect(await effectsOf(ground.pool, [run])).toEqual({ take: 5 });
  const steps = await worker.client.getSteps(run.id);
  expect(steps.map(({ step, attempt, status }) => [step, attempt, status])).toEqual([['take', 1, 'completed']]);
  await expectInvariants(ground.pool, { runs: [run] });
});

it('fails where a query of its own finds no room more often than maxRecoveries', async () => {
  const run = await worker.client.start('scarce', { own: true });
  await expect(run.result()).rejects.toMatchObject({ cause: { message: 'No space left on device' } });
  expect(await effectsOf(ground.pool, [run])).toEqual({ take: 2 });
  await expectInvariants(ground.pool, { runs: [run] });
});
