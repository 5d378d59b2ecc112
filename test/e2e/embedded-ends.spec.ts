import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endWithFile } from '../support/forks.js';
import { until } from '../support/until.js';

/** An embedded server ends with its app, also where the app has no say in how it ends. */
const script = fileURLToPath(new URL('./embedded-ends-app.ts', import.meta.url));
const loader = new URL('../support/register-ts.mjs', import.meta.url).href;
let folder: string;
let before: number;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'nest-durable-ends-')));
  await chmod(folder, 0o755);
});

beforeEach(async () => {
  before = await starts();
});

// Without the server's own files it ends by itself, so a test that failed leaves none.
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

it.each(['SIGTERM', 'SIGINT', 'SIGKILL'] as const)('by %s, without shutdown hooks', async (signal) => {
  const app = start('signal', 0);
  await once(app.child.stdout ?? app.child, 'data');
  app.child.kill(signal);
  expect(await app.ended).toBe(signal);
  await serverGone();
});

it('by a provider that fails when the server runs', async () => {
  const app = start('boot', 0);
  expect(await app.ended).not.toBe(0);
  await serverGone();
});

it('by a port that is taken', async () => {
  const blocker = createServer().listen(0, '127.0.0.1');
  await once(blocker, 'listening');
  const address = blocker.address();
  const app = start('listen', typeof address === 'object' ? (address?.port ?? 0) : 0);
  expect(await app.ended).toBe(1);
  expect(app.said()).toContain('EADDRINUSE');
  await serverGone();
  blocker.close();
});

function start(how: string, port: number): { child: ChildProcess; ended: Promise<unknown>; said: () => string } {
  const { DATABASE_URL: _, ...env } = process.env;
  const child = spawn(process.execPath, ['--import', loader, script, how, String(port)], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...env, NODE_OPTIONS: '', NODE_ENV: 'development' },
  });
  endWithFile(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = once(child, 'exit').then(([code, signal]: unknown[]) => signal ?? code);
  return { child, ended, said: () => output };
}

async function serverGone(): Promise<void> {
  const server = join(folder, '.durable', 'postgres');
  expect(await starts()).toBe(before + 1);
  await until(async () => !(await readdir(join(server, 'data'))).includes('postmaster.pid'));
  expect(await readdir(join(server, 'clients'))).toEqual([]);
}

/** How often the server has come up. */
async function starts(): Promise<number> {
  const log = await readFile(join(folder, '.durable', 'postgres', 'postgres.log'), 'utf8').catch(() => '');
  return log.split('ready to accept connections').length - 1;
}
