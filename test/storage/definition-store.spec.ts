import type { Connections } from '../../lib/storage/connection/connections.js';
import { type EngineDatabase, openDataSource } from '../../lib/storage/connection/data-source.js';
import { latestDefinition, listDefinitions, saveDefinition } from '../../lib/storage/engine/definition-store.js';
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

const definition = (hash: string, name = 'order') => ({ name, hash, definition: { zeta: 1, alpha: [hash] } });

it('numbers the definitions of a name in the order they appear', async () => {
  const first = await saveDefinition(store, definition('a'));
  const second = await saveDefinition(store, definition('b'));
  const other = await saveDefinition(store, definition('a', 'mail'));
  expect([first.version, second.version, other.version]).toEqual([1, 2, 1]);
  expect(new Set([first.id, second.id, other.id]).size).toBe(3);
  const listed = await listDefinitions(store);
  expect(listed.map(({ name, version, hash }) => [name, version, hash])).toEqual([
    ['mail', 1, 'a'],
    ['order', 1, 'a'],
    ['order', 2, 'b'],
  ]);
  expect(JSON.stringify(listed[1]?.definition)).toBe('{"zeta":1,"alpha":["a"]}');
});

it('one that was here before keeps its id and version, and is the latest again', async () => {
  const first = await saveDefinition(store, definition('a'));
  await saveDefinition(store, definition('b'));
  expect((await latestDefinition(store, 'order'))?.hash).toBe('b');
  const before = (await listDefinitions(store))[0];
  expect(await saveDefinition(store, definition('a'))).toEqual(first);
  const latest = await latestDefinition(store, 'order');
  expect(latest).toMatchObject({ hash: 'a', version: 1, firstSeen: before?.firstSeen });
  expect(latest?.lastSeen.getTime()).toBeGreaterThanOrEqual(before?.lastSeen.getTime() ?? Infinity);
  expect(await latestDefinition(store, 'unknown')).toBeNull();
});

it('20 processes at once: one row for each hash, versions without gaps', async () => {
  const processes = Array.from({ length: 20 }, () => connectTo(database.url));
  const stores = await Promise.all(processes.map(({ pool }) => openDataSource(pool, testSchema)));
  const hashes = ['a', 'b', 'c'];
  const saved = await Promise.all(
    stores.map((one) =>
      Promise.all(hashes.map(async (hash) => ({ hash, ...(await saveDefinition(one, definition(hash))) }))),
    ),
  ).finally(() => Promise.all(processes.map((one) => one.close())));
  const seen = new Set(saved.flat().map(({ hash, id, version }) => `${hash} ${id} ${version}`));
  expect(seen.size).toBe(3);
  expect((await listDefinitions(store)).map(({ version }) => version)).toEqual([1, 2, 3]);
});
