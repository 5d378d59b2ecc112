import type { ClaimedRow, ParkOutcome } from '../../lib/engine/ports/store.js';
import { PgQueueStore } from '../../lib/storage/engine/queue-store.js';
import { PgStore } from '../../lib/storage/engine/pg-store.js';
import { connectTo } from '../support/connections.js';
import { Rows } from './rows.js';

/** By which definition a claim finds the place of a run that is claimed for another one. */

let rows: Rows;
let store: PgStore;
let queues: PgQueueStore;
let connections: ReturnType<typeof connectTo>;
let worker: number;
/** Of the code as it was at first, and after one deploy and two. */
let first: number;
let second: number;
let third: number;

beforeAll(async () => {
  rows = await Rows.open();
  connections = connectTo(rows.url);
  store = new PgStore({ connections, schema: 'durable', appDataSource: null });
  queues = new PgQueueStore(connections.pool, 'durable');
  first = rows.definitionId;
  second = await rows.addDefinition('order', 2);
  third = await rows.addDefinition('order', 3);
});

afterEach(() => rows.pool.query('DELETE FROM durable.workflow_queue'));

afterAll(async () => {
  await connections.close();
  await rows.close();
});

const claims = {
  plain: (runAs: number) =>
    store.claim(
      worker,
      'default',
      1,
      [first, second, third].map((id) => ({ id, runAs, timeout: null })),
    ),
  limited: async (runAs: number) => {
    const definitions = [first, second, third].map((id) => ({
      id,
      runAs,
      timeout: null,
      workflow: 'order',
      limit: null,
    }));
    return (await queues.claimLimited({ worker, queue: 'default', count: 1, definitions })).rows;
  },
};

const PARK: ParkOutcome = {
  kind: 'park',
  delayMs: 0,
  because: null,
  pause: false,
  holds: false,
  snapshot: '{}',
  snapshotSeq: 2,
  needs: [],
  dataSeq: null,
  round: 1,
  heard: 0,
  error: null,
};

describe.each(['plain', 'limited'] as const)('a %s claim', (kind) => {
  async function claim(runAs: number): Promise<ClaimedRow> {
    worker = await rows.worker({ definitions: [runAs] });
    const [row] = await claims[kind](runAs);
    if (row === undefined) throw new Error('Nothing was claimed');
    return row;
  }

  async function die(): Promise<void> {
    await rows.pool.query('UPDATE durable.workers SET dead_at = now() WHERE id = $1', [worker]);
    await store.recover([]);
  }

  async function park({ rowId, runId, token }: ClaimedRow, more: Partial<ParkOutcome> = {}): Promise<void> {
    const op = {
      rowId,
      runId,
      token,
      after: [],
      afterWait: null,
      records: [],
      outcome: { ...PARK, ...more },
      extras: null,
    };
    const { acks } = await store.commitGroup(worker, { ops: [op], starts: [], offer: null });
    expect(acks.get(rowId)?.taken).toBe(true);
  }

  const begun = { token: 1, started_at: new Date() };

  it('says by which the records were written, however many others have claimed it since and died', async () => {
    const id = await rows.open(begun);
    await rows.record(id, 1);
    for (const runAs of [second, third, first, third]) {
      const { definitionId, ranBy } = await claim(runAs);
      expect([definitionId, ranBy]).toEqual([runAs, first]);
      await die();
    }
  });

  it('says the same of one that was paused as it was, until its place is stored', async () => {
    const id = await rows.open(begun, { snapshot: '{}', snapshot_seq: 0, snapshot_needs: [] });
    await rows.record(id, 1);
    await park(await claim(second), { snapshotSeq: 0, needs: null, asItWas: true });
    const row = await claim(third);
    expect(row.ranBy).toBe(first);
    await rows.record(id, 2);
    await park(row);
    expect((await claim(second)).ranBy).toBe(second);
  });

  it('goes by its own where nothing was recorded since the last suspension, and so do the claims after it', async () => {
    const id = await rows.open(begun, { snapshot: '{}', snapshot_seq: 0, snapshot_needs: [] });
    expect((await claim(second)).ranBy).toBe(second);
    await rows.record(id, 1);
    await die();
    expect((await claim(third)).ranBy).toBe(second);
  });

  it('goes by its own at the first, and by that at the next where its worker has recorded nothing', async () => {
    await rows.open({});
    expect((await claim(second)).ranBy).toBe(second);
    await die();
    expect((await claim(third)).ranBy).toBe(second);
  });
});
