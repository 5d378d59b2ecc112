import { AsyncLocalStorage } from 'node:async_hooks';
import type { INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Transform } from 'class-transformer';
import { IsString, ValidateBy } from 'class-validator';
import {
  Branch,
  Compensate,
  Decision,
  DurableClient,
  DurableEvents,
  DurableModule,
  DurableQueues,
  finish,
  ForEach,
  goto,
  once,
  Parallel,
  Schedule,
  scheduledTime,
  startWorkflow,
  Step,
  stepSignal,
  waitForEvent,
  waitForInput,
  Workflow,
  type WorkflowHandle,
} from 'nest-durable';
import { DataSource } from 'typeorm';
import { createTestDatabase } from '../support/database.js';
import { Gate } from '../testing/support.js';

/** What code of the user's finds in an AsyncLocalStorage of the user's: nothing, whoever started or woke the run. */

const request = new AsyncLocalStorage<unknown>();
/** What was found, by the door through which the code was entered; beside undefined, each once. */
const found = new Map<string, Set<unknown>>();

function look(door: string): void {
  found.set(door, (found.get(door) ?? new Set()).add(request.getStore()));
}

class OrderInput {
  @ValidateBy({ name: 'looked', validator: { validate: () => (look('validator'), true) } })
  @Transform(({ value }: { value: unknown }) => (look('transform'), value))
  @IsString()
  name = '';
}

let aborting: Gate;
let ticked = new Gate();

@Workflow({
  name: 'doors',
  input: OrderInput,
  concurrency: { limit: 100, key: ({ name }) => (look('concurrency key'), name) },
})
class DoorsWorkflow {
  @Step({ compensate: 'undo', retry: { maxAttempts: 2, initialDelay: 1, retryIf: () => (look('retryIf'), true) } })
  async step() {
    look('step');
    await once('first', () => look('once'));
    if (!failed.has('step')) {
      failed.add('step');
      throw new Error('once more');
    }
    await waitForEvent('go');
    look('step after an event');
    await waitForInput('say');
    look('step after an answer');
    await startWorkflow('quick', {});
    look('step after a child');
    return { n: 1, made: { toJSON: () => (look('toJSON of data'), 'made') } };
  }

  @Branch({ yes: 'thenable' })
  branch() {
    look('branch');
    return 'yes';
  }

  @Step()
  thenable() {
    // oxlint-disable-next-line no-thenable
    return { then: (resolve: (data: object) => void) => (look('then of a thenable'), resolve({ n: 2 })) };
  }

  @ForEach('item')
  loop() {
    look('loop');
    return [1, 2, 3];
  }

  @Step()
  item() {
    look('item');
  }

  @Parallel(['left', 'right'])
  collect() {
    look('collector');
  }

  @Step()
  left() {
    look('arm');
  }

  @Step()
  right() {
    request.enterWith('what an arm has set');
  }

  @Decision({ goto: ['last'] })
  jump() {
    look('decision');
    return goto('last', { n: 3 });
  }

  @Step({ compensate: 'undo', compensateWhen: 'started' })
  async last() {
    const signal = stepSignal();
    signal.addEventListener('abort', () => look('abort of the signal'));
    const { promise } = aborting;
    aborting.open();
    await promise;
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  }

  @Compensate()
  undo() {
    look('compensation');
  }
}

const failed = new Set<string>();

@Workflow({ name: 'quick' })
@Schedule({ name: 'quick', cron: '0 0 1 1 *' })
class QuickWorkflow {
  @Step()
  step() {
    look('step of a child or schedule');
    if (scheduledTime() !== null) ticked.open();
  }

  @Step()
  async leaves() {
    request.enterWith('at once');
    await Promise.resolve();
    request.enterWith('later');
  }

  @Decision({ goto: [] })
  after() {
    look('step after one with enterWith');
    return finish({});
  }
}

/** The EntityManager of the present transaction, as libraries keep it. */
const transaction = new AsyncLocalStorage<{ query(text: string): Promise<unknown> }>();
let app: INestApplicationContext;
let client: DurableClient;
let events: DurableEvents;
let dataSource: DataSource;

@Workflow({ name: 'audit' })
class AuditWorkflow {
  @Step()
  async write() {
    await (transaction.getStore() ?? dataSource).query('INSERT INTO audit VALUES (1)');
  }
}

beforeAll(async () => {
  const { url } = await createTestDatabase();
  dataSource = await new DataSource({ type: 'postgres', url }).initialize();
  await dataSource.query('CREATE TABLE audit (n integer)');
  const module = await Test.createTestingModule({
    imports: [DurableModule.forRoot({ database: { url } })],
    providers: [DoorsWorkflow, QuickWorkflow, AuditWorkflow],
  }).compile();
  app = await module.init();
  client = app.get(DurableClient);
  events = app.get(DurableEvents);
});

beforeEach(() => {
  found.clear();
  failed.clear();
  aborting = new Gate();
});

afterAll(async () => {
  await app.close();
  await dataSource.destroy();
});

function nothingElse(): void {
  for (const [door, stores] of found) expect([door, [...stores]]).toEqual([door, [undefined]]);
}

async function untilPending(what: 'events' | 'inputs', run: { id: string }): Promise<void> {
  for (;;) {
    const list = what === 'events' ? await client.listPendingEvents() : await client.listPendingInputs();
    if (list.some((one) => one.executionId === run.id)) return;
  }
}

it('no door into the code of a workflow shows the context of whoever started, woke or cancelled it', async () => {
  const run = await request.run('starter', () => client.start(DoorsWorkflow, { name: 'a' }));
  await untilPending('events', run);
  await request.run('sender', () => run.sendEvent('go'));
  await untilPending('inputs', run);
  await request.run('person', () => run.provideInput('say', 'yes'));
  await aborting.promise;
  await request.run('canceller', () => run.cancel('enough', { compensate: true }));
  await expect(run.result()).rejects.toThrow('enough');
  expect((await run.execution())?.status).toBe('compensated');
  expect([...found.keys()].toSorted()).toEqual([
    'abort of the signal', 'arm', 'branch', 'collector', 'compensation', 'concurrency key', 'decision', 'item', 'loop',
    'once', 'retryIf', 'step', 'step after a child', 'step after an answer', 'step after an event',
    'step of a child or schedule', 'step after one with enterWith', 'then of a thenable', 'toJSON of data', 'transform',
    'validator',
  ].toSorted()); // prettier-ignore
  nothingElse();
});

it('what a step sets with enterWith is gone with it', async () => {
  const runs = await Promise.all(Array.from({ length: 5 }, () => client.start(QuickWorkflow, {})));
  for (const run of runs) await run.result();
  await (await client.start(QuickWorkflow, {})).result();
  expect(found.size).toBe(2);
  nothingElse();
});

it('schedules, queues and restarts keep nothing of the request that touched them', async () => {
  const queues = app.get(DurableQueues);
  await request.run('admin', async () => {
    await queues.pause('default');
    await client.updateSchedule('quick', { timezone: 'Asia/Tokyo' });
  });
  const runs: WorkflowHandle[] = [];
  await request.run('starter', async () => {
    runs.push(await client.triggerSchedule('quick'));
    runs.push(...(await client.startMany(QuickWorkflow, [{ input: {} }, { input: {} }])));
    await queues.resume('default');
    await client.sweep();
  });
  for (const run of runs) await run.result();
  runs.push(await request.run('again', () => client.retry(runs[0]?.id ?? '')));
  await runs.at(-1)?.result();
  expect(found.size).toBe(2);
  nothingElse();
});

it('a schedule that a request has made fires outside of it', async () => {
  ticked = new Gate();
  await request.run('admin', () => client.schedule(QuickWorkflow, '* * * * * *', { name: 'ticks' }));
  await ticked.promise;
  await client.deleteSchedule('ticks');
  expect([...found.keys()]).toContain('step of a child or schedule');
  nothingElse();
});

it('subscribers of the events are called outside of what they subscribed in, and of each other', async () => {
  const ended = new Gate();
  const first = request.run('one', () =>
    events.all().subscribe(() => {
      look('subscriber');
      request.enterWith('set by a subscriber');
    }),
  );
  const second = request.run('two', () =>
    events.all().subscribe(({ kind }) => {
      look('another subscriber');
      if (kind === 'workflow_completed') ended.open();
    }),
  );
  const run = await request.run('starter', () => client.start(QuickWorkflow, {}));
  await run.result();
  await ended.promise;
  for (const subscription of [first, second]) subscription.unsubscribe();
  expect([...found.keys()]).toContain('another subscriber');
  nothingElse();
});

it("a transaction that is kept in the caller's context has no part in the run, and takes nothing of it back", async () => {
  let run: WorkflowHandle | undefined;
  const rolledBack = dataSource.transaction((manager) =>
    transaction.run(manager, async () => {
      run = await client.start(AuditWorkflow, {});
      await run.result();
      throw new Error('the request fails');
    }),
  );
  await expect(rolledBack).rejects.toThrow('the request fails');
  expect((await run?.execution())?.status).toBe('completed');
  expect(await dataSource.query('SELECT n FROM audit')).toEqual([{ n: 1 }]);
});

it('a function that gives the password is called outside of the request that needed a session', async () => {
  const { url } = await createTestDatabase();
  const { hostname: host, port, username: user, password, pathname } = new URL(url);
  const database = {
    host,
    port: Number(port),
    user,
    database: pathname.slice(1),
    password: () => (look('password'), decodeURIComponent(password)),
  };
  const module = await Test.createTestingModule({
    imports: [DurableModule.forRoot({ database })],
    providers: [QuickWorkflow],
  }).compile();
  const own = await module.init();
  await request.run('reader', () =>
    Promise.all(Array.from({ length: 8 }, () => own.get(DurableClient).listExecutions({}))),
  );
  await own.close();
  expect([...found.keys()]).toContain('password');
  nothingElse();
});
