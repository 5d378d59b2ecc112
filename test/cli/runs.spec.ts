import type { DurableClient, WorkflowHandle } from 'nest-durable';
import { createTestDatabase } from '../support/database.js';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { until } from '../support/until.js';
import { cli, cliOn, expectGolden, json, normalised, type Ran } from './support.js';
import { OrderWorkflow, WORKFLOWS } from './workflows.js';

let url: string;
let app: FaultApp;
let client: DurableClient;
let on: ReturnType<typeof cliOn>;
const runs = {} as Record<'done' | 'declined' | 'asking' | 'mailing', WorkflowHandle>;

async function standing(run: WorkflowHandle, status: string): Promise<void> {
  await until(async () => (await run.execution())?.status === status);
}

beforeAll(async () => {
  ({ url } = await createTestDatabase());
  on = cliOn(url);
  app = await openApp({ database: { url }, logs: { console: false } }, WORKFLOWS);
  ({ client } = app);
  runs.done = await client.start(OrderWorkflow, { items: 2 }, { tags: { tenant: 'fjord' } });
  await standing(runs.done, 'completed');
  runs.declined = await client.start(OrderWorkflow, { card: 'declined' });
  await standing(runs.declined, 'compensated');
  runs.asking = await client.start(OrderWorkflow, { asks: true });
  await standing(runs.asking, 'waiting');
  runs.mailing = await client.start(OrderWorkflow, { waits: true });
  await standing(runs.mailing, 'waiting');
});

afterAll(() => app.close());

describe('a list of runs', () => {
  it('fits a wide terminal, a narrow one, and is whole in a pipe', async () => {
    const names = new Map(Object.entries(runs).map(([name, { id }]) => [id, name]));
    for (const [name, columns] of [
      ['list-wide', 160],
      ['list-100', 100],
      ['list-narrow', 60],
    ] as const) {
      const { code, out, err } = await on(['list'], { columns, env: { NO_COLOR: '1' } });
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(columns);
      // In between, what is cut depends on how long the times are.
      if (columns !== 100) expectGolden(name, normalised(out, names));
    }
    expectGolden('list-pipe', normalised((await on(['list'])).out, names));
  });

  it('is one JSON document of executions without payloads', async () => {
    const listed = json<{ id: string; status: string }[]>(await on(['list', '--json']));
    expect(listed.map(({ id }) => id)).toEqual([runs.mailing.id, runs.asking.id, runs.declined.id, runs.done.id]);
    expect(listed[3]).toMatchObject({ workflow: 'order', status: 'completed', tags: { tenant: 'fjord' } });
    expect(listed[3]).not.toHaveProperty('input');
    expect(json(await on(['list', '--json', '--workflow', 'nightly']))).toEqual([]);
  });

  it('takes filters, alone and together', async () => {
    const ids = async (...argv: string[]): Promise<string[]> =>
      json<{ id: string }[]>(await on(['list', '--json', ...argv])).map(({ id }) => id);
    expect(await ids('--status', 'compensated,completed')).toEqual([runs.declined.id, runs.done.id]);
    expect(await ids('--status', 'completed', '--status', 'waiting', '--limit', '1')).toEqual([runs.mailing.id]);
    expect(await ids('--tag', 'tenant=fjord')).toEqual([runs.done.id]);
    expect(await ids('--since', '1h', '--queue', 'default')).toHaveLength(4);
    expect(await ids('--until', '1h')).toEqual([]);
    expect(await ids('--since', '2020-01-01', '--until', '2021-01-01T00:00:00Z')).toEqual([]);
    expect(await ids('--error', 'DECLINED')).toEqual([runs.declined.id]);
  });

  it('counts failures by workflow, step and error, whatever numbers stand in their messages', async () => {
    expect(json<object>(await on(['list', '--group', '--json']))).toMatchObject([
      { workflow: 'order', step: 'charge', error: 'Error', count: 1, lastId: runs.declined.id },
    ]);
    expectGolden('list-group', normalised((await on(['list', '--group'])).out));
  });
});

it('a terminal that says it has no size has 80 columns and 24 lines', async () => {
  // Runs that are over, and exact times: what goes on takes another width a moment later.
  const list = ['list', '--status', 'compensated', '--utc'];
  const on80 = await on(list, { columns: 80, rows: 24, env: { NO_COLOR: '1' } });
  expect(normalised((await on(list, { columns: 0, rows: 0, env: { NO_COLOR: '1' } })).out)).toBe(normalised(on80.out));
  expect((await cli(['list', '--help'], { columns: 0 })).out).toBe(
    (await cli(['list', '--help'], { columns: 80 })).out,
  );
});

it('"24h ago" is by the clock of the database', async () => {
  const real = Date.now;
  Date.now = () => real() + 3 * 86_400_000;
  const since = await on(['list', '--since', '24h', '--json']).finally(() => (Date.now = real));
  expect(json<object[]>(since).length).toBeGreaterThanOrEqual(4);
});

describe('one run', () => {
  it('is one screen: how it stands, its steps as a tree, its error, its log lines', async () => {
    for (const name of ['done', 'declined', 'asking', 'mailing'] as const) {
      const { code, out } = await on(['inspect', runs[name].id], { columns: 100, env: { NO_COLOR: '1' } });
      expect(code).toBe(0);
      expectGolden(`inspect-${name}`, normalised(out).replace(/^ +at .*\n/gm, ''));
    }
  });

  it.each([
    ['wide', 160],
    ['narrow', 50],
  ])('fits a terminal that is %s', async (title, columns) => {
    for (const name of ['declined', 'asking', 'mailing'] as const) {
      const { out } = await on(['inspect', runs[name].id], { columns, env: { NO_COLOR: '1' } });
      expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(columns);
      // Where a line is cut depends on how long the times are.
      const text = normalised(out).replace(/(?<=<span>).*…$/gm, '  …');
      expectGolden(`inspect-${name}-${title}`, text.replace(/^ +(?:at |\(test).*\n/gm, ''));
    }
  });

  it('shows payloads only with --context', async () => {
    const without = json<{ steps: object[] }>(await on(['inspect', runs.done.id, '--json']));
    expect(without).not.toHaveProperty('data');
    expect(without.steps[0]).not.toHaveProperty('output');
    const whole = json<{ steps: object[] }>(await on(['inspect', runs.done.id, '--json', '--context']));
    expect(whole).toMatchObject({ input: { items: 2 }, data: { valid: true } });
    expect(whole.steps[0]).toMatchObject({ step: 'validate', output: { items: 2, valid: true } });
    expect((await on(['inspect', runs.done.id])).out).not.toContain('valid": true');
    expect((await on(['inspect', runs.done.id, '--context'])).out).toContain('"valid": true');
  });

  it('is found by the first characters of its id; what is ambiguous or unknown is refused', async () => {
    const { id } = runs.done;
    expect(json<{ id: string }>(await on(['inspect', id.slice(0, 35), '--json'])).id).toBe(id);
    expect(json<{ id: string }>(await on(['inspect', id.replaceAll('-', '').slice(0, 30), '--json'])).id).toBe(id);
    expect(await on(['inspect', id.slice(0, 2)])).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^nest-durable: "\w\w" is ambiguous: .* Give more of the id\.\n$/),
    });
    for (const unknown of ['ffffffff', '00000000-0000-4000-8000-000000000000', 'not-an-id']) {
      expect(await on(['inspect', unknown])).toMatchObject({ code: 1, out: '', err: expect.stringMatching(/^.+\n$/) });
    }
  });

  it('has log lines, all or of one step', async () => {
    const lines = json<{ step: string; message: string }[]>(await on(['logs', runs.declined.id, '--json']));
    expect(lines.map(({ message }) => message)).toEqual(['validating', 'charging', 'charging']);
    expect((await on(['logs', runs.declined.id, '--step', 'charge'])).out.trim().split('\n')).toHaveLength(2);
    const unknown = ['logs', '00000000-0000-4000-8000-000000000000'];
    for (const argv of [unknown, [...unknown, '--follow'], [...unknown, '--follow', '--json']]) {
      expect(await on(argv)).toMatchObject({
        code: 1,
        out: '',
        err: expect.stringMatching(/^nest-durable: [^\n]+\n$/),
      });
    }
    expectGolden('logs', normalised((await on(['logs', runs.declined.id])).out));
  });
});

describe('an act', () => {
  it('starts a run, which the app carries out', async () => {
    const { out, code } = await on(['run', 'order', '--input', '{"items":1}', '--tag', 'by=cli', '--json']);
    expect(code).toBe(0);
    const { id } = JSON.parse(out) as { id: string };
    expect(await client.handle(id).result({ timeout: 20_000 })).toMatchObject({ items: 1, valid: true });
    const { out: bare } = await on(['run', 'order', '--priority', '-5', '--delay', '1h', '--queue', 'later']);
    expect(await client.getExecution(bare.trim())).toMatchObject({ status: 'pending', queue: 'later', priority: -5 });
    expect((await on(['cancel', bare.trim(), '--reason', 'not needed'])).code).toBe(0);
    expect((await client.getExecution(bare.trim()))?.error).toMatchObject({ reason: 'not needed' });
  });

  it('answers, sends, pauses, resumes, cancels, retries and restarts, and the app goes on by it', async () => {
    const run = await client.start(OrderWorkflow, { waits: true, asks: true });
    await standing(run, 'waiting');
    expect((await on(['pause', run.id])).out).toContain('is paused');
    const early = await on(['send-event', run.id, 'returned']);
    expect(early).toMatchObject({
      code: 0,
      err: expect.stringContaining('No step of it waits for returned now: it is'),
    });
    expect(await on(['send-event', run.id, 'collected', '{"by":"van"}'])).toMatchObject({ code: 0, err: '' });
    expect(await client.getExecution(run.id)).toMatchObject({ status: 'paused' });
    expect((await on(['resume', run.id])).code).toBe(0);
    await until(async () => (await client.listPendingInputs({ executionId: run.id })).length === 1);
    const refused = await on(['provide-input', run.id, 'release', 'maybe']);
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('"maybe"') });
    expect((await on(['provide-input', run.id, 'release', 'approved'])).code).toBe(0);
    await run.result({ timeout: 20_000 });
    expect(await on(['cancel', run.id])).toMatchObject({ code: 1, err: expect.stringContaining('completed') });
    const again = json<{ id: string }>(await on(['restart-from', run.id, 'lines', '--json']));
    await standing(client.handle(again.id), 'waiting');
    expect(json(await on(['cancel', again.id, '--json']))).toEqual({ id: again.id, changed: true });
    const anew = json<{ id: string; retryOf: string }>(await on(['retry', again.id, '--json']));
    expect(anew.retryOf).toBe(again.id);
    expect((await on(['cancel', anew.id])).code).toBe(0);
  });

  it('on many runs asks first, needs --yes where nobody can be asked, and says what was refused', async () => {
    const many = await client.startMany(OrderWorkflow, [{ input: {} }, { input: {} }, { input: {} }], {
      queue: 'nobody',
    });
    const filters = ['--queue', 'nobody'];
    const refused = await on(['cancel', ...filters]);
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('--yes') });
    expect(json(await on(['cancel', ...filters, '--dry-run', '--json']))).toEqual({
      count: 3,
      refused: [],
      dryRun: true,
    });
    const asked = await on(['cancel', ...filters], { columns: 80, typed: '\n' });
    expect(asked).toMatchObject({ code: 1, err: expect.stringContaining('Cancel 3 runs? [y/N]') });
    expect(await client.countExecutions({ queue: 'nobody', status: 'pending' })).toBe(3);

    expect(json(await on(['pause', ...filters, '--yes', '--limit', '2', '--json']))).toEqual({ count: 2, refused: [] });
    expect((await on(['resume', ...filters], { columns: 80, typed: 'yes\n' })).out).toContain('Resumed 2 runs.');
    expect((await on(['cancel', ...filters], { columns: 80, typed: 'y\n' })).out).toContain('Cancelled 3 runs.');
    expect(json<object>(await on(['cancel', many[0]?.id ?? '', many[1]?.id ?? '', '--json']))).toMatchObject({
      count: 0,
      refused: [{ id: many[0]?.id }, { id: many[1]?.id }],
    });
    const retried = json<{ count: number }>(
      await on(['retry', ...filters, '--status', 'cancelled', '--yes', '--json']),
    );
    expect(retried).toEqual({ count: 3, refused: [] });
    expect((await on(['cancel', ...filters, '--yes'])).code).toBe(0);
  });

  it('lists what is waited for', async () => {
    const all = json<{ inputs: object[]; events: object[] }>(await on(['pending', '--json']));
    expect(all.inputs).toMatchObject([{ name: 'release', executionId: runs.asking.id, prompt: 'Release the order?' }]);
    expect(all.events).toMatchObject([{ eventName: 'collected', executionId: runs.mailing.id }]);
    expect(json(await on(['pending', '--json', '--inputs', '--expiring-in', '1']))).toEqual({ inputs: [] });
    expect(
      json<{ inputs: object[] }>(await on(['pending', '--json', '--inputs', '--expiring-in', '25'])).inputs,
    ).toHaveLength(1);
    expectGolden('pending', normalised((await on(['pending'], { columns: 120, env: { NO_COLOR: '1' } })).out));
  });
});

describe('a call that cannot be done', () => {
  const usage: [title: string, argv: string[]][] = [
    ['an unknown command', ['lst']],
    ['an unknown option', ['list', '--sttus', 'failed']],
    ['a missing argument', ['inspect']],
    ['an argument too many', ['status', 'now']],
    ['a status that there is none of', ['list', '--status', 'broken']],
    ['a number that is none', ['list', '--limit', 'many']],
    ['a time that is none', ['list', '--since', 'yesterday']],
    ['an input that is no JSON', ['run', 'order', '--input', '{']],
    ['an input that is no object', ['run', 'order', '--input', '[]']],
    ['neither ids nor filters', ['cancel']],
    ['ids and filters', ['cancel', 'abc', '--status', 'failed']],
    ['a schema that cannot be', ['list', '--schema', 'a"b']],
    ['a schema that cannot be, where no database is asked', ['migrate', 'generate', '--schema', "a'b"]],
    ['help for an unknown command', ['help', 'nosuch']],
    ['options and no command', ['--json']],
  ];
  it.each(usage)('says so in one line and exits with 2: %s', async (_, argv) => {
    const ran = await on(argv);
    expect(ran).toMatchObject({ code: 2, out: '', err: expect.stringMatching(/^nest-durable: [^\n]+\n$/) });
  });

  it.each([
    ['run', 'order', '--id', 'abc'],
    ['run', 'order', '--queue', ''],
    ['run', 'order', '--queue', 'q'.repeat(65)],
    ['run', 'order', '--priority', 'high'],
    ['run', 'order', '--priority', '3000000000'],
    ['run', 'order', '--delay', 'soon'],
    ['run', 'order', '--tag', 'nothing'],
    ['run', 'order', '--idempotency-key', 'schedule:x'],
    ['run', ''],
    ['provide-input', 'abc', 'release', 'yes', '--input-id', 'abc'],
    ['send-event', 'abc', '', '{}'],
    ['list', '--queue', ''],
    ['list', '--workflow', ''],
    ['cancel', '--queue', '', '--yes'],
    ['cancel', 'abc', '--reason', 'x'.repeat(10_001)],
  ])('a bad value is told before a database is looked for: %s %s %s %s', async (...argv) => {
    expect(await cli(argv, { cwd: '/' })).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringMatching(/^nest-durable: (--\S+|NAME|WORKFLOW): [^\n]+\n$/),
    });
  });

  it('names the command that there is none of, or that none is given', async () => {
    expect((await cli(['help', 'nosuch'])).err).toContain("unknown command 'nosuch'");
    expect((await cli(['--json'])).err).toContain('no command is given');
  });

  it('exits with 1 for a database that is not there, and no password is in any output', async () => {
    const secret = 'S3cr3t%21';
    const seen: Ran[] = [];
    for (const given of [
      url.replace(/:\/\/([^:@]+)(:[^@]*)?@/, `://$1:${secret}@`).replace(/:\d+\//, ':1/'),
      `postgres://me:${secret}@127.0.0.1:1/x`,
      `nonsense://me:${secret}@127.0.0.1/x`,
      `postgres://me:${secret}@[bad/x`,
      `postgres://me:${secret}@one:1,two:2/x`,
    ]) {
      for (const argv of [['status'], ['list', '--json'], ['run', 'order']]) {
        seen.push(await cli([...argv, '--url', given]), await cli(argv, { env: { DATABASE_URL: given } }));
      }
    }
    for (const { code, out, err } of seen) {
      expect([1, 2]).toContain(code);
      expect(err).toMatch(/^nest-durable: [^\n]+\n$/);
      expect(out + err).not.toMatch(/S3cr3t/);
    }
    expect(seen[0]?.code).toBe(1);
    expect(seen.at(-1)).toMatchObject({ code: 2, err: expect.stringContaining('DATABASE_URL names several') });
  });

  it('says what to do where there is no database and where there are no tables', async () => {
    expect(await cli(['status'], { cwd: '/' })).toMatchObject({
      code: 1,
      err: expect.stringContaining('DATABASE_URL'),
    });
    const { url: empty } = await createTestDatabase({ migrated: false });
    expect(await cliOn(empty)(['status'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('nest-durable migrate'),
    });
  });
});

it('status is the first look', async () => {
  const status = json<object>(await on(['status', '--json']));
  expect(status).toMatchObject({
    schema: 'durable',
    counts: { waiting: 2, compensated: 1 },
    queues: expect.arrayContaining([expect.objectContaining({ name: 'default', workers: 1 })]),
    workers: { alive: 1, total: 1 },
    schedules: { total: 1, more: false, enabled: 1, failing: [] },
    pendingInputs: 1,
    pendingInputsMore: false,
  });
  expect((await on(['status'])).out).toContain('2  ◷ waiting');
});

it('every command has help with an example', async () => {
  const { COMMANDS } = await import('../../lib/cli/commands.js');
  for (const { name } of COMMANDS) {
    const { code, out } = await cli([name, '--help']);
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`Usage: nest-durable ${name}[^]*Examples:\n  nest-durable ${name}`));
  }
  expect((await cli([])).out).toContain('Usage: nest-durable');
  expect((await cli(['--version'])).out).toMatch(/^\d+\.\d+\.\d+/);
});
