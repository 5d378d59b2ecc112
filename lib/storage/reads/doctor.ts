import { knownMigrations } from '../migrations/migration-files.js';
import { sql } from '../sql.js';
import type { Query } from '../connection/transaction.js';
import { serverAnswer } from '../connection/connection-errors.js';
import type { Check } from './doctor-check.js';
import { serverChecks, type ServerFacts, tableChecks, type TableFacts } from './doctor-server.js';
import { type QueueFacts, type ScheduleFacts, type WorkFacts, workChecks } from './doctor-work.js';

/** Report of doctor on a database. */
export interface DoctorReport {
  readonly checks: readonly Check[];
  readonly migrations: { readonly current: number; readonly latest: number; readonly pending: readonly string[] };
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
/** Schedules that are looked at. */
const MOST_SCHEDULES = 10_000;

/** Looks at the server, the tables and the work in them. Reads only. */
export async function examine({ query, schema, notified }: DoctorOptions): Promise<DoctorReport> {
  const asked = Date.now();
  const [server] = await query<ServerFacts>(sql('doctor-server', schema), [schema]);
  if (server === undefined) throw new Error('the server says nothing of itself');
  const offset = server.now - (asked + Date.now()) / 2;
  const tables = await query<TableFacts>(sql('doctor-tables', schema), [schema]);
  const migrations = await migrationsOf(query, schema);
  const checks = [
    ...serverChecks(server, offset, notified),
    migrationCheck(schema, migrations),
    ...(migrations.current === 0 ? [] : [...tableChecks(tables), ...(await examineWork(query, schema))]),
  ];
  const { version, encoding, bytes } = server;
  return { checks, migrations, tables, database: { version, encoding, bytes, schema } };
}

async function examineWork(query: Query, schema: string): Promise<Check[]> {
  const [work] = await query<WorkFacts>(sql('doctor-work', schema), []);
  const queues = await query<QueueFacts>(sql('list-queues', schema), [null]);
  const all = [null, null, null, null, MOST_SCHEDULES, 0];
  const schedules = await query<ScheduleFacts>(sql('list-schedules', schema), all);
  return work === undefined ? [] : workChecks(work, queues, schedules);
}

async function migrationsOf(query: Query, schema: string): Promise<DoctorReport['migrations']> {
  const known = knownMigrations();
  let versions: number[] = [];
  try {
    const rows = await query<{ version: number }>(sql('schema-versions', schema), []);
    versions = rows.map(({ version }) => version);
  } catch (error) {
    // Errors of the server come as they are, or as the cause of ours.
    if (!NO_TABLES.has(codeOf(error))) throw error;
  }
  return {
    current: Math.max(0, ...versions),
    latest: known.at(-1)?.version ?? 0,
    pending: known.filter(({ version }) => !versions.includes(version)).map(({ name }) => name),
  };
}

function codeOf(error: unknown): string {
  return serverAnswer(error)?.code ?? serverAnswer((error as { cause?: unknown }).cause)?.code ?? '';
}

function migrationCheck(schema: string, { current, latest, pending }: DoctorReport['migrations']): Check {
  const id = 'migrations';
  if (pending.length > 0) {
    const text = `Schema "${schema}" lacks ${pending.join(', ')}.`;
    return { id, state: 'bad', text, mend: 'nest-durable migrate' };
  }
  if (current > latest) {
    const text = `Schema "${schema}" is at version ${current}, this package knows ${latest}.`;
    return { id, state: 'bad', text, mend: 'Use the version of nest-durable that migrated it.' };
  }
  return { id, state: 'ok', text: `Schema "${schema}" is at version ${current}, the latest.` };
}
