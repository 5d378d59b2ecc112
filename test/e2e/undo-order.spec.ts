import { Compensate, Parallel, Step, Workflow } from 'nest-durable';
import { openApp, type FaultApp } from '../support/faults/app.js';
import { Effects, openGate, until } from '../support/faults/effects.js';
import { type Ground, openGround } from '../support/faults/ground.js';
import { Inject } from '@nestjs/common';

/** What completed last is undone first, by numbers given under the run's lock: the server's clock may be set back. */

const undone: string[] = [];

@Workflow({ name: 'saga' })
class SagaWorkflow {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @Step({ compensate: 'closeAccount' })
  openAccount() {}

  @Step({ compensate: 'takeBack' })
  async transfer() {
    await this.effects.leave();
    await this.effects.gate('transfer');
  }

  @Step()
  fail() {
    throw new Error('no');
  }

  @Compensate()
  closeAccount() {
    undone.push('account');
  }

  @Compensate()
  takeBack() {
    undone.push('transfer');
  }
}

@Workflow({ name: 'arms' })
class ArmsWorkflow {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @Parallel({ here: 'here', first: 'first', second: 'second' })
  both() {}

  @Step({ compensate: 'undoHere' })
  async here() {
    await this.effects.gate('here');
  }

  @Step({ queue: 'elsewhere', compensate: 'undoFirst' })
  async first() {
    await this.effects.gate('first');
  }

  @Step({ queue: 'elsewhere', compensate: 'undoSecond' })
  async second() {
    await this.effects.gate('second');
  }

  @Step()
  fail() {
    throw new Error('no');
  }

  @Compensate()
  undoHere() {
    undone.push('here');
  }

  @Compensate()
  undoFirst() {
    undone.push('first');
  }

  @Compensate()
  undoSecond() {
    undone.push('second');
  }
}

let ground: Ground;
let app: FaultApp;

beforeAll(async () => {
  ground = await openGround();
  app = await openApp(
    { database: { url: ground.url }, queues: { default: {}, elsewhere: {} } },
    [SagaWorkflow, ArmsWorkflow],
    new Effects(ground.pool, 'here'),
  );
});

afterAll(async () => {
  await app.close();
  await ground.pool.end();
});

let back = 0;
async function setClockBack(): Promise<void> {
  back += 60;
  await ground.pool.query(
    `CREATE OR REPLACE FUNCTION durable.clock() RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT now() - interval '${back} s' $$`,
  );
}

it('of steps in a row, with the clock set back between them', async () => {
  undone.length = 0;
  const run = await app.client.start('saga', {});
  await until(ground.pool, 'SELECT FROM effects WHERE run = $1', [run.id]);
  await setClockBack();
  await openGate(ground.pool, 'transfer');
  await expect(run.result()).rejects.toThrow('compensated');
  expect(undone).toEqual(['transfer', 'account']);
});

it.each([
  ['the run’s own arm between those on another queue', ['first', 'here', 'second']],
  ['one after the other on another queue', ['here', 'second', 'first']],
  ['the run’s own arm at last', ['second', 'first', 'here']],
])('of arms, with the clock set back each time: %s', async (_, order) => {
  undone.length = 0;
  await ground.pool.query('DELETE FROM gates');
  const run = await app.client.start('arms', {});
  for (const name of order) {
    await openGate(ground.pool, name);
    await until(ground.pool, `SELECT FROM durable.step_executions WHERE run_id = $1 AND path = $2 AND type = 'step'`, [
      run.id,
      `both.${name}/${name}`,
    ]);
    await setClockBack();
  }
  await expect(run.result()).rejects.toThrow('compensated');
  expect(undone).toEqual([...order].reverse());
  const listed = (await run.steps()).map(({ step }) => step);
  expect(listed.filter((step) => order.includes(step))).toEqual(order);
});
