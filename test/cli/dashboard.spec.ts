import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname, tmpdir, userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DurableClient } from 'nest-durable';
import { createTestDatabase } from '../support/database.js';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { until } from '../support/until.js';
import { cli, cliOn, json, type Ran, type Terminal } from './support.js';
import { OrderWorkflow, WORKFLOWS } from './workflows.js';

const loader = fileURLToPath(new URL('../support/register-ts.mjs', import.meta.url));
const main = fileURLToPath(new URL('../../lib/cli/main.ts', import.meta.url));
const ADDRESS = /http:\/\/[^\s"/]+\//;

let url: string;
let app: FaultApp;
let client: DurableClient;

beforeAll(async () => {
  ({ url } = await createTestDatabase());
  app = await openApp({ database: { url }, logs: { console: false } }, WORKFLOWS);
  ({ client } = app);
});
afterAll(() => app.close());

const begun: (() => Promise<Ran>)[] = [];
afterEach(async () => {
  await Promise.all(begun.splice(0).map((end) => end()));
});

/** The command while it serves; `end` is Ctrl-C. */
async function serving(argv: readonly string[], terminal: Terminal = {}) {
  const interrupt = new AbortController();
  const told = { out: '', err: '' };
  const onWrite = (out: string, err: string): void => void Object.assign(told, { out, err });
  const all = ['dashboard', '--port', '0', ...argv];
  const ran = cliOn(url)(all, { ...terminal, signal: interrupt.signal, onWrite });
  let over = false;
  void ran.then(() => (over = true));
  await until(() => over || ADDRESS.test(told.out));
  const address = ADDRESS.exec(told.out)?.[0] ?? '';
  const end = (): Promise<Ran> => {
    interrupt.abort();
    return ran;
  };
  begun.push(end);
  return { address, told, end };
}

it('serves the database until Ctrl-C, with the name of whoever called it', async () => {
  const { address, told, end } = await serving(['--no-open', '--title', 'Shop', '--read-only']);
  const me = (await (await fetch(`${address}api/me`)).json()) as object;
  const actor = `cli:${userInfo().username}@${hostname()}`;
  expect(me).toMatchObject({ actor, title: 'Shop', readOnly: true });
  expect(told.out).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/ shows schema durable of 127\.0\.0\.1:\d+\/\w+\n$/);
  const { code, err } = await end();
  expect([code, err]).toEqual([0, 'Ctrl-C ends it.\n']);
  await expect(fetch(address)).rejects.toThrow('fetch failed');
});

it('acts, and keeps it in the audit', async () => {
  const { address, end } = await serving(['--no-open', '--json']);
  const run = await client.start(OrderWorkflow, { waits: true });
  await until(async () => (await run.execution())?.status === 'waiting');
  const headers = { 'content-type': 'application/json' };
  const cancelled = await fetch(`${address}api/runs/${run.id}/cancel`, {
    method: 'POST',
    headers,
    body: '{"reason":"no"}',
  });
  expect(await cancelled.json()).toEqual({ changed: true });
  expect((await run.execution())?.status).toBe('cancelled');
  const { items } = (await (await fetch(`${address}api/audit?target=${run.id}`)).json()) as { items: object[] };
  const actor = `cli:${userInfo().username}@${hostname()}`;
  expect(items).toMatchObject([{ actor, action: 'run.cancel', outcome: 'done', details: { reason: 'no' } }]);
  const ran = await end();
  expect(json(ran)).toMatchObject({ url: address, schema: 'durable', readOnly: false });
});

it.each([
  ['another address', ['--host', '0.0.0.0']],
  ['a name of a machine', ['--host', 'example.com']],
  ['another address of loopback, which Host may not name', ['--host', '127.0.0.2']],
  ['no number', ['--port', 'x']],
  ['a port that there is none of', ['--port', '65536']],
  ['an empty title', ['--title', ' ']],
  ['a title that is too long', ['--title', 'x'.repeat(101)]],
  ['an option of another command', ['--verify']],
])('refuses %s in one line', async (_what, argv) => {
  const { code, out, err } = await cliOn(url)(['dashboard', '--no-open', ...argv]);
  expect([code, out, err.split('\n').length]).toEqual([2, '', 2]);
});

it('says in one line that the port is taken', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const port = String((taken.address() as AddressInfo).port);
  const { code, out, err } = await cliOn(url)(['dashboard', '--no-open', '--port', port]);
  await new Promise((resolve) => taken.close(resolve));
  expect([code, out]).toEqual([1, '']);
  expect(err).toBe(
    `nest-durable: Port ${port} of 127.0.0.1 is taken: give another with --port, or 0 for any that is free.\n`,
  );
});

it('says at once that there are no tables, or no database', async () => {
  const argv = ['dashboard', '--no-open', '--port', '0'];
  const empty = await createTestDatabase();
  expect(await cliOn(empty.url)([...argv, '--schema', 'other'])).toMatchObject({
    code: 1,
    err: expect.stringMatching(/has no tables of nest-durable: run nest-durable migrate/),
  });
  const cwd = mkdtempSync(join(tmpdir(), 'durable-'));
  expect(await cli(argv, { cwd })).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^nest-durable: No database: give --url/),
  });
  const gone = await cli([...argv, '--url', 'postgres://ada:secret@127.0.0.1:1/x']);
  expect([gone.code, gone.err.includes('secret')]).toEqual([1, false]);
});

it('opens a browser unless it is told not to, and does without one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'durable-'));
  const opened = join(folder, 'opened');
  writeFileSync(join(folder, 'xdg-open'), `#!/bin/sh\necho "$1" > ${opened}.new && mv ${opened}.new ${opened}\n`);
  chmodSync(join(folder, 'xdg-open'), 0o755);
  const env = { PATH: `${folder}${delimiter}/usr/bin${delimiter}/bin` };
  const quiet = await serving(['--no-open'], { env });
  await quiet.end();
  const { address, end } = await serving([], { env });
  await until(() => existsSync(opened));
  expect(readFileSync(opened, 'utf8').trim()).toBe(address);
  await end();
  const without = await serving([], { env: { PATH: join(folder, 'none') } });
  expect((await fetch(`${without.address}api/me`)).status).toBe(200);
  expect((await without.end()).code).toBe(0);
});

it('as a process of its own ends by SIGINT and by SIGTERM', async () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const child = spawn(process.execPath, ['--import', loader, main, 'dashboard', '--no-open', '--port', '0'], {
      env: { ...process.env, DATABASE_URL: url, NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    await until(() => ADDRESS.test(out) || child.exitCode !== null);
    const stream = await fetch(`${ADDRESS.exec(out)?.[0]}api/stream?topics=runs`);
    const closed = once(child, 'close');
    child.kill(signal);
    expect(await stream.text()).toContain('event: bye');
    expect([(await closed)[0], err]).toEqual([0, 'Ctrl-C ends it.\n']);
  }
});
