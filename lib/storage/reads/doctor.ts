import { knownMigrations } from '../migrations/migration-files.js';
import { sql } from '../sql.js';
import type { Query } from '../connection/transaction.js';
import { serverAnswer } from '../connection/connection-errors.js';
import type { Check } from './doctor-check.js';
import { serverChecks, type ServerFacts } from './doctor-server.js';
import { tableChecks, type TableFacts } from './doctor-tables.js';
import { type QueueFacts, type ScheduleFacts, type WorkFacts, workChecks } from './doctor-work.js';

/** How far the tables are those of this version. */
export interface Migrations {
  readonly current: number;
  readonly latest: number;
  readonly pending: readonly string[];
}

interface Applied extends Migrations {
  /** Applied from another file than this package has, or from one that it does not have. */
  readonly others: readonly string[];
}

/** Report of doctor on a database. */
export interface DoctorReport {
  readonly checks: readonly Check[];
  /** Null: the role may not look. */
  readonly migrations: Migrations | null;
  readonly tables: readonly TableFacts[];
  readonly database: {
    readonly version: string;
    readonly encoding: string;
    readonly bytes: number;
    readonly schema: string;
  };
}

export interface DoctorOptions {
  readonly query: Query;
  readonly schema: string;
  /** True: notifications arrive; null: not checked. */
  readonly notified: boolean | null;
}

/** SQLSTATE: no such schema, no such table. */
const NO_TABLES = new Set(['3F000', '42P01']);
/** No such table; no such function or column. */
const OTHER_TABLES = new Set(['42P01', '42883', '42703']);
/** Permission denied. */
const FORBIDDEN = '42501';
/** Schedules that are looked at. */
const MOST_SCHEDULES = 10_000;

function unseen({ names: { schema, role } }: ServerFacts): Check {
  return {
    id: 'migrations',
    state: 'bad',
    text: 'The role may not read which migrations are applied.',
    mend: `As the owner of the tables: GRANT USAGE ON SCHEMA ${schema} TO ${role}; GRANT SELECT ON TABLE ${schema}.migrations TO ${role};`,
  };
}

/** Looks at the server, the tables and the work in them. Reads only. */
export async function examine({ query, schema, notified }: DoctorOptions): Promise<DoctorReport> {
  const asked = Date.now();
  const [server] = await query<ServerFacts>(sql('doctor-server', schema), [schema]);
  if (server === undefined) throw new Error('the server says nothing of itself');
  const offset = server.now - (asked + Date.now()) / 2;
  const tables = await query<TableFacts>(sql('doctor-tables', schema), [schema]);
  const applied = await migrationsOf(query, schema);
  const checks = [
    ...serverChecks(server, offset, notified),
    applied === null ? unseen(server) : migrationCheck(schema, applied),
    ...(applied?.current === 0 ? [] : [...tableChecks(tables, server), ...(await examineWork(query, schema))]),
  ];
  const { version, encoding, bytes } = server;
  const migrations = applied && { current: applied.current, latest: applied.latest, pending: applied.pending };
  return { checks, migrations, tables, database: { version, encoding, bytes, schema } };
}

/** Where the role may not look nothing is said: the check of its rights says why. */
async function examineWork(query: Query, schema: string): Promise<Check[]> {
  try {
    return await looksAtWork(query, schema);
  } catch (error) {
    const code = codeOf(error);
    // Tables of another version may lack what is asked for; that they are is a check of its own.
    if (code === FORBIDDEN || OTHER_TABLES.has(code)) return [];
    throw error;
  }
}

async function looksAtWork(query: Query, schema: string): Promise<Check[]> {
  const [work] = await query<WorkFacts>(sql('doctor-work', schema), []);
  const queues = await query<QueueFacts>(sql('list-queues', schema), [null]);
  const all = [null, null, null, null, MOST_SCHEDULES, 0];
  const schedules = await query<ScheduleFacts>(sql('list-schedules', schema), all);
  return work === undefined ? [] : workChecks(work, queues, schedules);
}

async function migrationsOf(query: Query, schema: string): Promise<Applied | null> {
  const known = knownMigrations();
  let applied: { version: number; name: string; checksum: string }[] = [];
  try {
    applied = await query(sql('schema-versions', schema), []);
  } catch (error) {
    const code = codeOf(error);
    if (code === FORBIDDEN) return null;
    if (!NO_TABLES.has(code)) throw error;
  }
  const versions = applied.map(({ version }) => version);
  const checksums = new Map(known.map(({ version, checksum }) => [version, checksum]));
  return {
    current: Math.max(0, ...versions),
    latest: known.at(-1)?.version ?? 0,
    pending: known.filter(({ version }) => !versions.includes(version)).map(({ name }) => name),
    others: applied.filter(({ version, checksum }) => checksums.get(version) !== checksum).map(({ name }) => name),
  };
}

/** Errors of the server come as they are, or as the cause of ours. */
function codeOf(error: unknown): string {
  return serverAnswer(error)?.code ?? serverAnswer((error as { cause?: unknown }).cause)?.code ?? '';
}

function migrationCheck(schema: string, { current, latest, pending, others }: Applied): Check {
  const id = 'migrations';
  if (pending.length > 0) {
    const text = `Schema "${schema}" lacks ${pending.join(', ')}.`;
    return { id, state: 'bad', text, mend: 'nest-durable migrate' };
  }
  if (current > latest) {
    const text = `Schema "${schema}" is at version ${current}, this package knows ${latest}.`;
    return { id, state: 'bad', text, mend: 'Use the version of nest-durable that migrated it.' };
  }
  if (others.length > 0) {
    const text = `Schema "${schema}" has ${others.join(', ')} from another build: not as in this package.`;
    return { id, state: 'bad', text, mend: 'Use the build that migrated it, or reinstall nest-durable.' };
  }
  return { id, state: 'ok', text: `Schema "${schema}" is at version ${current}, the latest.` };
}
