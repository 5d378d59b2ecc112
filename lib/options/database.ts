import type { ConnectionOptions as TlsOptions } from 'node:tls';
import type { DataSource } from 'typeorm';
import type { TextRule } from '../core/limits.js';
import { type Faults, given, isObject, OptionReader } from '../core/option-reader.js';
import { ONE_HOST, urlFault } from '../storage/connection/database-target.js';

/** Connection options of `pg`. What is left out is `pg`'s own default (the `PG*` variables). */
export interface ConnectionOptions {
  /** Host name, or the folder of a Unix socket. Default: `PGHOST`, else `localhost`. */
  host?: string;
  /** Default: `PGPORT`, else 5432. */
  port?: number;
  /** Default: `PGUSER`, else the account of the process. */
  user?: string;
  /** The password, or a function that gets one for each new connection. Default: `PGPASSWORD`. */
  password?: string | (() => string | Promise<string>);
  /** Default: `PGDATABASE`, else the user's name. */
  database?: string;
  /** TLS, as `pg` takes it. Default: none. Not beside `sslmode` in a URL, which would win. */
  ssl?: boolean | TlsOptions;
}

/** The embedded server. */
export interface EmbeddedOptions {
  /** Folder of the data; created when absent. Default: `.durable/postgres` in the working directory. */
  dir?: string;
  /** TCP port on 127.0.0.1. Default: the one it had last, else a free one. */
  port?: number;
}

/** A server by its address. */
export type ServerOption = { url: string; ssl?: boolean | TlsOptions } | ConnectionOptions;

export type DatabaseOption =
  ServerOption | { dataSource: DataSource } | 'embedded' | { embedded: EmbeddedOptions | true };

/** Address of a server: `connectionString` or its parts. */
export interface ServerAddress extends ConnectionOptions {
  readonly connectionString?: string;
}

export interface ResolvedServer {
  readonly kind: 'server';
  readonly server: ServerAddress;
}

export type ResolvedDatabase =
  | ResolvedServer
  | { readonly kind: 'dataSource'; readonly dataSource: DataSource }
  | { readonly kind: 'embedded'; readonly dir: string | undefined; readonly port: number | undefined };

const EMBEDDED: ResolvedDatabase = { kind: 'embedded', dir: undefined, port: undefined };
/** Goes on the way of a value that cannot be used; never leaves `resolveOptions`, which throws. */
const FAULTY: ResolvedServer = { kind: 'server', server: {} };
const FORMS = "{ url }, pg connection options, { dataSource }, 'embedded' or { embedded: { dir, port } }";
/** What differs between the options that name a server. */
interface Wording {
  readonly forms: string;
  readonly oneHost: string;
}

const PRIMARY: Wording = { forms: FORMS, oneHost: ONE_HOST };
const REPLICA: Wording = {
  forms: '{ url } or pg connection options',
  oneHost: 'one server: pg connects to one host. For several give the address of what leads to one of them (HAProxy)',
};
const PORT = { min: 1, max: 65_535 };

/** Checks the option `database`, or applies its default rule. Faults never show a password. */
export function resolveDatabase(value: unknown, env: NodeJS.ProcessEnv, faults: Faults): ResolvedDatabase {
  if (value === undefined) return defaultDatabase(env, faults);
  if (value === 'embedded') return EMBEDDED;
  if (typeof value === 'string' && value.includes('://')) {
    faults.add('database', `expected ${FORMS}, got ${given(value)}. Did you mean { url: … }?`);
    return FAULTY;
  }
  if (!isObject(value)) {
    faults.add('database', `expected ${FORMS}, got ${given(value)}`);
    return FAULTY;
  }
  if (looksLikeDataSource(value)) {
    faults.add('database', `expected ${FORMS}, got a DataSource. Did you mean { dataSource }?`);
    return FAULTY;
  }
  const read = OptionReader.of(faults, 'database', value);
  const kinds = ['url', 'dataSource', 'embedded'].filter((key) => value[key] !== undefined);
  if (read === null) return FAULTY;
  if (kinds.length > 1) {
    faults.add('database', `expected one of ${kinds.join(', ')}, got ${kinds.length} of them`);
    return FAULTY;
  }
  switch (kinds[0]) {
    case 'url':
      return readUrl(read, PRIMARY);
    case 'dataSource':
      return readDataSource(read);
    case 'embedded':
      return readEmbedded(read);
    default:
      return readConnection(read, PRIMARY);
  }
}

/** Checks the option `readReplica`; null: there is none. Faults never show a password. */
export function resolveReadReplica(value: unknown, faults: Faults): ResolvedServer | null {
  if (value === undefined) return null;
  const path = 'readReplica';
  const url = typeof value === 'string' && value.includes('://');
  if (!isObject(value) || looksLikeDataSource(value)) {
    const got = isObject(value) ? 'a DataSource' : given(value);
    faults.add(path, `expected ${REPLICA.forms}, got ${got}${url ? '. Did you mean { url: … }?' : ''}`);
    return null;
  }
  const read = OptionReader.of(faults, path, value);
  if (read === null) return null;
  for (const key of ['dataSource', 'embedded']) {
    if (read.take(key) !== undefined) read.fault(key, `expected ${REPLICA.forms}: the replica is a server of its own`);
  }
  return value['url'] === undefined ? readConnection(read, REPLICA) : readUrl(read, REPLICA);
}

function defaultDatabase(env: NodeJS.ProcessEnv, faults: Faults): ResolvedDatabase {
  const url = env['DATABASE_URL'];
  if (url !== undefined && url !== '') {
    const wrong = urlProblem(url);
    if (wrong !== null) faults.add('database', `the environment variable DATABASE_URL is used, and ${wrong}`);
    return { kind: 'server', server: { connectionString: url } };
  }
  const mode = env['NODE_ENV'];
  if (mode === 'development' || mode === 'test') return EMBEDDED;
  faults.add(
    'database',
    'is not set, nor is the environment variable DATABASE_URL. Set either; an embedded PostgreSQL is the default only ' +
      `where NODE_ENV is development or test (it is ${mode === undefined ? 'not set' : given(mode)})`,
  );
  return FAULTY;
}

function readUrl(read: OptionReader, { oneHost }: Wording): ResolvedServer {
  const url = read.take('url');
  const wrong = typeof url === 'string' ? urlProblem(url, oneHost) : `expected a string, got ${given(url)}`;
  if (wrong !== null) read.fault('url', wrong);
  const ssl = readSsl(read);
  const decided = ssl === undefined ? null : sslParameter(String(url));
  if (decided !== null) {
    read.fault(
      'ssl',
      `has no effect beside ${decided} in the URL, which decides alone whether TLS is used and how certificates are ` +
        'checked: take one of the two away',
    );
  }
  for (const key of ['host', 'port', 'user', 'password', 'database']) {
    if (read.take(key) !== undefined) read.fault(key, 'cannot stand beside url: it is part of the URL');
  }
  read.refuseOthers();
  return { kind: 'server', server: { connectionString: String(url), ...(ssl === undefined ? {} : { ssl }) } };
}

/** The fault of a URL, or `null`. The parser's own error is not used: it carries the URL with its password. */
function urlProblem(url: string, oneHost = ONE_HOST): string | null {
  const fault = urlFault(url);
  if (fault === null) return null;
  if (fault === 'hosts') return `expected ${oneHost}`;
  const got =
    'expected a URL such as postgres://user:password@host:5432/database, or postgres://user@/database?host=/folder for ' +
    `a Unix socket, got ${given(url)}`;
  return fault === 'protocol' && URL.canParse(url)
    ? got
    : `${got}; special characters in user and password must be percent-encoded`;
}

/** The parameter of a URL that decides on TLS: pg heeds it before any option. */
function sslParameter(url: string): string | null {
  const query = new URLSearchParams(url.slice(url.indexOf('?') + 1));
  return ['sslmode', 'ssl', 'sslrootcert', 'sslcert', 'sslkey'].find((name) => query.has(name)) ?? null;
}

function readConnection(read: OptionReader, { forms, oneHost }: Wording): ResolvedServer {
  const notEmpty = (expected: string): TextRule => ({ fits: (text) => text.length > 0, expected });
  const server: ServerAddress = {
    host: read.text('host', undefined, notEmpty('a host name')),
    port: read.integer('port', undefined, PORT),
    user: read.text('user', undefined, notEmpty('a user name')),
    database: read.text('database', undefined, notEmpty("a database's name")),
    ssl: readSsl(read),
  };
  if (server.host?.includes(',')) read.fault('host', `expected ${oneHost}`);
  const password = read.take('password');
  if (password !== undefined && typeof password !== 'string' && typeof password !== 'function') {
    read.fault('password', `expected a string or a function that gives one, got ${given(password)}`);
  }
  // Known here only so that a typing mistake is compared with them too.
  for (const key of ['url', 'dataSource', 'embedded']) read.take(key);
  if (read.keys().length === 0) read.fault('url', `expected ${forms}, got an object without any of them`);
  read.refuseOthers();
  const known = Object.entries(server).filter(([, value]) => value !== undefined);
  const secret = password === undefined ? {} : { password: password as NonNullable<ConnectionOptions['password']> };
  return { kind: 'server', server: { ...Object.fromEntries(known), ...secret } };
}

function readSsl(read: OptionReader): boolean | TlsOptions | undefined {
  const ssl = read.take('ssl');
  if (ssl === undefined || typeof ssl === 'boolean' || isObject(ssl)) return ssl;
  read.fault('ssl', `expected true, false or the options of a TLS connection, got ${given(ssl)}`);
  return undefined;
}

function readEmbedded(read: OptionReader): ResolvedDatabase {
  const value = read.take('embedded');
  read.refuseOthers();
  if (value === true) return EMBEDDED;
  const options = read.object('embedded');
  if (!options) return FAULTY;
  const dir = options.text('dir', undefined, {
    fits: (text) => text.length > 0 && !text.includes('\0'),
    expected: 'the path of a folder',
  });
  const port = options.integer('port', undefined, PORT);
  options.refuseOthers();
  return { kind: 'embedded', dir, port };
}

function readDataSource(read: OptionReader): ResolvedDatabase {
  const value = read.take('dataSource');
  read.refuseOthers();
  if (!looksLikeDataSource(value)) {
    const plain = isObject(value) && 'type' in value ? '; make one of these options with new DataSource(…)' : '';
    read.fault('dataSource', `expected a TypeORM DataSource, got ${given(value)}${plain}`);
    return FAULTY;
  }
  const { type } = value.options;
  if (type !== 'postgres') {
    read.fault('dataSource', `expected a DataSource of type 'postgres', got one of type ${given(type)}`);
  }
  return { kind: 'dataSource', dataSource: value };
}

/** By its shape, not its class: the app may have another copy of TypeORM than this package. */
export function looksLikeDataSource(value: unknown): value is DataSource {
  return (
    isObject(value) &&
    isObject(value['options']) &&
    typeof value['initialize'] === 'function' &&
    typeof value['createQueryRunner'] === 'function'
  );
}
