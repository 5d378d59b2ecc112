import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { DurableClient } from 'nest-durable';
import { createTestDatabase } from '../support/database.js';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { until } from '../support/until.js';
import { cli, cliOn, json } from './support.js';
import { OrderWorkflow, WORKFLOWS } from './workflows.js';

const loader = fileURLToPath(new URL('../support/register-ts.mjs', import.meta.url));
const main = fileURLToPath(new URL('../../lib/cli/main.ts', import.meta.url));
const INTERRUPT = '\x03';

let url: string;
let app: FaultApp;
let client: DurableClient;

beforeAll(async () => {
  ({ url } = await createTestDatabase());
  app = await openApp({ database: { url }, logs: { console: false } }, WORKFLOWS);
  ({ client } = app);
});

afterAll(() => app.close());

/**
 * The command on a pseudo-terminal of 100 columns; what is typed comes when the output holds a text.
 * Ctrl-C reaches the shell as well, and not every shell outlives it without a trap.
 */
async function onTerminal(argv: readonly string[], typed: readonly (readonly [after: string, text: string])[]) {
  const quoted = [process.execPath, '--import', loader, main, ...argv].map((word) => `'${word}'`).join(' ');
  const child = spawn(
    'script',
    ['-qefc', `trap : INT; stty cols 100 rows 30; ${quoted}; code=$?; stty -a | head -1; exit $code`, '/dev/null'],
    {
      env: { ...process.env, DATABASE_URL: url, NODE_OPTIONS: '', TERM: 'xterm', SHELL: '/bin/sh' },
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  let out = '';
  const waiting = [...typed];
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    const [next] = waiting;
    if (next === undefined || !out.includes(next[0])) return;
    waiting.shift();
    child.stdin.write(next[1]);
  });
  // Not `exit`: the last output may still be on its way then.
  const [code] = (await once(child, 'close')) as [number];
  return { code, out };
}

it('a bulk act asks, and goes by the answer', async () => {
  await client.startMany(OrderWorkflow, [{ input: {} }, { input: {} }], { queue: 'nobody' });
  const refused = await onTerminal(['cancel', '--queue', 'nobody'], [['[y/N]', 'n\n']]);
  expect(refused).toMatchObject({ code: 1, out: expect.stringContaining('Cancel 2 runs? [y/N]') });
  expect(await client.countExecutions({ queue: 'nobody', status: 'pending' })).toBe(2);
  const interrupted = await onTerminal(['cancel', '--queue', 'nobody'], [['[y/N]', INTERRUPT]]);
  expect(interrupted.code).toBe(130);
  expect(await client.countExecutions({ queue: 'nobody', status: 'pending' })).toBe(2);
  const done = await onTerminal(['cancel', '--queue', 'nobody'], [['[y/N]', 'y\n']]);
  expect(done).toMatchObject({ code: 0, out: expect.stringContaining('Cancelled 2 runs.') });
});

it('--follow draws a run again in its place, and Ctrl-C leaves the terminal as it was', async () => {
  const run = await client.start(OrderWorkflow, { waits: true });
  await until(async () => (await run.execution())?.status === 'waiting');
  const { code, out } = await onTerminal(['inspect', run.id, '--follow'], [['\x1b[J', INTERRUPT]]);
  expect(code).toBe(130);
  expect(out).toContain('Waits for the event');
  // Nothing but drawing: no other screen, no hidden cursor, echo as it was.
  expect(out).not.toMatch(/\x1b\[\?/); // oxlint-disable-line no-control-regex
  expect(out.trimEnd().split('\n').at(-1)).toMatch(/^speed/);
  const list = await onTerminal(['list', '--follow'], [['\x1b[J', INTERRUPT]]);
  expect(list).toMatchObject({ code: 130, out: expect.stringContaining(run.id) });
});

it('--follow ends with the run: in a pipe a line for each change, with --json a document a line', async () => {
  const on = cliOn(url);
  const run = await client.start(OrderWorkflow, { waits: true });
  await until(async () => (await run.execution())?.status === 'waiting');
  const told = { lines: '', documents: '' };
  const lines = on(['inspect', run.id, '--follow'], { onWrite: (out) => (told.lines = out) });
  const documents = on(['inspect', run.id, '--follow', '--json'], { onWrite: (out) => (told.documents = out) });
  const logs = on(['logs', run.id, '--follow']);
  await until(() => told.lines.includes('waiting') && told.documents.includes('waiting'));
  await run.sendEvent('collected');
  expect((await lines).out).toMatch(/deliver\.post\/mail completed[^]*completed\n$/);
  const statuses = (await documents).out
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { status: string }).status);
  expect([statuses[0], statuses.at(-1)]).toEqual(['waiting', 'completed']);
  expect((await logs).out.trim().split('\n')).toHaveLength(2);
});

it('list --follow prints a run again when its status changes, until it is interrupted', async () => {
  const interrupt = new AbortController();
  const run = await client.start(OrderWorkflow, { waits: true }, { tags: { followed: 'yes' } });
  await until(async () => (await run.execution())?.status === 'waiting');
  let out = '';
  const following = cli(['list', '--follow', '--json', '--tag', 'followed=yes', '--url', url], {
    signal: interrupt.signal,
    onWrite: (text) => (out = text),
  });
  await until(() => out.includes('"waiting"'));
  await run.sendEvent('collected');
  await until(() => out.includes('"completed"'));
  interrupt.abort();
  expect((await following).code).toBe(130);
  const seen = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { id: string; status: string });
  expect(seen.map(({ id }) => id)).toEqual(seen.map(() => run.id));
  expect(seen.map(({ status }) => status).filter((status) => status !== 'running')).toEqual(['waiting', 'completed']);
});

it('an interrupted bulk act leaves no run half-done', async () => {
  await client.startMany(
    OrderWorkflow,
    Array.from({ length: 40 }, () => ({ input: {} })),
    { queue: 'none' },
  );
  const interrupt = new AbortController();
  const ran = await cli(['cancel', '--queue', 'none', '--yes', '--url', url], {
    columns: 80,
    signal: interrupt.signal,
    onWrite: (_, err) => err.includes('Cancelled') && interrupt.abort(),
  });
  expect(ran.code).toBe(130);
  const [, told] = /Cancelled (\d+) runs?\./.exec(ran.out) ?? [];
  expect(await client.countExecutions({ queue: 'none', status: 'cancelled' })).toBe(Number(told));
  expect(json(await cliOn(url)(['cancel', '--queue', 'none', '--yes', '--json']))).toEqual({
    count: 40 - Number(told),
    refused: [],
  });
});
