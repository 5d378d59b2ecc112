import pg from 'pg';
import type { DataSourceOptions } from 'typeorm';
import { ConfigurationError } from '../../core/errors/errors.js';
import { read, textOf } from '../../core/text-of.js';

/** A resolved way to reach PostgreSQL. */
export interface DatabaseTarget {
  readonly config: Endpoint;
  /** ms that a session may take to open. Default: 5000. */
  readonly openTimeout?: number | undefined;
  /** Told of each attempt to open a session: null: it is open; else why not. */
  readonly onOpened?: ((failure: unknown) => void) | undefined;
  /** Gets the text of each statement that our own connections send. */
  readonly onStatement?: ((text: string) => void) | undefined;
}

/**
 * Address, role and transport of a session, as a URL, the app or the environment give them. Its settings, type parsers and
 * name are the engine's own (session-settings.ts).
 */
export type Endpoint = Pick<
  pg.ClientConfig,
  | 'host'
  | 'port'
  | 'user'
  | 'password'
  | 'database'
  | 'ssl'
  | 'sslnegotiation'
  | 'enableChannelBinding'
  | 'options'
  | 'stream'
>;

/** Source of a target: a URL, connection options of `pg`, or a TypeORM DataSource or its options. */
export type DatabaseSource =
  | { readonly url: string }
  | pg.ClientConfig
  | DataSourceOptions
  | { readonly dataSource: { readonly options: DataSourceOptions } };

/** The part of TypeORM's options for PostgreSQL that says how to connect. */
interface TypeOrmConnection {
  readonly url?: string;
  readonly host?: string;
  readonly port?: number;
  readonly username?: string;
  readonly password?: pg.ClientConfig['password'];
  readonly database?: string;
  readonly ssl?: boolean | object;
  readonly extra?: pg.ClientConfig;
  readonly replication?: { readonly master: TypeOrmConnection };
}

/**
 * Brings the ways to name a database to one. Nothing is connected.
 * @param option the one that names it, for errors
 * @throws ConfigurationError for a URL that cannot be read, or a DataSource of another database
 */
export function resolveTarget(source: DatabaseSource, option = 'database'): DatabaseTarget {
  if ('dataSource' in source) return resolveTarget(source.dataSource.options);
  const given = 'type' in source ? fromTypeOrm(source) : fromOptions(source, option);
  const { connectionTimeoutMillis: openTimeout } = given;
  return {
    config: endpoint(given, option),
    ...(openTimeout ? { openTimeout: Math.min(openTimeout, LONGEST_OPEN) } : {}),
  };
}

/** ms: what waits longer for a connection is no help to anybody who waits for it. */
const LONGEST_OPEN = 10_000;

/** `host:port/database`, with no credential: for messages. */
export function describeTarget({ config: { host = '', port, database } }: DatabaseTarget): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}/${database ?? ''}`;
}

/** Fault of a URL of PostgreSQL, in words that show nothing of it; null: none. */
export function urlFault(url: string): 'protocol' | 'syntax' | 'hosts' | null {
  if (!/^(postgres|postgresql|socket):/.test(url)) return 'protocol';
  if (namesSeveralHosts(url)) return 'hosts';
  try {
    return new pg.Client({ connectionString: url }).port > 0 ? null : 'syntax';
  } catch (error) {
    // A certificate's file that is not there is told when it is connected.
    return read(error, 'syscall') === undefined ? 'syntax' : null;
  }
}

/** What libpq takes and pg does not: it would look for one host of that name, for ever. */
export const ONE_HOST =
  'one server: pg connects to one host. For several give the address of what leads to the one that takes writes (HAProxy, a virtual IP)';

function namesSeveralHosts(url: string): boolean {
  const [authority = '', query = ''] = url.replace(/^\w+:\/\//, '').split(/[/?](.*)/s);
  const host = new URLSearchParams(query.slice(query.indexOf('?') + 1)).get('host') ?? '';
  return authority.slice(authority.lastIndexOf('@') + 1).includes(',') || host.includes(',');
}

/** A client knows its endpoint before it connects: URL, options, PG* variables and defaults in pg's own order. */
function endpoint(given: pg.ClientConfig, option: string): Endpoint {
  try {
    const { connectionParameters: known } = new pg.Client({ ...given, stream: undefined }) as unknown as {
      connectionParameters: Endpoint;
    };
    const { host, port, user, password, database, ssl, sslnegotiation, options } = known;
    const { enableChannelBinding, stream } = given;
    const all = { host, port, user, password, database, ssl, sslnegotiation, options, enableChannelBinding, stream };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined && value !== null));
  } catch (error) {
    throw new ConfigurationError([
      {
        path: option,
        message: `expected a PostgreSQL URL, postgres://user:password@host:port/database (${textOf(error)})`,
      },
    ]);
  }
}

function fromOptions(source: { readonly url: string } | pg.ClientConfig, option: string): pg.ClientConfig {
  if (!('url' in source)) return { ...source };
  const { url, ...rest } = source;
  if (urlFault(url) === 'protocol') throw notPostgres(`${option}.url`, 'a URL that begins with postgres://');
  return { ...rest, connectionString: url };
}

function fromTypeOrm(options: DataSourceOptions): pg.ClientConfig {
  if (options.type !== 'postgres') {
    throw notPostgres('database.dataSource', `a DataSource of type "postgres", got type "${options.type}"`);
  }
  const settings: TypeOrmConnection = options;
  // Writes go to the master; the engine reads there too, since a replica lags behind its own commits.
  const { url, host, port, username, password, database, ssl } = { ...settings, ...settings.replication?.master };
  const named = { connectionString: url, host, port, user: username, password, database, ssl };
  const given: pg.ClientConfig = Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
  return { ...given, ...settings.extra };
}

function notPostgres(path: string, expected: string): ConfigurationError {
  return new ConfigurationError([{ path, message: `expected ${expected}` }]);
}
