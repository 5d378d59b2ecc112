import type { INestApplicationContext, LoggerService } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { DurableClient, DurableModule, DurableQueues, Step, waitForEvent, Workflow } from 'nest-durable';
import pg from 'pg';
import { sql } from '../../lib/storage/sql.js';
import { createTestDatabase } from '../support/database.js';

let begun: (n: unknown) => void = () => {};

@Workflow({ name: 'told' })
class ToldWorkflow {
  @Step()
  async first(data: object) {
    const n = await waitForEvent<number>('go');
    begun(n);
    return { ...data, n };
  }

  @Step()
  async second(data: { n: number }) {
    return { ...data, m: await waitForEvent<number>('on') };
  }
}

/** The first lines of all statements that the module has sent. */
class Statements implements LoggerService {
  readonly heads: string[] = [];

  debug(message: unknown): void {
    this.heads.push(String(message).split('\n')[0] ?? '');
  }

  log(): void {}
  warn(): void {}
  error(): void {}

  /** How many of these there were. */
  count(head: string): number {
    return this.heads.filter((one) => one.startsWith(head)).length;
  }
}

const headOf = (name: string): string => sql(name, 'durable').split('\n')[0] ?? '';
const CLAIM = headOf('claim');
const HELD = headOf('send-event-and-claim');

let url: string;
let statements: Statements;
let app: INestApplicationContext;

async function start(concurrency = 5): Promise<void> {
  statements = new Statements();
  const module = await Test.createTestingModule({
    imports: [
      DurableModule.forRoot({
        database: { url },
        sqlLog: true,
        // Nothing is found by looking: what is not held at once, or told of, is not run.
        queues: { default: { concurrency, pollInterval: 3_600_000 } },
      }),
    ],
    providers: [ToldWorkflow],
  })
    .setLogger(statements)
    .compile();
  app = await module.init();
}

beforeEach(async () => {
  ({ url } = await createTestDatabase());
  await start();
});

afterEach(() => app.close());

async function untilWaiting(id: string, step: string): Promise<void> {
  const client = app.get(DurableClient);
  for (;;) {
    const run = await client.getExecution(id);
    if (run?.status === 'waiting' && run.currentSteps.includes(step)) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

it('a run goes on in the process that sends the event, without a claim', async () => {
  const run = await app.get(DurableClient).start(ToldWorkflow, {});
  await untilWaiting(run.id, 'first');
  const claims = statements.count(CLAIM);
  await run.sendEvent('go', 1);
  await untilWaiting(run.id, 'second');
  await run.sendEvent('on', 2);
  expect(await run.result()).toEqual({ n: 1, m: 2 });
  expect([statements.count(HELD), statements.count(CLAIM)]).toEqual([2, claims]);
});

it('many events at once: each run goes on, most of them by claims that they share', async () => {
  const client = app.get(DurableClient);
  const runs = await client.startMany(
    ToldWorkflow,
    Array.from({ length: 40 }, () => ({ input: {} })),
  );
  await Promise.all(runs.map((run) => untilWaiting(run.id, 'first')));
  await Promise.all(runs.map((run, n) => run.sendEvent('go', n)));
  await Promise.all(runs.map((run, n) => run.sendEvent('on', n)));
  expect(await Promise.all(runs.map((run) => run.result()))).toEqual(runs.map((_, n) => ({ n, m: n })));
  expect(statements.count(HELD)).toBeLessThan(40);
});

it('a paused queue keeps its runs, whoever sends them events', async () => {
  const queues = app.get(DurableQueues);
  const run = await app.get(DurableClient).start(ToldWorkflow, {});
  await untilWaiting(run.id, 'first');
  await queues.pause('default');
  let ran = false;
  begun = () => (ran = true);
  await run.sendEvent('go', 1);
  expect((await run.execution())?.status).toBe('pending');
  expect(ran).toBe(false);
  await queues.resume('default');
  await untilWaiting(run.id, 'second');
  expect(ran).toBe(true);
});

it('a process that is shut down right after an event gives the run back, and the next one goes on with it', async () => {
  const runs = await app.get(DurableClient).startMany(
    ToldWorkflow,
    Array.from({ length: 10 }, () => ({ input: {} })),
  );
  for (const [n, run] of runs.entries()) {
    await untilWaiting(run.id, 'first');
    await app.get(DurableClient).sendEvent(run.id, 'go', n);
    await app.close();
    await start(1);
  }
  const client = app.get(DurableClient);
  const handles = runs.map((run) => client.handle(run.id));
  for (const [n, run] of handles.entries()) await run.sendEvent('on', n);
  expect(await Promise.all(handles.map((run) => run.result()))).toEqual(runs.map((_, n) => ({ n, m: n })));
});

it('an event that waits for the row of its run keeps no place of the queue', async () => {
  await app.close();
  await start(1);
  const client = app.get(DurableClient);
  const run = await client.start(ToldWorkflow, {});
  await untilWaiting(run.id, 'first');
  const somebody = new pg.Client({ connectionString: url });
  await somebody.connect();
  await somebody.query('BEGIN');
  await somebody.query('SELECT FROM durable.workflow_queue WHERE id = $1 FOR UPDATE', [run.id]);
  const sent = run.sendEvent('go', 1);
  const other = await client.start(ToldWorkflow, {});
  await other.sendEvent('go', 2);
  await other.sendEvent('on', 3);
  expect(await other.result()).toEqual({ n: 2, m: 3 });
  await somebody.query('COMMIT');
  await somebody.end();
  await sent;
  await run.sendEvent('on', 4);
  expect(await run.result()).toEqual({ n: 1, m: 4 });
});
