import { encode } from '../../lib/core/codec/codec.js';
import { uuidv7 } from '../../lib/core/uuid.js';
import type { ClaimedRow } from '../../lib/engine/ports/store.js';
import { PgStore } from '../../lib/storage/engine/pg-store.js';
import { PgWaits } from '../../lib/storage/client/waits.js';
import { connectTo } from '../support/connections.js';
import { Rows } from './rows.js';

/** What a claim reads by the way is what a read under the lease would give after it. */

let rows: Rows;
let waits: PgWaits;
let store: PgStore;
let connections: ReturnType<typeof connectTo>;
let worker: number;

beforeAll(async () => {
  rows = await Rows.open();
  const { pool, instanceId } = rows;
  waits = new PgWaits({ pool, schema: 'durable', instanceId, unmatchedHint: null });
  connections = connectTo(rows.url);
  store = new PgStore({ connections, schema: 'durable', appDataSource: null });
  worker = await rows.worker();
});

afterEach(() => rows.pool.query('DELETE FROM durable.workflow_queue'));

afterAll(async () => {
  await connections.close();
  await rows.close();
});

const PAST = new Date(Date.now() - 60_000);
const SUSPENDED = { token: 1, started_at: PAST };

function suspended(run: Record<string, unknown> = {}, queue: Record<string, unknown> = {}): Promise<string> {
  return rows.open({ ...SUSPENDED, ...queue }, { snapshot: '{}', snapshot_needs: [], ...run });
}

function claimable() {
  return [{ id: rows.definitionId, runAs: rows.definitionId, timeout: null }];
}

function claim(count = 10): Promise<ClaimedRow[]> {
  return store.claim(worker, 'default', count, claimable());
}

/** What a read under the lease gives of it. */
async function readAfterwards({ rowId, runId, snapshotSeq }: ClaimedRow, also: readonly number[]) {
  const { waits: taken, records } = await store.readLeased(worker, [runId], [{ rowId, runId, after: snapshotSeq, upTo: null, also }]); // prettier-ignore
  return { waits: taken.get(runId) ?? [], records: records.map(({ rowId: _, ...record }) => record) };
}

describe('a claim of suspended runs', () => {
  it('ends the waits that are due, in their order, and gives them with those that are over and those that are open', async () => {
    const child = await rows.run({ status: 'completed', completed_at: new Date(), data_seq: 3 });
    await rows.record(child, 3, { output: '{"sum":7}' });
    const id = await suspended();
    await rows.wait(id, { key: 'second', kind: 'sleep', due_at: PAST });
    await rows.wait(id, { key: 'first', kind: 'event', names: ['e'], due_at: new Date(PAST.getTime() - 1_000) });
    await rows.wait(id, { key: 'open', kind: 'input', names: ['i'], spec: '{"prompt":"?"}' });
    await rows.wait(id, { key: 'child', kind: 'child', child_id: child, state: 'done' });
    await rows.wait(id, { key: 'other visit', kind: 'sleep', state: 'done', active: false });
    const [row] = await claim();
    const { read } = row!; // eslint-disable-line @typescript-eslint/no-non-null-assertion
    expect(read?.waits.map(({ key, state }) => [key, state])).toEqual([
      ['second', 'done'], ['first', 'timed_out'], ['open', 'open'], ['child', 'done'],
    ]); // prettier-ignore
    const [second, first, , over] = read?.waits ?? [];
    expect(first?.ended).toBeLessThan(second?.ended ?? 0);
    expect(over?.child).toEqual({ workflow: 'order', status: 'completed', data: '{"sum":7}', error: null });
    expect({ waits: read?.waits, records: read?.records }).toEqual(await readAfterwards(row as ClaimedRow, []));
    expect(Math.abs((read?.now ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  it('gives the records that are wanted, and those after the snapshot, without large outputs', async () => {
    const id = await suspended({ snapshot_seq: 5, snapshot_needs: [2, 4] });
    const large = encode('x'.repeat(9_000));
    for (const seq of [1, 2, 3, 5]) await rows.record(id, seq, { output: encode(seq) });
    await rows.record(id, 4, { output: large, facts: '{"once":"a"}' });
    await rows.record(id, 6, { output: large });
    await rows.record(id, 7, { status: 'failed', error: encode({ name: 'E' }), retry_at: PAST, path: 'there' });
    const [row] = await claim();
    const { records = [] } = row?.read ?? {};
    expect(records.map(({ seq, output, hasOutput }) => [seq, output, hasOutput])).toEqual([
      [2, '2', true], [4, null, true], [6, null, true], [7, null, false],
    ]); // prettier-ignore
    const afterwards = (await readAfterwards(row as ClaimedRow, [2, 4])).records;
    expect(records).toEqual(afterwards.map((record) => (record.seq === 4 ? { ...record, output: null } : record)));
  });

  it.each([
    ['whose snapshot says nothing of what it needs', { snapshot_needs: null }, {}],
    ['that has left no snapshot', { snapshot: null, snapshot_needs: null }, {}],
    ['on its first claim', { snapshot: null, snapshot_needs: null }, { token: 0, started_at: null }],
  ])('reads nothing of one %s', async (_, run, queue) => {
    await suspended(run, queue);
    const [row, ...more] = await claim();
    expect([row?.read ?? null, more]).toEqual([null, []]);
  });

  it('reads nothing of one that has left a hundred records after its snapshot, and all the same of others', async () => {
    const long = await suspended({ snapshot_seq: 1 });
    for (let seq = 1; seq <= 101; seq++) await rows.record(long, seq);
    const short = await suspended({ snapshot_seq: 1 });
    for (let seq = 1; seq <= 100; seq++) await rows.record(short, seq);
    const claimed = new Map((await claim()).map((row) => [row.runId, row.read]));
    expect([claimed.has(long), claimed.get(long)]).toEqual([true, undefined]);
    expect(claimed.get(short)?.records).toHaveLength(99);
  });

  it('claims all the same where what is stored cannot be read by the way', async () => {
    const id = await suspended();
    await rows.pool.query(`ALTER FUNCTION durable.active_waits(uuid[]) RENAME TO active_waits_away`);
    try {
      expect((await claim()).map(({ runId, read }) => [runId, read ?? null])).toEqual([[id, null]]);
    } finally {
      await rows.pool.query(`ALTER FUNCTION durable.active_waits_away(uuid[]) RENAME TO active_waits`);
    }
  });

  it('forgets what its snapshot needs when it ends', async () => {
    const id = await suspended();
    const [row] = await claim();
    const outcome = { kind: 'end', status: 'completed', undone: false, dataSeq: 0, error: null, failedStep: null, dropSteps: false } as const; // prettier-ignore
    const op = { rowId: id, runId: id, token: row?.token ?? 0, after: [], afterWait: null, records: [], outcome, extras: null }; // prettier-ignore
    const { acks } = await store.commitGroup(worker, { ops: [op], starts: [], offer: null });
    expect(acks.get(id)?.taken).toBe(true);
    expect(await rows.one('workflow_executions', id)).toMatchObject({ snapshot: null, snapshot_needs: null });
  });
});

it('an event whose transaction claims the run gives what it needs, the event with it', async () => {
  const id = await suspended({ snapshot_seq: 1, snapshot_needs: [1] }, { state: 'sleeping', due_at: 'infinity' });
  await rows.record(id, 1, { output: '"one"' });
  await rows.wait(id, { kind: 'event', names: ['go'] });
  const offer = { worker, places: [{ queue: 'default', places: 1 }], definitions: claimable() };
  const event = { runId: id, name: 'go', payload: encode(1), dedupeKey: null, request: uuidv7() };
  const { claimed, woken } = await waits.sendEvent(event, offer);
  expect(woken).toEqual([]);
  expect(claimed.map(({ runId }) => runId)).toEqual([id]);
  const read = claimed[0]?.read;
  expect(read?.records.map(({ output }) => output)).toEqual(['"one"']);
  expect(read?.waits).toMatchObject([{ state: 'done', events: [{ name: 'go', payload: encode(1) }] }]);
});

it('an event is sent also where the claim of its transaction meets what cannot be read', async () => {
  await suspended();
  const other = await suspended({}, { state: 'sleeping', due_at: 'infinity' });
  await rows.wait(other, { kind: 'event', names: ['go'] });
  const offer = { worker, places: [{ queue: 'default', places: 1 }], definitions: claimable() };
  const event = { runId: other, name: 'go', payload: encode(1), dedupeKey: null, request: uuidv7() };
  await rows.pool.query(`ALTER FUNCTION durable.active_waits(uuid[]) RENAME TO active_waits_away`);
  try {
    const { claimed, woken } = await waits.sendEvent(event, offer);
    expect([claimed, woken]).toEqual([[], [{ runId: other, queue: 'default', paused: false, state: 'ready' }]]);
  } finally {
    await rows.pool.query(`ALTER FUNCTION durable.active_waits_away(uuid[]) RENAME TO active_waits`);
  }
});
