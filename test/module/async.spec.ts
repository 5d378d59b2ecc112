import { Inject, Injectable, type INestApplicationContext, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  ConfigurationError,
  DurableClient,
  DurableEvents,
  type DurableFactoryOptions,
  DurableHealthIndicator,
  DurableModule,
  type DurableOptionsFactory,
  DurableQueues,
  getDurableClientToken,
  getDurableEventsToken,
  getDurableHealthIndicatorToken,
  getDurableQueuesToken,
  InjectDurable,
  Step,
  Workflow,
  WorkflowNotFoundError,
} from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { createTestDatabase } from '../support/database.js';
import { bootError, caught } from '../support/plain-app.js';

/** forRootAsync, and several instances in one app. */

@Workflow({ name: 'first' })
class FirstWorkflow {
  @Step()
  work() {
    return { by: 'first' };
  }
}

@Workflow({ name: 'second', instance: 'other' })
class SecondWorkflow {
  @Step()
  work() {
    return { by: 'second' };
  }
}

let url: string;
const apps: INestApplicationContext[] = [];

beforeEach(async () => {
  ({ url } = await createTestDatabase());
});

afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));

async function open(metadata: Parameters<typeof Test.createTestingModule>[0]): Promise<INestApplicationContext> {
  const app = await (await Test.createTestingModule(metadata).compile()).init();
  apps.push(app);
  return app;
}

describe('forRootAsync', () => {
  const URL_TOKEN = Symbol('url');

  function configModule(): { module: new () => object; providers: object[]; exports: symbol[] } {
    @Module({})
    class ConfigModule {}
    return { module: ConfigModule, providers: [{ provide: URL_TOKEN, useFactory: () => url }], exports: [URL_TOKEN] };
  }

  async function resultOf(app: INestApplicationContext): Promise<unknown> {
    return (await app.get(DurableClient).start(FirstWorkflow, {})).result();
  }

  it('takes useFactory with imports and inject', async () => {
    const durable = DurableModule.forRootAsync({
      imports: [configModule() as never],
      inject: [URL_TOKEN],
      useFactory: (given: string) => ({ database: { url: given } }),
    });
    expect(await resultOf(await open({ imports: [durable], providers: [FirstWorkflow] }))).toEqual({ by: 'first' });
  });

  it('takes an async factory', async () => {
    const durable = DurableModule.forRootAsync({
      useFactory: async () => {
        await new Promise(setImmediate);
        return { database: { url }, queues: { default: { concurrency: 2 } } };
      },
    });
    expect(await resultOf(await open({ imports: [durable], providers: [FirstWorkflow] }))).toEqual({ by: 'first' });
  });

  it('takes useClass and useExisting', async () => {
    @Injectable()
    class Options implements DurableOptionsFactory {
      constructor(@Inject(URL_TOKEN) private readonly given: string) {}
      create(): DurableFactoryOptions {
        return { database: { url: this.given } };
      }
    }
    const imports = [configModule() as never];
    const byClass = DurableModule.forRootAsync({ imports, useClass: Options });
    expect(await resultOf(await open({ imports: [byClass], providers: [FirstWorkflow] }))).toEqual({ by: 'first' });

    @Module({ imports, providers: [Options], exports: [Options] })
    class OptionsModule {}
    const existing = DurableModule.forRootAsync({ imports: [OptionsModule], useExisting: Options });
    expect(await resultOf(await open({ imports: [existing], providers: [FirstWorkflow] }))).toEqual({ by: 'first' });
  });

  it('takes name and isGlobal', async () => {
    const durable = DurableModule.forRootAsync({
      name: 'other',
      isGlobal: false,
      useFactory: () => ({ database: { url } }),
    });
    const app = await open({ imports: [durable], providers: [SecondWorkflow] });
    const client = app.get<DurableClient>(getDurableClientToken('other'));
    expect(await (await client.start(SecondWorkflow, {})).result()).toEqual({ by: 'second' });

    @Injectable()
    class Service {
      constructor(@InjectDurable('other') readonly injected: DurableClient) {}
    }
    @Module({ providers: [Service] })
    class FeatureModule {}
    expect(await bootError({ imports: [durable, FeatureModule] })).toBeInstanceOf(Error);
  });

  it('checks what the factory gives', async () => {
    const useFactory = () => ({ database: { url }, leaseTimout: 5 }) as DurableFactoryOptions;
    const thrown = await bootError({ imports: [DurableModule.forRootAsync({ useFactory })] });
    const error = await caught(Promise.reject(thrown as Error), ConfigurationError);
    expect(error.message).toMatch(/leaseTimout[^]*did you mean[^\n]*leaseTimeout/i);
  });

  it.each<[string, (type: never) => object]>([
    ['useClass', (useClass) => ({ useClass })],
    [
      'useExisting',
      (useExisting) => ({
        useExisting,
        imports: [{ module: class {}, providers: [useExisting], exports: [useExisting] }],
      }),
    ],
  ])('says what %s lacks where its class has no create()', async (_, given) => {
    class Settings {
      createDurableOptions() {}
    }
    for (const module of [DurableModule, DurableDashboardModule]) {
      const thrown = await bootError({ imports: [module.forRootAsync(given(Settings as never))] });
      const error = await caught(Promise.reject(thrown as Error), ConfigurationError);
      expect(error.message).toContain(
        'expected a class with a method create(), which gives the options, got an instance of Settings',
      );
    }
  });

  it.each([
    [{ useFactory: 5 }, 'useFactory: expected a function, got the number 5'],
    [{ useFactory: null }, 'useFactory: expected a function, got null'],
    [{ useClass: 'Settings' }, 'useClass: expected a class, got the string "Settings"'],
    [{ useFactory: () => ({}), imports: {} }, 'imports: expected an array of modules, got an object'],
    [{ useFactory: () => ({}), inject: 'Config' }, 'inject: expected an array of tokens, got the string "Config"'],
  ])('refuses %j at once', (options, message) => {
    for (const module of [DurableModule, DurableDashboardModule]) {
      expect(() => module.forRootAsync(options as never)).toThrow(message);
    }
  });
});

describe('instances', () => {
  @Injectable()
  class Service {
    constructor(
      readonly plain: DurableClient,
      @InjectDurable() readonly first: DurableClient,
      @InjectDurable('other') readonly other: DurableClient,
    ) {}
  }

  async function both(): Promise<INestApplicationContext> {
    return open({
      imports: [
        DurableModule.forRoot({ database: { url } }),
        DurableModule.forRoot({ name: 'other', database: { url }, schema: 'other' }),
      ],
      providers: [FirstWorkflow, SecondWorkflow, Service],
    });
  }

  it('have clients of their own', async () => {
    const app = await both();
    const { plain, first, other } = app.get(Service);
    expect(first).toBe(plain);
    expect(other).not.toBe(plain);
    expect(app.get(getDurableClientToken('other'))).toBe(other);
    expect(app.get(getDurableClientToken('default'))).toBe(plain);
    expect(app.get(getDurableClientToken())).toBe(plain);
    expect(app.get(DurableClient)).toBe(plain);
  });

  it('run the workflows that name them', async () => {
    const { plain, other } = (await both()).get(Service);
    const [one, two] = [await plain.start(FirstWorkflow, {}), await other.start(SecondWorkflow, {})];
    expect(await one.result()).toEqual({ by: 'first' });
    expect(await two.result()).toEqual({ by: 'second' });
    expect(await plain.getExecution(two.id)).toBeNull();
    expect((await plain.listWorkflows()).map(({ name }) => name)).toEqual(['first']);
    expect((await other.listWorkflows()).map(({ name }) => name)).toEqual(['second']);
    await caught(plain.start('second', {}), WorkflowNotFoundError);
    await caught(other.start('first', {}), WorkflowNotFoundError);
    const first = await caught(plain.start(SecondWorkflow, {}), WorkflowNotFoundError);
    expect(first.message).toContain("of the instance 'other'");
    const second = await caught(other.start(FirstWorkflow, {}), WorkflowNotFoundError);
    expect(second.message).toContain("@InjectDurable('default')");
  });

  it('have queues, events and health of their own', async () => {
    const app = await both();
    for (const [token, type] of [
      [getDurableQueuesToken, DurableQueues],
      [getDurableEventsToken, DurableEvents],
      [getDurableHealthIndicatorToken, DurableHealthIndicator],
    ] as const) {
      const [plain, other] = [app.get<object>(type), app.get<object>(token('other'))];
      expect(plain).toBeInstanceOf(type);
      expect(other).toBeInstanceOf(type);
      expect(other).not.toBe(plain);
      expect(app.get(token('default'))).toBe(plain);
    }
    await app.get<DurableQueues>(getDurableQueuesToken('other')).pause('default');
    expect(await app.get(DurableQueues).status('default')).toMatchObject({ paused: false });
  });
});
