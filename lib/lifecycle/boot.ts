import type { Logger } from '@nestjs/common';
import { hostname } from 'node:os';
import type { DataSource } from 'typeorm';
import { DefinitionError, MigrationError } from '../core/errors/errors.js';
import type { Sequence, WorkflowDefinition } from '../core/definition/definition.js';
import { StatsJob } from './stats-job.js';
import { retentionJobs } from './retention-job.js';
import type { Closers } from './closers.js';
import { calledIn, targetOf, waitForDatabase } from './connect.js';
import type { WorkflowBinding } from '../workflows/durable.explorer.js';
import type { DurableRuntime } from './host.js';
import { inputSchema } from '../workflows/input-schema.js';
import { type InputCheck, inputValidator } from '../workflows/input-validator.js';
import { appDataSourceOf, type ResolvedOptions } from '../options/module.js';
import { captureLogs } from '../logging/log-capture.js';
import { ModuleReport } from '../report/module-report.js';
import { openEvents } from './event-boot.js';
import { connectHints } from './hints.js';
import { Advice } from '../engine/step/advice.js';
import { BootContext } from '../engine/ports/boot-context.js';
import { Engine } from '../engine/engine.js';
import { DatabaseClock } from '../engine/time/clock.js';
import { limitKeyOf } from '../engine/worker/limit-keys.js';
import { Registry } from '../engine/ports/registry.js';
import { describeTarget, serverAnswer, type DatabaseTarget } from '../storage/connection/connection.js';
import { Connections } from '../storage/connection/connections.js';
import { openDataSource } from '../storage/connection/data-source.js';
import { PgDeclarations } from '../storage/schedules/declarations.js';
import { isUndoneElsewhere, saveDefinition } from '../storage/engine/definition-store.js';
import { startEmbedded } from '../storage/embedded/server.js';
import { checkMigrations, howToMigrate, migrate } from '../storage/migrations/migrator.js';
import { PgStore } from '../storage/engine/pg-store.js';
import { childTargets } from '../workflows/children.js';
import { PgScheduleStore } from '../storage/schedules/schedule-store.js';
import { declareSchedules, withRedaction } from './schedule-boot.js';
import { InstanceStorage } from './storage.js';
import { PgQueueStore } from '../storage/engine/queue-store.js';
import { sql } from '../storage/sql.js';
import { type Query, readsOf } from '../storage/connection/transaction.js';
import { openTelemetry } from '../telemetry/telemetry.js';
import { mixedVersions, packageVersion } from '../telemetry/version.js';

/**
 * Everything between the checked options and an engine that is ready to start: server, connections, tables, definitions.
 * What is opened goes to `closers`, whether the boot succeeds or not.
 */
export async function boot(
  options: ResolvedOptions,
  bindings: readonly WorkflowBinding[],
  /** True when the app has that workflow now. */
  provides: (workflow: string) => boolean,
  closers: Closers,
  log: Logger,
  signal: AbortSignal,
): Promise<DurableRuntime> {
  const context = new BootContext();
  const appDataSource = appDataSourceOf(options);
  if (appDataSource === null) refuseTransactionalSteps(bindings);
  const validators = new Map<Function, InputCheck>();
  const schemas = new Map<Function, object | null>();
  for (const { type, inputType, definition } of bindings) {
    if (inputType === null) continue;
    validators.set(type, await inputValidator(inputType, definition.name));
    schemas.set(type, await inputSchema(inputType));
  }

  const found = await reach(options, closers, log);
  const logged = (given: DatabaseTarget): DatabaseTarget => {
    const one = calledIn(context, given);
    return options.sqlLog ? { ...one, onStatement: (text: string) => log.debug(text) } : one;
  };
  const target = logged(found);
  const report = new ModuleReport(options, describeTarget(found), log, signal);
  closers.add('the report', () => report.close());
  const server = await waitForDatabase(target, {
    warn: (message) => log.warn(message),
    notify: options.notify,
    signal,
  });
  if (appDataSource !== null) await initialize(appDataSource, closers);
  await prepareTables(options, target, log);

  const { poolSize, leaseTimeout } = options;
  const connections = new Connections(report.watched(target), { direct: server.direct, poolSize, leaseTimeout });
  closers.add('the connections', () => connections.close());
  const { pool } = connections;
  const database = await openDataSource(pool, options.schema);
  const instanceId = await readInstanceId(readsOf(pool), options.schema);

  const replica =
    options.readReplica === null
      ? null
      : connections.replica(logged(targetOf(options.readReplica, 'readReplica')), {
          schema: options.schema,
          instanceId,
          onTrouble: (message) => report.trouble(message),
        });

  if (options.logs !== null) {
    const release = captureLogs();
    closers.add('the capture of logs', async () => release());
  }
  const mixed = mixedVersions();
  if (mixed !== null) {
    log.warn(
      `This process has loaded different versions of nest-durable: ${mixed}. They may not understand each other: have one.`,
    );
  }
  for (const { className, notices } of bindings) for (const notice of notices) log.warn(`${className}: ${notice}.`);
  const registry = new Registry(context, options.name, lateOnes(provides, options.workers, log));
  for (const { definition, hash, type, instance, retryIf, concurrencyKey } of bindings) {
    const schema = schemas.get(type) ?? null;
    const { id } = await saveDefinition(pool, database, {
      name: definition.name,
      hash,
      definition,
      inputSchema: schema,
    });
    const undoesElsewhere = await isUndoneElsewhere(pool, options.schema, definition.name, id);
    const validateInput = withLimitKey(definition, concurrencyKey, validators.get(type) ?? null);
    registry.add({
      definition,
      definitionId: id,
      undoesElsewhere,
      type,
      instance,
      retryIf,
      concurrencyKey,
      validateInput,
    });
  }

  const { schema, redact } = options;
  const hints = await connectHints(options, connections, server, closers, log);
  const { hint, unmatchedHint } = hints;
  const parts = { pool, schema, instanceId, redact, hint, unmatchedHint, engine: () => engine };
  const storage = new InstanceStorage(parts);

  const declarations = new PgDeclarations(pool, schema, storage.schedules);
  const declared = await declareSchedules(declarations, registry, bindings, schemas, options, log);

  const store = new PgStore({
    connections,
    schema,
    appDataSource,
    places: [...options.queues.values()].reduce((sum, { concurrency }) => sum + concurrency, 0),
    onTrouble: (message) => report.trouble(message),
  });
  const queues = new PgQueueStore(pool, schema);
  const retention = retentionJobs(storage.retention, options.retention);
  const stats = new StatsJob(storage.stats);
  closers.add('the figures of runs', () => stats.write(), LAST_FIGURES);
  const events = openEvents({ connections, schema, redact, reads: storage.events, hints, context, closers, log });
  const telemetry = await openTelemetry(redact);
  // A process without workers has no heartbeat to go by, and tells others the times of what its clients do.
  const clock = new DatabaseClock();
  clock.sync((await storage.reads.now()).getTime());
  const deps = {
    clock,
    observer: events,
    ...report.ofRuns(registry),
    ...(telemetry === undefined ? {} : { telemetry }),
    store,
    schedules: withRedaction(new PgScheduleStore(pool, schema), redact),
    queues,
    declarations: { store: declarations, schedules: declared },
    stats,
    jobs: [...retention, stats.job],
    registry,
    context,
    advice: new Advice((message) => log.warn(message)),
    settings: {
      ...options,
      host: hostname(),
      version: packageVersion(),
      queues: Object.fromEntries(options.queues),
    },
    hints,
    targets: childTargets(registry, storage.control, options),
    sessionName: () => hints.sessionName,
    onTrouble: (message: string, cause?: unknown) => report.trouble(message, cause),
  };
  const engine: Engine = Engine.open(deps);
  hints.attach(engine, options.queues.keys());
  return {
    engine,
    launched() {
      report.launched(bindings, (named) => queues.idleQueues(named));
      void replica?.open();
    },
    deps,
    events: context.guard(events),
    registry,
    store,
    schedules: bindings.flatMap((binding) => binding.schedules),
    storage,
    readers: (longest) => connections.readers(longest),
    replica,
    schema,
    appDataSource,
    listening: hints.listening,
  };
}

/** A start is refused where the limit of its workflow could not count it. */
function withLimitKey(
  definition: WorkflowDefinition,
  concurrencyKey: WorkflowBinding['concurrencyKey'],
  validate: InputCheck | null,
): InputCheck | null {
  if (definition.concurrency === null || concurrencyKey === null) return validate;
  return async (input, given) => {
    await validate?.(input, given);
    limitKeyOf({ definition, concurrencyKey }, input);
  };
}

/** Nothing works on what a module brings that is loaded after the boot, and nothing else says so. */
function lateOnes(provides: (workflow: string) => boolean, works: boolean, log: Logger): (workflow: string) => boolean {
  const told = new Set<string>();
  return (workflow) => {
    if (!provides(workflow)) return false;
    if (works && !told.has(workflow)) {
      log.warn(
        `Workflow "${workflow}" came with a module that was loaded after the boot (LazyModuleLoader): this process does not work ` +
          'on its runs, since workflows are found at the boot. Import the module in one that the app boots with.',
      );
    }
    told.add(workflow);
    return true;
  };
}

/** The server that is to be used. */
async function reach({ database }: ResolvedOptions, closers: Closers, log: Logger): Promise<DatabaseTarget> {
  if (database.kind !== 'embedded') return targetOf(database);
  const { dir, port } = database;
  const server = await startEmbedded({ dir, port, log: (line) => log.log(line) });
  closers.add('the embedded PostgreSQL', () => server.stop(), LAST_STOP, false);
  return targetOf({ kind: 'server', server: { connectionString: server.url } });
}

/** The app's DataSource is closed here only if it was opened here. */
async function initialize(dataSource: DataSource, closers: Closers): Promise<void> {
  if (dataSource.isInitialized) return;
  await dataSource.initialize();
  closers.add(
    "the app's DataSource",
    async () => {
      // It waits for connections that the app has not released, and would for ever.
      if (dataSource.isInitialized) await dataSource.destroy();
    },
    LAST_DISCONNECT,
  );
}

/** ms that the app's own connections get to end at shutdown. */
const LAST_DISCONNECT = 500;
/** ms for the embedded server, which its guard stops where this process does not. */
const LAST_STOP = 5_000;

async function prepareTables(
  { migrations, schema }: ResolvedOptions,
  target: DatabaseTarget,
  log: Logger,
): Promise<void> {
  if (migrations === 'check') await checkMigrations({ target, schema });
  if (migrations !== 'run') return;
  const applied = await migrate({ target, schema });
  if (applied.length > 0) log.log(`Schema "${schema}": applied ${applied.join(', ')}`);
}

/** ms for the last figures at shutdown. */
const LAST_FIGURES = 300;

/** SQLSTATE: no such schema, no such table. */
const NO_TABLES = ['3F000', '42P01'];

async function readInstanceId(query: Query, schema: string): Promise<string> {
  try {
    const [row] = await query<{ id: string }>(sql('instance', schema), []);
    return row?.id ?? '';
  } catch (error) {
    if (!NO_TABLES.includes(serverAnswer(error)?.code ?? '')) throw error;
    throw new MigrationError(
      `Schema "${schema}" has no tables of nest-durable, and migrations is 'none'. ` + howToMigrate(schema),
      { cause: error },
    );
  }
}

function refuseTransactionalSteps(bindings: readonly WorkflowBinding[]): void {
  const members = bindings.flatMap(({ className, definition }) =>
    [
      ...transactionalMembers(definition.nodes),
      ...definition.compensations.filter(({ transactional }) => transactional).map(({ member }) => member),
    ].map((member) => `${className}.${member}`),
  );
  if (members.length === 0) return;
  throw new DefinitionError(
    `${members.join(', ')}: a transactional step needs the app's own connections. ` +
      'Give the module database: { dataSource }, with the DataSource that the step writes to, or take `transactional` away.',
  );
}

function transactionalMembers(nodes: Sequence): string[] {
  return nodes.flatMap((node) => {
    const own = node.settings.transactional ? [node.member] : [];
    if (node.kind === 'forEach') return [...own, ...transactionalMembers(node.arm)];
    const arms = node.kind === 'branch' || node.kind === 'parallel' ? Object.values(node.arms) : [];
    return [...own, ...arms.flatMap(transactionalMembers)];
  });
}
