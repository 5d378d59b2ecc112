import pg from 'pg';
import { Connections } from '../../lib/storage/connection/connections.js';
import { resolveTarget } from '../../lib/storage/connection/database-target.js';
import type { ReadReplica } from '../../lib/storage/connection/read-replica.js';
import { whyOf } from '../../lib/storage/connection/replica-errors.js';
import { PLACE } from '../../lib/storage/connection/replica-log.js';
import { type Query, readsOf } from '../../lib/storage/connection/transaction.js';
import { replicaCheck } from '../../lib/storage/reads/doctor-replica.js';
import { createTestDatabase } from '../support/database.js';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';

/** A replica that is the primary itself, each behind a network of its own: sessions are known by their name. */

const REPLICA = 'nest-durable:replica';
const PRIMARY = 'nest-durable:reads';
const IS_REPLICA = `current_setting('application_name') = '${REPLICA}'`;
const WHO = `SELECT current_setting('application_name') AS who`;

let observer: pg.Client;
let proxy: TcpProxy;
let toPrimary: TcpProxy;
let connections: Connections;
let replica: ReadReplica;
let query: Query;
let told: string[];

beforeEach(async () => {
  const { url } = await createTestDatabase();
  observer = new pg.Client({ connectionString: url });
  await observer.connect();
  const instance = await observer.query<{ id: string }>('SELECT id FROM durable.instance');
  proxy = await startProxy(Number(new URL(url).port || 5432));
  toPrimary = await startProxy(Number(new URL(url).port || 5432));
  connections = new Connections(resolveTarget({ url: toPrimary.through(url) }), { direct: true });
  told = [];
  replica = connections.replica(resolveTarget({ url: proxy.through(url) }), {
    schema: 'durable',
    instanceId: instance.rows[0]?.id ?? '',
    onTrouble: (message) => told.push(message),
  });
  query = readsOf(replica);
});
afterEach(async () => {
  await connections.close();
  await proxy.close();
  await toPrimary.close();
  await observer.end();
});

it('answers all looks at once from the primary when the replica dies, those that wait for a session too', async () => {
  const text = `${WHO}, CASE WHEN ${IS_REPLICA} THEN pg_sleep(60) END AS slept`;
  const looks = Promise.all(Array.from({ length: 8 }, () => query(text, [])));
  const asleep = `FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`;
  await until(async () => (await observer.query(`SELECT 1 ${asleep}`)).rowCount === 4);
  await proxy.down();
  expect(await looks).toEqual(Array.from({ length: 8 }, () => [{ who: PRIMARY, slept: null }]));
  expect(told).toEqual([expect.stringMatching(/ cannot be used: .*ECONNREFUSED/)]);
  await observer.query(`SELECT pg_terminate_backend(pid) ${asleep}`);
});

it('tries a look again on the replica when its session was cut off, and tells of nothing', async () => {
  expect(await query(WHO, [])).toEqual([{ who: REPLICA }]);
  const cut = proxy.cutAt('AS who', 'before');
  expect(await query(WHO, [])).toEqual([{ who: REPLICA }]);
  await cut;
  expect(told).toEqual([]);
});

it('reads the replica after an act where the primary is away, however late the replica is', async () => {
  expect(await query(WHO, [])).toEqual([{ who: REPLICA }]);
  replica.changed();
  expect(await query(WHO, [])).toEqual([{ who: PRIMARY }]);
  await toPrimary.down();
  replica.changed();
  expect(await query(WHO, [])).toEqual([{ who: REPLICA }]);
  expect(told).toEqual([]);
});

it('tells once of what the replica refuses and the primary answers, and doctor tells its code', async () => {
  const refused = `${WHO}, CASE WHEN ${IS_REPLICA} THEN current_setting('there_is.none') END AS none`;
  for (let n = 0; n < 2; n++) expect(await query(refused, [])).toEqual([{ who: PRIMARY, none: null }]);
  await expect(query('SELECT * FROM there_is_none', [])).rejects.toThrow('there_is_none');
  expect(told).toEqual([expect.stringMatching(/ refuses what the primary answers \(42704\): /)]);
  const state = await replica.state();
  expect(state).toMatchObject({ away: null, refused: '42704' });
  expect(replicaCheck(state)).toMatchObject({ state: 'warn', text: expect.stringMatching(/\(42704\)/) });
});

it('says nothing of how late a server is that follows no log', async () => {
  expect(await query(WHO, [])).toEqual([{ who: REPLICA }]);
  const state = await replica.state();
  expect(state).toMatchObject({ away: null, late: null });
  expect(replicaCheck(state)).toMatchObject({ state: 'ok', text: expect.stringMatching(/does not say how late/) });
  replica.changed();
  expect(await query(WHO, [])).toEqual([{ who: PRIMARY }]);
});

it('has the place of a commit that the log was not written for yet', async () => {
  await observer.query('SET synchronous_commit = off');
  await observer.query('CREATE TABLE later AS SELECT 1 AS n');
  const after = await observer.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn()::text AS lsn');
  const [place] = (await observer.query<{ lsn: string }>(PLACE)).rows;
  const values = [place?.lsn, after.rows[0]?.lsn];
  const text = `SELECT $1::text::pg_lsn >= $2::text::pg_lsn - 40::numeric AS has`;
  expect((await observer.query(text, values)).rows).toEqual([{ has: true }]);
});

it.each([
  ['28P01', 'password authentication failed for user "ada"', 'it refused user or password (28P01)'],
  ['08P01', 'no such user: ada', 'it refused user or password (08P01)'],
  ['53300', 'too many connections for role "ada"', 'it takes no more connections (53300)'],
  ['42P01', 'relation "durable.instance" does not exist', 'it has no tables of nest-durable yet'],
])('says why a replica cannot be used, without its user (%s: %s)', (code, message, why) => {
  expect(whyOf(Object.assign(new Error(message), { code, severity: 'FATAL' }))).toBe(why);
});
