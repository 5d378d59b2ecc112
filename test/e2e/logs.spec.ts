import { type INestApplicationContext, Logger } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  Compensate,
  DurableClient,
  DurableModule,
  type DurableModuleOptions,
  ExecutionNotFoundError,
  InvalidInputError,
  type LogEntry,
  once,
  Parallel,
  Step,
  waitForEvent,
  Workflow,
} from 'nest-durable';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { expectInvariants } from '../support/invariants.js';
import { until } from '../support/until.js';

const ARMS = Array.from({ length: 20 }, (_, at) => `arm${at}`);
const LINES = 25;
const QUEUES = { default: {}, else: {} };
const logger = new Logger('Shop');

/** Steps that are to be seen running wait at a gate until the test opens it. */
const gates = new Map<string, () => void>();
const gate = (name: string): Promise<void> => new Promise((resolve) => gates.set(name, resolve));

function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A helper that knows nothing of the step that calls it. */
async function chat(name: string): Promise<void> {
  for (let line = 0; line < LINES; line++) {
    if (line % 2 === 0) console.log(`${name} %d`, line);
    else logger.log(`${name} ${line}`);
    await (line % 3 === 0 ? tick() : Promise.resolve());
  }
}

@Workflow({ name: 'wide' })
class WideWorkflow {
  @Parallel(ARMS as never)
  all() {
    console.warn('collected');
  }
}
for (const arm of ARMS) {
  Object.defineProperty(WideWorkflow.prototype, arm, { value: () => chat(arm), configurable: true, writable: true });
  const descriptor = Object.getOwnPropertyDescriptor(WideWorkflow.prototype, arm);
  Step()(WideWorkflow.prototype as never, arm as never, descriptor as never);
}

@Workflow({ name: 'talk' })
class TalkWorkflow {
  @Step({ compensate: 'untalk', retry: { maxAttempts: 2, initialDelay: 1 } })
  async talk({ kind }: { kind: string }) {
    if (kind === 'levels') {
      for (const level of ['verbose', 'debug', 'log', 'warn', 'error', 'fatal'] as const) logger[level](`a ${level}`);
      for (const level of ['debug', 'info', 'log', 'warn', 'error'] as const) console[level](`c ${level}`);
      Logger.log('static', 'Other');
      logger.error('failed', 'Error: no\n    at f (file.ts:1:2)');
      logger.log('charged', { orderId: 7n, card: '4111' });
      console.log('shown', { orderId: 8 });
    }
    if (kind === 'many') for (let n = 0; n < 12; n++) console.log(`${n}`.padEnd(100, 'x'));
    if (kind === 'fails') {
      logger.warn('it will fail');
      throw new Error('no');
    }
    if (kind === 'waits') {
      logger.log('before');
      await once('paid', () => logger.log('within once'));
      logger.log('asks for one');
      await waitForEvent('one');
      logger.log('asks for two');
      await waitForEvent('two');
      logger.log('after');
    }
    if (kind === 'hangs') {
      logger.log('begun');
      await gate('hangs');
    }
  }

  @Step()
  end({ kind }: { kind: string }) {
    if (kind !== 'undone') return;
    throw new Error('undo it');
  }

  @Compensate()
  untalk() {
    console.info('undone');
  }
}

@Workflow({ name: 'far' })
class FarWorkflow {
  @Step({ queue: 'else' })
  async elsewhere({ kind }: { kind: string }) {
    if (!kind.startsWith('elsewhere')) return;
    logger.log('begun elsewhere');
    if (kind === 'elsewhere waits') await waitForEvent('there');
    else await gate(kind);
    logger.log('done elsewhere');
  }
}

let database: TestDatabase;
let pool: pg.Pool;
const apps: INestApplicationContext[] = [];
/** What reached the app's own logger, and the console. */
const printed: string[] = [];
const said: string[] = [];
const original = { ...console };
const METHODS = ['log', 'info', 'warn', 'error', 'debug'] as const;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = new pg.Pool({ connectionString: database.url, max: 2 });
  for (const method of METHODS) console[method] = (...args: unknown[]) => void said.push(String(args[0]));
});

afterEach(async () => {
  for (const open of gates.values()) open();
  gates.clear();
  await Promise.all(apps.splice(0).map((app) => app.close()));
  printed.length = 0;
  said.length = 0;
});

afterAll(async () => {
  Object.assign(console, original);
  await pool.end();
});

async function node(logs?: DurableModuleOptions['logs'], more: DurableModuleOptions = {}) {
  const note = (message: string) => void printed.push(message);
  const module = await Test.createTestingModule({
    imports: [
      DurableModule.forRoot({ database: { url: database.url }, queues: QUEUES, ...(logs && { logs }), ...more }),
    ],
    providers: [WideWorkflow, TalkWorkflow, FarWorkflow],
  })
    .setLogger({ log: note, warn: note, error: note, debug: note, verbose: note, fatal: note })
    .compile();
  const app = await module.init();
  apps.push(app);
  return { app, client: app.get(DurableClient) };
}

async function talk(client: DurableClient, kind: string): Promise<LogEntry[]> {
  const run = await client.start(TalkWorkflow, { kind });
  await run.result().catch(() => {});
  return client.getLogs(run.id);
}

const messages = (logs: readonly LogEntry[]): string[] => logs.map(({ message }) => message);

it('keeps what 20 concurrent arms say, each with its step, helpers included', async () => {
  const { client } = await node();
  const runs = await client.startMany(WideWorkflow, [{ input: {} }, { input: {} }, { input: {} }]);
  for (const run of runs) {
    await run.result();
    for (const arm of ARMS) {
      const logs = await client.getLogs(run.id, arm);
      expect(messages(logs)).toEqual(Array.from({ length: LINES }, (_, line) => `${arm} ${line}`));
      expect(new Set(logs.map(({ step, attempt }) => `${step} ${attempt}`))).toEqual(new Set([`${arm} 1`]));
    }
    const all = await client.getLogs(run.id);
    expect(all).toHaveLength(ARMS.length * LINES + 1);
    expect(all.at(-1)).toMatchObject({ step: 'all', level: 'warn', message: 'collected' });
    const times = all.map(({ time }) => time.getTime());
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  }
});

it('knows levels, contexts, stacks and metadata', async () => {
  const { client } = await node({ metadata: ['orderId'] });
  const logs = await talk(client, 'levels');
  expect(logs.map(({ level, message, context, metadata }) => [level, message, context, metadata])).toEqual([
    ['verbose', 'a verbose', 'Shop', undefined],
    ['debug', 'a debug', 'Shop', undefined],
    ['log', 'a log', 'Shop', undefined],
    ['warn', 'a warn', 'Shop', undefined],
    ['error', 'a error', 'Shop', undefined],
    ['fatal', 'a fatal', 'Shop', undefined],
    ['debug', 'c debug', undefined, undefined],
    ['log', 'c info', undefined, undefined],
    ['log', 'c log', undefined, undefined],
    ['warn', 'c warn', undefined, undefined],
    ['error', 'c error', undefined, undefined],
    ['log', 'static', 'Other', undefined],
    ['error', 'failed\nError: no\n    at f (file.ts:1:2)', 'Shop', undefined],
    ['log', 'charged', 'Shop', { orderId: 7n }],
    ['log', 'shown { orderId: 8 }', undefined, { orderId: 8 }],
  ]);
  expect(logs[0]).toEqual({
    time: expect.any(Date), level: 'verbose', message: 'a verbose', step: 'talk', attempt: 1, context: 'Shop',
  }); // prettier-ignore
  expect(printed).toEqual(expect.arrayContaining(['a verbose', 'static', 'charged']));
  expect(said).toEqual(['c debug', 'c info', 'c log', 'c warn', 'c error', 'shown']);
});

it('keeps the levels that are asked for; what it does not keep goes on as ever', async () => {
  const { client } = await node({ levels: ['error'], console: false, passthrough: false });
  expect(messages(await talk(client, 'levels'))).toEqual(['a error', 'failed\nError: no\n    at f (file.ts:1:2)']);
  expect(printed).toEqual(expect.arrayContaining(['a verbose', 'a fatal', 'charged']));
  expect(printed).not.toContain('a error');
});

it('is quiet where it is told to be', async () => {
  const { client } = await node({ passthrough: false });
  expect(messages(await talk(client, 'levels'))).toEqual(expect.arrayContaining(['a log', 'c log']));
  expect(printed).not.toContain('a log');
  expect(said).toEqual([]);
  console.log('outside');
  expect(said).toEqual(['outside']);
});

it('keeps nothing, and touches nothing, where it is off', async () => {
  const before = [console.log, console.error, Logger.log, Logger.prototype.log];
  const { client } = await node({ enabled: false });
  expect([console.log, console.error, Logger.log, Logger.prototype.log]).toEqual(before);
  expect(await talk(client, 'levels')).toEqual([]);
});

it('keeps the beginning within its limits, and says how much there was', async () => {
  const few = await node({ maxEntries: 3, maxMessageLength: 10 });
  const logs = await talk(few.client, 'many');
  expect(messages(logs)).toEqual(['0xxxxxxxx…', '1xxxxxxxx…', '2xxxxxxxx…']);
  expect(logs.map(({ dropped }) => dropped)).toEqual([undefined, undefined, 9]);
  await few.app.close();
  const small = await node({ maxBytes: 600 });
  const kept = await talk(small.client, 'many');
  expect(kept.length).toBeGreaterThan(1);
  expect(kept.length + (kept.at(-1)?.dropped ?? 0)).toBe(12);
  const { rows } = await pool.query<{ n: number }>(
    'SELECT max(octet_length(logs))::integer AS n FROM durable.step_executions WHERE run_id = (SELECT id FROM durable.workflow_executions ORDER BY id DESC LIMIT 1)',
  );
  expect(rows[0]?.n).toBeLessThanOrEqual(600);
});

it('keeps those of failed attempts and of compensations, by attempt', async () => {
  const { client } = await node();
  const logs = await talk(client, 'fails');
  expect(logs.map(({ message, attempt }) => [message, attempt])).toEqual([
    ['it will fail', 1],
    ['it will fail', 2],
  ]);
  expect((await talk(client, 'undone')).map(({ message, step }) => [message, step])).toEqual([['undone', 'untalk']]);
});

it('shows them while the step waits, and what is said again after a wait once', async () => {
  const { client } = await node();
  const run = await client.start(TalkWorkflow, { kind: 'waits' });
  const waits = async (name: string) =>
    (await client.listPendingEvents({ eventName: name })).some((wait) => wait.executionId === run.id);
  await until(() => waits('one'));
  expect(messages(await client.getLogs(run.id))).toEqual(['before', 'within once', 'asks for one']);
  const waiting = await client.getExecution(run.id, { includeLogs: true });
  expect(waiting?.steps?.map(({ status, logs }) => [status, logs?.length])).toEqual([['waiting', 3]]);
  await run.sendEvent('one');
  await until(() => waits('two'));
  await run.sendEvent('two');
  await run.result();
  const all = ['before', 'within once', 'asks for one', 'asks for two', 'after'];
  const logs = await client.getLogs(run.id);
  expect(messages(logs)).toEqual(all);
  const done = await client.getExecution(run.id, { includeSteps: true, includeLogs: true });
  expect(done?.steps?.map(({ step, logs: own }) => [step, own?.map(({ message }) => message)])).toEqual([
    ['talk', all],
    ['end', []],
  ]);
  const plain = await client.getExecution(run.id, { includeSteps: true });
  expect(plain?.steps?.[0]).not.toHaveProperty('logs');
});

it('keeps those of an attempt that is handed back at the shutdown of its worker', async () => {
  const one = await node(undefined, { shutdownTimeout: 0 });
  const run = await one.client.start(TalkWorkflow, { kind: 'hangs' });
  await until(() => gates.has('hangs'));
  await one.app.close();
  gates.delete('hangs');
  const two = await node();
  await until(() => gates.has('hangs'));
  expect(messages(await two.client.getLogs(run.id))).toEqual(['begun']);
  gates.get('hangs')?.();
  await two.client.handle(run.id).result();
  // It has run twice.
  expect(messages(await two.client.getLogs(run.id, 'talk'))).toEqual(['begun', 'begun']);
});

it('captures once for several apps, and leaves the loggers as they were when the last is closed', async () => {
  const before = [console.log, console.warn, Logger.log, Logger.prototype.log];
  const one = await node();
  const two = await node();
  const logs = await talk(two.client, 'undone');
  expect(messages(logs)).toEqual(['undone']);
  await one.app.close();
  expect(messages(await talk(two.client, 'undone'))).toEqual(['undone']);
  await two.app.close();
  expect([console.log, console.warn, Logger.log, Logger.prototype.log]).toEqual(before);
});

it('answers questions about what is not there', async () => {
  const { client } = await node();
  const run = await client.start(TalkWorkflow, { kind: 'silent' });
  await run.result();
  expect(await client.getLogs(run.id)).toEqual([]);
  expect(await client.getLogs(run.id, 'nobody')).toEqual([]);
  await expect(client.getLogs('01890000-0000-7000-8000-000000000000')).rejects.toBeInstanceOf(ExecutionNotFoundError);
  await expect(client.getLogs('x')).rejects.toBeInstanceOf(InvalidInputError);
  await expect(client.getLogs(run.id, 5 as never)).rejects.toBeInstanceOf(InvalidInputError);
});

it('leaves a journal that is whole', async () => {
  await expect(expectInvariants(pool)).resolves.toBeUndefined();
});

it('keeps those of a step on another queue, which waits or is handed back', async () => {
  const one = await node(undefined, { shutdownTimeout: 0 });
  const waiting = await one.client.start(FarWorkflow, { kind: 'elsewhere waits' });
  const hanging = await one.client.start(FarWorkflow, { kind: 'elsewhere hangs' });
  await until(async () => (await one.client.listPendingEvents({ eventName: 'there' })).length > 0);
  await until(() => gates.has('elsewhere hangs'));
  expect(messages(await one.client.getLogs(waiting.id))).toEqual(['begun elsewhere']);
  await one.app.close();
  gates.clear();
  const two = await node();
  await two.client.sendEvent(waiting.id, 'there');
  await until(() => gates.has('elsewhere hangs'));
  gates.get('elsewhere hangs')?.();
  await two.client.handle(waiting.id).result();
  await two.client.handle(hanging.id).result();
  const logs = await two.client.getLogs(waiting.id, 'elsewhere');
  expect(messages(logs)).toEqual(['begun elsewhere', 'done elsewhere']);
  const twice = await two.client.getLogs(hanging.id, 'elsewhere');
  expect(messages(twice)).toEqual(['begun elsewhere', 'begun elsewhere', 'done elsewhere']);
});
