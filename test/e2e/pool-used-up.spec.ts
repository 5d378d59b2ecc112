import { Test } from '@nestjs/testing';
import { DurableClient, DurableModule, Step, stepManager, Workflow } from 'nest-durable';
import { DataSource, type EntityManager } from 'typeorm';
import { createTestDatabase } from '../support/database.js';

/** Transactional steps that ask for second connections of the app's pool can wait for each other for ever. */

let dataSource: DataSource;

@Workflow({ name: 'asks_twice' })
class AsksTwiceWorkflow {
  private held = 0;
  private allHeld: () => void = () => {};
  private readonly all = new Promise<void>((resolve) => (this.allHeld = resolve));

  @Step({ transactional: true })
  async ask({ siblings }: { siblings: number }) {
    await stepManager<EntityManager>().query('SELECT 1');
    if (++this.held === siblings) this.allHeld();
    await this.all;
    // As a service does that has the repository injected.
    await dataSource.query('SELECT 1');
  }
}

it('steps that wait for each other at the pool are told of, with its size and the concurrency', async () => {
  const { url } = await createTestDatabase();
  dataSource = await new DataSource({
    type: 'postgres',
    url,
    installExtensions: false,
    extra: { max: 2 },
  }).initialize();
  let told: (message: string) => void = () => {};
  const warning = new Promise<string>((resolve) => (told = resolve));
  const nothing = () => {};
  const warn = (message: string) => {
    if (message.includes('connections')) told(message);
  };
  const queues = { default: { concurrency: 7 }, other: { concurrency: 5 } };
  const module = await Test.createTestingModule({
    imports: [DurableModule.forRoot({ database: { dataSource }, queues })],
    providers: [AsksTwiceWorkflow],
  })
    .setLogger({ log: nothing, error: nothing, warn })
    .compile();
  const app = await module.init();
  const client = app.get(DurableClient);
  const [first, second] = await client.startMany('asks_twice', [
    { input: { siblings: 2 } },
    { input: { siblings: 2 } },
  ]);
  const message = await warning;
  expect(message).toContain('All 2 connections');
  expect(message).toContain('up to 12 steps');
  expect(message).toContain('stepManager()');
  // Its transaction is rolled back, and the other gets its connection.
  await first?.cancel();
  await second?.result();
  await app.close();
  await dataSource.destroy();
});
