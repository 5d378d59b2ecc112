import { once } from 'node:events';
import pg from 'pg';
import {
  ConnectionLostError,
  type DatabaseSource,
  describeTarget,
  isConnectionError,
  isRejectedByServer,
  isRetryableRejection,
  resolveTarget,
  SteadyClient,
  type DatabaseTarget,
  type SteadyClientOptions,
} from '../../lib/storage/connection/connection.js';
import type { SessionSpec } from '../../lib/storage/connection/session-settings.js';
import { Session } from '../../lib/storage/connection/session.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js';

let database: TestDatabase;
let target: DatabaseTarget;
const cleanups: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  target = resolveTarget({ url: database.url });
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const SPEC: SessionSpec = {
  role: 'test',
  name: 'steady',
  direct: true,
  limits: { statement: 29_000, lock: 5_000, idleInTransaction: 5_000 },
};

function steady(options: SteadyClientOptions = {}, to = target, spec = SPEC): SteadyClient {
  const client = new SteadyClient(() => new Session(to, spec), options);
  cleanups.push(() => client.close());
  return client;
}

function through(network: TcpProxy): DatabaseTarget {
  return resolveTarget({ url: network.through(database.url) });
}

async function proxy(): Promise<TcpProxy> {
  const started = await startProxy(Number(new URL(database.url).port));
  cleanups.push(() => started.close());
  return started;
}

/** A second session, to look at the first from outside. */
async function observer(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  cleanups.push(() => client.end());
  return client;
}

/** Waits until the session with this name runs (or waits in) a statement that contains the text. */
async function untilRunning(client: pg.Client, text: string): Promise<number> {
  for (;;) {
    const { rows } = await client.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE application_name = 'steady' AND state = 'active' AND query LIKE $1`,
      [`%${text}%`],
    );
    if (rows[0] !== undefined) return rows[0].pid;
  }
}

async function caught(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => {
      throw new Error('expected a rejection');
    },
    (error: unknown) => error,
  );
}

describe('resolveTarget', () => {
  it.each<[DatabaseSource, string]>([
    [{ url: 'postgres://me:secret@db.example:5433/app' }, 'db.example:5433/app'],
    [{ host: 'db', port: 6000, user: 'me', password: 'secret', database: 'app' }, 'db:6000/app'],
    [{ type: 'postgres', host: 'db', username: 'me', password: 'secret', database: 'app' }, 'db:5432/app'],
    [{ type: 'postgres', url: 'postgresql://me:secret@[::1]:5434/app', ssl: true }, '[::1]:5434/app'],
    [
      {
        type: 'postgres',
        replication: { master: { host: 'main', database: 'app' }, slaves: [{ host: 'copy' }] },
      },
      'main:5432/app',
    ],
  ])('describes %j without its password', (source, expected) => {
    expect(describeTarget(resolveTarget(source))).toBe(expected);
  });

  it('takes a DataSource with its user, password, SSL and extra options over', () => {
    const ssl = { rejectUnauthorized: false };
    const options = {
      type: 'postgres',
      host: 'db',
      username: 'me',
      password: 'p',
      ssl,
      extra: { options: '-c x=1' },
    } as const;
    expect(resolveTarget({ dataSource: { options } }).config).toEqual({
      host: 'db',
      port: 5432,
      user: 'me',
      database: 'me',
      password: 'p',
      ssl,
      options: '-c x=1',
    });
  });

  it('refuses another kind of database, and what is not a URL, without showing it', () => {
    expect(() => resolveTarget({ type: 'mysql' })).toThrow(
      /database\.dataSource: expected a DataSource of type "postgres"/,
    );
    expect(() => resolveTarget({ url: 'mysql://u:secret@h/d' })).toThrow(
      /database\.url: expected a URL that begins with/,
    );
    const error = (() => {
      try {
        return resolveTarget({ url: 'postgres://u:secret@h:port/d' });
      } catch (thrown) {
        return thrown as Error;
      }
    })() as Error;
    expect(error.message).toMatch(/expected a PostgreSQL URL/);
    expect(error.message).not.toMatch(/secret/);
  });
});

describe('what errors mean', () => {
  const answer = (code: string, severity = 'ERROR') =>
    Object.assign(new pg.DatabaseError('x', 1, 'error'), { code, severity });

  it.each(['57P01', '57P02', '57P03', '08006', '08P01', '53300', '25P03', '40003'])(
    '%s: the outcome is unknown',
    (code) => {
      expect(isConnectionError(answer(code, 'FATAL'))).toBe(true);
      expect(isRejectedByServer(answer(code, 'FATAL'))).toBe(false);
      // The severity is in the server's language.
      expect(isRejectedByServer(answer(code, 'FATAAL'))).toBe(false);
    },
  );

  it.each([
    ['40001', true],
    ['40P01', true],
    ['55P03', true],
    ['57014', true],
    ['53100', true],
    ['25006', true],
    ['23505', false],
    ['42P01', false],
  ])('%s: rolled back for certain (worth another try: %p)', (code, again) => {
    const wrapped = Object.assign(new Error('QueryFailedError'), { driverError: answer(code) });
    for (const error of [answer(code), wrapped]) {
      expect(isRejectedByServer(error)).toBe(true);
      expect(isConnectionError(error)).toBe(false);
      expect(isRetryableRejection(error)).toBe(again);
    }
  });

  it('a plan whose result has changed: worth another try, in whatever language the server speaks', async () => {
    const client = await observer();
    await client.query('CREATE TABLE replanned (n int)');
    const prepared = { name: 'replanned', text: 'SELECT * FROM replanned' };
    await client.query(prepared);
    await client.query('ALTER TABLE replanned ADD COLUMN more int');
    const error = await caught(client.query(prepared));
    expect(error).toMatchObject({ code: '0A000' });
    (error as Error).message = 'gecachter Plan darf den Ergebnistyp nicht ändern';
    expect(isRetryableRejection(error)).toBe(true);
    expect(isRetryableRejection(answer('0A000'))).toBe(false);
  });

  it('knows the errors of sockets and of pg, and no others', () => {
    for (const code of ['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND']) {
      expect(isConnectionError(Object.assign(new Error('x'), { code }))).toBe(true);
    }
    expect(isConnectionError(new Error('Connection terminated unexpectedly'))).toBe(true);
    expect(isConnectionError(new Error('Query read timeout'))).toBe(true);
    expect(isConnectionError(Object.assign(new Error('no such file'), { code: 'ENOENT', syscall: 'open' }))).toBe(
      false,
    );
    expect(isConnectionError(new TypeError('x is not a function'))).toBe(false);
    expect(isConnectionError(undefined)).toBe(false);
    expect(isRejectedByServer(new Error('Connection terminated unexpectedly'))).toBe(false);
  });
});

describe('SteadyClient', () => {
  it('connects with the first query, names its session, sets it, and runs what it is told to', async () => {
    const client = steady({ onConnect: () => ["SET work_mem = '7MB'"] });
    expect(client.connected).toBe(false);
    const { rows } = await client.query({
      text: `SELECT current_setting('application_name') AS name, current_setting('statement_timeout') AS timeout,
               current_setting('work_mem') AS mem`,
    });
    expect(rows).toEqual([{ name: 'steady', timeout: '29s', mem: '7MB' }]);
    expect(client.connected).toBe(true);
    expect(client.processId).toBeGreaterThan(0);
  });

  it('reads bigint as a number where it is exact, timestamptz as a Date, and leaves pg itself alone', async () => {
    const client = steady();
    const { rows } = await client.query({
      text: `SELECT 9007199254740991 AS safe, 9007199254740993 AS unsafe, 'infinity'::timestamptz AS never,
                    '2026-01-31 12:00:00.123456+02'::timestamptz AS then, '0044-03-15 12:00:00+00 BC'::timestamptz AS ides`,
    });
    const [row] = rows;
    expect(row).toMatchObject({ safe: 9007199254740991, unsafe: '9007199254740993', never: Infinity });
    expect(row?.['then']).toEqual(new Date('2026-01-31T10:00:00.123Z'));
    expect(row?.['ides']).toEqual(new Date('-000043-03-15T12:00:00Z'));
    expect(pg.types.getTypeParser(pg.types.builtins.INT8)('1')).toBe('1');
  });

  it('sends statements in the order asked for, without a warning of pg', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on('warning', note);
    const client = steady();
    const seen: number[] = [];
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        client.query({ text: 'SELECT $1::int AS n', values: [n] }).then(() => seen.push(n)),
      ),
    );
    process.off('warning', note);
    expect(seen).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect(warnings).toEqual([]);
  });

  it("gives the server's own error, and goes on with the same session", async () => {
    const client = steady();
    await client.query({ text: 'SELECT 1' });
    const pid = client.processId;
    const error = await caught(client.query({ text: 'SELECT 1/0' }));
    expect(error).toMatchObject({ code: '22012' });
    expect(isRejectedByServer(error)).toBe(true);
    await client.query({ text: 'SELECT 1' });
    expect(client.processId).toBe(pid);
  });

  it('a backend killed in the middle of a query: outcome unknown, what waited is sent on a new session', async () => {
    const outside = await observer();
    const client = steady();
    const lost = once(client, 'lost');
    const running = caught(client.query({ text: 'SELECT pg_sleep(60)' }));
    const next = client.query({ text: 'SELECT 2 AS n' });
    await outside.query('SELECT pg_terminate_backend($1)', [await untilRunning(outside, 'pg_sleep')]);
    const error = await running;
    expect(error).toBeInstanceOf(ConnectionLostError);
    expect(error).toMatchObject({ sent: true, code: 'DATABASE_UNAVAILABLE' });
    expect(isConnectionError(error)).toBe(true);
    expect(isRejectedByServer(error)).toBe(false);
    expect((await next).rows).toEqual([{ n: 2 }]);
    await lost;
  });

  it('a session killed while idle is noticed, and the next query has a new one', async () => {
    const outside = await observer();
    const client = steady();
    await client.query({ text: 'SELECT 1' });
    const lost = once(client, 'lost');
    const pid = client.processId;
    await outside.query('SELECT pg_terminate_backend($1)', [pid]);
    await lost;
    expect(client.connected).toBe(false);
    await client.query({ text: 'SELECT 1' });
    expect(client.processId).not.toBe(pid);
  });

  it('a commit whose answer is lost on the way is not taken for a failure, nor sent again', async () => {
    const network = await proxy();
    const outside = await observer();
    await outside.query('CREATE TABLE lost_answer (n int)');
    const client = steady({}, through(network));
    await client.query({ text: 'SELECT 1' });
    network.swallow('replies');
    const running = caught(client.query({ text: 'INSERT INTO lost_answer VALUES (1)' }));
    while ((await outside.query('SELECT 1 FROM lost_answer')).rowCount === 0);
    network.cut();
    expect(await running).toMatchObject({ sent: true });
    network.pass();
    await client.query({ text: 'SELECT 1' });
    expect((await outside.query('SELECT n FROM lost_answer')).rowCount).toBe(1);
  });

  it('a silent network costs the query timeout once, then the connect timeout; it comes back by itself', async () => {
    const network = await proxy();
    const to = resolveTarget({ connectionString: network.through(database.url), connectionTimeoutMillis: 1_000 });
    const client = steady({}, to, { ...SPEC, limits: { ...SPEC.limits, statement: 500 } });
    await client.query({ text: 'SELECT 1' });
    network.swallow();
    const errors = await Promise.all([1, 2, 3].map(() => caught(client.query({ text: 'SELECT 1' }))));
    // The first was sent and had no answer; the second could not connect, and the third did not have to try.
    expect(errors.map((error) => (error as ConnectionLostError).sent)).toEqual([true, false, false]);
    expect(String(errors[0])).toMatch(/no answer within 1500 ms/);
    expect(errors[2]).toBe(errors[1]);
    expect(client.connected).toBe(false);
    network.pass();
    expect((await client.query({ text: 'SELECT 3 AS n' })).rows).toEqual([{ n: 3 }]);
  });

  it('refused connections say where to, without the password', async () => {
    const network = await proxy();
    await network.down();
    const url = new URL(network.through(database.url));
    // A server that asks for none takes any.
    url.password ||= 'hunter2';
    const client = steady({}, resolveTarget({ connectionString: url.href }));
    const error = (await caught(client.query({ text: 'SELECT 1' }))) as ConnectionLostError;
    expect(error.message).toMatch(
      /^The test connection to PostgreSQL \(127\.0\.0\.1:\d+\/nest_durable\w+\) cannot be had/,
    );
    expect(error.message).not.toContain(url.password);
    expect(error.sent).toBe(false);
    await network.up();
    await client.query({ text: 'SELECT 1' });
  });

  it('what the server refuses of a new session leaves none behind and says so', async () => {
    const error = await caught(steady({ onConnect: () => ['SET nonsense = 1'] }).query({ text: 'SELECT 1' }));
    expect(String(error)).toMatch(/could not be set up: unrecognized configuration parameter "nonsense"/);
    expect(isRejectedByServer(error)).toBe(false);
  });

  it('drops a session that has become read-only, so that the next one finds the new primary', async () => {
    const client = steady();
    await client.query({ text: 'SET default_transaction_read_only = on' });
    const pid = client.processId;
    const error = await caught(client.query({ text: 'CREATE TABLE read_only (n int)' }));
    expect(isRetryableRejection(error)).toBe(true);
    await client.query({ text: 'CREATE TABLE read_only (n int)' });
    expect(client.processId).not.toBe(pid);
  });

  it('close() is quick on a silent network, rejects what comes after, and may be called twice', async () => {
    const network = await proxy();
    const client = steady({}, through(network));
    await client.query({ text: 'SELECT 1' });
    network.swallow();
    const running = caught(client.query({ text: 'SELECT 1' }));
    const started = performance.now();
    await Promise.all([client.close(100), client.close(100)]);
    expect(performance.now() - started).toBeLessThan(2_000);
    expect(await running).toBeInstanceOf(ConnectionLostError);
    await expect(client.query({ text: 'SELECT 1' })).rejects.toThrow('is closed');
  });
});
