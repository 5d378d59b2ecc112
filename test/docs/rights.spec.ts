import { Test, type TestingModule } from '@nestjs/testing';
import {
  callWorkflow,
  DurableClient,
  DurableModule,
  DurableQueues,
  Schedule,
  Step,
  waitForApproval,
  waitForEvent,
  Workflow,
} from 'nest-durable';
import pg from 'pg';
import { examine } from '../../lib/storage/reads/doctor.js';
import { migrate } from '../../lib/storage/migrations/migrator.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { until } from '../support/until.js';
import { readPage } from './pages.js';

/** The roles of docs/how-to/security.md are enough, as they are printed there. */

@Workflow({ name: 'child' })
class ChildWorkflow {
  @Step({ queue: 'other' })
  add(data: { n: number }) {
    return { n: data.n + 1 };
  }
}

@Workflow({ name: 'all_of_it', concurrency: { limit: 2 } })
@Schedule({ cron: '0 0 1 1 *' })
class AllOfItWorkflow {
  @Step()
  async wait() {
    const event = await waitForEvent('paid');
    const answer = await waitForApproval('fine');
    const child = await callWorkflow(ChildWorkflow, { n: 1 });
    return { event, answer, child };
  }
}

let database: TestDatabase;
let administrator: pg.Client;
let owner: string;
let runner: string;
let module: TestingModule | undefined;

beforeAll(async () => {
  database = await createTestDatabase({ migrated: false });
  administrator = new pg.Client({ connectionString: database.url });
  await administrator.connect();
  const block = readPage('docs/how-to/security.md').blocks.find(({ language }) => language === 'sql');
  // Roles belong to the server, which other specs use too.
  [owner, runner] = [`owner_${database.name}`, `app_${database.name}`];
  const sql = block?.text.replaceAll('durable_owner', owner).replaceAll('durable_app', runner);
  await administrator.query(sql ?? '');
});

afterAll(async () => {
  await module?.close();
  for (const role of [runner, owner]) await administrator.query(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`);
  await administrator.end();
});

function urlAs(role: string, password: string): string {
  const url = new URL(database.url);
  [url.username, url.password] = [role, password];
  return url.href;
}

it('the owner migrates', async () => {
  expect((await migrate({ connectionString: urlAs(owner, 'change me'), schema: 'durable' })).length).toBeGreaterThan(0);
});

it('the app runs, with waits, children, limits, schedules, queues and retention, and may change no table', async () => {
  const url = urlAs(runner, 'change me too');
  const options = { database: { url }, migrations: 'check' as const, queues: { default: {}, other: { globalConcurrency: 1 } } };
  const made = Test.createTestingModule({
    imports: [DurableModule.forRoot(options)],
    providers: [AllOfItWorkflow, ChildWorkflow],
  });
  module = await made.compile();
  module.useLogger(false);
  module.enableShutdownHooks();
  await module.init();
  const client = module.get(DurableClient);

  const run = await client.start(AllOfItWorkflow, {});
  await run.sendEvent('paid', 42);
  await until(async () => (await client.listPendingInputs({ executionId: run.id })).length === 1);
  await run.provideInput('fine', true);
  expect(await run.result()).toEqual({ event: 42, answer: 'approved', child: { n: 2 } });

  await (await client.triggerSchedule('all_of_it')).cancel('enough');
  const queues = module.get(DurableQueues);
  expect([await queues.pause('other'), await queues.resume('other')]).toEqual([true, true]);
  expect(await client.cleanup({ olderThan: 0 })).toBeGreaterThan(0);

  const session = new pg.Client({ connectionString: url });
  await session.connect();
  await expect(session.query('DROP TABLE durable.events')).rejects.toThrow('must be owner of table events');
  await expect(session.query('CREATE TABLE durable.mine ()')).rejects.toThrow('permission denied for schema durable');
  await session.end();
});

it('doctor says which of them is missing', async () => {
  const session = new pg.Client({ connectionString: urlAs(runner, 'change me too') });
  await session.connect();
  const query = async <Row>(text: string, values: readonly unknown[]): Promise<Row[]> =>
    (await session.query(text, [...values])).rows as Row[];
  const rights = async (): Promise<object | undefined> =>
    (await examine({ query, schema: 'durable', notified: null })).checks.find(({ id }) => id === 'rights');
  try {
    expect(await rights()).toMatchObject({ state: 'ok' });
    await administrator.query(`REVOKE USAGE ON SEQUENCE durable.wait_ends FROM ${runner}`);
    await administrator.query(`REVOKE DELETE ON durable.events FROM ${runner}`);
    expect(await rights()).toMatchObject({ state: 'bad', text: 'The role may not read and write events, wait_ends.' });
  } finally {
    await session.end();
  }
});
