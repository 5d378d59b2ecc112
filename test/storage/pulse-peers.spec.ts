import type { PulseQuestion, WorkerRegistration } from '../../lib/engine/ports/store.js';
import type { Connections } from '../../lib/storage/connection/connections.js';
import { PgStore } from '../../lib/storage/engine/pg-store.js';
import { connectTo } from '../support/connections.js';
import { Rows } from './rows.js';

/** By the pulse each process knows which of the others could do its work: see Turns. */

let rows: Rows;
let connections: Connections;
let store: PgStore;

beforeEach(async () => {
  rows = await Rows.open();
  connections = connectTo(rows.url);
  store = new PgStore({ connections, schema: 'durable', appDataSource: null });
});

afterEach(async () => {
  await connections.close();
  await rows.close();
});

async function join(given: Partial<WorkerRegistration> = {}): Promise<number> {
  const { id } = await store.registerWorker({
    host: 'here', pid: 1, processKey: null, processStart: null, version: '0', queues: ['default'], definitions: [3, 5],
    declarations: [], sessionName: null, leaseMs: 60_000, capacity: {}, listening: true, ...given,
  }); // prettier-ignore
  return id;
}

async function peersOf(worker: number, queues: readonly string[] = ['default', 'mail']) {
  const question: PulseQuestion = { worker, processKey: null, queues, definitions: [], workflows: [] };
  const { peers } = await store.pulse(question);
  return new Map(
    peers.map(({ id, queues: shared, alike, listening }) => [id, { queues: shared.toSorted(), alike, listening }]),
  );
}

it('tells those with the same code from others, and the queues that they share', async () => {
  const self = await join({ queues: ['default', 'mail'] });
  const twin = await join({ queues: ['mail', 'reports', 'default'], definitions: [5, 3] });
  const other = await join({ definitions: [3] });
  const peers = await peersOf(self);
  expect(new Set(peers.keys())).toEqual(new Set([twin, other]));
  expect(peers.get(twin)).toEqual({ queues: ['default', 'mail'], alike: true, listening: true });
  expect(peers.get(other)).toEqual({ queues: ['default'], alike: false, listening: true });
  expect((await peersOf(other)).get(self)).toEqual({ queues: ['default', 'mail'], alike: false, listening: true });
});

it('leaves no turn to one that hears nothing, or whose lease has expired', async () => {
  const self = await join();
  const deaf = await join({ listening: false });
  const late = await join();
  await rows.pool.query(`UPDATE durable.workers SET expires_at = now() - interval '1 s' WHERE id = $1`, [late]);
  const peers = await peersOf(self);
  expect([peers.get(deaf)?.listening, peers.get(late)?.listening]).toEqual([false, false]);
});

it('is answered where the process itself was declared dead and deleted', async () => {
  const self = await join();
  const twin = await join();
  await rows.pool.query('DELETE FROM durable.workers WHERE id = $1', [self]);
  expect((await peersOf(self)).get(twin)).toMatchObject({ alike: false });
});
