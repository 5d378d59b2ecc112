import { INDEXES_ONLY } from './planner.js';

/** Time limits of a session, in ms. */
export interface SessionLimits {
  /** One statement, its waits for locks included. */
  readonly statement: number;
  /** One wait for a lock. */
  readonly lock: number;
  /** A transaction in which nothing happens: whoever stands still in the middle of one (a paused machine) gives it up. */
  readonly idleInTransaction: number;
}

/** A kind of session: what it is for decides how it is set. */
export interface SessionSpec {
  /** Purpose of the connection; part of messages. */
  readonly role: string;
  /** application_name: other processes go by it. */
  readonly name: string;
  /** False behind a transaction-mode pooler: nothing is set on the session, and no statement is named. */
  readonly direct: boolean;
  readonly limits: SessionLimits;
  /** Reads alone: a server that takes no writes will do. */
  readonly reads?: boolean;
  /** Only nested loops over indexes, see planner.ts. */
  readonly indexesOnly?: boolean;
}

/**
 * Time limits that fit a lease: what is stuck, or stands still, is over well before the lease is. A lease of less than some
 * seconds does not make them shorter than a busy machine can keep.
 */
export function limitsFor(leaseTimeout: number): Record<'work' | 'heartbeat' | 'pool' | 'listener', SessionLimits> {
  const idleInTransaction = between(1_000, leaseTimeout / 6, 5_000);
  const statement = between(5_000, leaseTimeout * (2 / 3), 20_000);
  return {
    work: { statement, lock: between(500, leaseTimeout / 10, 3_000), idleInTransaction },
    heartbeat: { statement: between(1_000, leaseTimeout / 3, 10_000), lock: 1_000, idleInTransaction },
    // A statement that waits for another's lock gives the connection back in between: see withReconnect().
    pool: { statement: 14_000, lock: 250, idleInTransaction },
    listener: { statement: 5_000, lock: 1_000, idleInTransaction },
  };
}

/**
 * Settings that the engine relies on in every transaction, whatever the server, the database, the role, the URL, the environment
 * or the app's own pg say.
 */
function transactionSettings({ limits, indexesOnly = false }: SessionSpec): [string, string][] {
  return [
    ['DateStyle', 'ISO, MDY'],
    ['IntervalStyle', 'postgres'],
    ['TimeZone', 'UTC'],
    ['search_path', '"$user", public'],
    ['standard_conforming_strings', 'on'],
    ['array_nulls', 'on'],
    ['bytea_output', 'hex'],
    ['extra_float_digits', '1'],
    ['plan_cache_mode', 'auto'],
    ['jit', 'off'],
    ...(indexesOnly ? INDEXES_ONLY.map((setting): [string, string] => [setting, 'off']) : []),
    ['statement_timeout', String(limits.statement)],
    ['lock_timeout', String(limits.lock)],
    ['idle_in_transaction_session_timeout', String(limits.idleInTransaction)],
    // PostgreSQL 17 and later.
    ['transaction_timeout', '0'],
  ];
}

/** For a session that is the engine's alone: beside the above what holds between transactions, and for its socket. */
export function sessionSettings(spec: SessionSpec): [string, string][] {
  return [
    ...transactionSettings(spec),
    ['client_encoding', 'UTF8'],
    ['application_name', spec.name],
    ['default_transaction_isolation', 'read committed'],
    ['default_transaction_deferrable', 'off'],
    ['idle_session_timeout', '0'],
    // The server notices within half a minute that the host of a process is gone, and ends what it left open.
    ['tcp_keepalives_idle', '10'],
    ['tcp_keepalives_interval', '5'],
    ['tcp_keepalives_count', '3'],
    ['tcp_user_timeout', '20000'],
  ];
}

/** Sets what a new session is to have ($1 names, $2 values), and says whether it can write. */
export const OPEN_SESSION = `
  SELECT pg_is_in_recovery() AS standby, current_setting('transaction_read_only') = 'on' AS "readOnly",
    (SELECT count(set_config(s.name, s.value, false)) FROM unnest($1::text[], $2::text[]) AS s (name, value)
      WHERE current_setting(s.name, true) IS NOT NULL) AS set`;

/** Begins a transaction. Behind a pooler the session may have been anybody's before: all is set for the transaction. */
export function beginStatement(spec: SessionSpec): string {
  const begin = 'BEGIN ISOLATION LEVEL READ COMMITTED';
  if (spec.direct) return begin;
  const values = transactionSettings(spec).map(([name, value]) => `('${name}', '${value}')`);
  return (
    `${begin}; SELECT set_config(s.name, s.value, true) FROM (VALUES ${values.join(', ')}) AS s (name, value) ` +
    'WHERE current_setting(s.name, true) IS NOT NULL'
  );
}

function between(least: number, wanted: number, most: number): number {
  return Math.round(Math.min(Math.max(least, wanted), most));
}
