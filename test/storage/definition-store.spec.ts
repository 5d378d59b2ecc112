import type { Connections } from '../../lib/storage/connection/connections.js';
import { type EngineDatabase, openDataSource } from '../../lib/storage/connection/data-source.js';
import { saveDefinition } from '../../lib/storage/engine/definition-store.js';
import { connectTo } from '../support/connections.js';
import { createTestDatabase, type TestDatabase, testSchema } from '../support/database.js';

let database: TestDatabase;
let store: EngineDatabase;
let connections: Connections;

beforeEach(async () => {
  database = await createTestDatabase();
  connections = connectTo(database.url);
  store = await openDataSource(connections.pool, testSchema);
});

afterEach(() => connections.close());

/** All definitions as they are stored, by name and version. */
const stored = () =>
  store.dataSource.getRepository(store.entities.definitions).find({ order: { name: 'ASC', version: 'ASC' } });

const definition = (hash: string, name = 'order') => ({ name, hash, definition: { zeta: 1, alpha: [hash] } });

it('numbers the definitions of a name in the order they appear', async () => {
  const first = await saveDefinition(connections.pool, store, definition('a'));
  const second = await saveDefinition(connections.pool, store, definition('b'));
  const other = await saveDefinition(connections.pool, store, definition('a', 'mail'));
  expect([first.version, second.version, other.version]).toEqual([1, 2, 1]);
  expect(new Set([first.id, second.id, other.id]).size).toBe(3);
  const listed = await stored();
  expect(listed.map(({ name, version, hash }) => [name, version, hash])).toEqual([
    ['mail', 1, 'a'],
    ['order', 1, 'a'],
    ['order', 2, 'b'],
  ]);
  expect(JSON.stringify(listed[1]?.definition)).toBe('{"zeta":1,"alpha":["a"]}');
});

it('one that was here before keeps its id and version, and has been seen again', async () => {
  const first = await saveDefinition(connections.pool, store, definition('a'));
  await saveDefinition(connections.pool, store, definition('b'));
  const [before] = await stored();
  expect(await saveDefinition(connections.pool, store, definition('a'))).toEqual(first);
  const [again, other] = await stored();
  expect(again).toMatchObject({ hash: 'a', version: 1, firstSeen: before?.firstSeen });
  expect(again?.lastSeen.getTime()).toBeGreaterThan(other?.lastSeen.getTime() ?? Infinity);
});

it('20 processes at once: one row for each hash, versions without gaps', async () => {
  const processes = Array.from({ length: 20 }, () => connectTo(database.url));
  const stores = await Promise.all(
    processes.map(async ({ pool }) => ({ pool, store: await openDataSource(pool, testSchema) })),
  );
  const hashes = ['a', 'b', 'c'];
  const saved = await Promise.all(
    stores.map((one) =>
      Promise.all(
        hashes.map(async (hash) => ({ hash, ...(await saveDefinition(one.pool, one.store, definition(hash))) })),
      ),
    ),
  ).finally(() => Promise.all(processes.map((one) => one.close())));
  const seen = new Set(saved.flat().map(({ hash, id, version }) => `${hash} ${id} ${version}`));
  expect(seen.size).toBe(3);
  expect((await stored()).map(({ version }) => version)).toEqual([1, 2, 3]);
});

/** Each time that a definition is written: how long the writing session may wait for a lock, and stand still. */
const NOTE_LIMITS = `
  CREATE TABLE noted (id serial, lock text, standstill text);
  CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO noted (lock, standstill) VALUES
      (current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout'));
    RETURN NULL;
  END $$;
  CREATE TRIGGER note AFTER INSERT OR UPDATE ON ${testSchema}.workflow_definitions FOR EACH ROW EXECUTE FUNCTION note()`;

it.each([true, false])(
  "is written under the engine's limits of time, new or seen again (direct: %p)",
  async (direct) => {
    await store.dataSource.query(NOTE_LIMITS);
    const writer = connectTo(database.url, { direct });
    try {
      const own = await openDataSource(writer.pool, testSchema);
      const first = await saveDefinition(writer.pool, own, definition('a'));
      expect(await saveDefinition(writer.pool, own, definition('a'))).toEqual(first);
    } finally {
      await writer.close();
    }
    const limits = { lock: '250ms', standstill: '5s' };
    expect(await store.dataSource.query('SELECT lock, standstill FROM noted ORDER BY id')).toEqual([limits, limits]);
  },
);
