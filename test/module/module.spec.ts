import 'reflect-metadata';
import {
  type DynamicModule,
  Inject,
  Injectable,
  Module,
  type OnApplicationBootstrap,
  type OnModuleInit,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import pg from 'pg';
import { DataSource } from 'typeorm';
import {
  ConfigurationError,
  DatabaseUnavailableError,
  DefinitionError,
  MigrationError,
} from '../../lib/core/errors/errors.js';
import { Compensate } from '../../lib/decorators/compensate.decorator.js';
import { InjectDurable } from '../../lib/decorators/inject-durable.decorator.js';
import { Step } from '../../lib/decorators/step.decorator.js';
import { Workflow } from '../../lib/decorators/workflow.decorator.js';
import { DurableClient } from '../../lib/client/durable.client.js';
import { DurableModule } from '../../lib/durable.module.js';
import type { DurableFactoryOptions, DurableModuleOptions } from '../../lib/options/module.js';
import { getDurableClientToken } from '../../lib/decorators/tokens.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

let database: TestDatabase;
const open: { close(): Promise<unknown> }[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});

afterEach(async () => {
  for (const app of open.splice(0).toReversed()) await app.close();
});

@Workflow()
class GreetWorkflow {
  @Step()
  greet({ name }: { name: string }) {
    return { text: `Hello, ${name}` };
  }
}

@Workflow({ instance: 'billing' })
class ChargeWorkflow {
  @Step()
  charge({ amount }: { amount: number }) {
    return { charged: amount };
  }
}

/** Injects the client in a module that does not import DurableModule. */
@Injectable()
class Greeter {
  constructor(
    readonly byClass: DurableClient,
    @InjectDurable() readonly byDecorator: DurableClient,
    @Inject(getDurableClientToken()) readonly byToken: DurableClient,
  ) {}
}

@Module({ providers: [Greeter, GreetWorkflow], exports: [Greeter] })
class GreetingModule {}

const defaults = (): DurableModuleOptions => ({ database: { url: database.url }, leaseTimeout: 5_000 });

async function start(imports: Parameters<typeof Test.createTestingModule>[0]['imports'], providers: Function[] = []) {
  const module = await Test.createTestingModule({ imports: imports ?? [], providers: providers as [] }).compile();
  try {
    await module.init();
  } catch (error) {
    await closeAnyway(module);
    throw error;
  }
  open.push(module);
  return module;
}

/** Nest 11 refuses to close an app whose init failed, with the same error: a boot must close by itself what it opened. */
async function closeAnyway(app: { close(): Promise<unknown> }): Promise<void> {
  await app.close().catch(() => {});
}

/** What it was refused with. */
async function refusal(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => {
      throw new Error('expected it to be refused');
    },
    (error: unknown) => error,
  );
}

describe('forRoot', () => {
  it('gives every module the client, by class, token and decorator', async () => {
    const app = await start([DurableModule.forRoot(defaults()), GreetingModule]);
    const { byClass, byDecorator, byToken } = app.get(Greeter);
    expect(byClass).toBeInstanceOf(DurableClient);
    expect(byDecorator).toBe(byClass);
    expect(byToken).toBe(byClass);
    const run = await byClass.start(GreetWorkflow, { name: 'Ada' });
    expect(await run.result()).toEqual({ text: 'Hello, Ada' });
  });

  it('keeps the client to the modules that import it where isGlobal is false', async () => {
    const durable = DurableModule.forRoot({ ...defaults(), isGlobal: false });
    const error = await refusal(start([durable, GreetingModule]));
    expect(String(error)).toContain('DurableClient');
    @Module({ imports: [durable], providers: [Greeter, GreetWorkflow] })
    class Importing {}
    const app = await start([Importing]);
    expect(app.get(Greeter).byClass).toBe(app.get(DurableClient));
  });

  it('works in an application context and in an HTTP app that does not listen', async () => {
    @Module({ imports: [DurableModule.forRoot(defaults()), GreetingModule] })
    class Root {}
    const settings = { logger: false, abortOnError: false } as const;
    const apps = [
      await NestFactory.createApplicationContext(Root, settings),
      await (await NestFactory.create(Root, settings)).init(),
    ];
    open.push(...apps);
    for (const app of apps) {
      const run = await app.get(DurableClient).start('greet', { name: 'Ada' });
      expect(await run.result()).toEqual({ text: 'Hello, Ada' });
    }
  });
});

describe('forRootAsync', () => {
  const SETTINGS = Symbol('settings');

  @Injectable()
  class Factory {
    create(): DurableFactoryOptions {
      return { database: { url: database.url } };
    }
  }

  @Module({
    providers: [Factory, { provide: SETTINGS, useFactory: () => ({ url: database.url }) }],
    exports: [Factory, SETTINGS],
  })
  class ConfigModule {}

  it.each<[string, () => DynamicModule]>([
    [
      'useFactory with inject',
      () =>
        DurableModule.forRootAsync({
          imports: [ConfigModule],
          inject: [SETTINGS],
          useFactory: async (settings: { url: string }) => ({ database: settings }),
        }),
    ],
    ['useClass', () => DurableModule.forRootAsync({ useClass: Factory })],
    ['useExisting', () => DurableModule.forRootAsync({ imports: [ConfigModule], useExisting: Factory })],
  ])('takes the options from %s', async (_form, durable) => {
    const app = await start([durable(), GreetingModule]);
    const run = await app.get(DurableClient).start(GreetWorkflow, { name: 'Ada' });
    expect(await run.result()).toEqual({ text: 'Hello, Ada' });
  });

  it('takes name and isGlobal beside the factory', async () => {
    const useFactory = () => ({ database: { url: database.url } });
    const app = await start(
      [DurableModule.forRootAsync({ name: 'billing', isGlobal: true, useFactory })],
      [ChargeWorkflow],
    );
    const client = app.get<DurableClient>(getDurableClientToken('billing'), { strict: false });
    expect(await (await client.start(ChargeWorkflow, { amount: 3 })).result()).toEqual({ charged: 3 });
    expect(() => app.get(DurableClient)).toThrow(/could not find DurableClient/);
  });

  it('refuses a name that comes out of the factory, and a factory that gives nothing', async () => {
    const late = { database: { url: database.url }, name: 'billing' };
    const error = await refusal(start([DurableModule.forRootAsync({ useFactory: () => late })]));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(String(error)).toContain('forRootAsync({ name, useFactory })');
    const nothing = JSON.parse('null') as DurableFactoryOptions;
    expect(await refusal(start([DurableModule.forRootAsync({ useFactory: () => nothing })]))).toBeInstanceOf(
      ConfigurationError,
    );
  });

  it('refuses no source, two sources, and keys it does not know', () => {
    expect(() => DurableModule.forRootAsync({})).toThrow(/expected one of useFactory, useClass, useExisting, got none/);
    expect(() => DurableModule.forRootAsync({ useClass: Factory, useExisting: Factory })).toThrow(
      /got useClass and useExisting/,
    );
    const typo = { useClass: Factory, isGlobl: false };
    expect(() => DurableModule.forRootAsync(typo)).toThrow(/isGlobl: is not an option. Did you mean "isGlobal"\?/);
  });
});

describe('named instances', () => {
  it('have clients, workflows and schemas of their own', async () => {
    const billing = { ...defaults(), name: 'billing', schema: 'billing' };
    const app = await start(
      // Tables that no other test has stored a definition in.
      [DurableModule.forRoot({ ...defaults(), schema: 'greeting' }), DurableModule.forRoot(billing), GreetingModule],
      [ChargeWorkflow],
    );
    const first = app.get(DurableClient);
    const second = app.get<DurableClient>(getDurableClientToken('billing'), { strict: false });
    expect(second).not.toBe(first);

    const charge = await second.start(ChargeWorkflow, { amount: 3 });
    expect(await charge.result()).toEqual({ charged: 3 });
    expect(await first.getExecution(charge.id)).toBeNull();
    expect((await second.getExecution(charge.id))?.status).toBe('completed');
    expect((await second.listWorkflows()).map(({ name }) => name)).toEqual(['charge']);
    await expect(first.start('charge', {})).rejects.toThrow(/There is no workflow "charge"/);
  });

  it('must not share a name', async () => {
    const error = await refusal(start([DurableModule.forRoot(defaults()), DurableModule.forRoot(defaults())]));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(String(error)).toContain(`two of 'default'`);
  });

  it('must be there for every workflow', async () => {
    const billings = { ...defaults(), name: 'billings' };
    const error = await refusal(
      start([DurableModule.forRoot(defaults()), DurableModule.forRoot(billings)], [ChargeWorkflow]),
    );
    expect(error).toBeInstanceOf(DefinitionError);
    expect(String(error)).toContain(`ChargeWorkflow: there is no DurableModule of the name 'billing'`);
    expect(String(error)).toContain('Did you mean "billings"?');
  });
});

it('the boot warns of what is probably not meant: lost input classes, names that a minifier has shortened', async () => {
  @Workflow({ input: JSON.parse('{}').Dto as never })
  class oWorkflow {
    @Step()
    a() {}
  }
  const told: string[] = [];
  const ignore = () => {};
  const warn = (message: string) => void told.push(message);
  const module = await Test.createTestingModule({
    imports: [DurableModule.forRoot(defaults())],
    providers: [oWorkflow],
  })
    .setLogger({ log: ignore, error: ignore, warn })
    .compile();
  open.push(module);
  await module.init();
  expect(told).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^oWorkflow: its name "o" /),
      expect.stringMatching(/^oWorkflow: "a" goes by /),
      expect.stringMatching(/^oWorkflow: `input` is undefined /),
    ]),
  );
});

describe('what stops the boot', () => {
  it('are wrong options, all at once', async () => {
    const wrong = JSON.parse('{ "schema": "No", "workrs": true, "migrations": 5 }') as DurableModuleOptions;
    const error = await refusal(start([DurableModule.forRoot({ ...defaults(), ...wrong })]));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect((error as ConfigurationError).violations.map(({ path }) => path).sort()).toEqual([
      'migrations',
      'schema',
      'workrs',
    ]);
  });

  it('is a transactional step or compensation without the DataSource of the app', async () => {
    @Workflow()
    class TransferWorkflow {
      @Step({ transactional: true, compensate: 'refund' })
      book() {}

      @Compensate({ transactional: true })
      refund() {}
    }
    const error = await refusal(start([DurableModule.forRoot(defaults())], [TransferWorkflow]));
    expect(error).toBeInstanceOf(DefinitionError);
    expect(String(error)).toMatch(/TransferWorkflow\.book, TransferWorkflow\.refund.*database: \{ dataSource \}/);
  });

  it.each(['check', 'none'] as const)('is an empty database with migrations: %s', async (migrations) => {
    const empty = await createTestDatabase({ migrated: false });
    const error = await refusal(start([DurableModule.forRoot({ database: { url: empty.url }, migrations })]));
    expect(error).toBeInstanceOf(MigrationError);
    expect(String(error)).toMatch(
      /Run npx nest-durable migrate, or boot one process with migrations: 'run', or run durableMigrations\(\) of .* runner\.$/,
    );
    await empty.drop();
  });

  it('is a refused role, and the same error reaches who waits for the client', async () => {
    const url = new URL(database.url);
    url.username = 'nobody_of_that_name';
    url.password = 'hunter2';
    const module = await Test.createTestingModule({
      imports: [DurableModule.forRoot({ database: { url: url.href } })],
    }).compile();
    const waiting = refusal(module.get(DurableClient).executionCounts());
    const error = await refusal(module.init());
    expect(error).toBeInstanceOf(DatabaseUnavailableError);
    expect(String(error)).not.toMatch(/hunter2|nobody_of_that_name/);
    expect(await waiting).toBe(error);
    await closeAnyway(module);
  });

  it('closes what it had opened', async () => {
    // The boot fails at its last statement but one: the tables are there, the row that names them is not.
    const broken = await createTestDatabase();
    const admin = new pg.Client({ connectionString: broken.url });
    await admin.connect();
    await admin.query('DROP TABLE durable.instance');
    const error = await refusal(start([DurableModule.forRoot({ database: { url: broken.url }, migrations: 'none' })]));
    expect(error).toBeInstanceOf(MigrationError);
    await admin.end();
    // Fails when a session is still open.
    await broken.drop();
  });
});

describe('migrations', () => {
  it('are run at boot, and find nothing to do at the next', async () => {
    const empty = await createTestDatabase({ migrated: false });
    for (const migrations of ['run', 'run', 'check', 'none'] as const) {
      const app = await start([DurableModule.forRoot({ database: { url: empty.url }, migrations }), GreetingModule]);
      expect(await (await app.get(DurableClient).start('greet', { name: 'Ada' })).result()).toEqual({
        text: 'Hello, Ada',
      });
      await app.close();
    }
    await empty.drop();
  });
});

describe("the app's DataSource", () => {
  it('is opened and closed with the module where it is not open yet', async () => {
    const dataSource = new DataSource({ type: 'postgres', url: database.url });
    const app = await start([DurableModule.forRoot({ database: { dataSource } }), GreetingModule]);
    expect(dataSource.isInitialized).toBe(true);
    expect(await (await app.get(DurableClient).start('greet', { name: 'Ada' })).result()).toEqual({
      text: 'Hello, Ada',
    });
    await app.close();
    expect(dataSource.isInitialized).toBe(false);
  });

  it('is left open where it was', async () => {
    const dataSource = await new DataSource({ type: 'postgres', url: database.url }).initialize();
    const app = await start([DurableModule.forRoot({ database: { dataSource } }), GreetingModule]);
    await app.close();
    expect(dataSource.isInitialized).toBe(true);
    await dataSource.destroy();
  });
});

describe('the life of the app', () => {
  it('starts runs from onModuleInit on, and executes them after the last onApplicationBootstrap', async () => {
    const events: string[] = [];

    @Workflow()
    class PrepareWorkflow {
      @Step()
      run() {
        events.push('step');
      }
    }

    @Injectable()
    class Early implements OnModuleInit, OnApplicationBootstrap {
      id = '';
      constructor(private readonly client: DurableClient) {}
      async onModuleInit() {
        this.id = (await this.client.start(PrepareWorkflow, {})).id;
        events.push('started');
      }
      async onApplicationBootstrap() {
        // Time enough for a worker that claims too early: a whole round trip to the database.
        await this.client.executionCounts();
        await this.client.executionCounts();
        events.push('bootstrapped');
      }
    }

    const app = await start([DurableModule.forRoot(defaults())], [PrepareWorkflow, Early]);
    await app.get(DurableClient).handle(app.get(Early).id).result();
    expect(events).toEqual(['started', 'bootstrapped', 'step']);
  });

  it('executes nothing with workers: false, and leaves it to another process', async () => {
    const client = (await start([DurableModule.forRoot({ ...defaults(), workers: false }), GreetingModule])).get(
      DurableClient,
    );
    const run = await client.start('greet', { name: 'Ada' });
    await client.sweep();
    expect((await run.execution())?.status).toBe('pending');
    await start([DurableModule.forRoot(defaults()), GreetingModule]);
    expect(await run.result()).toEqual({ text: 'Hello, Ada' });
  });

  it('works by polling alone with notify: false', async () => {
    const app = await start([DurableModule.forRoot({ ...defaults(), notify: false }), GreetingModule]);
    expect(await (await app.get(DurableClient).start('greet', { name: 'Ada' })).result()).toEqual({
      text: 'Hello, Ada',
    });
  });

  it('lets running steps finish on shutdown, while the client still works, and refuses calls afterwards', async () => {
    let entered = () => {};
    const inside = new Promise<void>((resolve) => (entered = resolve));
    let leave = () => {};
    const leaving = new Promise<void>((resolve) => (leave = resolve));
    let seen = -1;

    @Workflow()
    class SlowWorkflow {
      constructor(private readonly client: DurableClient) {}
      @Step()
      async slow() {
        entered();
        await leaving;
        seen = await this.client.countExecutions({ status: 'running' });
        return { done: true };
      }
    }

    const app = await start([DurableModule.forRoot(defaults())], [SlowWorkflow]);
    const client = app.get(DurableClient);
    const { id } = await client.start('slow', {});
    await inside;
    const closing = app.close();
    leave();
    await closing;
    expect(seen).toBe(1);
    expect(await refusal(client.getExecution(id))).toBeInstanceOf(DatabaseUnavailableError);
    // A second time does nothing.
    await app.close();

    const other = await start([DurableModule.forRoot({ ...defaults(), workers: false })]);
    expect(await other.get(DurableClient).getExecution(id)).toMatchObject({
      status: 'completed',
      data: { done: true },
    });
  });

  it('ends an app that was never initialised', async () => {
    const module = await Test.createTestingModule({ imports: [DurableModule.forRoot(defaults())] }).compile();
    const waiting = refusal(module.get(DurableClient).executionCounts());
    await module.close();
    expect(await waiting).toBeInstanceOf(DatabaseUnavailableError);
  });
});
