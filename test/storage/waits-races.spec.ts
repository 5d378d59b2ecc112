import { encode } from '../../lib/core/codec/codec.js';
import { uuidv7 } from '../../lib/core/uuid.js';
import type { ClaimOffer } from '../../lib/engine/ports/store.js';
import { matchEvents } from '../../lib/storage/engine/unmatched-events.js';
import { PgStore } from '../../lib/storage/engine/pg-store.js';
import { transaction } from '../../lib/storage/connection/transaction.js';
import { PgWaits } from '../../lib/storage/client/waits.js';
import { connectTo } from '../support/connections.js';
import { Rows } from './rows.js';
import { fullOr } from '../support/full.js';

let rows: Rows;
let waits: PgWaits;
let worker: number;

/** In all, of each race; so many at a time. */
const TRIALS = fullOr(1_000, 200);
const BATCH = 20;

beforeAll(async () => {
  rows = await Rows.open();
  const { pool, instanceId } = rows;
  waits = new PgWaits({ pool, schema: 'durable', instanceId, unmatchedHint: null });
  worker = await rows.worker();
});

afterAll(() => rows.close());

const SLEEPING = { state: 'sleeping', due_at: 'infinity', started_at: new Date() };

/** Runs the race in batches; `race` gets runs that sleep, or are held. */
async function trials(queue: Record<string, unknown>, race: (runId: string, trial: number) => Promise<void>) {
  for (let done = 0; done < TRIALS; done += BATCH) {
    await Promise.all(Array.from({ length: BATCH }, async (_, n) => race(await rows.open(queue), done + n)));
  }
}

function send(runId: string, name: string): Promise<unknown> {
  return waits.sendEvent({ runId, name, payload: encode(1), dedupeKey: null, request: uuidv7() });
}

/** Registers a wait as the holder of a run does when it suspends: under the run's lock, then a look, then asleep. */
function register(runId: string, names: string[]): Promise<void> {
  return transaction(rows.pool, async (query) => {
    await query('SELECT FROM durable.workflow_queue WHERE id = $1 FOR NO KEY UPDATE', [runId]);
    await query(
      `INSERT INTO durable.waits (run_id, id, created_at, input_seq, round, visit, attempt, kind, type, path, key, names)
       VALUES ($1, $2, now(), 0, 1, 1, 1, 'all', 'step', 'ask', 'all:x:1', $3)`,
      [runId, uuidv7(), names],
    );
    await query(
      `UPDATE durable.workflow_queue SET worker_id = NULL, due_at = 'infinity',
         state = CASE WHEN wake THEN 'ready' ELSE 'sleeping' END WHERE id = $1`,
      [runId],
    );
    await query('SELECT FROM durable.match_waits($1)', [[runId]]);
  });
}

/** Runs that sleep although what they wait for is there, and events that two waits have, or that are gone. */
async function missed(): Promise<unknown[]> {
  const { rows: found } = await rows.pool.query(
    `SELECT w.run_id, w.state, q.state AS run FROM durable.waits w JOIN durable.workflow_queue q ON q.id = w.run_id
     WHERE (w.state = 'open' AND w.kind IN ('event', 'all') AND NOT EXISTS (
         SELECT FROM unnest(w.names) AS n WHERE NOT EXISTS (
           SELECT FROM durable.events m WHERE m.run_id = w.run_id AND m.name = n AND m.wait_id IS NULL)))
       OR (w.state = 'done' AND q.state = 'sleeping')`,
  );
  return found;
}

it('a wait registered against events sent: never missed', async () => {
  await trials({ state: 'running', worker_id: worker, started_at: new Date() }, async (id) => {
    await Promise.all([register(id, ['a', 'b']), send(id, 'a'), send(id, 'b')]);
  });
  expect(await missed()).toEqual([]);
  const { rows: open } = await rows.pool.query(`SELECT FROM durable.waits WHERE state = 'open'`);
  expect(open).toEqual([]);
});

it('a wait registered against an event of a transaction and the matcher: never missed', async () => {
  await trials({ state: 'running', worker_id: worker, started_at: new Date() }, async (id) => {
    const sent = rows.dataSource.transaction((manager) =>
      waits.sendEventWithin(manager, { runId: id, name: 'a', payload: encode(1), dedupeKey: null }),
    );
    const matched = sent.then(async () => {
      // The matcher passes over a run that is locked, and comes again.
      for (let left = 'locked'; left === 'locked';) {
        ({ left } = await transaction(rows.pool, (query) => matchEvents(query, 'durable', [id], 10)));
      }
    });
    await Promise.all([register(id, ['a']), matched]);
  });
  expect(await missed()).toEqual([]);
  const { rows: left } = await rows.pool.query(`SELECT FROM durable.events WHERE unmatched OR wait_id IS NULL`);
  expect(left).toEqual([]);
});

it('two answers to one input: one wins', async () => {
  await trials(SLEEPING, async (id) => {
    const wait = await rows.wait(id, { kind: 'input', names: ['a'] });
    const results = await Promise.allSettled([1, 2].map((n) => waits.provideInput(id, { name: 'a' }, () => encode(n))));
    const winners = results.flatMap((result, n) => (result.status === 'fulfilled' ? [n + 1] : []));
    expect(winners).toHaveLength(1);
    expect(await rows.one('waits', wait)).toMatchObject({ state: 'done', result: String(winners[0]) });
    const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
    expect(refused).toMatchObject([{ code: 'INPUT_NOT_PENDING' }]);
  });
});

it('a timeout against an event: one wins, and an event that lost is kept', async () => {
  const counts = { done: 0, timed_out: 0 };
  await trials({ state: 'running', worker_id: worker, started_at: new Date() }, async (id, trial) => {
    const wait = await rows.wait(id, { kind: 'event', names: ['a'], due_at: new Date(Date.now() - 1_000) });
    // A run that is locked is left out, and taken the next time.
    const take = async (): Promise<void> => {
      for (let taken = 0; taken === 0;) {
        const { rows: found } = await rows.pool.query('SELECT FROM durable.take_waits($1, $2)', [worker, [id]]);
        taken = found.length;
      }
    };
    const both = trial % 2 === 0 ? [take(), send(id, 'a')] : [send(id, 'a'), take()];
    await Promise.all(both);
    const state = (await rows.one('waits', wait))?.['state'] as keyof typeof counts;
    const { rows: events } = await rows.pool.query('SELECT wait_id FROM durable.events WHERE run_id = $1', [id]);
    expect(events).toEqual([{ wait_id: state === 'done' ? wait : null }]);
    counts[state]++;
  });
  expect(counts.done + counts.timed_out).toBe(TRIALS);
  expect(Math.min(counts.done, counts.timed_out)).toBeGreaterThan(0);
});

it('answers, cancels of waits and events at once: each wait ends once', async () => {
  await trials(SLEEPING, async (id) => {
    const input = await rows.wait(id, { kind: 'input', names: ['a'] });
    const event = await rows.wait(id, { kind: 'event', names: ['e'] });
    const [answer, cancel] = await Promise.all([
      waits
        .provideInput(id, { inputId: input }, () => encode(1))
        .then(
          () => 1,
          () => 0,
        ),
      waits.cancelWait(id, null, null),
      send(id, 'e'),
    ]);
    const states = [(await rows.one('waits', input))?.['state'], (await rows.one('waits', event))?.['state']];
    expect(answer).toBe(states[0] === 'done' ? 1 : 0);
    expect(cancel.count).toBe(states.filter((state) => state === 'cancelled').length);
    expect(await rows.one('workflow_queue', id)).toMatchObject({ state: 'ready' });
  });
});

it('an event whose sender offers a place for the run against claims and another event: one holder, no token twice', async () => {
  const connections = connectTo(rows.url);
  const claims = new PgStore({ connections, schema: 'durable', appDataSource: null });
  const other = await rows.worker();
  const definitions = [{ id: rows.definitionId, runAs: rows.definitionId, timeout: null }];
  const holders = new Map<string, number[]>();
  const took = (runId: string, by: number): void => {
    holders.set(runId, [...(holders.get(runId) ?? []), by]);
  };
  const claimAll = async (): Promise<void> => {
    for (const row of await claims.claim(other, 'held', 100, definitions)) took(row.runId, other);
  };
  await trials({ ...SLEEPING, queue: 'held' }, async (id) => {
    await rows.wait(id, { kind: 'event', names: ['a'] });
    const offer = { worker, places: [{ queue: 'held', places: 1 }], definitions };
    const event = { runId: id, name: 'a', payload: encode(1), dedupeKey: null, request: uuidv7() };
    const offering = async (offered: ClaimOffer | null): Promise<void> => {
      const { claimed } = await waits.sendEvent(event, offered);
      for (const row of claimed) took(row.runId, worker);
    };
    await Promise.all([claimAll(), offering(null), claimAll(), offering(offer), claimAll()]);
    await claimAll();
  });
  await connections.close();
  const { rows: found } = await rows.pool.query<{ id: string; token: number; worker_id: number }>(
    `SELECT id, token, worker_id FROM durable.workflow_queue WHERE queue = 'held'`,
  );
  expect(found).toHaveLength(TRIALS);
  expect(
    found.filter(({ id, token, worker_id }) => token !== 1 || holders.get(id)?.join() !== String(worker_id)),
  ).toEqual([]);
  // Both ways were taken.
  expect(new Set(found.map((row) => row.worker_id))).toEqual(new Set([worker, other]));
});
