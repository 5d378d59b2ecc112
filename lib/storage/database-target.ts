import pg from 'pg';
import type { DataSourceOptions } from 'typeorm';
import { ConfigurationError } from '../core/errors.js';
import { textOf } from '../core/text-of.js';

/** A resolved way to reach PostgreSQL. */
export interface DatabaseTarget {
  readonly config: pg.ClientConfig;
  /** Gets the text of each statement that our own connections send. */
  readonly onStatement?: ((text: string) => void) | undefined;
}

/** What a target is made from: a URL, connection options of `pg`, or a TypeORM DataSource or its options. */
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
 * @throws ConfigurationError for a URL that cannot be read, or a DataSource of another database
 */
export function resolveTarget(source: DatabaseSource): DatabaseTarget {
  if ('dataSource' in source) return resolveTarget(source.dataSource.options);
  const target = { config: 'type' in source ? fromTypeOrm(source) : fromOptions(source) };
  try {
    endpoint(target);
  } catch (error) {
    throw new ConfigurationError([
      {
        path: 'database',
        message: `expected a PostgreSQL URL, postgres://user:password@host:port/database (${textOf(error)})`,
      },
    ]);
  }
  return target;
}

/** `host:port/database`, with no credential: for messages. */
export function describeTarget(target: DatabaseTarget): string {
  const { host, port, database } = endpoint(target);
  return `${host.includes(':') ? `[${host}]` : host}:${port}/${database ?? ''}`;
}

/** A client knows its endpoint before it connects: URL, options, PG* variables and defaults in pg's own order. */
function endpoint(target: DatabaseTarget): pg.Client {
  return new pg.Client({ ...target.config, stream: undefined });
}

function fromOptions(source: { readonly url: string } | pg.ClientConfig): pg.ClientConfig {
  if (!('url' in source)) return { ...source };
  const { url, ...rest } = source;
  if (!/^(postgres|postgresql|socket):/.test(url))
    throw notPostgres('database.url', 'a URL that begins with postgres://');
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
