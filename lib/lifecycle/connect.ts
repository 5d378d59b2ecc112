import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { ConfigurationError, DatabaseUnavailableError } from '../core/errors/errors.js';
import { read, textOf } from '../core/text-of.js';
import type { BootContext } from '../engine/ports/boot-context.js';
import type { ResolvedDatabase } from '../options/module.js';
import {
  type DatabaseTarget,
  describeTarget,
  isConnectionError,
  isRetryableRejection,
  resolveTarget,
  serverAnswer,
} from '../storage/connection/connection.js';
import { TakesNoWritesError } from '../storage/connection/connection-errors.js';
import { loginRefusal } from '../storage/connection/refusals.js';
import { probeServer, type ServerFindings } from '../storage/connection/server-probe.js';

/** ms that a boot waits for a database that cannot be used yet: as long as a container of it takes to start. */
export const CONNECT_TIMEOUT = 30_000;
/** ms between two tries. */
const RETRY_DELAY = 500;
/** ms between two lines in the log. */
const WARN_INTERVAL = 5_000;
const OLDEST_SERVER = 14;

/** Target of the engine's own connections; `embedded` has a URL only once its server runs. @param option for errors */
export function targetOf(
  database: Exclude<ResolvedDatabase, { kind: 'embedded' }>,
  option?: 'readReplica',
): DatabaseTarget {
  if (database.kind === 'dataSource') return resolveTarget({ dataSource: database.dataSource });
  const { connectionString, ...rest } = database.server;
  return resolveTarget(connectionString === undefined ? rest : { ...rest, url: connectionString }, option);
}

/** The target, whose functions (`password`, `stream`, those of `ssl`) are the user's: called in the context of the boot. */
export function calledIn(context: BootContext, target: DatabaseTarget): DatabaseTarget {
  const { ssl } = target.config;
  const config = bound(context, target.config);
  return { ...target, config: typeof ssl === 'object' ? { ...config, ssl: bound(context, ssl) } : config };
}

function bound<T extends object>(context: BootContext, options: T): T {
  const entries = Object.entries(options).map(([key, value]: [string, unknown]) => [
    key,
    typeof value === 'function' ? context.bind((...args: unknown[]): unknown => value(...args)) : value,
  ]);
  return Object.fromEntries(entries) as T;
}

export interface WaitOptions {
  readonly warn: (message: string) => void;
  /** True: checks that notifications arrive. */
  readonly notify: boolean;
  /** ms. Default: 30 000. */
  readonly patience?: number;
  /** Ends the wait: the app is being closed. */
  readonly signal?: AbortSignal;
}

/**
 * Returns what the server is like, once it takes a connection that can write. One that is not reachable, is starting, or
 * takes no writes at the moment, or refuses for a reason that passes (a cancelled statement, a full disk), is tried again for
 * `patience` ms; a refused password, a role or a database that there is
 * none of are not, since they will not become right by themselves.
 * @throws DatabaseUnavailableError naming host, port and database, never user or password
 * @throws ConfigurationError for a server that is older than PostgreSQL 14, or a database whose encoding is not UTF8
 */
export async function waitForDatabase(
  target: DatabaseTarget,
  { warn, notify, patience = CONNECT_TIMEOUT, signal }: WaitOptions,
): Promise<ServerFindings> {
  const where = describeTarget(target);
  const begin = performance.now();
  let warned = -Infinity;
  for (;;) {
    const found = await look(target, notify);
    if (!('why' in found)) return checked(found, target);
    const waited = performance.now() - begin;
    if (!found.retry || waited >= patience || signal?.aborted === true) {
      const tried = found.retry ? ` It was tried for ${Math.round(waited / 1_000)} s.` : '';
      throw new DatabaseUnavailableError(
        `The database at ${where} cannot be used: ${found.why}.${tried} ` + found.mend,
        { cause: found.cause },
      );
    }
    if (performance.now() - warned >= WARN_INTERVAL) {
      warned = performance.now();
      const left = Math.ceil((patience - waited) / 1_000);
      warn(`The database at ${where} cannot be used yet (${found.why}); retrying for ${left} s.`);
    }
    await delay(Math.min(RETRY_DELAY, Math.max(1, patience - waited)), undefined, { signal }).catch(() => {});
  }
}

interface Failure {
  readonly why: string;
  /** The mend, a sentence. */
  readonly mend: string;
  readonly retry: boolean;
  readonly cause: unknown;
}

async function look(target: DatabaseTarget, notify: boolean): Promise<ServerFindings | Failure> {
  try {
    return await probeServer(target, notify);
  } catch (error) {
    return failureOf(error);
  }
}

function checked(found: ServerFindings, target: DatabaseTarget): ServerFindings {
  const { version, encoding } = found;
  const where = describeTarget(target);
  const faults = [
    ...(version < OLDEST_SERVER
      ? [`expected PostgreSQL ${OLDEST_SERVER} or later, the one at ${where} is ${version}`]
      : []),
    ...(encoding === 'UTF8'
      ? []
      : [
          `expected a database with the encoding UTF8, which can hold any text; the one at ${where} has ${encoding}. ` +
            `Make one with CREATE DATABASE ${otherName(target)} TEMPLATE template0 ENCODING 'UTF8'`,
        ]),
  ];
  if (faults.length === 0) return found;
  throw new ConfigurationError(faults.map((message) => ({ path: 'database', message })));
}

/** A name for a database beside this one, quoted: a statement that is shown can be pasted. */
function otherName({ config }: DatabaseTarget): string {
  return pg.escapeIdentifier(`${config.database ?? 'durable'}_utf8`);
}

/** SQLSTATE: no such database, no right to connect to it. */
const NOT_FOR_US = /^(3D000|42501)$/;

function failureOf(error: unknown): Failure {
  const answer = serverAnswer(error);
  const code = answer?.code ?? '';
  const refused = loginRefusal(error);
  const where = 'in the option "database" (or DATABASE_URL).';
  if (refused !== null) {
    const mend = `Check user and password ${where}`;
    return { why: refused, mend, retry: false, cause: undefined };
  }
  if (NOT_FOR_US.test(code)) {
    const mend = `Create the database, or give the user the right to it; or check its name ${where}`;
    return { why: `${answer?.message} (${code})`, mend, retry: false, cause: undefined };
  }
  const mend =
    error instanceof TakesNoWritesError
      ? `${error.mend} ${where}`
      : `Check that PostgreSQL runs there, and what is said ${where}`;
  return { why: reasonOf(error), mend, retry: isConnectionError(error) || isRetryableRejection(error), cause: error };
}

/** The reason of an error, as the rest of a sentence about the server. */
function reasonOf(error: unknown): string {
  const text = textOf(error);
  return read(error, 'sent') === false ? text.replace(/^PostgreSQL \(.*?\) /, 'it ').replace(/\.$/, '') : text;
}
