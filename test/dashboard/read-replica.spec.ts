import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { get as httpGet } from 'node:http';
import { DurableClient, FatalError, ForEach, Schedule, Step, waitForApproval, Workflow } from 'nest-durable';
import { DurableDashboardModule, roles } from 'nest-durable/dashboard';
import pg from 'pg';
import { ROUTES } from '../../lib/dashboard/http/routes.js';
import { serveAlone, type Standalone } from '../../lib/dashboard/standalone.js';
import { Connections } from '../../lib/storage/connection/connections.js';
import { resolveTarget } from '../../lib/storage/connection/database-target.js';
import { ReadReplica } from '../../lib/storage/connection/read-replica.js';
import { readsOf } from '../../lib/storage/connection/transaction.js';
import { migrate } from '../../lib/storage/migrations/migrator.js';
import { type PostgresServer, startPostgres } from '../support/postgres-server.mjs';
import { until } from '../support/until.js';
import { ask, type Got, type RunningApp, startApp } from './hosts.js';

/** The pages on a true standby, which refuses whatever writes or locks. */

@Workflow({ name: 'mail' })
@Schedule({ name: 'yearly', cron: '0 0 1 1 *', enabled: false })
class MailWorkflow {
  private readonly logger = new Logger('Mail');

  @ForEach('send')
  each() {
    return [1, 2];
  }

  @Step()
  send(n: number) {
    this.logger.log(`to ${n}`);
    return { n };
  }

  @Step()
  async ask({ fail }: { fail?: boolean }) {
    if (fail === true) throw new FatalError('no mail');
    return { answer: await waitForApproval('sent') };
  }
}

const SETTINGS = { fsync: 'off', max_connections: 60 };
const [READERS, REPLICA] = ['nest-durable:reads', 'nest-durable:replica'];
let primary: PostgresServer;
let standby: PostgresServer;
let app: RunningApp;
let client: DurableClient;
let failed: string;
let waiting: string;

beforeAll(async () => {
  primary = await startPostgres(SETTINGS);
  await migrate({ connectionString: primary.url, schema: 'durable' });
  standby = await startPostgres(SETTINGS, { standbyOf: primary.url });
  const dashboard = DurableDashboardModule.forRoot({ authorize: roles(() => 'admin') });
  app = await startApp({ name: 'express', framework: 'express' }, primary.url, [dashboard], {
    providers: [MailWorkflow],
    workers: true,
    readReplica: { url: standby.url },
  });
  client = app.app.get(DurableClient);
  failed = (await client.start(MailWorkflow, { fail: true })).id;
  waiting = (await client.start(MailWorkflow, {})).id;
  await until(async () => (await client.getExecution(failed))?.status === 'failed');
  await until(async () => (await client.getExecution(waiting))?.status === 'waiting');
});
afterAll(async () => {
  await app.close();
  await standby.close();
  await primary.close();
});
afterEach(() => jest.restoreAllMocks());

const get = (path: string): Promise<Got> => app.ask(`/api/${path}`);
const post = (path: string, body: unknown = {}): Promise<Got> => app.ask(`/api/${path}`, { method: 'POST', body });
const idsOf = ({ json }: Got): string[] => json.items.map(({ id }: { id: string }) => id);

async function on<R extends pg.QueryResultRow>(server: { url: string }, text: string, values: unknown[] = []) {
  const session = new pg.Client({ connectionString: server.url });
  await session.connect();
  try {
    return (await session.query<R>(text, values)).rows;
  } finally {
    await session.end();
  }
}

async function sessions(server: { url: string }, name: string): Promise<number> {
  const text = 'SELECT count(*)::integer AS n FROM pg_stat_activity WHERE application_name = $1';
  return (await on<{ n: number }>(server, text, [name]))[0]?.n ?? 0;
}

/** Until the next look goes to a replica that has all. */
async function caughtUp(): Promise<void> {
  const [place] = await on<{ lsn: string }>(primary, 'SELECT pg_current_wal_lsn()::text AS lsn');
  await until(async () => {
    const text = 'SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn AS reached';
    return (await on<{ reached: boolean }>(standby, text, [place?.lsn]))[0]?.reached;
  });
}

async function pauseReplay(): Promise<void> {
  await on(standby, 'SELECT pg_wal_replay_pause()');
  const paused = `SELECT pg_get_wal_replay_pause_state() = 'paused' AS done`;
  await until(async () => (await on<{ done: boolean }>(standby, paused))[0]?.done);
}

async function instanceId(): Promise<string> {
  return (await on<{ id: string }>(primary, 'SELECT id FROM durable.instance'))[0]?.id ?? '';
}

/** What each path of the API is asked for that wants more than its names; null: it reads nothing, or the primary. */
const ASKED: Readonly<Record<string, readonly string[] | null>> = {
  stream: null,
  'bulk/:id': null,
  'runs/suggest': ['key=workflow', 'key=error', 'key=schedule', 'key=queue', 'key=tag', 'key=id&text=0'],
  runs: ['', 'q=status:failed', 'q=workflow:mail', 'q=error:FATAL', 'q=since:1h', 'q=retrying:yes'],
  'runs/:id/items': ['path=each[]'],
  'schedules/preview': ['cron=0 0 1 1 *'],
  'inputs?': ['order=timeout'],
  'events/last': ['workflow=mail&name=none'],
};

function pathsOf(path: string): string[] {
  const names: Readonly<Record<string, string>> = { name: 'mail', seq: '1' };
  const queries = ASKED[path] === undefined ? [''] : (ASKED[path] ?? []);
  return [failed, waiting].flatMap((id) => {
    const named = path
      .replace('schedules/:name', 'schedules/yearly')
      .replaceAll(/:(\w+)/g, (_, name: string) => (name === 'id' ? id : (names[name] ?? '')));
    return queries.map((query) => (query === '' ? named : `${named}?${query}`));
  });
}

it('has each read of the API on the standby, and no statement of them fails there', async () => {
  await caughtUp();
  const failures: unknown[] = [];
  let statements = 0;
  const { read } = ReadReplica.prototype;
  jest.spyOn(ReadReplica.prototype, 'read').mockImplementation(function (this: ReadReplica, work) {
    return read.call(this, async (from) => {
      statements++;
      try {
        return await work(from);
      } catch (error) {
        failures.push(error);
        throw error;
      }
    }) as Promise<never>;
  });
  // These have a part of the primary in them.
  const last = ['overview', 'doctor'];
  const routes = ROUTES.filter(({ method, path }) => method === 'GET' && !last.includes(path));
  for (const { path } of routes) {
    for (const asked of pathsOf(path)) expect([asked, (await get(encodeURI(asked))).status]).toEqual([asked, 200]);
  }
  expect(statements).toBeGreaterThan(routes.length);
  expect(await sessions(standby, REPLICA)).toBeGreaterThan(0);
  // One of the primary says how far its log is.
  expect([await sessions(standby, READERS), await sessions(primary, READERS)]).toEqual([0, 1]);
  expect(await sessions(primary, REPLICA)).toBe(0);
  for (const path of last) expect([path, (await get(path)).status]).toEqual([path, 200]);
  expect(failures).toEqual([]);
});

it('shows what the standby has, and after an act what has been done, however late the standby is', async () => {
  // An act, after which the next look finds the standby level.
  await post('queues/other/pause');
  await get('queues');
  await caughtUp();
  await pauseReplay();
  try {
    const { id } = await client.start(MailWorkflow, {});
    expect(await client.getExecution(id)).toMatchObject({ id });
    expect(idsOf(await get('runs'))).not.toContain(id);
    expect((await post(`runs/${waiting}/pause`)).json).toEqual({ changed: true });
    expect(idsOf(await get('runs'))).toContain(id);
    expect((await get(`runs/${waiting}`)).json.status).toBe('paused');
    const { checks } = (await get('doctor')).json;
    expect(checks).toContainEqual(expect.objectContaining({ id: 'replica', text: expect.stringMatching(/ late /) }));
  } finally {
    await on(standby, 'SELECT pg_wal_replay_resume()');
  }
  await caughtUp();
  const text = await until(async () => {
    const found = (await get('doctor')).json.checks.find(({ id }: { id: string }) => id === 'replica');
    return found.text.includes('all that is committed') && found.text;
  });
  expect(text).toMatch(/^Pages are read from 127\.0\.0\.1:\d+\/postgres, which has all that is committed\.$/);
});

it('has what an event tells of before a page that has got it is read again', async () => {
  const changed = jest.spyOn(ReadReplica.prototype, 'changed');
  const stream = openStream(`${app.base}/api/stream?topics=runs`);
  try {
    await until(() => stream.answered);
    const told = changed.mock.calls.length;
    const { id } = await client.start(MailWorkflow, { fail: true });
    await until(() => stream.text.includes(id));
    expect(changed.mock.calls.length).toBeGreaterThan(told);
    expect(idsOf(await get('runs'))).toContain(id);
  } finally {
    stream.end();
  }
});

/** A stream of the app's dashboard, with what has come of it. */
function openStream(path: string): { answered: boolean; text: string; end(): void } {
  const stream = { answered: false, text: '', end: () => void request.destroy() };
  const request = httpGet({ port: app.port, path, agent: false }, (response) => {
    stream.answered = true;
    response.on('data', (chunk: Buffer) => (stream.text += chunk.toString()));
    response.on('error', () => {});
  });
  return stream;
}

it('tries a statement on the primary that was cancelled on the standby', async () => {
  const connections = new Connections(resolveTarget({ url: primary.url }), { direct: true });
  try {
    const of = { schema: 'durable', instanceId: await instanceId(), onTrouble: unexpected };
    const query = readsOf(connections.replica(resolveTarget({ url: standby.url }), of));
    const where = 'SELECT pg_is_in_recovery() AS standby';
    expect(await query(where, [])).toEqual([{ standby: true }]);
    const answer = query(`${where}, CASE WHEN pg_is_in_recovery() THEN pg_sleep(60) END AS cancelled`, []);
    const cancel = `SELECT pg_cancel_backend(pid) AS done FROM pg_stat_activity WHERE query LIKE '% AS cancelled'`;
    await until(async () => (await on<{ done: boolean }>(standby, cancel))[0]?.done);
    expect(await answer).toMatchObject([{ standby: false }]);
    expect(await query(where, [])).toEqual([{ standby: true }]);
  } finally {
    await connections.close();
  }
});

it('reads the primary while the standby is late by more than 5 s, and says so once', async () => {
  const connections = new Connections(resolveTarget({ url: primary.url }), { direct: true });
  const told: string[] = [];
  let ahead = 0;
  try {
    const replica = connections.replica(resolveTarget({ url: standby.url }), {
      schema: 'durable',
      instanceId: await instanceId(),
      onTrouble: (message) => told.push(message),
      now: () => performance.now() + ahead,
    });
    const query = readsOf(replica);
    const isStandby = async (): Promise<boolean | undefined> =>
      (await query<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby', []))[0]?.standby;
    expect(await isStandby()).toBe(true);
    await pauseReplay();
    await on(primary, `SELECT pg_logical_emit_message(true, 'test', 'something is committed')`);
    expect(await isStandby()).toBe(true);
    for (let n = 0; n < 3; n++) {
      ahead += 6_000;
      expect(await isStandby()).toBe(false);
    }
    expect(told).toEqual([
      expect.stringMatching(/ is late by more than 5 s: reads go to the primary until it is not\.$/),
    ]);
    await on(standby, 'SELECT pg_wal_replay_resume()');
    await until(isStandby);
    expect(told).toHaveLength(1);
  } finally {
    await on(standby, 'SELECT pg_wal_replay_resume()');
    await connections.close();
  }
});

function unexpected(message: string): never {
  throw new Error(message);
}

describe('a dashboard by itself', () => {
  const warnings: string[] = [];
  let alone: Standalone;

  const serve = (replica: string): Promise<Standalone> =>
    serveAlone({
      url: primary.url,
      replica,
      schema: 'durable',
      host: '127.0.0.1',
      port: 0,
      readOnly: false,
      title: null,
      actor: 'cli:ada@here',
      warn: (message) => warnings.push(message),
    });
  const look = async (path: string): Promise<Got> => {
    const port = Number(new URL(alone.url).port);
    return ask(port, path, { headers: { host: `127.0.0.1:${port}` } });
  };

  beforeEach(() => warnings.splice(0));
  afterEach(() => alone.close());

  it('takes a server that is no standby', async () => {
    alone = await serve(primary.url);
    expect(idsOf(await look('/api/runs'))).toContain(failed);
    expect(await sessions(primary, REPLICA)).toBeGreaterThan(0);
    expect(warnings).toEqual([]);
  });

  it('reads the primary where the replica has other tables, and says so', async () => {
    const other = new URL(primary.url);
    other.pathname = '/template1';
    await migrate({ connectionString: other.href, schema: 'durable' });
    alone = await serve(other.href);
    for (let n = 0; n < 2; n++) expect(idsOf(await look('/api/runs'))).toContain(failed);
    expect(warnings).toEqual([
      expect.stringMatching(/cannot be used: it has other tables than the primary\. Reads go/),
    ]);
    expect(warnings.join()).not.toContain(other.password);
  });

  it('reads the primary while the standby is away, says so once, and goes back', async () => {
    alone = await serve(standby.url);
    expect((await look('/api/runs')).status).toBe(200);
    await standby.stop();
    for (let n = 0; n < 3; n++) expect(idsOf(await look('/api/runs'))).toContain(failed);
    expect(warnings).toEqual([
      expect.stringMatching(/^The read replica at 127\.0\.0\.1:\d+\/postgres cannot be used: /),
    ]);
    expect((await look('/api/doctor')).json.checks).toContainEqual(
      expect.objectContaining({ id: 'replica', state: 'warn', text: expect.stringMatching(/read from the primary/) }),
    );
    await standby.start();
    await until(async () => (await look('/api/runs')).status === 200 && warnings.length > 1);
    expect(warnings[1]).toMatch(/is back: reads go there again\.$/);
    expect(idsOf(await look('/api/runs'))).toContain(failed);
  });

  it('reads the standby while the primary is away', async () => {
    alone = await serve(standby.url);
    expect((await look('/api/runs')).status).toBe(200);
    await primary.stop();
    try {
      expect(idsOf(await look('/api/runs'))).toContain(failed);
      expect((await look(`/api/runs/${failed}`)).json.status).toBe('failed');
    } finally {
      await primary.start();
    }
  });
});
