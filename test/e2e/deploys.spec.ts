import { Inject, type Provider } from '@nestjs/common';
import { Step, Workflow } from 'nest-durable';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { Effects, effectsOf, openGate, until } from '../support/faults/effects.js';
import { type Ground, openGround } from '../support/faults/ground.js';
import { expectInvariants } from '../support/invariants.js';

/** Versions of one workflow's code, deployed one after the other while runs are under way. */

class Base {
  constructor(@Inject(Effects) protected readonly effects: Effects) {}

  protected async mark(data: object, step: string): Promise<object> {
    await this.effects.leave(step);
    return { ...data, [step]: true };
  }
}

@Workflow({ name: 'deployed' })
class First extends Base {
  @Step()
  one(data: object) {
    return this.mark(data, 'one');
  }

  /** Is tried again until the gate is open, so that the run is suspended in it. */
  @Step({ retry: { maxAttempts: 1_000, backoff: 'constant', initialDelay: 20, jitter: false } })
  async two(data: { gate: string }) {
    await this.effects.leave('try');
    if (!(await this.effects.isOpen(data.gate))) throw new Error('not yet');
    return this.mark(data, 'two');
  }

  @Step()
  three(data: object) {
    return this.mark(data, 'three');
  }
}

/** Members inserted before and after the place of the runs. */
@Workflow({ name: 'deployed' })
class Second extends Base {
  @Step()
  zero(data: object) {
    return this.mark(data, 'zero');
  }

  @Step()
  one(data: object) {
    return this.mark(data, 'one');
  }

  @Step()
  between(data: object) {
    return this.mark(data, 'between');
  }

  @Step({ retry: { maxAttempts: 1_000, backoff: 'constant', initialDelay: 20, jitter: false } })
  two(data: object) {
    return this.mark(data, 'two');
  }

  @Step()
  extra(data: object) {
    return this.mark(data, 'extra');
  }

  @Step()
  three(data: object) {
    return this.mark(data, 'three');
  }
}

/** The place of the runs is gone. */
@Workflow({ name: 'deployed' })
class Third extends Base {
  @Step()
  one(data: object) {
    return this.mark(data, 'one');
  }

  @Step()
  three(data: object) {
    return this.mark(data, 'three');
  }
}

let ground: Ground;

beforeEach(async () => {
  ground = await openGround();
});

afterEach(() => ground.pool.end());

const open: FaultApp[] = [];

async function deploy(version: Provider): Promise<FaultApp> {
  const app = await openApp({ database: { url: ground.url } }, [version], new Effects(ground.pool, 'worker'));
  open.push(app);
  return app;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()));
});

const TRIED = `SELECT FROM effects WHERE run = $1 AND step = 'try'`;

it('goes on from its place: what was inserted before it is not run, what comes after it is', async () => {
  const old = await deploy(First);
  const run = await old.client.start('deployed', { gate: 'never' });
  await until(ground.pool, TRIED, [run.id]);
  await old.close();
  const { client } = await deploy(Second);
  expect(await client.handle(run.id).result()).toEqual({
    gate: 'never',
    one: true,
    two: true,
    extra: true,
    three: true,
  });
  expect(await effectsOf(ground.pool, [run])).toMatchObject({ one: 1, two: 1, extra: 1, three: 1 });
  await expectInvariants(ground.pool, { runs: [run], records: 5 });
});

it('is paused where its place is gone, never skipped ahead, and goes on when the code has it again', async () => {
  const old = await deploy(First);
  const run = await old.client.start('deployed', { gate: 'later' });
  await until(ground.pool, TRIED, [run.id]);
  await old.close();
  const wrong = await deploy(Third);
  await until(ground.pool, 'SELECT FROM durable.workflow_queue WHERE id = $1 AND paused', [run.id]);
  const paused = await wrong.client.getExecution(run.id);
  expect(paused).toMatchObject({ status: 'paused', error: { code: 'DEFINITION_CHANGED' } });
  expect(paused?.error?.message).toContain('two');
  await wrong.close();
  await openGate(ground.pool, 'later');
  const { client } = await deploy(First);
  expect(await client.resume(run.id)).toBe(true);
  expect(await client.handle(run.id).result()).toEqual({ gate: 'later', one: true, two: true, three: true });
  expect(await effectsOf(ground.pool, [run])).toMatchObject({ one: 1, two: 1, three: 1 });
  await expectInvariants(ground.pool, { runs: [run], records: 4 });
});

it('is left to the newer code while a process has it, and taken by older code after a rollback', async () => {
  const older = await deploy(First);
  const newer = await deploy(Second);
  await openGate(ground.pool, 'open');
  // Started as the newer version, which the older one does not touch while it lives.
  const busy = await Promise.all(Array.from({ length: 10 }, () => newer.client.start('deployed', { gate: 'open' })));
  for (const run of busy) expect(await run.result()).toMatchObject({ zero: true, between: true, extra: true });
  const left = await newer.client.start('deployed', { gate: 'open' }, { delay: 600_000 });
  await newer.close();
  // Due only now that the newer process is gone, however long it took to go.
  const due = await ground.pool.query(
    `UPDATE durable.workflow_queue SET due_at = now() WHERE id = $1 AND state = 'sleeping'`,
    [left.id],
  );
  expect(due.rowCount).toBe(1);
  expect(await older.client.handle(left.id).result()).toEqual({ gate: 'open', one: true, two: true, three: true });
  await expectInvariants(ground.pool, { runs: [...busy, left], records: 63 });
});
