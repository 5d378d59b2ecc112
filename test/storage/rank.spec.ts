import { newRun } from '../../lib/core/run/new-run.js';
import { encode } from '../../lib/core/codec/codec.js';
import { uuidv7 } from '../../lib/core/uuid.js';
import type { OpExtras, RunOp, StartOp } from '../../lib/engine/ports/store.js';
import type { Connections } from '../../lib/storage/connection/connections.js';
import { PgControl } from '../../lib/storage/client/control.js';
import { PgStore } from '../../lib/storage/engine/pg-store.js';
import { PgWaits } from '../../lib/storage/client/waits.js';
import { connectTo } from '../support/connections.js';
import { Rows } from './rows.js';

/**
 * The order of claims is one number of each row, which the database makes: nobody who makes a row ready can forget it.
 * So what is proved here of every way to become ready is what the number is made of: since when, and at which rate.
 */

const MINUTE = 60_000;
/** Of the queue "default", ms. */
const AGEING = 1_000;

let rows: Rows;
let connections: Connections;
let store: PgStore;
let control: PgControl;
let waits: PgWaits;
let worker: number;

beforeAll(async () => {
  rows = await Rows.open();
  connections = connectTo(rows.url);
  store = new PgStore({ connections, schema: 'durable', appDataSource: null });
  const { pool, instanceId } = rows;
  control = new PgControl({ pool, schema: 'durable', instanceId, hint: null });
  waits = new PgWaits({ pool, schema: 'durable', instanceId, unmatchedHint: null });
});

beforeEach(async () => {
  worker = await rows.worker();
  await rows.pool.query(
    `INSERT INTO durable.queue_settings (queue, priority_ageing_ms) VALUES ('default', $1)
     ON CONFLICT (queue) DO UPDATE SET priority_ageing_ms = $1`,
    [AGEING],
  );
});

afterEach(() => rows.pool.query('DELETE FROM durable.workflow_queue'));

afterAll(async () => {
  await connections.close();
  await rows.close();
});

async function claimAll(): Promise<string[]> {
  const definitions = [{ id: rows.definitionId, runAs: rows.definitionId, timeout: null }];
  return (await store.claim(worker, 'default', 100, definitions)).map(({ rowId }) => rowId);
}

const NOW = Date.now();

/** Ready since so many ms before `NOW`. */
function ready(ms: number, columns: Record<string, unknown> = {}): Promise<string> {
  return rows.open({ due_at: new Date(NOW - ms), ageing_ms: MINUTE, ...columns });
}

describe('claims', () => {
  it('take what has waited longest, where priorities are the same', async () => {
    const ids = [await ready(10), await ready(30), await ready(20)];
    expect(await claimAll()).toEqual([ids[1], ids[2], ids[0]]);
  });

  it('take the smaller id where all else is the same', async () => {
    const due = { due_at: new Date() };
    const ids = [await ready(0, due), await ready(0, due), await ready(0, due)].toSorted();
    expect(await claimAll()).toEqual(ids);
  });

  it('count a step of priority for as much as its queue says it is worth of waiting', async () => {
    const high = await ready(0, { priority: 1 });
    const younger = await ready(MINUTE - 5_000);
    const older = await ready(MINUTE + 5_000);
    expect(await claimAll()).toEqual([older, high, younger]);
    const soon = { ageing_ms: 10 };
    const raised = await ready(0, { priority: 100, ...soon });
    const waited = await ready(2_000, soon);
    expect(await claimAll()).toEqual([waited, raised]);
  });

  it('give a run that goes on one step more, and no more: a new one of a higher priority comes first', async () => {
    const going = { started_at: new Date(), token: 1 };
    const further = await ready(0, going);
    const fresh = await ready(MINUTE / 2);
    const waited = await ready(MINUTE + 5_000);
    const urgent = await ready(0, { priority: 2 });
    expect(await claimAll()).toEqual([urgent, waited, further, fresh]);
  });

  it('go by a minute for each step where the queue has said nothing', async () => {
    const high = await ready(0, { priority: 1, ageing_ms: null });
    const older = await ready(MINUTE + 5_000, { ageing_ms: null });
    const younger = await ready(MINUTE - 5_000, { ageing_ms: null });
    expect(await claimAll()).toEqual([older, high, younger]);
  });

  it('have an order for the largest and the smallest numbers that there are', async () => {
    const most = { ageing_ms: 2_147_483_647 };
    const last = await ready(0, { priority: -2_147_483_648, ...most });
    const first = await ready(0, { priority: 2_147_483_647, ...most });
    const further = await ready(0, { priority: 2_147_483_647, started_at: new Date(), token: 1, ...most });
    const never = await rows.open({ due_at: 'infinity' });
    expect(await claimAll()).toEqual([further, first, never, last]);
  });
});

const start = (more: Partial<StartOp> = {}): StartOp =>
  newRun({ workflow: 'order', definitionId: rows.definitionId, queue: 'default', priority: 3, input: '{}', ...more });

const EXTRAS: OpExtras = {
  waits: [], closes: [], remoteStarts: [], children: [], awaited: false, compensating: null, closeAll: false, giveBack: false,
  dropSteps: false, pause: null,
}; // prettier-ignore

const LONG_AGO = new Date(Date.now() - 60 * MINUTE);
const ASLEEP = { state: 'sleeping', due_at: 'infinity', started_at: LONG_AGO, token: 1 };

async function held(columns: Record<string, unknown> = {}): Promise<RunOp> {
  const runId = await rows.open({
    state: 'running', worker_id: worker, token: 1, started_at: LONG_AGO, due_at: LONG_AGO, ...columns,
  }); // prettier-ignore
  return { rowId: runId, runId, token: 1, after: [], afterWait: null, records: [], outcome: null, extras: null };
}

const PARKED = {
  kind: 'park', delayMs: null, because: null, pause: false, holds: false, snapshot: '{}', snapshotSeq: 0, needs: null, dataSeq: 0, round: 1, heard: 0, error: null,
} as const; // prettier-ignore

/** What enters a row; gives its id. */
const ENTRIES: Record<string, () => Promise<string>> = {
  'a start in a group': async () => {
    const op = start();
    await store.commitGroup(worker, { ops: [], starts: [op], offer: null });
    return op.id;
  },
  'a start for a time that has passed': async () => {
    const op = start({ scheduledAt: LONG_AGO.toISOString() });
    await store.commitGroup(worker, { ops: [], starts: [op], offer: null });
    return op.id;
  },
  'a start whose answer was lost': async () => {
    const op = start({ scheduledAt: LONG_AGO.toISOString() });
    await store.commitAgain(worker, { ops: [], starts: [op], offer: null });
    return op.id;
  },
  'a start of many': async () => {
    const run = start({ scheduledAt: LONG_AGO.toISOString() });
    await control.startMany([newRun(run)]);
    return run.id;
  },
  'a child': async () => {
    const child = start();
    const parent = { ...(await held()), extras: { ...EXTRAS, children: [child] } };
    await store.commitGroup(worker, { ops: [parent], starts: [], offer: null });
    return child.id;
  },
  'a step of another queue': async () => {
    const step = { rowId: uuidv7(), queue: 'default', step: '{}' };
    const run = { ...(await held({ queue: 'other' })), extras: { ...EXTRAS, remoteStarts: [step] } };
    await store.commitGroup(worker, { ops: [run], starts: [], offer: null });
    return step.rowId;
  },
};

/** What makes a row ready that was there; gives its id. */
const WAKES: Record<string, () => Promise<string>> = {
  'an event': async () => {
    const id = await rows.open(ASLEEP);
    await rows.wait(id, { kind: 'event', names: ['paid'] });
    await waits.sendEvent({ runId: id, name: 'paid', payload: encode(1), dedupeKey: null, request: uuidv7() });
    return id;
  },
  'a mark that came while it was being parked': async () => {
    const op = await held({ wake: true });
    await store.commitGroup(worker, { ops: [{ ...op, outcome: PARKED }], starts: [], offer: null });
    return op.rowId;
  },
  'a hand-back': async () => {
    const op = await held();
    await store.commitGroup(worker, {
      ops: [{ ...op, outcome: { ...PARKED, delayMs: 0 } }],
      starts: [],
      offer: null,
    });
    return op.rowId;
  },
  'a release': async () => {
    const { rowId, token } = await held();
    await store.release(worker, [{ rowId, token }], false);
    return rowId;
  },
  'the end of its worker in order': async () => {
    const { rowId } = await held();
    await store.deregisterWorker(worker);
    return rowId;
  },
  'the death of its worker': async () => {
    const { rowId } = await held();
    await rows.pool.query('UPDATE durable.workers SET dead_at = now() WHERE id = $1', [worker]);
    await store.recover([]);
    return rowId;
  },
  'the end of its pause': async () => {
    const id = await rows.open({ due_at: LONG_AGO, started_at: LONG_AGO, token: 1, paused: true });
    await control.resume(id);
    return id;
  },
  'the end of a pause in which its key had no place': async () => {
    const id = await rows.open({ due_at: LONG_AGO, state: 'blocked', paused: true, limit_key: 'order\n' });
    await control.resume(id);
    return id;
  },
  'a cancel with compensation': async () => {
    const id = await rows.open(ASLEEP);
    await control.cancel(id, null, true);
    return id;
  },
};

interface Since {
  readonly state: string;
  readonly since_ms: number;
  readonly ageing_ms: number | null;
  readonly rank: string;
}

async function sinceWhen(id: string): Promise<Since> {
  const { rows: found } = await rows.pool.query<Since>(
    `SELECT state, (extract(epoch FROM clock_timestamp() - due_at) * 1000)::float8 AS since_ms, ageing_ms, rank
     FROM durable.workflow_queue WHERE id = $1`,
    [id],
  );
  const [row] = found;
  if (row === undefined) throw new Error('no such row');
  return row;
}

it.each(Object.keys(ENTRIES))('a run is ready from now on, and ages as its queue says, by %s', async (how) => {
  const { state, since_ms, ageing_ms } = await sinceWhen((await ENTRIES[how]?.()) ?? '');
  expect([state, ageing_ms]).toEqual(['ready', AGEING]);
  expect(since_ms).toBeLessThan(30 * MINUTE);
});

it.each(Object.keys(WAKES))('a run that goes on is ready from now on, by %s', async (how) => {
  const { state, since_ms } = await sinceWhen((await WAKES[how]?.()) ?? '');
  expect(state).toBe('ready');
  expect(since_ms).toBeLessThan(30 * MINUTE);
});

it('a run that slept until a time has been ready since that time, whenever it is woken', async () => {
  const [first, second] = [new Date(Date.now() - 30_000), new Date(Date.now() - 20_000)];
  const later = await rows.open({ state: 'sleeping', due_at: second, started_at: LONG_AGO, token: 1 });
  const earlier = await rows.open({ state: 'sleeping', due_at: first, started_at: LONG_AGO, token: 1 });
  await store.wakeDue(10);
  expect(await claimAll()).toEqual([earlier, later]);
});

it('a change of what a step of priority is worth leaves the order of what waits already as it is', async () => {
  const before = await ENTRIES['a start in a group']?.();
  const rank = (await sinceWhen(before ?? '')).rank;
  await rows.pool.query('UPDATE durable.queue_settings SET priority_ageing_ms = 5');
  expect((await sinceWhen(before ?? '')).rank).toBe(rank);
  const after = await ENTRIES['a start in a group']?.();
  expect(await sinceWhen(after ?? '')).toMatchObject({ ageing_ms: 5 });
});
