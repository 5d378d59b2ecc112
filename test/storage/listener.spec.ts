import { once } from 'node:events';
import pg from 'pg';
import { channelOf, type Hint, Listener, type ListenerOptions } from '../../lib/storage/notify/listener.js';
import { packHints, readHint } from '../../lib/storage/notify/notifier.js';
import { connectTo } from '../support/connections.js';
import { createTestDatabase, type TestDatabase, testSchema } from '../support/database.js';
import { startFakePooler } from '../support/fake-pooler.js';
import { startProxy } from '../support/tcp-proxy.js';

let database: TestDatabase;
let outside: pg.Client;
const cleanups: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});

beforeEach(async () => {
  outside = new pg.Client({ connectionString: database.url });
  await outside.connect();
  cleanups.push(() => outside.end());
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function open(schema = testSchema, url = database.url, probing: Partial<ListenerOptions> = {}): Listener {
  const connections = connectTo(url);
  const listener = new Listener(connections, { schema, ...probing });
  cleanups.push(() => connections.close());
  cleanups.push(() => listener.close());
  return listener;
}

/** Resolves with the hints, once one of them is enough. */
function heard(listener: Listener, enough: (hint: Hint, own: boolean) => boolean): Promise<[Hint, boolean][]> {
  const all: [Hint, boolean][] = [];
  return new Promise((resolve) => {
    const end = listener.subscribe((hint, own) => {
      all.push([hint, own]);
      if (!enough(hint, own)) return;
      end();
      resolve(all);
    });
  });
}

async function proxied() {
  const network = await startProxy(Number(new URL(database.url).port));
  cleanups.push(() => network.close());
  return network;
}

describe('hints', () => {
  it('reach every process of the schema, and say whose they are', async () => {
    const [one, two, stranger] = [open(), open(), open('other')];
    expect(await Promise.all([one.start(), two.start(), stranger.start()])).toEqual([true, true, true]);
    const strange: Hint[] = [];
    stranger.subscribe((hint) => strange.push(hint));
    const end = heard(stranger, ({ q }) => q?.some(([queue]) => queue === 'theirs') === true);
    const [own, others] = [heard(one, () => true), heard(two, () => true)];
    one.hint('default', 5);
    one.done('run-1');
    one.control('run-2');
    const hint = { q: [['default', 5]], d: ['run-1'], c: ['run-2'], w: one.tag };
    expect(await own).toEqual([[hint, true]]);
    expect(await others).toEqual([[hint, false]]);
    stranger.hint('theirs', 5);
    await end;
    expect(strange).toHaveLength(1);
  });

  it('that come while one is under way go out together, each once', async () => {
    const [one, two] = [open(), open()];
    await Promise.all([one.start(), two.start()]);
    const all = heard(two, ({ q }) => q?.some(([queue]) => queue === 'last') === true);
    // The first goes out alone; its statement opens the connection, and the others come meanwhile.
    one.hint('first', 5);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    for (let n = 0; n < 500; n++) one.hint(`queue-${n % 5}`, n === 53 ? 0 : n + 1);
    one.hint('last', 5);
    const hints = (await all).map(([{ q }]) => q);
    // One at which all are to look stays so.
    const later = [
      ['queue-0', 496],
      ['queue-1', 497],
      ['queue-2', 498],
      ['queue-3', 0],
      ['queue-4', 500],
      ['last', 5],
    ];
    expect(hints).toEqual([[['first', 5]], later]);
  });

  it('are sent before close() ends', async () => {
    const [one, two] = [open(), open()];
    await Promise.all([one.start(), two.start()]);
    const all = heard(two, () => true);
    one.hint('default', 5);
    await one.close();
    expect((await all)[0]?.[0].q).toEqual([['default', 5]]);
  });

  it('from elsewhere on the channel are left alone', async () => {
    const REAL = '{"w":"x","q":[["real",1]]}';
    const one = open();
    await one.start();
    const all = heard(one, ({ q }) => q?.some(([queue]) => queue === 'real') === true);
    for (const payload of ['', 'x', '3', '{"w":1}', '{"w":"x","q":"y"}', '{"w":"x","q":["real"]}', REAL]) {
      await outside.query('SELECT pg_notify($1, $2)', [one.channel, payload]);
    }
    expect(await all).toEqual([[{ w: 'x', q: [['real', 1]] }, false]]);
  });
});

describe('packing', () => {
  it('keeps every payload below the limit of 8 000 bytes, and loses nothing that fits', () => {
    const d = Array.from({ length: 1_000 }, (_, n) => `0190a3c4-0000-7000-8000-${String(n).padStart(12, '0')}`);
    const q = ['默认', 'a"b\\c\u0000', '\ud800', 'x'.repeat(9_000)];
    const payloads = packHints({ q: q.map((queue) => [queue, 1]), d, c: ['run'] }, 'tag');
    expect(payloads.every((payload) => Buffer.byteLength(payload) <= 7_500 && /^[ -~]*$/.test(payload))).toBe(true);
    const hints = payloads.map((payload) => readHint(payload));
    expect(hints.flatMap((hint) => hint?.d ?? [])).toEqual(d);
    expect(hints.flatMap((hint) => hint?.q?.map(([queue]) => queue) ?? [])).toEqual(q.slice(0, 3));
    expect(hints.flatMap((hint) => hint?.c ?? [])).toEqual(['run']);
    expect(payloads.length).toBeLessThan(8);
    expect(packHints({ q: [], d: [], c: [] }, 'tag')).toEqual([]);
  });

  it('names a channel for each schema that PostgreSQL takes unquoted', () => {
    expect(channelOf('durable')).toMatch(/^durable_[0-9a-f]{16}$/);
    expect(channelOf('a'.repeat(63))).not.toBe(channelOf('a'.repeat(62)));
  });
});

describe('the session', () => {
  it('is seen by others under its name, and hears itself', async () => {
    const one = open();
    await one.start();
    expect(await one.sessionVisible()).toBe(true);
    const { rows } = await outside.query(
      'SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = $1',
      [one.sessionName],
    );
    expect(rows).toEqual([{ n: 1 }]);
  });

  it('behind a pooler is not taken for a sign of life', async () => {
    const pooler = await startFakePooler(database.url, { notifications: false });
    cleanups.push(() => pooler.close());
    const one = open(testSchema, pooler.url);
    await one.start();
    expect(await one.sessionVisible()).toBe(false);
  });

  it('comes back when it is killed', async () => {
    const one = open();
    await one.start();
    const [down, up] = [once(one, 'down'), once(one, 'up')];
    await outside.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [
      one.sessionName,
    ]);
    await down;
    expect(one.up).toBe(false);
    await up;
    const all = heard(one, () => true);
    one.hint('after', 0);
    await all;
  });

  it('is opened when the database comes up later, and after an outage', async () => {
    const network = await proxied();
    await network.down();
    const one = open(testSchema, network.through(database.url));
    expect(await one.start()).toBe(false);
    let up = once(one, 'up');
    await network.up();
    await up;
    const down = once(one, 'down');
    up = once(one, 'up');
    await network.down();
    await down;
    one.hint('nobody hears this', 0);
    await network.up();
    await up;
    expect(await one.sessionVisible()).toBe(true);
  });

  it('notices a network that has gone silent, by asking', async () => {
    const network = await proxied();
    const one = open(testSchema, network.through(database.url), { probeIntervalMs: 50 });
    if (!(await one.start())) await once(one, 'up');
    const down = once(one, 'down');
    network.swallow();
    const [error] = (await down) as [Error];
    expect(error.message).toMatch(/no answer within/);
    const up = once(one, 'up');
    network.pass();
    await up;
  });

  it('notices a server that takes no writes any more, by asking, and listens where it can write', async () => {
    const one = open(testSchema, database.url, { probeIntervalMs: 50 });
    await one.start();
    const [down, up] = [once(one, 'down'), once(one, 'up')];
    // On its own session, as a server would be that has become a standby.
    await one.unlisten('other; SET default_transaction_read_only = on');
    const [error] = (await down) as [Error];
    expect(error.message).toMatch(/takes no writes any more/);
    await up;
    const all = heard(one, ({ d }) => d?.includes('run-9') === true);
    open().done('run-9');
    await all;
  });

  it('that may not listen to all that it is to hear is none, until it may', async () => {
    const refused = 'durable_refused';
    const pooler = await startFakePooler(database.url, { notifications: true, word: `LISTEN ${refused}` });
    cleanups.push(() => pooler.close());
    const one = open(testSchema, pooler.url);
    expect(await one.start()).toBe(true);
    const down = once(one, 'down');
    await one.listenTo(refused, () => {});
    const [error] = (await down) as [Error];
    expect([error.message, one.up]).toEqual([expect.stringMatching(/syntax error/), false]);
    // As each session that is opened then.
    expect(await one.start()).toBe(false);
    const up = once(one, 'up');
    await one.unlisten(refused);
    await up;
    expect(one.up).toBe(true);
  });

  it('leaves nothing behind when it is closed, however often', async () => {
    const one = open();
    await one.start();
    one.hint('x', 0);
    await Promise.all([one.close(), one.close()]);
    one.hint('too late', 0);
    expect(one.up).toBe(false);
  });
});
