import { type INestApplicationContext, Logger, type LoggerService } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { DurableClient, DurableModule, type DurableModuleOptions, FatalError, Step, Workflow } from 'nest-durable';
import { createTestDatabase } from '../support/database.js';

/** The option `logs`, getLogs and includeLogs. */

const logger = new Logger('Payments');
const LEVELS = ['fatal', 'error', 'warn', 'log', 'debug', 'verbose'] as const;

/** Called by no step itself. */
function helper(): void {
  logger.log('from a helper');
}

@Workflow({ name: 'talking' })
class TalkingWorkflow {
  @Step({ retry: { maxAttempts: 2, initialDelay: 1 } })
  first({ fail }: { fail?: boolean }) {
    helper();
    console.log('to the console');
    if (fail === true && attempts++ === 0) throw new Error('once more');
  }

  @Step()
  levels() {
    for (const level of LEVELS) logger[level](`as ${level}`);
  }

  @Step()
  objects() {
    logger.log('charged', { orderId: 7n, card: '4111 1111' });
  }

  @Step()
  async many({ lines = 0, length = 0 }: { lines?: number; length?: number }) {
    for (let n = 0; n < lines; n += 1) console.log(`line ${n} ${'x'.repeat(length)}`);
    await Promise.resolve();
  }

  @Step()
  last({ fatal }: { fatal?: boolean }) {
    console.error('the last words');
    if (fatal === true) throw new FatalError('dead');
  }
}

let attempts = 0;
let url: string;
const apps: INestApplicationContext[] = [];
const printed: string[] = [];
const said: string[] = [];
const original = { ...console };

beforeAll(async () => {
  ({ url } = await createTestDatabase());
  for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const) {
    console[method] = (...args: unknown[]) => void said.push(String(args[0]));
  }
});

afterEach(async () => {
  await stop();
  printed.length = 0;
  said.length = 0;
  attempts = 0;
});

afterAll(() => {
  Object.assign(console, original);
});

async function stop(): Promise<void> {
  await Promise.all(apps.splice(0).map((app) => app.close()));
}

/** The only one that works: another one would take its runs, and log as its own options say. */
async function node(logs?: DurableModuleOptions['logs']): Promise<DurableClient> {
  await stop();
  const keep = (message: unknown): void => void printed.push(String(message));
  const service: LoggerService = { log: keep, error: keep, warn: keep, debug: keep, verbose: keep, fatal: keep };
  const options = { database: { url }, ...(logs === undefined ? {} : { logs }) };
  const module = await Test.createTestingModule({
    imports: [DurableModule.forRoot(options)],
    providers: [TalkingWorkflow],
  })
    .setLogger(service)
    .compile();
  apps.push(await module.init());
  return module.get(DurableClient);
}

async function run(client: DurableClient, input: object = {}): Promise<string> {
  const handle = await client.start(TalkingWorkflow, input);
  await handle.result().catch(() => {});
  return handle.id;
}

it('Logger and console are captured with their attempt', async () => {
  const client = await node();
  const id = await run(client, { fail: true });
  const entries = await client.getLogs(id, 'first');
  expect(entries).toMatchObject([
    { level: 'log', message: 'from a helper', step: 'first', attempt: 1, context: 'Payments' },
    { level: 'log', message: 'to the console', step: 'first', attempt: 1 },
    { level: 'log', message: 'from a helper', step: 'first', attempt: 2 },
    { level: 'log', message: 'to the console', step: 'first', attempt: 2 },
  ]);
  for (const { time } of entries) expect(time).toBeInstanceOf(Date);
  const all = await client.getLogs(id);
  expect(all.slice(0, 4)).toEqual(entries);
  expect(all.at(-1)).toMatchObject({ step: 'last', level: 'error', message: 'the last words' });
  const execution = await client.getExecution(id, { includeSteps: true, includeLogs: true });
  const [one, two] = execution?.steps ?? [];
  expect(one?.logs).toEqual(entries.slice(0, 2));
  expect(two?.logs).toEqual(entries.slice(2));
});

it('all levels are kept by default, and what is kept is printed as well', async () => {
  const client = await node();
  const id = await run(client);
  expect((await client.getLogs(id, 'levels')).map(({ level, message }) => [level, message])).toEqual(
    LEVELS.map((level) => [level, `as ${level}`]),
  );
  expect(printed).toEqual(expect.arrayContaining(['from a helper', ...LEVELS.map((level) => `as ${level}`)]));
  expect(said).toEqual(expect.arrayContaining(['to the console', 'the last words']));
});

it('a failed attempt keeps its logs', async () => {
  const client = await node();
  const id = await run(client, { fatal: true });
  expect(await client.getLogs(id, 'last')).toMatchObject([{ message: 'the last words' }]);
});

it('metadata is none by default', async () => {
  const client = await node();
  const [entry] = await client.getLogs(await run(client), 'objects');
  expect(entry).toMatchObject({ message: 'charged', context: 'Payments' });
  expect(entry?.metadata).toBeUndefined();
});

it('metadata keeps the keys that it names', async () => {
  const client = await node({ metadata: ['orderId'] });
  const [entry] = await client.getLogs(await run(client), 'objects');
  expect(entry?.metadata).toEqual({ orderId: 7n });
});

it('levels are those that are kept', async () => {
  const client = await node({ levels: ['error', 'warn'] });
  const id = await run(client);
  expect((await client.getLogs(id, 'levels')).map(({ level }) => level)).toEqual(['error', 'warn']);
  expect(printed).toEqual(expect.arrayContaining(LEVELS.map((level) => `as ${level}`)));
});

it('console: false leaves console alone', async () => {
  const client = await node({ console: false });
  const id = await run(client);
  expect((await client.getLogs(id)).map(({ message }) => message)).not.toContain('to the console');
  expect((await client.getLogs(id, 'first')).map(({ message }) => message)).toEqual(['from a helper']);
  expect(said).toContain('to the console');
});

it('passthrough: false does not print what is kept', async () => {
  const client = await node({ passthrough: false });
  const id = await run(client);
  expect((await client.getLogs(id, 'first')).map(({ message }) => message)).toEqual([
    'from a helper',
    'to the console',
  ]);
  expect(printed).not.toContain('from a helper');
  expect(said).not.toContain('to the console');
});

it('enabled: false keeps nothing', async () => {
  const client = await node({ enabled: false });
  const id = await run(client);
  expect(await client.getLogs(id)).toEqual([]);
  expect(printed).toContain('from a helper');
  expect(said).toContain('to the console');
});

it('maxEntries is 1000', async () => {
  const client = await node({ passthrough: false });
  expect(await client.getLogs(await run(client, { lines: 1_200 }), 'many')).toHaveLength(1_000);
});

it('maxEntries, maxMessageLength and maxBytes limit what one attempt keeps', async () => {
  const few = await node({ maxEntries: 3, passthrough: false });
  expect(await few.getLogs(await run(few, { lines: 10 }), 'many')).toHaveLength(3);
  const short = await node({ maxMessageLength: 20, passthrough: false });
  const [cut] = await short.getLogs(await run(short, { lines: 1, length: 500 }), 'many');
  expect(cut?.message.length).toBeLessThanOrEqual(20);
  expect(cut?.message.startsWith('line 0 xxx')).toBe(true);
  const small = await node({ maxBytes: 1_000, passthrough: false });
  const kept = await small.getLogs(await run(small, { lines: 100, length: 90 }), 'many');
  expect(kept.length).toBeGreaterThan(0);
  expect(kept.reduce((sum, { message }) => sum + message.length, 0)).toBeLessThanOrEqual(1_000);
});

it('maxMessageLength is 10 000, maxBytes 65 536', async () => {
  const client = await node({ passthrough: false });
  const [cut] = await client.getLogs(await run(client, { lines: 1, length: 20_000 }), 'many');
  expect(cut?.message.length).toBeLessThanOrEqual(10_000);
  expect(cut?.message.length).toBeGreaterThan(9_900);
  const kept = await client.getLogs(await run(client, { lines: 100, length: 5_000 }), 'many');
  const bytes = kept.reduce((sum, { message }) => sum + message.length, 0);
  expect(bytes).toBeLessThanOrEqual(65_536);
  expect(bytes).toBeGreaterThan(55_000);
});
