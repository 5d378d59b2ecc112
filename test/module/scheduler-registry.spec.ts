import { type INestApplicationContext, Injectable } from '@nestjs/common';
import { Interval, ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { Test } from '@nestjs/testing';
import { DurableClient, DurableModule, type DurableModuleOptions, sleep, Step, Workflow } from 'nest-durable';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

let began: () => void = () => {};

@Workflow({ name: 'nap' })
class NapWorkflow {
  @Step()
  async nap() {
    await sleep(50);
    return { rested: true };
  }
}

@Workflow({ name: 'long' })
class LongWorkflow {
  @Step()
  async work() {
    began();
    await new Promise((resolve) => setTimeout(resolve, 300));
    return { done: true };
  }

  @Step()
  more() {
    return { more: true };
  }
}

/** The app's own interval, and one that stands under a name of ours already. */
@Injectable()
class Jobs {
  turns = 0;

  @Interval('own', 100_000)
  turn() {
    this.turns++;
  }

  @Interval('nest-durable:second:waker', 100_000)
  taken() {}
}

let database: TestDatabase;
let app: INestApplicationContext;

beforeEach(async () => {
  database = await createTestDatabase();
});

async function start(options: DurableModuleOptions[], schedule = true): Promise<SchedulerRegistry> {
  const instances = options.map((one) => DurableModule.forRoot({ database: { url: database.url }, ...one }));
  const module = await Test.createTestingModule({
    imports: [...instances, ...(schedule ? [ScheduleModule.forRoot()] : [])],
    providers: [NapWorkflow, LongWorkflow, ...(schedule ? [Jobs] : [])],
  }).compile();
  module.useLogger(false);
  app = await module.init();
  return schedule ? app.get(SchedulerRegistry) : new SchedulerRegistry();
}

const OURS = ['waker', 'scheduler', 'heartbeat', 'recovery', 'retention of the audit'];

describe('the SchedulerRegistry of the app', () => {
  it('lists the loops of each instance that works, with its intervals', async () => {
    const registry = await start([
      { wakeInterval: 700, leaseTimeout: 30_000, heartbeatInterval: 14_000, retention: { completed: 3_600_000 } },
      { name: 'second' },
      { name: 'idle', workers: false },
    ]);
    const expected = [
      'own',
      'nest-durable:second:waker',
      ...[...OURS, 'retention'].map((name) => `nest-durable:default:${name}`),
      ...OURS.slice(1).map((name) => `nest-durable:second:${name}`),
    ];
    expect(registry.getIntervals().sort()).toEqual(expected.sort());
    expect(registry.getInterval('nest-durable:default:waker')).toEqual({ name: 'waker', interval: 700 });
    // Three heartbeats in a lease at least, whatever the option says.
    expect(registry.getInterval('nest-durable:default:heartbeat')).toEqual({ name: 'heartbeat', interval: 10_000 });
    await app.close();
  });

  it('is only a list: what is deleted there goes on', async () => {
    const registry = await start([{}]);
    for (const name of registry.getIntervals()) registry.deleteInterval(name);
    const run = await app.get(DurableClient).start(NapWorkflow, {});
    expect(await run.result()).toEqual({ rested: true });
    await app.close();
  });

  it('is emptied by its module at the shutdown, while running steps are still recorded', async () => {
    const registry = await start([{}]);
    const client = app.get(DurableClient);
    const working = new Promise<void>((resolve) => (began = resolve));
    const run = await client.start(LongWorkflow, {});
    await working;
    await app.close();
    expect(registry.getIntervals()).toEqual([]);
    await start([{ workers: false }], false);
    expect(await app.get(DurableClient).getSteps(run.id)).toMatchObject([{ step: 'work', status: 'completed' }]);
    await app.close();
  });

  it('is not needed', async () => {
    const registry = await start([{}], false);
    expect(registry.getIntervals()).toEqual([]);
    const run = await app.get(DurableClient).start(NapWorkflow, {});
    expect(await run.result()).toEqual({ rested: true });
    await app.close();
  });
});
