import { uuidv7 } from '../../lib/core/uuid.js';
import { NO_EXTRAS } from '../../lib/engine/step/child-start.js';
import { type OpExtras, type Outcome, type RunOp, StoreError } from '../../lib/engine/ports/store.js';
import { PgControl } from '../../lib/storage/client/control.js';
import type { Connections } from '../../lib/storage/connection/connections.js';
import { PgStore } from '../../lib/storage/engine/pg-store.js';
import { connectTo } from '../support/connections.js';
import { Rows } from './rows.js';

/** Waits for runs that are not the waiting run's own children, against the ends of those: by real commits of several processes. */

let rows: Rows;
let processes: readonly Connections[];
let stores: readonly PgStore[];
let workers: readonly number[];
let control: PgControl;

const TRIALS = 200;
const BATCH = 10;
const WAITERS = [0, 1, 2];

beforeAll(async () => {
  rows = await Rows.open();
  processes = [...WAITERS, 3].map(() => connectTo(rows.url));
  stores = processes.map((connections) => new PgStore({ connections, schema: 'durable', appDataSource: null }));
  workers = await Promise.all(stores.map(() => rows.worker()));
  control = new PgControl({ pool: rows.pool, schema: 'durable', instanceId: rows.instanceId, hint: null });
});

afterAll(async () => {
  await Promise.all(processes.map((connections) => connections.close()));
  await rows.close();
});

function held(process: number, run: Record<string, unknown> = {}): Promise<string> {
  return rows.open({ state: 'running', worker_id: workers[process], token: 1, started_at: new Date() }, run);
}

/** Commits as the journal writer does: what is left out, or fails for a passing reason, goes into a later group. */
async function commit(process: number, runId: string, outcome: Outcome, extras: OpExtras): Promise<void> {
  const op: RunOp = { rowId: runId, runId, token: 1, after: [], afterWait: null, records: [], outcome, extras };
  for (;;) {
    try {
      const group = { ops: [op], starts: [], offer: null };
      const done = await stores[process]?.commitGroup(workers[process] ?? 0, group);
      if (done?.acks.has(runId) === true) return;
    } catch (error) {
      if (!(error instanceof StoreError) || error.kind !== 'retry') throw error;
    }
  }
}

/** Suspends a run on the end of another. */
function wait(process: number, runId: string, childId: string): Promise<void> {
  const asked = { id: uuidv7(), round: 1, path: 'call', visit: 1, attempt: 1, key: 'child:order:1', kind: 'child', type: 'step', input: 0, names: [], childId, dueAt: null, spec: null } as const; // prettier-ignore
  const outcome = { kind: 'park', delayMs: null, because: null, pause: false, holds: false, snapshot: '{}', snapshotSeq: 0, needs: null, dataSeq: null, round: 1, heard: 0, error: null } as const; // prettier-ignore
  return commit(process, runId, outcome, { ...NO_EXTRAS, waits: [asked] });
}

function end(process: number, runId: string): Promise<void> {
  const outcome = {
    kind: 'end',
    status: 'completed',
    dataSeq: 0,
    error: null,
    failedStep: null,
    dropSteps: false,
    undone: false,
  } as const;
  return commit(process, runId, outcome, { ...NO_EXTRAS, awaited: true });
}

async function trials(race: (child: string, waiters: readonly string[]) => Promise<void>): Promise<void> {
  for (let done = 0; done < TRIALS; done += BATCH) {
    await Promise.all(
      Array.from({ length: BATCH }, async () => {
        const child = await held(3, { parent_id: await rows.run({ status: 'completed' }) });
        await race(child, await Promise.all(WAITERS.map((process) => held(process))));
      }),
    );
  }
}

/** Waits that are not over though the run that they are for is. */
async function missed(): Promise<unknown[]> {
  const { rows: found } = await rows.pool.query(
    `SELECT w.state, q.state FROM durable.waits w JOIN durable.workflow_queue q ON q.id = w.run_id
     WHERE w.state <> 'done' OR q.state <> 'ready'`,
  );
  return found;
}

it('no wait misses the end of the run that it is for', async () => {
  await trials(async (child, waiters) => {
    await Promise.all([...waiters.map((run, process) => wait(process, run, child)), end(3, child)]);
  });
  expect(await rows.count('waits')).toBe(TRIALS * WAITERS.length);
  expect(await missed()).toEqual([]);
});

it('no wait misses the cancel of the run that it is for', async () => {
  await trials(async (child, waiters) => {
    await Promise.all([...waiters.map((run, process) => wait(process, run, child)), control.cancel(child, null)]);
  });
  expect(await rows.count('waits')).toBe(2 * TRIALS * WAITERS.length);
  expect(await missed()).toEqual([]);
});
