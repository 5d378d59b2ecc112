import type { DataSource } from 'typeorm';
import { ConfigurationError } from '../core/errors/errors.js';
import { INSTANCE_NAME, LONGEST_TIMER, type TextRule } from '../core/limits.js';
import { Faults, isObject, OptionReader } from '../core/option-reader.js';
import { type LogOptions, readLogs } from './logs.js';
import type { Redaction } from '../core/redact/redact.js';
import { readRedact } from './redact.js';
import type { LogSettings } from '../engine/step/log.js';
import { isSchemaName, SCHEMA_RULE } from '../storage/sql.js';
import {
  type DatabaseOption,
  resolveDatabase,
  type ResolvedDatabase,
  type ResolvedServer,
  resolveReadReplica,
  type ServerOption,
} from './database.js';
import {
  type QueueOptions,
  readQueues,
  readRetention,
  type ResolvedQueue,
  type Retention,
  type RetentionOptions,
} from './queues.js';

export type {
  ConnectionOptions,
  DatabaseOption,
  EmbeddedOptions,
  ResolvedDatabase,
  ResolvedServer,
  ServerOption,
} from './database.js';
export type { LogOptions } from './logs.js';
export type { QueueOptions, RateLimit, ResolvedQueue, Retention, RetentionOptions } from './queues.js';

/** Treatment at boot of tables that are not those of this version. */
export type MigrationsOption = 'run' | 'check' | 'none';

/** Choice of the lines about runs in Nest's Logger. */
export type ReportOption = 'failures' | 'all' | 'none';

/** Options of `DurableModule.forRoot()`. All of them may be left out. */
export interface DurableModuleOptions {
  /**
   * Database: `{ url }`, `pg` connection options, `{ dataSource }` (the app's TypeORM DataSource, which
   * transactional steps and `manager` need; the engine opens a few connections of its own beside its pool), or
   * `'embedded'` / `{ embedded: { dir, port } }` (a PostgreSQL server started by this process, or the one that already
   * runs there). Default: the URL in `DATABASE_URL`; without it `'embedded'` where `NODE_ENV` is `development` or
   * `test`, and a `ConfigurationError` anywhere else.
   */
  database?: DatabaseOption;
  /**
   * A replica of the database, `{ url }` or `pg` connection options: the dashboard's pages are read there, on up to 4
   * connections, and are late by 5 s at most. All else goes to `database`, and so do the pages while the replica is away
   * (which is warned of), is later than that, or has not got what was done in the dashboard a moment before. A server
   * that is no standby will do. Default: none; the pages are read from `database`.
   */
  readReplica?: ServerOption;
  /** PostgreSQL schema of the tables; instances with different schemas know nothing of each other. Default: `'durable'`. */
  schema?: string;
  /** Name of this instance, for apps with several of them. Default: `'default'`. */
  name?: string;
  /**
   * `'run'`: bring the tables to this version at boot (safe with many nodes at once); `'check'`: refuse to boot when
   * they are not there yet; `'none'`: don't look. Default: `'run'`.
   */
  migrations?: MigrationsOption;
  /** The queues that this process works on, by name. Default: `{ default: { concurrency: 50 } }`. */
  queues?: Record<string, QueueOptions>;
  /** `false`: this process starts and queries runs but executes none. Default: `true`. */
  workers?: boolean;
  /** Wake up by LISTEN/NOTIFY. `false`: by polling alone, for poolers in transaction mode. Default: `true`. */
  notify?: boolean;
  /** ms after which a worker that is out of touch has lost its runs to others. Default: 30 000. */
  leaseTimeout?: number;
  /**
   * ms between two renewals of the lease, of which there are three in a lease at least; less than half of `leaseTimeout`, so
   * that one lost heartbeat costs nothing.
   * Default: 10 000, or a third of `leaseTimeout` where that is less.
   */
  heartbeatInterval?: number;
  /** ms between two looks for due retries and delayed starts, a safety net beside the exact timers. Default: 1000. */
  wakeInterval?: number;
  /** Due runs made ready in one statement. Default: 500. */
  wakeBatchSize?: number;
  /** ms between two looks for due schedules, a safety net beside the exact timer. Default: 1000. */
  schedulerInterval?: number;
  /** ms between two looks for dead workers. Default: 1000. */
  recoveryInterval?: number;
  /** ms that running steps get to finish on shutdown; then their runs are handed back. Default: 20 000. */
  shutdownTimeout?: number;
  /** ms that a step gets to settle once its signal is aborted. Default: 5000. */
  abortGrace?: number;
  /**
   * Connections to the database for everything but writer, claims, heartbeat and listener, which have one each: this
   * process opens at most `poolSize` + 4, beside the app's own. Default: 4.
   */
  poolSize?: number;
  /** Largest payload (input, a step's result, an error) in bytes of its stored form. Default: 2 097 152 (2 MiB). */
  maxPayloadBytes?: number;
  /**
   * Redaction, by paths: `'[redacted]'` stands in place of the value wherever the client reads payloads, errors and logs,
   * in events, in the errors of `result()`, and in objects that steps log. Steps and `result()` itself get the true
   * values, which stay in the database as they are.
   *
   * A path begins at the root of each payload: `'password'`, `'customer.card.number'`, `'items[*].iban'`; `*` is any one
   * key or index, `**` any number of levels (`'**.secret'`: wherever it is), `["a.b"]` a key with a dot in it. At most
   * 1000 paths of 256 characters. Default: `[]`.
   */
  redact?: readonly string[];
  /** Capture of the lines that steps write to Nest's `Logger` and to `console`. Default: all of them, within limits. */
  logs?: LogOptions;
  /**
   * Retention of finished runs, in ms by status; older ones are deleted in small batches, with their children and steps.
   * Default: nothing is deleted.
   */
  retention?: RetentionOptions;
  /**
   * Lines about runs in Nest's Logger, at most 20 a second. `'failures'`: attempts that failed and are tried again (warn);
   * runs that failed, were paused by the engine or could not be undone (error); runs recovered from a dead worker, the
   * database lost and back, and queues on which no process works (warn). `'all'`: starts and ends too (log). `'none'`: none
   * of these. One line at boot always comes. Default: `'failures'`.
   */
  report?: ReportOption;
  /** Logs every SQL statement at level debug, without its parameters. Default: `false`. */
  sqlLog?: boolean;
  /** `true`: every module can inject the client without importing this one. Default: `true`. */
  isGlobal?: boolean;
}

/** Options from the factory of `forRootAsync()`: `name` and `isGlobal` stand outside it, since the tokens depend on them. */
export type DurableFactoryOptions = Omit<DurableModuleOptions, 'name' | 'isGlobal'>;

/** The options with every default filled in and checked. Times in ms. */
export interface ResolvedOptions {
  readonly name: string;
  readonly database: ResolvedDatabase;
  /** Null: there is none. */
  readonly readReplica: ResolvedServer | null;
  readonly schema: string;
  readonly migrations: MigrationsOption;
  /** By name. A Map, since a queue may be called `__proto__`. Never empty where `workers` is true. */
  readonly queues: ReadonlyMap<string, ResolvedQueue>;
  readonly workers: boolean;
  readonly notify: boolean;
  readonly leaseTimeout: number;
  readonly heartbeatInterval: number;
  readonly wakeInterval: number;
  readonly wakeBatchSize: number;
  readonly schedulerInterval: number;
  readonly recoveryInterval: number;
  readonly shutdownTimeout: number;
  readonly abortGrace: number;
  readonly poolSize: number;
  readonly maxPayloadBytes: number;
  readonly redact: Redaction;
  /** Null: no logs are kept. */
  readonly logs: LogSettings | null;
  readonly retention: Retention;
  readonly report: ReportOption;
  readonly sqlLog: boolean;
  readonly isGlobal: boolean;
}

/** The app's DataSource where the options give one. */
export function appDataSourceOf(options: ResolvedOptions): DataSource | null {
  return options.database.kind === 'dataSource' ? options.database.dataSource : null;
}

/** Below this a busy process loses leases to its own garbage collector. */
const SHORTEST_LEASE = 100;
/** Shorter loops would do little but ask the database. */
const SHORTEST_INTERVAL = 10;
/** A string of Node holds 512 MiB, and the stored form may be escaped. */
const LARGEST_PAYLOAD = 268_435_456;

const MS = (min: number) => ({ min, max: LONGEST_TIMER, unit: 'ms' });

export interface ResolveSettings {
  /** Decides the default of `database`. Default: that of the process. */
  readonly env?: NodeJS.ProcessEnv;
  /** `name` and `isGlobal`, where they are given apart from the other options. */
  readonly beside?: Readonly<Record<string, unknown>>;
}

/**
 * Fills in the defaults and checks everything.
 * @throws ConfigurationError with every fault: its path, what was given, what is allowed
 */
export function resolveOptions(
  raw: unknown,
  { env = process.env, beside = {} }: ResolveSettings = {},
): ResolvedOptions {
  const faults = new Faults();
  const read = OptionReader.of(faults, '', isObject(raw) ? { ...raw, ...beside } : raw);
  if (read === null || !isObject(raw)) throw new ConfigurationError(faults.list);
  for (const key of Object.keys(beside).filter((one) => raw[one] !== undefined)) {
    read.fault(key, `stands outside the factory, since tokens depend on it: forRootAsync({ ${key}, useFactory })`);
  }

  const leaseTimeout = read.integer('leaseTimeout', 30_000, MS(SHORTEST_LEASE));
  const heartbeatInterval = read.integer(
    'heartbeatInterval',
    Math.min(10_000, Math.floor(leaseTimeout / 3)),
    MS(SHORTEST_INTERVAL),
  );
  if (heartbeatInterval >= leaseTimeout / 2) {
    faults.add(
      'heartbeatInterval',
      `must be less than half of leaseTimeout (${leaseTimeout} ms), so that one lost heartbeat loses no run; ` +
        `got ${heartbeatInterval} ms`,
    );
  }
  const workers = read.boolean('workers', true);
  const redact = readRedact(read, faults);
  const options: ResolvedOptions = {
    name: read.text('name', 'default', INSTANCE_NAME),
    database: resolveDatabase(read.take('database'), env, faults),
    readReplica: resolveReadReplica(read.take('readReplica'), faults),
    schema: read.text('schema', 'durable', SCHEMA),
    migrations: read.oneOf('migrations', 'run', ['run', 'check', 'none']),
    queues: readQueues(read, workers),
    workers,
    notify: read.boolean('notify', true),
    leaseTimeout,
    heartbeatInterval,
    wakeInterval: read.integer('wakeInterval', 1_000, MS(SHORTEST_INTERVAL)),
    wakeBatchSize: read.integer('wakeBatchSize', 500, { min: 1, max: 10_000 }),
    schedulerInterval: read.integer('schedulerInterval', 1_000, MS(SHORTEST_INTERVAL)),
    recoveryInterval: read.integer('recoveryInterval', 1_000, MS(SHORTEST_INTERVAL)),
    shutdownTimeout: read.integer('shutdownTimeout', 20_000, MS(0)),
    abortGrace: read.integer('abortGrace', 5_000, MS(0)),
    poolSize: read.integer('poolSize', 4, { min: 1, max: 1_000 }),
    maxPayloadBytes: read.integer('maxPayloadBytes', 2_097_152, { min: 1, max: LARGEST_PAYLOAD, unit: 'bytes' }),
    redact,
    logs: readLogs(read, redact),
    retention: readRetention(read),
    report: read.oneOf('report', 'failures', ['failures', 'all', 'none']),
    sqlLog: read.boolean('sqlLog', false),
    isGlobal: read.boolean('isGlobal', true),
  };
  read.refuseOthers();
  if (faults.list.length > 0) throw new ConfigurationError(faults.list);
  return options;
}

const SCHEMA: TextRule = { fits: isSchemaName, expected: SCHEMA_RULE };
