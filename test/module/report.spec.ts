import { jest } from '@jest/globals';
import {
  ConsoleLogger,
  type INestApplicationContext,
  Logger,
  type LoggerService,
  Module,
  type Provider,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  Compensate,
  DurableClient,
  DurableModule,
  type DurableModuleOptions,
  FatalError,
  ForEach,
  Schedule,
  sleep,
  Step,
  waitForEvent,
  Workflow,
  WorkflowCancelledError,
} from 'nest-durable';
import pg from 'pg';
import { Forks } from '../support/forks.js';
import { createTestDatabase } from '../support/database.js';
import { startProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';

/** What the module says of runs, as a logger of the app hears it. */

interface Line {
  readonly level: string;
  readonly message: string;
  readonly context: unknown;
}

/** As pino's and winston's services for Nest are: the message, then whatever there is, the context last. */
class HeardLogger implements LoggerService {
  readonly lines: Line[] = [];

  log(message: unknown, ...more: unknown[]): void {
    this.hear('log', message, more);
  }
  warn(message: unknown, ...more: unknown[]): void {
    this.hear('warn', message, more);
  }
  error(message: unknown, ...more: unknown[]): void {
    this.hear('error', message, more);
  }
  debug(): void {}
  verbose(): void {}

  /** Of the module alone. */
  get own(): readonly Line[] {
    return this.lines.filter(({ context }) => String(context).startsWith('DurableModule'));
  }

  of(level: string): string[] {
    return this.own.filter((line) => line.level === level).map(({ message }) => message);
  }

  private hear(level: string, message: unknown, more: unknown[]): void {
    this.lines.push({ level, message: String(message), context: more.at(-1) });
  }
}

@Workflow({ name: 'order' })
class OrderWorkflow {
  @Step({ retry: { maxAttempts: 3, initialDelay: 10, jitter: false } })
  charge({
    fails = 0,
    fatal = false,
    message = 'card declined',
  }: {
    fails?: number;
    fatal?: boolean;
    message?: string;
  }) {
    if (fatal) throw new FatalError(message);
    tries++;
    if (tries <= fails) throw new RangeError(message);
  }
}

@Workflow({ name: 'asking' })
class AskingWorkflow {
  @Step()
  ask({ of }: { of: string }) {
    throw new WorkflowCancelledError(of, 'not wanted');
  }
}

@Workflow({ name: 'booking' })
class BookingWorkflow {
  @Step({ compensate: 'release' })
  reserve() {}

  @Step()
  book() {
    throw new Error('sold out');
  }

  @Compensate({ retry: { maxAttempts: 2, initialDelay: 10 } })
  release({ stuck }: { stuck?: boolean }) {
    if (stuck === true) throw new Error('no answer');
  }
}

@Workflow({ name: 'moody', maxRetries: 1 })
class MoodyWorkflow {
  @Step()
  try() {
    throw new Error('not today');
  }
}

@Workflow({ name: 'fickle' })
class FickleWorkflow {
  @Step()
  async wait() {
    passes++;
    await (passes === 1 ? sleep(10) : waitForEvent('go'));
  }
}

/** As in the process that is killed. */
@Workflow({ name: 'killed' })
class KilledWorkflow {
  @Step()
  first() {}

  @Step()
  slow() {}

  @Step()
  last() {}
}

@Workflow({ name: 'fan' })
class FanWorkflow {
  @ForEach('one', { onError: 'completeAll' })
  all() {
    return [1, 2, 3];
  }

  @Step()
  one() {
    throw new Error('bad item');
  }
}

@Workflow({ name: 'mail', queue: 'mial' })
@Schedule({ name: 'nightly', cron: '0 3 * * *', queue: 'night' })
class MailWorkflow {
  @Step({ queue: 'smtp' })
  send() {}
}

let tries = 0;
let passes = 0;
const workers = new Forks(new URL('../e2e/worker.ts', import.meta.url));
let url: string;
const apps: INestApplicationContext[] = [];

beforeEach(async () => {
  tries = 0;
  passes = 0;
  ({ url } = await createTestDatabase());
});

afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
  Logger.overrideLogger(false);
});

async function open(
  providers: Provider[],
  options: DurableModuleOptions = {},
  logger: LoggerService | false = new HeardLogger(),
): Promise<DurableClient> {
  @Module({ imports: [DurableModule.forRoot({ database: { url }, ...options })], providers })
  class AppModule {}
  const app = await NestFactory.createApplicationContext(AppModule, { logger, abortOnError: false });
  apps.push(app);
  return app.get(DurableClient);
}

const settled = (promise: Promise<unknown>): Promise<void> => promise.then(() => {}).catch(() => {});

describe('at boot', () => {
  it('one line says where the data is and what this process does', async () => {
    const logger = new HeardLogger();
    const { host, pathname } = new URL(url);
    await open([OrderWorkflow, BookingWorkflow], { queues: { default: { concurrency: 7 }, ai: {} } }, logger);
    expect(logger.own).toEqual([
      {
        level: 'log',
        context: 'DurableModule',
        message:
          `PostgreSQL at ${host}${pathname}, schema "durable"; workflows: booking, order; schedules: none; ` +
          'queues: default (7), ai (50)',
      },
    ]);
  });

  it('that it only starts runs, with report: none too', async () => {
    const logger = new HeardLogger();
    await open([], { workers: false, report: 'none' }, logger);
    expect(logger.own.map(({ message }) => message)).toEqual([
      expect.stringMatching(/workflows: none; schedules: none; it starts runs and executes none \(workers: false\)$/),
    ]);
  });

  it('queues that are named and that nobody works on are warned of, each once', async () => {
    const logger = new HeardLogger();
    await open([MailWorkflow], { queues: { mail: {} } }, logger);
    await until(() => logger.of('warn').length === 3);
    expect(logger.of('warn')).toEqual([
      'No live process works on queue "mial", which workflow "mail" names. Its runs would wait. Did you mean "mail"? ' +
        'Start a process with the option queues: { mial: { concurrency: 10 } }.',
      'No live process works on queue "night", which schedule "nightly" names. Its runs would wait. ' +
        'Start a process with the option queues: { night: { concurrency: 10 } }.',
      'No live process works on queue "smtp", which step "send" of "mail" names. Its runs would wait. ' +
        'Start a process with the option queues: { smtp: { concurrency: 10 } }.',
    ]);
  });

  it('nothing is said of a queue that another process works on, nor with report: none', async () => {
    const logger = new HeardLogger();
    await open([MailWorkflow], { queues: { mial: {}, night: {}, smtp: {} } });
    const client = await open([MailWorkflow], { workers: false }, logger);
    await (await client.start(MailWorkflow, {})).result();
    await open([MailWorkflow], { workers: false, report: 'none' }, logger);
    expect(logger.of('warn')).toEqual([]);
  });
});

describe('a run', () => {
  it('that completes at once is not spoken of', async () => {
    const logger = new HeardLogger();
    const client = await open([OrderWorkflow], {}, logger);
    await (await client.start(OrderWorkflow, {})).result();
    expect(logger.own).toHaveLength(1);
  });

  it('an attempt that failed and is tried again is a warning: run, workflow, step, attempt, why, when again', async () => {
    const logger = new HeardLogger();
    const client = await open([OrderWorkflow], {}, logger);
    const run = await client.start(OrderWorkflow, { fails: 2 });
    await run.result();
    expect(logger.of('warn')).toEqual([
      `Run ${run.id} of "order": attempt 1 of 3 of step "charge" failed with RangeError: card declined. Again in 10 ms.`,
      `Run ${run.id} of "order": attempt 2 of 3 of step "charge" failed with RangeError: card declined. Again in 20 ms.`,
    ]);
    expect(logger.of('error')).toEqual([]);
  });

  it('that failed is one error, on one line whatever its message holds, with what is redacted left out', async () => {
    const logger = new HeardLogger();
    const client = await open([OrderWorkflow], { redact: ['secret'] }, logger);
    const run = await client.start(OrderWorkflow, { fatal: true, message: 'a\nb\u001b[31m\u2028c' });
    await settled(run.result());
    expect(logger.of('error')).toEqual([
      `Run ${run.id} of "order" failed at step "charge" with FatalError: a b [31m c.`,
    ]);
  });

  it('that was undone counts as failed; one that could not be is said to be so, and what stood against it', async () => {
    const logger = new HeardLogger();
    const client = await open([BookingWorkflow], {}, logger);
    const undone = await client.start(BookingWorkflow, {});
    await settled(undone.result());
    const stuck = await client.start(BookingWorkflow, { stuck: true });
    await settled(stuck.result());
    expect(logger.of('error')).toEqual([
      `Run ${undone.id} of "booking" failed at step "book" with Error: sold out. What it had done was undone.`,
      `Run ${stuck.id} of "booking" failed at step "book" with Error: sold out. ` +
        'What it had done could not be undone: nest-durable inspect shows what.',
    ]);
    expect(logger.of('warn')).toEqual([
      expect.stringMatching(
        /attempt 1 of 2 of "release", which undoes "reserve", failed with Error: no answer\. Again in [\d.]+ ms\.$/,
      ),
      `Run ${stuck.id} of "booking": attempt 2 of 2 of "release", which undoes "reserve", failed with Error: no answer. ` +
        'It is not tried again.',
    ]);
  });

  it('whose round failed begins again with a warning, and fails with an error', async () => {
    const logger = new HeardLogger();
    const client = await open([MoodyWorkflow], {}, logger);
    const run = await client.start(MoodyWorkflow, {});
    await until(() => logger.of('warn').length > 0);
    await client.retryNow(run.id);
    await settled(run.result());
    expect(logger.of('warn')).toEqual([
      expect.stringMatching(
        /: round 1 of 2 failed with Error: not today\. It begins again from its input in [\d.]+ m?s\.$/,
      ),
    ]);
    expect(logger.of('error')).toEqual([`Run ${run.id} of "moody" failed at step "try" with Error: not today.`]);
  });

  it('that the engine has paused is an error with what stands against going on', async () => {
    const logger = new HeardLogger();
    const client = await open([FickleWorkflow], {}, logger);
    const run = await client.start(FickleWorkflow, {});
    await until(() => logger.of('error').length > 0);
    expect(logger.of('error')).toEqual([
      expect.stringMatching(
        new RegExp(`^Run ${run.id} of "fickle" is paused\\. NonDeterministicStepError: .*it goes on with resume\\.$`),
      ),
    ]);
  });

  it('of a dead worker is said to be recovered, with its worker', async () => {
    const logger = new HeardLogger();
    const pool = new pg.Pool({ connectionString: url, max: 1 });
    try {
      await pool.query('CREATE TABLE effects (run uuid, step text, worker text)');
      const victim = await workers.start([url, 'victim']);
      const starter = await open([], { workers: false });
      const run = await starter.start('killed', { ms: 600_000 });
      await until(async () => (await pool.query(`SELECT FROM effects WHERE step = 'slow'`)).rowCount === 1);
      const client = await open([KilledWorkflow], {}, logger);
      await victim.end('SIGKILL');
      await client.handle(run.id).result();
      await until(() => logger.of('warn').length > 0);
      expect(logger.of('warn')).toEqual([
        expect.stringMatching(/^1 run recovered from worker \d+ \(process \d+\), dead, and ready in "default"$/),
      ]);
    } finally {
      await pool.end();
    }
  });

  it('items that may fail are no failed run', async () => {
    const logger = new HeardLogger();
    const client = await open([FanWorkflow], {}, logger);
    await (await client.start(FanWorkflow, {})).result();
    expect(logger.own).toHaveLength(1);
  });

  it('that a person has cancelled is no failure; with report: all it is said, as starts and ends are', async () => {
    const logger = new HeardLogger();
    const client = await open([OrderWorkflow, BookingWorkflow], { report: 'all' }, logger);
    const run = await client.start(OrderWorkflow, {});
    await run.result();
    const later = await client.start(OrderWorkflow, {}, { delay: 600_000 });
    await later.cancel('no longer wanted');
    await until(() => logger.own.length === 4);
    expect(logger.of('log').slice(1)).toEqual([
      `Run ${run.id} of "order" started`,
      `Run ${run.id} of "order" completed`,
      `Run ${later.id} of "order" was cancelled`,
    ]);
  });

  it('that fails since another that it asked for was cancelled has failed', async () => {
    const logger = new HeardLogger();
    const client = await open([AskingWorkflow], {}, logger);
    const of = '01a22f22-9653-70a8-947c-6158a0de61a5';
    const run = await client.start(AskingWorkflow, { of });
    await settled(run.result());
    expect(logger.of('error')).toEqual([
      expect.stringContaining(`Run ${run.id} of "asking" failed at step "ask" with WorkflowCancelledError: `),
    ]);
    expect((await run.explain())?.title).toBe('Failed at `ask` after 1 attempt with `WorkflowCancelledError`');
  });

  it('nothing is said of it with report: none', async () => {
    const logger = new HeardLogger();
    const client = await open([OrderWorkflow], { report: 'none' }, logger);
    await (await client.start(OrderWorkflow, { fails: 1 })).result();
    await settled((await client.start(OrderWorkflow, { fatal: true })).result());
    expect(logger.own).toHaveLength(1);
  });

  it.each([
    ['as text', false, /^\[Nest\] \d+ +- .+ +(WARN|ERROR) \[DurableModule\] Run \S+ of "order".*$/],
    ['as JSON', true, /^\{"level":"(warn|error)",.*"message":"Run \S+ of \\"order\\".*"context":"DurableModule".*\}$/],
  ])("is spoken of by Nest's own logger %s, a line each", async (_, json, shape) => {
    const written: string[] = [];
    const keep = (text: string | Uint8Array): boolean => written.push(String(text)) > 0;
    const spies = [process.stdout, process.stderr].map((to) => jest.spyOn(to, 'write').mockImplementation(keep));
    try {
      const client = await open([OrderWorkflow], {}, new ConsoleLogger({ json, colors: false }));
      await (await client.start(OrderWorkflow, { fails: 1 })).result();
      await settled((await client.start(OrderWorkflow, { fatal: true })).result());
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
    const lines = written
      .join('')
      .trim()
      .split('\n')
      .filter((line) => line.includes('Run '));
    expect(lines).toEqual([expect.stringMatching(shape), expect.stringMatching(shape)]);
  });

  it('works where the app logs nothing, and where its logger throws', async () => {
    const silent = await open([OrderWorkflow], {}, false);
    await (await silent.start(OrderWorkflow, { fails: 1 })).result();
    const throwing = new HeardLogger();
    throwing.warn = () => {
      throw new Error('the disk is full');
    };
    tries = 0;
    const client = await open([OrderWorkflow], {}, throwing);
    expect(await (await client.start(OrderWorkflow, { fails: 1 })).result()).toEqual({ fails: 1 });
  });
});

it('of a thousand failures a second twenty are said, and how many were not', async () => {
  const logger = new HeardLogger();
  const client = await open([OrderWorkflow], { queues: { default: { concurrency: 50 } } }, logger);
  const items = Array.from({ length: 200 }, () => ({ input: { fatal: true } }));
  await Promise.all((await client.startMany(OrderWorkflow, items)).map((run) => settled(run.result())));
  const leftOut = (): number =>
    logger.of('warn').reduce((sum, message) => sum + Number(/^(\d+) lines? left out$/.exec(message)?.[1] ?? 0), 0);
  await until(() => logger.of('error').length + leftOut() === 200);
  expect(logger.of('error').length % 20).toBe(0);
  expect(leftOut()).toBeGreaterThan(0);
});

it('a lost database is said once, and its return once, whatever notices it', async () => {
  const logger = new HeardLogger();
  const { host, port } = new URL(url);
  const proxy = await startProxy(Number(port), host.split(':')[0]);
  try {
    const client = await open([OrderWorkflow], { database: { url: proxy.through(url) } }, logger);
    const before = logger.own.length;
    await proxy.down();
    await until(() => logger.own.length > before);
    await proxy.up();
    await (await client.start(OrderWorkflow, {})).result();
    await until(() => logger.own.some(({ message }) => message.includes('is back')));
    const where = proxy.through(new URL(url).href);
    const { host: through, pathname } = new URL(where);
    expect(logger.own.slice(before)).toEqual([
      {
        level: 'error',
        context: 'DurableModule',
        message: expect.stringMatching(
          new RegExp(
            `^The database at ${through}${pathname} is lost: .*\\. Runs go on when it is back; nothing has to be done here\\.$`,
          ),
        ),
      },
      {
        level: 'warn',
        context: 'DurableModule',
        message: expect.stringMatching(
          new RegExp(`^The database at ${through}${pathname} is back after [\\d.]+ m?s\\.$`),
        ),
      },
    ]);
    expect(JSON.stringify(logger.own)).not.toContain(new URL(url).password || 'no password is in this URL');
  } finally {
    await Promise.all(apps.splice(0).map((app) => app.close()));
    await proxy.close();
  }
});

it('the stack that is kept of an error has the lines of the app, and none of this package', async () => {
  const client = await open([OrderWorkflow]);
  const run = await client.start(OrderWorkflow, { fatal: true });
  await settled(run.result());
  const stack = String((await run.execution())?.error?.stack);
  expect(stack).toContain('report.spec.ts');
  expect(stack).not.toMatch(/\/lib\/(engine|core|storage)\//);
  expect(stack).not.toContain('node:internal');
});
