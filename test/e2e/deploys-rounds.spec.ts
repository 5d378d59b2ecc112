import type { INestApplicationContext, Type } from '@nestjs/common';
import { type DurableClient, DurableQueues, Step, Workflow } from 'nest-durable';
import { createTestDatabase } from '../support/database.js';
import { Gates, openApp, reached } from '../support/plain-app.js';

/** Deploys between two rounds of a run. */

let url: string;
const apps: INestApplicationContext[] = [];
const calls: string[] = [];
let gates: Gates;

beforeEach(async () => {
  calls.length = 0;
  gates = new Gates();
  ({ url } = await createTestDatabase());
});

afterEach(shutDown);

async function shutDown(): Promise<void> {
  await Promise.all(apps.splice(0).map((app) => app.close()));
}

async function deploy(version: Type): Promise<{ client: DurableClient; queues: DurableQueues }> {
  await shutDown();
  const { app, client } = await openApp({ database: { url } }, [version]);
  apps.push(app);
  return { client, queues: app.get(DurableQueues, { strict: false }) };
}

@Workflow({ name: 'job', maxRetries: 1 })
class FailsWorkflow {
  @Step()
  async work(): Promise<void> {
    calls.push('fails');
    await gates.pass('failing');
    throw new Error('no');
  }
}

@Workflow({ name: 'job', maxRetries: 1 })
class InsertedWorkflow {
  @Step()
  prepare(): object {
    calls.push('prepare');
    return { prepared: true };
  }

  @Step()
  work(data: object): object {
    calls.push('work');
    return { ...data, done: true };
  }
}

@Workflow({ name: 'job', maxRetries: 1 })
class RenamedWorkflow {
  @Step()
  act(): object {
    calls.push('act');
    return { acted: true };
  }
}

it.each([
  ['inserted', InsertedWorkflow, ['fails', 'prepare', 'work'], { prepared: true, done: true }],
  ['renamed', RenamedWorkflow, ['fails', 'act'], { acted: true }],
])(
  'a round that has not begun begins with the first member of the new code, which was %s',
  async (_, next, made, data) => {
    let { client, queues } = await deploy(FailsWorkflow);
    const { id } = await client.start('job', { n: 1 });
    await gates.arrived('failing');
    // So that the old code begins no further round.
    await queues.pause('default');
    gates.open('failing');
    await reached(client, id, 'waiting');
    ({ client, queues } = await deploy(next));
    await queues.resume('default');
    expect((await reached(client, id, 'completed')).data).toEqual(data);
    expect(calls).toEqual(made);
  },
);
