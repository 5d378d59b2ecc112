import { Step, Workflow } from 'nest-durable';
import pg from 'pg';
import { tableChecks, type TableFacts } from '../../lib/storage/reads/doctor-tables.js';
import { workChecks, type WorkFacts } from '../../lib/storage/reads/doctor-work.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { Rows } from '../storage/rows.js';
import { cli, cliOn, json } from './support.js';
import { OrderWorkflow, WORKFLOWS } from './workflows.js';

interface Report {
  readonly checks: readonly {
    readonly id: string;
    readonly state: string;
    readonly text: string;
    readonly mend?: string;
  }[];
  readonly migrations: object | null;
}

async function auditedIn(url: string): Promise<object[]> {
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  const { rows } = await pool.query<object>('SELECT action, outcome, details FROM durable.audit ORDER BY id');
  await pool.end();
  return rows;
}

it('of a database that does not answer there is the document all the same, and as text the same check', async () => {
  const argv = ['doctor', '--url', 'postgres://me:secret@127.0.0.1:1/x'];
  const ran = await cli([...argv, '--json']);
  expect(ran).toMatchObject({ code: 1, err: '' });
  expect(json(ran)).toEqual({
    checks: [
      {
        id: 'connection',
        state: 'bad',
        text: expect.stringContaining('127.0.0.1:1/x cannot be used: '),
        mend: expect.stringContaining('DATABASE_URL'),
      },
    ],
    migrations: null,
    tables: [],
    database: { name: '127.0.0.1:1/x', schema: 'durable' },
  });
  const { code, out } = await cli(argv);
  expect({ code, out }).toEqual({
    code: 1,
    out: expect.stringMatching(/^✗ connection .* cannot be used[^]*→ Check[^]*1 bad/),
  });
});

it.each([
  ['user or password', (url: URL) => (url.username = 'nobody_of_that_name'), 'Check user and password in'],
  ['a database', (url: URL) => (url.pathname = '/nothing_of_that_name'), 'Create the database, or'],
  [
    'writes',
    (url: URL) => url.searchParams.set('options', '-c default_transaction_read_only=on'),
    'Reset that for the role, the database or the server',
  ],
])('of %s that the server refuses the mend is not that PostgreSQL is to run', async (_, change, mend) => {
  const url = new URL((await createTestDatabase()).url);
  change(url);
  const ran = await cli(['doctor', '--url', url.href, '--json']);
  expect(ran.code).toBe(1);
  expect(json<Report>(ran).checks).toMatchObject([{ id: 'connection', mend: expect.stringContaining(mend) }]);
  expect(ran.out).not.toContain('nobody_of_that_name');
});

describe('for a role without rights', () => {
  let database: TestDatabase;
  let administrator: pg.Client;
  let role: string;
  let url: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    administrator = new pg.Client({ connectionString: database.url });
    await administrator.connect();
    // A name that no statement takes without quotes.
    const name = `Poor-${database.name}`;
    role = pg.escapeIdentifier(name);
    await administrator.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
    const at = new URL(database.url);
    [at.username, at.password] = [name, 'x'];
    url = at.href;
  });

  afterAll(async () => {
    await administrator.query(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`);
    await administrator.end();
  });

  it.each(['', 'GRANT USAGE ON SCHEMA durable TO ', 'GRANT SELECT ON durable.migrations TO '])(
    'there is the report, its rights are bad, and nothing is repaired: %s',
    async (grant) => {
      if (grant !== '') await administrator.query(`${grant}${role}`);
      for (const more of [[], ['--fix'], ['--verify'], ['--fix', '--verify']]) {
        const ran = await cliOn(url)(['doctor', '--json', ...more]);
        expect(ran.code).toBe(1);
        const { checks } = json<Report>(ran);
        expect(checks.find(({ id }) => id === 'rights')).toMatchObject({
          state: 'bad',
          mend: expect.stringContaining('GRANT '),
        });
        expect(checks.some(({ id }) => id === 'orphans')).toBe(false);
        expect(checks.find(({ id }) => id === 'fix')?.state).toBe(more.includes('--fix') ? 'bad' : undefined);
      }
      expect((await cliOn(url)(['doctor', '--fix'])).out).toMatch(/✗ rights [^]*→ As the owner of the [a-z]+: GRANT/);
    },
  );

  it('sessions of other roles are counted, and that their transactions cannot be seen is told with the right to do so', async () => {
    const others = Array.from({ length: 12 }, () => new pg.Client({ connectionString: database.url }));
    await Promise.all(others.map((other) => other.connect()));
    const { checks } = json<Report>(await cliOn(url)(['doctor', '--json']));
    await Promise.all(others.map((other) => other.end()));
    const connections = /^(\d+) of \d+ connections are in use/.exec(
      checks.find(({ id }) => id === 'connections')?.text ?? '',
    );
    expect(Number(connections?.[1])).toBeGreaterThan(others.length);
    const transactions = checks.find(({ id }) => id === 'transactions');
    expect(transactions).toEqual({
      id: 'transactions',
      state: 'warn',
      text: expect.stringMatching(/^\d+ sessions of other roles cannot be seen: a transaction of theirs may be old\.$/),
      mend: `As a superuser: GRANT pg_read_all_stats TO ${role};`,
    });
    // And that of the test itself.
    expect(Number.parseInt(transactions?.text ?? '', 10)).toBeGreaterThan(others.length);
  });

  it('the mend of each missing right can be pasted as it stands: after these there is none missing', async () => {
    const on = cliOn(url);
    const pasted: string[] = [];
    for (let round = 0; round < 4; round++) {
      const { checks } = json<Report>(await on(['doctor', '--json']));
      const mends = checks.flatMap(({ mend = '' }) => /: (GRANT .*)$/.exec(mend)?.[1] ?? []);
      if (mends.length === 0) break;
      expect(mends.join()).toContain(`TO ${role}`);
      for (const mend of mends) await administrator.query(mend);
      pasted.push(...mends);
    }
    expect(pasted.length).toBeGreaterThan(0);
    const { checks } = json<Report>(await on(['doctor', '--json']));
    expect(checks.filter(({ state }) => state === 'bad')).toEqual([]);
    expect(checks.find(({ id }) => id === 'transactions')).toMatchObject({
      state: 'ok',
      text: 'No transaction is old.',
    });
  });

  it('what another command is refused says in the same line that doctor names the rights', async () => {
    const on = cliOn(url);
    const advised =
      /^nest-durable: [^\n]*permission denied for [^\n]+\. nest-durable doctor names the rights that the role lacks\.\n$/m;
    await administrator.query(`REVOKE ALL ON ALL TABLES IN SCHEMA durable FROM ${role}`);
    expect(await on(['status'])).toMatchObject({ code: 1, out: '', err: expect.stringMatching(advised) });
    await administrator.query(`GRANT SELECT ON ALL TABLES IN SCHEMA durable TO ${role}`);
    expect((await on(['list'])).code).toBe(0);
    await administrator.query("INSERT INTO durable.queue_settings (queue) VALUES ('mail')");
    expect(await on(['queues', 'pause', 'mail'])).toMatchObject({ code: 1, err: expect.stringMatching(advised) });
  });
});

describe('dead rows of the queue', () => {
  const NOW = Date.UTC(2026, 10, 1);
  const names = { schema: '"Durable"', role: 'app', other_database: 'shop_utf8' };
  const table = (more: Partial<TableFacts>): TableFacts => ({
    name: 'workflow_queue',
    rows: 100,
    dead: 0,
    bytes: 1,
    vacuumed: null,
    unvacuumed: false,
    ...more,
  });
  const look = (facts: readonly TableFacts[], settings: Record<string, string> = {}) =>
    tableChecks(facts, { settings, names, now: NOW });

  it('few are well, and many that autovacuum was at lately too', () => {
    for (const more of [
      { dead: 9_999 },
      { dead: 10_000, vacuumed: new Date(NOW - 59 * 60_000) },
      { rows: 1e6, dead: 60_000 },
    ]) {
      expect(look([table(more)])).toMatchObject([{ id: 'hot-table', state: 'ok' }]);
    }
  });

  it('many that nothing has cleared for long are told, with the last time, and a mend that can be pasted', () => {
    expect(look([table({ dead: 10_000, vacuumed: new Date(NOW - 3 * 3_600_000) })])).toEqual([
      {
        id: 'hot-table',
        state: 'warn',
        text: 'workflow_queue has 10000 dead rows beside 100, vacuumed last 3 h ago: claims step over them.',
        mend: 'end transactions that are older than these rows; VACUUM "Durable".workflow_queue',
      },
    ]);
    const [never] = look([table({ dead: 70_000 })], { autovacuum: 'off' });
    expect(never?.text).toContain('and was never vacuumed');
    expect(never?.mend).toContain('ALTER SYSTEM SET autovacuum = on; ');
  });

  it('autovacuum that is switched off for a table is told, and the mend switches it on', async () => {
    const { url } = await createTestDatabase();
    const pool = new pg.Pool({ connectionString: url, max: 1 });
    const hot = async () =>
      json<Report>(await cliOn(url)(['doctor', '--json'])).checks.find(({ id }) => id === 'hot-table');
    expect(await hot()).toMatchObject({ state: 'ok' });
    await pool.query('ALTER TABLE durable.workflow_queue SET (autovacuum_enabled = off)');
    const found = await hot();
    expect(found).toMatchObject({ state: 'warn', text: 'Autovacuum is switched off for workflow_queue.' });
    await pool.query(found?.mend ?? '');
    await pool.end();
    expect(await hot()).toMatchObject({ state: 'ok' });
  });
});

it('what is one of a kind is told as one', () => {
  const work: WorkFacts = { workers: 0, silent: 0, versions: [], behind: [], unfinished: 1, orphaned: 1, codeless: [] };
  const schedule = {
    name: 'nightly',
    enabled: true,
    removed_at: null,
    auto_disabled_at: null,
    consecutive_failures: 1,
  };
  const texts = workChecks(work, [], [schedule]).map(({ text }) => text);
  expect(texts).toEqual(
    expect.arrayContaining([
      'No worker is alive, and 1 run or step is unfinished.',
      '1 row is leased by no living worker.',
      '"nightly" has failed to start 1 time.',
    ]),
  );
});

it('a run whose row in the queue is gone says that it is lost, and a cancel that it cannot be reached', async () => {
  const { url } = await createTestDatabase();
  const on = cliOn(url);
  const app = await openApp({ database: { url }, report: 'none', workers: false }, WORKFLOWS);
  const { id } = await app.client.start(OrderWorkflow, {});
  await app.close();
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  await pool.query('DELETE FROM durable.workflow_queue WHERE id = $1', [id]);
  expect((await on(['inspect', id])).out).toMatch(/^○ Is lost: nothing will ever take it\n/);
  const refused = await on(['cancel', id]);
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('nothing can reach it. nest-durable doctor') });
  await pool.query('DELETE FROM durable.workflow_executions WHERE id = $1', [id]);
  await pool.end();
});

it('--fix repairs nothing of a newer database, and the report says so', async () => {
  const { url } = await createTestDatabase();
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  await pool.query(`INSERT INTO durable.migrations (version, name, checksum) VALUES (99, '0099-later', 'x')`);
  await pool.end();
  const ran = await cliOn(url)(['doctor', '--fix', '--json']);
  expect(ran.code).toBe(1);
  const { checks } = json<Report>(ran);
  expect(checks.filter(({ state }) => state === 'bad').map(({ id }) => id)).toEqual(['migrations', 'fix']);
});

it('names migrations that were applied from another file: migrate refuses to go on from these', async () => {
  const { url } = await createTestDatabase();
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  await pool.query(`UPDATE durable.migrations SET checksum = 'x' WHERE version = 2`);
  await pool.end();
  const ran = await cliOn(url)(['doctor', '--json']);
  expect(ran.code).toBe(1);
  const check = json<Report>(ran).checks.find(({ id }) => id === 'migrations');
  expect(check).toMatchObject({
    state: 'bad',
    text: 'Schema "durable" has 0002-functions from another build: not as in this package.',
  });
  expect(await cliOn(url)(['migrate', '--check'])).toMatchObject({ code: 1 });
});

it('what doctor and migrate do is an audit row where the table is there', async () => {
  const { url } = await createTestDatabase({ migrated: false });
  const on = cliOn(url);
  expect(await on(['migrate', 'up', '--to', '1'])).toMatchObject({ code: 0 });
  expect(await on(['doctor', '--fix'])).toMatchObject({ code: 0 });
  await on(['doctor', '--verify']);
  await on(['doctor']);
  await on(['migrate', 'down']);
  await on(['migrate', 'up']);
  await on(['migrate', 'up']);
  expect(await auditedIn(url)).toEqual([
    { action: 'migrate.up', outcome: 'done', details: { migrations: ['0001-tables'] } },
    { action: 'doctor.fix', outcome: 'done', details: {} },
    { action: 'doctor.verify', outcome: 'done', details: { ok: true } },
    { action: 'migrate.down', outcome: 'done', details: { migrations: ['0002-functions'] } },
    { action: 'migrate.up', outcome: 'done', details: { migrations: ['0002-functions'] } },
  ]);
  expect(await on(['migrate', 'down', '--to', '0'])).toMatchObject({ code: 0, err: '' });
});

describe('workers of two versions of a workflow', () => {
  @Workflow({ name: 'trip' })
  class OldTripWorkflow {
    @Step()
    book() {}
  }

  @Workflow({ name: 'trip' })
  class NewTripWorkflow {
    @Step()
    reserve() {}
  }

  const apps: FaultApp[] = [];
  afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));

  it('doctor names the one that is behind, and the table of workers has it too', async () => {
    const { url } = await createTestDatabase();
    apps.push(await openApp({ database: { url }, queues: { default: { concurrency: 3 } } }, [OldTripWorkflow]));
    const behind = async () =>
      json<Report>(await cliOn(url)(['doctor', '--json'])).checks.find(({ id }) => id === 'behind');
    expect(await behind()).toMatchObject({ state: 'ok' });
    apps.push(await openApp({ database: { url } }, [NewTripWorkflow]));
    expect(await behind()).toEqual({
      id: 'behind',
      state: 'warn',
      text: expect.stringMatching(/^\S+:\d+ has older code of trip\.$/),
      mend: expect.stringContaining('nest-durable workers'),
    });
    const [head = '', old = ''] = (await cliOn(url)(['workers'], { columns: 160, env: { NO_COLOR: '1' } })).out.split(
      '\n',
    );
    expect(head).toMatch(/HOLDS +PLACES +SEEN .*TOLD BY +BEHIND/);
    expect(old).toMatch(/ 0 +3 .* hints +trip/);
  });
});

it('what waits for a limit or a rate is told apart from what lacks places', async () => {
  const rows = await Rows.open();
  const ago = (minutes: number): Date => new Date(Date.now() - minutes * 60_000);
  const queues = ['keyed', 'rated', 'slow', 'full'];
  const worker = await rows.worker({ queues, expires_at: new Date(Date.now() + 600_000) });
  const limit = { limit_key: 'order\n=c-17' };
  await rows.open({ queue: 'keyed', state: 'running', started_at: ago(20), worker_id: worker, ...limit });
  for (const minutes of [14, 3]) await rows.open({ queue: 'keyed', state: 'blocked', due_at: ago(minutes), ...limit });
  await rows.pool.query(
    `INSERT INTO durable.queue_settings (queue, global_concurrency, rate_limit, rate_period_ms)
     VALUES ('rated', NULL, 5, 3600000), ('full', 1, NULL, NULL)`,
  );
  await rows.pool.query(`INSERT INTO durable.queue_rates (queue, ends_at, n) VALUES ('rated', now(), 5)`);
  await rows.open({ queue: 'rated', due_at: ago(9) });
  await rows.open({ queue: 'slow', due_at: ago(7) });
  await rows.open({ queue: 'full', state: 'running', started_at: ago(20), worker_id: worker });
  await rows.open({ queue: 'full', due_at: ago(5) });
  const check = async (wanted: string) =>
    json<Report>(await cliOn(rows.url)(['doctor', '--json'])).checks.find(({ id }) => id === wanted);

  expect(await check('queues')).toEqual({
    id: 'queues',
    state: 'warn',
    text: '"full" is full, 1 of 1, and behind by 5 min. "slow" is behind by 7 min.',
    mend: 'raise globalConcurrency of full; raise concurrency, or start more processes',
  });
  expect(await check('limits')).toEqual({
    id: 'limits',
    state: 'warn',
    text:
      '2 in "keyed" wait for a place of a concurrency limit, the first for 14 min. ' +
      '1 in "rated" waits for its rate of 5 in 60 min, the first for 9 min.',
    mend:
      'nest-durable inspect of one that waits names the run that has the place; ' +
      'raise rateLimit of rated, where what it protects bears more',
  });

  // One that was claimed before goes on: a rate of first claims does not keep it back.
  await rows.open({ queue: 'rated', due_at: ago(4), started_at: ago(30) });
  expect((await check('queues'))?.text).toContain('"rated" is behind by 4 min.');
  expect((await check('limits'))?.text).toContain('1 in "rated" waits');
  await rows.close();
});
