import { Step, Workflow, WorkflowFailedError } from 'nest-durable';
import { registerDecorator } from 'class-validator';
import { createTestDatabase } from '../support/database.js';
import { caught, Gates, kit, openApp, type PlainApp } from '../support/plain-app.js';
import { until } from '../support/until.js';

/** An input that was not checked at the start, and whose check at the first claim takes a while: no step begins before it is over. */

let gates: Gates;
let checks: number;
let isOver: boolean;
const began: unknown[] = [];

class Order {
  id!: string;
}

registerDecorator({
  name: 'known',
  target: Order,
  propertyName: 'id',
  validator: {
    async validate(): Promise<boolean> {
      if (!isOver) await gates.pass(`check ${++checks}`);
      return false;
    },
    defaultMessage: () => 'it is not known',
  },
});

@Workflow({ name: 'ordered', input: Order })
class OrderedWorkflow {
  @Step()
  run(order: Order) {
    began.push(order);
  }
}

let url: string;
const apps: PlainApp[] = [];

async function open(workers: boolean): Promise<PlainApp> {
  const app = await openApp({ database: { url }, workers, shutdownTimeout: 1_000 }, workers ? [OrderedWorkflow] : []);
  apps.push(app);
  return app;
}

beforeEach(async () => {
  gates = new Gates();
  checks = 0;
  isOver = false;
  began.length = 0;
  ({ url } = await createTestDatabase());
});

/** All checks come to their end, further ones of the same claim too. */
function endChecks(): void {
  isOver = true;
  gates.openAll();
}

afterEach(async () => {
  endChecks();
  await Promise.all(apps.splice(0).map(({ app }) => app.close()));
});

it('is checked by the next worker where the one that checked it was shut down', async () => {
  const { app } = await open(true);
  const { client } = await open(false);
  const run = await client.start('ordered', { id: 'A-1' });
  await gates.arrived('check 1');
  await app.close();
  await open(true);
  await gates.arrived('check 2');
  endChecks();
  await caught(run.result(), WorkflowFailedError);
  expect(began).toEqual([]);
});

it('the same where the run was paused meanwhile', async () => {
  await open(true);
  const { client } = await open(false);
  const run = await client.start('ordered', { id: 'A-1' });
  await gates.arrived('check 1');
  await run.pause();
  await until(async () => (await run.execution())?.status === 'paused');
  await run.resume();
  await gates.arrived('check 2');
  endChecks();
  await caught(run.result(), WorkflowFailedError);
  expect(began).toEqual([]);
});

it('the same where the worker died', async () => {
  const test = await kit([OrderedWorkflow]);
  try {
    url = test.url;
    const { client } = await open(false);
    const run = await client.start('ordered', { id: 'A-1' });
    await gates.arrived('check 1');
    await test.crash();
    await test.restart();
    await gates.arrived('check 2');
    endChecks();
    await caught(run.result(), WorkflowFailedError);
    expect(began).toEqual([]);
  } finally {
    endChecks();
    await test.close();
  }
});
