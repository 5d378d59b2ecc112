import type { INestApplication, INestApplicationContext, ModuleMetadata } from '@nestjs/common';
import type { TestingModule, TestingModuleBuilder } from '@nestjs/testing';
import type { DataSource } from 'typeorm';
import { ConfigurationError } from '../core/errors/errors.js';
import type { DurableRuntime } from '../lifecycle/host.js';
import { isMissingModule } from '../core/missing-module.js';
import { DurableModule, isDurableModule } from '../durable.module.js';
import { RAW_OPTIONS } from '../durable.module-definition.js';
import { looksLikeDataSource } from '../options/database.js';
import { type DurableModuleOptions, resolveOptions } from '../options/module.js';
import type { DurableRunner } from '../lifecycle/durable.runner.js';
import { getDurableOptionsToken, getDurableRunnerToken } from '../decorators/tokens.js';
import { DurableTest } from './durable-test.js';
import { type DatabaseSource, resolveTarget } from '../storage/connection/database-target.js';
import { importsModule } from './imports-module.js';
import { TEST_SCHEMA, TestDatabase } from './test-database.js';

/** Parts of the app under test, and options of the test. */
export interface DurableTestOptions<A extends INestApplicationContext = INestApplication> extends Pick<
  ModuleMetadata,
  'imports' | 'providers' | 'controllers'
> {
  /**
   * Options of the DurableModule, over those that an imported module gives it; the kit itself sets the database.
   * Default: none.
   */
  readonly durable?: Omit<
    DurableModuleOptions,
    'database' | 'schema' | 'name' | 'migrations' | 'workers' | 'notify' | 'isGlobal'
  >;
  /**
   * The app's TypeORM DataSource on the test's database, for transactional steps and `manager`; opened and closed with
   * the app. Default: the one that an imported DurableModule is given, where it is on that database.
   */
  readonly dataSource?: DataSource;
  /** Puts fakes in the place of providers: `(builder) => builder.overrideProvider(Mailer).useValue(fake)`. Default: none. */
  readonly override?: (builder: TestingModuleBuilder) => TestingModuleBuilder;
  /**
   * Makes the app from the testing module, before it is initialised. Default: an HTTP application on Express where
   * `@nestjs/platform-express` is installed, else an application context; for another platform
   * `(module) => module.createNestApplication(adapter)`.
   */
  readonly createApp?: (module: TestingModule) => A | Promise<A>;
  /** ms of real time that `idle()` and `advance()` wait for a running step. Default: 4000, below Jest's own limit. */
  readonly patience?: number;
  /**
   * Called with each time to which the clock is set, before anything is done at it. With
   * `(now) => jest.setSystemTime(now)` (and `jest.useFakeTimers` for `Date` alone) `Date.now()` goes along. Default: nothing.
   */
  readonly onClock?: (now: Date) => void;
}

/** Server of the test's database. */
export interface TestServerOptions {
  /**
   * URL of the server; the role needs CREATEDB. Default: `DATABASE_URL`, else an embedded
   * server, which the tests of a process share and which ends with it.
   */
  readonly databaseUrl?: string | undefined;
}

/** The options that do not depend on the kind of app. */
type Metadata = Omit<DurableTestOptions, 'createApp'>;

const PATIENCE = 4_000;

/**
 * Starts the app under test: its DurableModule on a fresh database, with a worker, and a clock that stands still until
 * `advance` moves it. Close it with `close()`; databases of tests that failed are dropped when the process ends.
 *
 * Give it the workflows and what they inject, or the app's own module: a DurableModule that is imported there is put on
 * the test's database, else one is added. Instances with another name than `'default'` are left alone.
 *
 * @param options or a function that makes them from the URL of the test's database, for modules that connect to it
 * @throws ConfigurationError where no database can be made, DefinitionError for workflows with faults
 * @example
 * ```ts
 * const test = await createDurableTest({ imports: [AppModule] });
 * const handle = await test.client.start(OrderWorkflow, { id: 'A-17', total: 40 });
 * await test.advance(days(3));
 * await handle.result();
 * await test.close();
 * ```
 */
export async function createDurableTest<A extends INestApplicationContext = INestApplication>(
  options: DurableTestOptions<A> | ((url: string) => DurableTestOptions<A>),
  { databaseUrl }: TestServerOptions = {},
): Promise<DurableTest<A>> {
  const { Test } = await import('@nestjs/testing').catch((cause: unknown) => {
    if (!isMissingModule(cause)) throw cause;
    throw new Error('nest-durable/testing needs @nestjs/testing: npm install --save-dev @nestjs/testing', { cause });
  });
  const database = await TestDatabase.create(databaseUrl || process.env['DATABASE_URL'] || undefined);
  let app: A | undefined;
  try {
    const made = typeof options === 'function' ? options(database.url) : options;
    const module = await configure(Test.createTestingModule(await metadataOf(made)), made, database).compile();
    app = await (made.createApp ?? defaultApp)(module);
    await app.init();
    const { patience = PATIENCE, onClock = () => {} } = made;
    return await DurableTest.begin({ app, module, database, runtime: await runtimeOf(module), patience, onClock });
  } catch (error) {
    await app?.close().catch(() => {});
    await database.drop();
    throw error;
  }
}

async function metadataOf({ imports = [], providers = [], controllers = [] }: Metadata): Promise<ModuleMetadata> {
  const own = (await importsModule(imports, isDurableModule)) ? [] : [DurableModule.forRoot()];
  return { imports: [...own, ...imports], providers, controllers };
}

/** Puts the app's DurableModule on the test's database: it starts and queries runs, the kit's worker executes them. */
function configure(
  builder: TestingModuleBuilder,
  { durable = {}, dataSource, override = (same) => same }: Metadata,
  database: TestDatabase,
): TestingModuleBuilder {
  const factory = (raw: DurableModuleOptions): unknown =>
    resolveOptions({
      ...raw,
      ...durable,
      name: 'default',
      database: databaseOf(dataSource ?? sharedOn(database.url, raw), database.url),
      schema: TEST_SCHEMA,
      migrations: 'none',
      workers: false,
      notify: true,
    });
  const token = getDurableOptionsToken('default');
  return override(builder.overrideProvider(token).useFactory({ factory, inject: [RAW_OPTIONS] }));
}

function databaseOf(dataSource: DataSource | undefined, url: string): DurableModuleOptions['database'] {
  return dataSource === undefined ? { url } : { dataSource };
}

/** The DataSource that the app gives its module, where it is on the test's database, whose name no other has. */
function sharedOn(url: string, { database }: DurableModuleOptions): DataSource | undefined {
  const given = typeof database === 'object' && 'dataSource' in database ? database.dataSource : undefined;
  if (!looksLikeDataSource(given)) return undefined;
  const nameIn = (source: DatabaseSource) => resolveTarget(source).config.database;
  return nameIn({ dataSource: given }) === nameIn({ url }) ? given : undefined;
}

/** Nest itself would end the process where the platform is missing. */
async function defaultApp<A extends INestApplicationContext>(module: TestingModule): Promise<A> {
  const app: INestApplicationContext = (await hasExpress()) ? module.createNestApplication() : module;
  return app as A;
}

async function hasExpress(): Promise<boolean> {
  try {
    await import('@nestjs/platform-express');
    return true;
  } catch (error) {
    if (isMissingModule(error)) return false;
    throw error;
  }
}

function runtimeOf(module: TestingModule): Promise<DurableRuntime> {
  let runner: Pick<DurableRunner, 'ready'>;
  try {
    runner = module.get<DurableRunner>(getDurableRunnerToken('default'), { strict: false });
  } catch (cause) {
    throw new ConfigurationError([{ path: 'imports', message: NO_DEFAULT }], { cause });
  }
  return runner.ready();
}

const NO_DEFAULT = "the DurableModule that they bring is no instance of the name 'default', which the kit works on";
