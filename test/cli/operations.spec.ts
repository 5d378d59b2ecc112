import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { DurableClient } from 'nest-durable';
import { knownMigrations } from '../../lib/storage/migrations/migration-files.js';
import { applyMigration, lockMigrations, type RunSql } from '../../lib/storage/migrations/migration-state.js';
import { createTestDatabase } from '../support/database.js';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { until } from '../support/until.js';
import { cli, cliOn, expectGolden, json, normalised } from './support.js';
import { NightlyWorkflow, OrderWorkflow, WORKFLOWS } from './workflows.js';

let url: string;
let on: ReturnType<typeof cliOn>;

describe.each(['beside a running app', 'with no app'])('%s', (how) => {
  let app: FaultApp;
  let client: DurableClient;

  beforeAll(async () => {
    ({ url } = await createTestDatabase());
    on = cliOn(url);
    app = await openApp({ database: { url }, logs: { console: false } }, WORKFLOWS);
    ({ client } = app);
    const run = await client.start(OrderWorkflow, {});
    await until(async () => (await run.execution())?.status === 'completed');
    if (how === 'with no app') await app.close();
  });

  afterAll(() => app.close());

  it('schedules are listed, switched and triggered', async () => {
    expect(json(await on(['schedules', '--json']))).toMatchObject([
      { name: 'nightly', cron: '0 2 * * *', enabled: true },
    ]);
    expect(json(await on(['schedules', 'disable', 'nightly', '--json']))).toMatchObject({ enabled: false });
    expect((await on(['schedules'])).out).toContain('disabled');
    expect((await on(['schedules', 'disable', 'nightly'])).out).toBe('Schedule nightly was disabled already.\n');
    expect((await on(['schedules', 'enable', 'nightly'])).out).toMatch(
      /^Schedule nightly is enabled; its next run is in /,
    );
    expect((await on(['schedules', 'enable', 'nightly'])).out).toMatch(
      /^Schedule nightly was enabled already; its next run is in /,
    );
    const { id } = json<{ id: string }>(await on(['schedules', 'trigger', 'nightly', '--input', '{"a":1}', '--json']));
    expect(json(await on(['inspect', id, '--context', '--json']))).toMatchObject({
      workflow: 'nightly',
      input: { a: 1 },
    });
    for (const act of ['enable', 'disable', 'trigger']) {
      expect(await on(['schedules', act, 'nigthly'])).toMatchObject({
        code: 1,
        err: expect.stringContaining('nigthly'),
      });
      expect(await on(['schedules', act])).toMatchObject({ code: 2 });
    }
  });

  it('queues are listed, paused, resumed and drained', async () => {
    expect(json(await on(['queues', '--json']))).toMatchObject([{ name: 'default', paused: false }]);
    expect(json(await on(['queues', 'pause', 'default', '--json']))).toEqual({
      name: 'default',
      paused: true,
      changed: true,
    });
    expect((await on(['queues', 'pause', 'default'])).out).toContain('was paused already');
    expect((await on(['queues'])).out).toMatch(/default +paused/);
    expect(json(await on(['queues', 'drain', 'default', '--json']))).toEqual({
      name: 'default',
      idle: true,
      running: 0,
    });
    expect((await on(['queues', 'resume', 'default'])).out).toBe('Queue default goes on.\n');
    for (const act of ['pause', 'resume', 'drain']) {
      const refused = await on(['queues', act, 'defualt']);
      expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('Did you mean "default"?') });
    }
    const waits = (await on(['run', 'order', '--queue', 'nobody'])).out.trim();
    const listed = await on(['queues']);
    expect(listed.out).toMatch(/^QUEUE .* LIMITED +OLDEST$/m);
    expect(listed.out).toMatch(/^nobody +no worker +1 .* \d+(\.\d)? m?s$/m);
    const [, nobody] = json<{ name: string; lag: number; pending: number }[]>(await on(['queues', '--json']));
    expect(nobody).toMatchObject({ name: 'nobody', pending: 1, ready: 1, limited: 0, lag: expect.any(Number) });
    await on(['cancel', waits]);
    expect(await on(['queues', 'stop', 'default'])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^[^\n]+\n$/),
    });
  });

  it('workers are listed, and status says where there is none', async () => {
    const { out, err } = await on(['workers']);
    expect(out + err).toMatch(how === 'with no app' ? /^No worker: [^\n]+\n$/ : /alive .* nightly, order/);
    expect(json<unknown[]>(await on(['workers', '--json']))).toHaveLength(how === 'with no app' ? 0 : 1);
    expect(json(await on(['status', '--json']))).toMatchObject({ workers: { alive: how === 'with no app' ? 0 : 1 } });
  });

  it('a graph is a tree, Mermaid or the definition', async () => {
    expectGolden('graph', (await on(['graph', 'order'])).out);
    expect((await on(['graph', 'order', '--mermaid'])).out).toMatch(/^flowchart TD\n/);
    expect(json(await on(['graph', 'order', '--json']))).toMatchObject({
      name: 'order',
      definition: { nodes: expect.any(Array) },
    });
    expect(await on(['graph', 'ordr'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('Did you mean "order"?'),
    });
  });

  it('cleanup counts, asks on a terminal, and deletes', async () => {
    const done = ['cleanup', '--older-than', '1ms', '--status', 'completed'];
    expect(json(await on([...done, '--dry-run', '--json']))).toMatchObject({ count: expect.any(Number), dryRun: true });
    const refused = await on(done, { columns: 80, typed: 'n\n' });
    expect(refused).toMatchObject({ code: 1, err: expect.stringMatching(/Delete \d+ finished runs?/) });
    const before = json<object[]>(await on(['list', '--json', '--status', 'completed'])).length;
    expect(before).toBeGreaterThan(0);
    expect(json(await on([...done, '--json']))).toEqual({ count: before });
    expect(json(await on(['list', '--json', '--status', 'completed']))).toEqual([]);
    for (const argv of [
      ['cleanup'],
      ['cleanup', '--older-than', 'old'],
      [...done, '--batch-size', '0'],
      ['cleanup', '--older-than', '1d', '--status', 'running'],
    ]) {
      expect(await on(argv)).toMatchObject({ code: 2, out: '' });
    }
  });

  it('doctor says what is well and what is not, with the mend', async () => {
    const report = json<{ checks: { id: string; state: string }[] }>(await on(['doctor', '--verify', '--json']));
    expect(report).toMatchObject({
      migrations: { pending: [] },
      tables: expect.arrayContaining([expect.objectContaining({ name: 'workflow_queue' })]),
      database: { schema: 'durable', version: expect.any(String) },
    });
    const states = new Map(report.checks.map(({ id, state }) => [id, state]));
    for (const id of [
      'connection',
      'server',
      'settings',
      'rights',
      'notifications',
      'migrations',
      'queues',
      'verify',
    ]) {
      expect([id, states.has(id)]).toEqual([id, true]);
    }
    expect(states.get('verify')).toBe('ok');
    expect((await on(['doctor'])).out).toMatch(/✓ connection +127/);
  });
});

describe('doctor', () => {
  const apps: FaultApp[] = [];
  afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));

  it('finds what stands still, and its exit code is 1 where something is bad, the document on stdout all the same', async () => {
    const { url: other } = await createTestDatabase();
    const app = await openApp({ database: { url: other } }, WORKFLOWS);
    apps.push(app);
    await app.client.start(NightlyWorkflow, {}, { queue: 'nobody' });
    const checkOf = async (id: string) => {
      const ran = await cliOn(other)(['doctor', '--json']);
      const { checks } = json<{ checks: { id: string; state: string; text: string }[] }>(ran);
      return { code: ran.code, ...checks.find((check) => check.id === id) };
    };
    expect(await checkOf('queues')).toMatchObject({
      code: 0,
      state: 'warn',
      text: expect.stringContaining('"nobody"'),
    });
    await app.close();
    expect(await checkOf('workers')).toMatchObject({ code: 1, state: 'bad', mend: expect.any(String) });
    const pool = new pg.Pool({ connectionString: other, max: 1 });
    await pool.query(
      `UPDATE durable.scheduled_workflows SET enabled = false, next_run_at = NULL, auto_disabled_at = now(), consecutive_failures = 10`,
    );
    await pool.end();
    expect(await checkOf('schedules')).toMatchObject({ state: 'warn', mend: 'nest-durable schedules enable nightly' });
  });

  it('--fix names what it repairs: it applies migrations, and a run that nothing would wake goes on', async () => {
    const { url: empty } = await createTestDatabase({ migrated: false });
    const at = cliOn(empty);
    expect(await at(['doctor'])).toMatchObject({
      code: 1,
      out: expect.stringMatching(/✗ migrations .*\n.*→ nest-durable migrate/),
    });
    const { checks } = json<{ checks: object[] }>(await at(['doctor', '--verify', '--json']));
    expect(checks.at(-1)).toMatchObject({ id: 'verify', state: 'bad', text: expect.stringContaining('Nothing was') });
    const fixed = await at(['doctor', '--fix']);
    expect(fixed).toMatchObject({ code: 0, err: expect.stringContaining('Applies 0001-tables') });
    expect((await at(['migrate', '--check'])).code).toBe(0);
  });
});

describe('migrate', () => {
  it('goes up and down by steps and versions, and says where it is', async () => {
    const { url: empty } = await createTestDatabase({ migrated: false });
    const at = cliOn(empty);
    expect(json(await at(['migrate', 'status', '--json']))).toMatchObject({
      current: 0,
      applied: [],
      pending: [{ version: 1 }, { version: 2 }],
    });
    const checked = await at(['migrate', '--check']);
    expect(checked).toMatchObject({ code: 1, err: expect.stringContaining('nest-durable migrate') });
    expect(json(await at(['migrate', 'up', '--step', '1', '--json']))).toEqual({
      schema: 'durable',
      applied: ['0001-tables'],
      current: 1,
    });
    expect((await at(['migrate'])).out).toContain('Applied 0002-functions');
    expect(await at(['migrate', '--check'])).toMatchObject({ code: 0 });
    expect((await at(['migrate', 'up'])).out).toContain('nothing to do');
    expect(json(await at(['migrate', 'down', '--json']))).toEqual({
      schema: 'durable',
      reverted: ['0002-functions'],
      current: 1,
    });
    expect(json(await at(['migrate', 'up', '--to', '2', '--json']))).toMatchObject({ current: 2 });
    const kept = await at(['migrate', 'down', '--to', '0'], { columns: 80, typed: 'n\n' });
    expect(kept).toMatchObject({ code: 1, err: expect.stringContaining('all runs') });
    expect(json(await at(['migrate', 'down', '--to', '0', '--json']))).toMatchObject({ current: 0 });
  });

  it('two at once are safe, in a schema of its own', async () => {
    const { url: empty } = await createTestDatabase({ migrated: false });
    const up = () => cliOn(empty)(['migrate', '--schema', 'other', '--json']);
    const both = await Promise.all([up(), up(), up()]);
    expect(both.map(({ code }) => code)).toEqual([0, 0, 0]);
    const applied = both.flatMap((ran) => json<{ applied: string[] }>(ran).applied);
    expect(applied.sort()).toEqual(['0001-tables', '0002-functions']);
    expect((await cliOn(empty)(['status', '--schema', 'other'])).code).toBe(0);
  });

  it('one that finds nothing left to do says the version that others have brought the tables to', async () => {
    const { url: empty } = await createTestDatabase({ migrated: false });
    const pool = new pg.Pool({ connectionString: empty, max: 2 });
    const other = await pool.connect();
    const run: RunSql = async (text, values) => {
      const { rows }: { rows?: Record<string, unknown>[] } = await other.query(text, values);
      return rows ?? [];
    };
    await run('BEGIN');
    await lockMigrations(run, 'durable');
    const ran = cliOn(empty)(['migrate', '--json']);
    await until(async () => {
      const { rows } = await pool.query("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted");
      return rows.length > 0;
    });
    for (const migration of knownMigrations()) await applyMigration(run, 'durable', migration);
    await run('COMMIT');
    other.release();
    await pool.end();
    expect(json(await ran)).toEqual({ schema: 'durable', applied: [], current: knownMigrations().at(-1)?.version });
  });

  it('the SQL that --sql prints does by hand what up and down do', async () => {
    const { url: empty } = await createTestDatabase({ migrated: false });
    const at = cliOn(empty);
    const { out: up } = await at(['migrate', 'up', '--sql']);
    const pool = new pg.Pool({ connectionString: empty, max: 1 });
    await pool.query(up);
    expect(await at(['migrate', '--check'])).toMatchObject({ code: 0 });
    expect((await at(['list'])).code).toBe(0);
    const { out: down } = await at(['migrate', 'down', '--to', '0', '--sql']);
    await pool.query(down);
    expect(json(await at(['migrate', 'status', '--json']))).toMatchObject({ current: 0 });
    await pool.end();
  });

  it('refuses what does not go together', async () => {
    for (const argv of [
      ['status', '--sql'],
      ['up', '--to', '1', '--step', '1'],
      ['up', '--check'],
      ['--to', '99'],
      ['up', 'folder'],
      ['sideways'],
    ]) {
      const { code, err } = await on(['migrate', ...argv]);
      expect({ argv, code, err }).toEqual({ argv, code: 2, err: expect.stringMatching(/^nest-durable: [^\n]+\n$/) });
    }
  });

  it('generate writes the file for the own runner of TypeORM, once', async () => {
    const cwd = mkdtempSync(join(tmpdir(), 'durable-cli-'));
    const first = json<{ file: string; written: boolean }>(await cli(['migrate', 'generate', '--json'], { cwd }));
    expect(first).toEqual({ file: expect.stringMatching(/^src\/migrations\/\d{13}-durable\.ts$/), written: true });
    expect(readFileSync(join(cwd, first.file), 'utf8')).toContain("from 'nest-durable/migrations'");
    expect(json(await cli(['migrate', 'generate', '--json'], { cwd }))).toEqual({ ...first, written: false });
    await cli(['migrate', 'generate', 'db', '--schema', 'other'], { cwd });
    expect(readFileSync(join(cwd, 'db', readdirSync(join(cwd, 'db'))[0] ?? ''), 'utf8')).toContain(
      "{ schema: 'other' }",
    );
    const elsewhere = join(mkdtempSync(join(tmpdir(), 'durable-cli-')), 'migrations');
    const { file } = json<{ file: string }>(await cli(['migrate', 'generate', elsewhere, '--json'], { cwd }));
    expect(file).toBe(join(elsewhere, readdirSync(elsewhere)[0] ?? ''));
  });
});

it('completion prints a script for each shell, with all commands and options', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, out } = await cli(['completion', shell]);
    expect(code).toBe(0);
    for (const word of ['restart-from', 'older-than', 'drain', 'schema']) expect(out).toContain(word);
  }
  expect(json<{ shell: string }>(await cli(['completion', 'bash', '--json'])).shell).toBe('bash');
  expect(await cli(['completion', 'tcsh'])).toMatchObject({ code: 2 });
});

it('schedules and queues fit narrow terminals', async () => {
  for (const argv of [['schedules'], ['queues'], ['pending']]) {
    const { out } = await on(argv, { columns: 50, env: { NO_COLOR: '1' } });
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(50);
  }
  expectGolden('schedules', normalised((await on(['schedules'], { columns: 120, env: { NO_COLOR: '1' } })).out));
});
