import { encode } from '../../lib/core/codec/codec.js';
import { uuidv7 } from '../../lib/core/uuid.js';
import { PgStore } from '../../lib/storage/engine/pg-store.js';
import { PgWaits } from '../../lib/storage/client/waits.js';
import { connectTo } from '../support/connections.js';
import { Rows } from './rows.js';

let rows: Rows;
let waits: PgWaits;
let store: PgStore;
let connections: ReturnType<typeof connectTo>;
let worker: number;
/** A run that is held, so that its waits can be taken. */
let run: string;

beforeAll(async () => {
  rows = await Rows.open();
  const { pool, instanceId } = rows;
  waits = new PgWaits({ pool, schema: 'durable', instanceId, unmatchedHint: null });
  connections = connectTo(rows.url);
  store = new PgStore({ connections, schema: 'durable', appDataSource: null });
  worker = await rows.worker();
});

beforeEach(async () => {
  run = await rows.open({ state: 'running', worker_id: worker, started_at: new Date() });
});

afterAll(async () => {
  await connections.close();
  await rows.close();
});

function send(name: string): Promise<unknown> {
  return waits.sendEvent({ runId: run, name, payload: encode(1), dedupeKey: null, request: uuidv7() });
}

function wait(key: string, columns: Record<string, unknown>): Promise<string> {
  return rows.wait(run, { key, ...columns });
}

/** The keys of the waits that are over, in the order in which they ended. */
async function ended(): Promise<string[]> {
  const taken = (await store.takeWaits(worker, [run])).get(run) ?? [];
  const over = taken.filter((one) => one.state !== 'open');
  expect(over.every((one) => Number.isSafeInteger(one.ended))).toBe(true);
  expect(taken.every((one) => (one.state === 'open') === (one.ended === null))).toBe(true);
  return over.toSorted((a, b) => (a.ended ?? 0) - (b.ended ?? 0)).map((one) => one.key);
}

const PAST = new Date(Date.now() - 60_000);

describe('waits are numbered as they end', () => {
  it('by an event, an answer, a time, the end of waiting and the end of a child', async () => {
    const child = await rows.open({}, { parent_id: run });
    await wait('child', { kind: 'child', child_id: child });
    await wait('cancelled', { kind: 'event', names: ['x'] });
    await wait('due', { kind: 'event', names: ['y'], due_at: PAST });
    await wait('answered', { kind: 'input', names: ['i'] });
    await wait('event', { kind: 'event', names: ['e'] });
    await wait('open', { kind: 'event', names: ['o'] });
    await send('e');
    await waits.provideInput(run, { name: 'i' }, () => encode('yes'));
    expect(await ended()).toEqual(['event', 'answered', 'due']);
    await waits.cancelWait(run, 'x', null);
    await rows.pool.query("UPDATE durable.workflow_executions SET status = 'completed', completed_at = now() WHERE id = $1", [child]); // prettier-ignore
    await rows.pool.query('SELECT FROM durable.match_waits($1)', [[run]]);
    expect(await ended()).toEqual(['event', 'answered', 'due', 'cancelled', 'child']);
  });

  it('where several end in one statement: times as they were due, those due together as they were asked for', async () => {
    const earlier = new Date(PAST.getTime() - 1_000);
    await wait('second', { kind: 'sleep', due_at: PAST });
    await wait('third', { kind: 'event', names: ['x'], due_at: PAST });
    await wait('first', { kind: 'sleep', due_at: earlier });
    expect(await ended()).toEqual(['first', 'second', 'third']);
  });

  it('where several end in one statement: events as they were sent, and ends of waiting as they were asked for', async () => {
    for (const name of ['c', 'a', 'b']) await send(name);
    for (const name of ['a', 'b', 'c']) await wait(name, { kind: 'event', names: [name] });
    for (const name of ['y', 'x']) await wait(name, { kind: 'event', names: [name] });
    await rows.pool.query('SELECT FROM durable.match_waits($1)', [[run]]);
    await waits.cancelWait(run, null, null);
    expect(await ended()).toEqual(['c', 'a', 'b', 'y', 'x']);
  });
});
