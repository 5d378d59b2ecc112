import type { EntityManager } from 'typeorm';
import { newRun } from '../../lib/core/run/new-run.js';
import type { Ack, RemoteStepOp, NewRecord, OpExtras, Outcome, RunOp, StartOp } from '../../lib/engine/ports/store.js';
import { NO_EXTRAS } from '../../lib/engine/step/child-start.js';
import { uuidv7 } from '../../lib/core/uuid.js';
import type { Connections } from '../../lib/storage/connection/connections.js';
import { PgStore } from '../../lib/storage/engine/pg-store.js';
import { connectTo } from '../support/connections.js';
import { Rows } from './rows.js';

let rows: Rows;
let store: PgStore;
let connections: Connections;
let worker: number;

beforeEach(async () => {
  rows = await Rows.open();
  connections = connectTo(rows.url);
  store = new PgStore({ connections, schema: 'durable', appDataSource: rows.dataSource });
  worker = await rows.worker();
});

afterEach(async () => {
  await connections.close();
  await rows.close();
});

function record(seq: number, more: Partial<NewRecord> = {}): NewRecord {
  return {
    seq, input: 0, round: 1, path: 'there', visit: 1, attempt: 1, type: 'remote', status: 'completed', facts: null,
    output: null, error: null, logs: null, retryInMs: null, durationMs: 0, ...more,
  }; // prettier-ignore
}

function start(id: string): StartOp {
  return newRun({
    id: `00000000-0000-7000-8000-00000000${id}`,
    workflow: 'order',
    definitionId: rows.definitionId,
    queue: 'default',
    priority: 0,
    input: '{}',
  });
}

async function held(): Promise<string> {
  return rows.open({ started_at: new Date(), state: 'running', worker_id: worker, token: 1 });
}

function startRemotely(run: string, stepId: string): RunOp {
  const extras: OpExtras = { ...NO_EXTRAS, remoteStarts: [{ rowId: stepId, queue: 'default', step: '{}' }] };
  return { rowId: run, runId: run, token: 1, after: [], afterWait: null, records: [record(1)], outcome: null, extras };
}

async function again(op: RunOp): Promise<Ack | undefined> {
  const { acks } = await store.commitAgain(worker, { ops: [op], starts: [], offer: null });
  return acks.get(op.rowId);
}

describe('a commit whose answer was lost', () => {
  it('does not hand a step over again that has come and gone meanwhile', async () => {
    const run = await held();
    const stepId = uuidv7();
    const op = startRemotely(run, stepId);
    await store.commitGroup(worker, { ops: [op], starts: [], offer: null });
    expect(await rows.one('workflow_queue', stepId)).toMatchObject({ step_of: run });
    await rows.pool.query('DELETE FROM durable.workflow_queue WHERE id = $1', [stepId]);
    expect(await again(op)).toMatchObject({ taken: true });
    expect(await rows.one('workflow_queue', stepId)).toBeUndefined();
  });

  it('does all of it when it had not landed', async () => {
    const run = await held();
    const stepId = uuidv7();
    expect(await again(startRemotely(run, stepId))).toMatchObject({ taken: true });
    expect(await rows.one('workflow_queue', stepId)).toMatchObject({ step_of: run });
  });

  it('gives the marks that the row has now', async () => {
    const run = await held();
    const op = startRemotely(run, uuidv7());
    await store.commitGroup(worker, { ops: [op], starts: [], offer: null });
    await rows.pool.query('UPDATE durable.workflow_queue SET wake = true, paused = true WHERE id = $1', [run]);
    expect(await again(op)).toMatchObject({ taken: true, wake: true, paused: true });
  });
});

describe('a group whose answer was lost', () => {
  const end: Outcome = {
    kind: 'end',
    status: 'completed',
    dataSeq: 0,
    error: null,
    failedStep: null,
    dropSteps: false,
    undone: false,
  };
  const ended = (run: string, records: NewRecord[]): RunOp => ({
    rowId: run, runId: run, token: 1, after: [], afterWait: null, records, outcome: end, extras: null,
  }); // prettier-ignore

  it('is told of an end that has landed, whether or not it had a record', async () => {
    for (const records of [[], [record(1, { type: 'step' })]]) {
      const run = await held();
      const op = ended(run, records);
      await store.commitGroup(worker, { ops: [op], starts: [], offer: null });
      expect(await again(op)).toMatchObject({ taken: true });
    }
  });

  it('is refused where another has the run, or has ended it', async () => {
    const [taken, over] = [await held(), await held()];
    await rows.pool.query('UPDATE durable.workflow_queue SET token = 2 WHERE id = $1', [taken]);
    await store.commitGroup(worker, { ops: [ended(over, [])], starts: [], offer: null });
    expect(await again(ended(taken, [record(1)]))).toEqual({ taken: false });
    expect(await again({ ...ended(over, [record(1)]), outcome: null })).toEqual({ taken: false });
  });

  it('is left out where somebody has locked the row, landed or not', async () => {
    const [landed, open] = [await held(), await held()];
    const op = startRemotely(landed, uuidv7());
    await store.commitGroup(worker, { ops: [op], starts: [], offer: null });
    const client = await rows.pool.connect();
    try {
      await client.query('BEGIN');
      await client.query('SELECT FROM durable.workflow_queue FOR UPDATE');
      expect(await again(op)).toBeUndefined();
      expect(await again(startRemotely(open, uuidv7()))).toBeUndefined();
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
  });

  it('is taken apart: what has landed is left, the rest is written, starts are made once', async () => {
    const [landed, open] = [await held(), await held()];
    const done = startRemotely(landed, uuidv7());
    await store.commitGroup(worker, { ops: [done], starts: [start('0001')], offer: null });
    const group = { ops: [done, startRemotely(open, uuidv7())], starts: [start('0001'), start('0002')], offer: null };
    const { acks } = await store.commitAgain(worker, group);
    expect([...acks.values()]).toMatchObject([{ taken: true }, { taken: true }]);
    const { rows: records } = await rows.pool.query('SELECT FROM durable.step_executions');
    expect([records.length, await rows.count('workflow_executions')]).toEqual([2, 4]);
  });
});

describe('an operation that builds on what is not there', () => {
  const cases = {
    'a record': { after: [7], afterWait: null },
    'a wait': { after: [], afterWait: '00000000-0000-7000-8000-000000000007' },
  };

  it.each(Object.entries(cases))(
    '(%s) is refused, and nothing of it is written; it is taken where that is there',
    async (_, base) => {
      const run = await held();
      const op: RunOp = { ...startRemotely(run, uuidv7()), ...base };
      const group = { ops: [op], starts: [], offer: null };
      expect((await store.commitGroup(worker, group)).acks.get(run)).toEqual({ taken: false });
      expect(await again(op)).toEqual({ taken: false });
      expect(await rows.count('step_executions')).toBe(0);
      await rows.record(run, 7);
      await rows.wait(run, { id: base.afterWait ?? uuidv7(), kind: 'event', names: ['x'] });
      expect((await store.commitGroup(worker, group)).acks.get(run)).toMatchObject({ taken: true });
    },
  );

  it('stands in the way of no other in its group', async () => {
    const [gap, whole] = [await held(), await held()];
    const group = {
      ops: [{ ...startRemotely(gap, uuidv7()), after: [7, 8] }, startRemotely(whole, uuidv7())],
      starts: [],
      offer: null,
    };
    const { acks } = await store.commitGroup(worker, group);
    expect([acks.get(gap), acks.get(whole)]).toMatchObject([{ taken: false }, { taken: true }]);
  });

  it('is refused on another queue, and in a transaction of the app', async () => {
    const run = await held();
    const step = await rows.queued({
      step_of: run, step: '{"nextSeq":2}', state: 'running', worker_id: worker, token: 1, started_at: new Date(),
    }); // prettier-ignore
    const op = { rowId: step, runId: run, token: 1, after: [9], records: [record(2)], outcome: null, extras: null };
    expect(await store.commitRemoteStep(worker, op)).toEqual({ taken: false, woken: null });
    const recorded = store.transaction((transaction) =>
      transaction.record(worker, { ...startRemotely(run, uuidv7()), after: [9] }),
    );
    expect(await recorded).toBe(false);
    expect(await rows.count('step_executions')).toBe(0);
    await rows.record(run, 9);
    expect(await store.commitRemoteStep(worker, op)).toMatchObject({ taken: true });
  });
});

describe('a transactional step', () => {
  it('whose record is there already writes nothing beside it', async () => {
    const run = await held();
    await rows.pool.query('CREATE TABLE public.bookings (n integer)');
    const op = { ...startRemotely(run, uuidv7()), extras: null };
    const book = (): Promise<boolean> =>
      store.transaction(async (transaction) => {
        await (transaction.manager as EntityManager).query('INSERT INTO public.bookings VALUES (1)');
        return transaction.record(worker, op);
      });
    expect(await book()).toBe(true);
    await expect(book()).rejects.toMatchObject({ kind: 'unknown' });
    const { rows: bookings } = await rows.pool.query('SELECT FROM public.bookings');
    expect([bookings.length, await rows.count('step_executions')]).toEqual([1, 1]);
    expect(await store.landed(worker, op)).toBe(true);
  });
});

describe('a step on another queue', () => {
  it('records nothing for a run that has ended, and goes', async () => {
    const run = await held();
    const stepId = uuidv7();
    await store.commitGroup(worker, { ops: [startRemotely(run, stepId)], starts: [], offer: null });
    const taken = `UPDATE durable.workflow_queue SET state = 'running', worker_id = $2, token = 1 WHERE id = $1`;
    await rows.pool.query(taken, [stepId, worker]);
    await rows.pool.query('DELETE FROM durable.workflow_queue WHERE id = $1', [run]);
    const op: RemoteStepOp = {
      rowId: stepId, runId: run, token: 1, after: [], records: [record(2, { type: 'step' })], outcome: { kind: 'done' }, extras: null,
    }; // prettier-ignore
    expect(await store.commitRemoteStep(worker, op)).toEqual({ taken: false, woken: null });
    expect(await rows.one('workflow_queue', stepId)).toBeUndefined();
    const { rows: found } = await rows.pool.query('SELECT seq::int FROM durable.step_executions WHERE run_id = $1', [
      run,
    ]);
    expect(found).toEqual([{ seq: 1 }]);
  });

  it('whose answer was lost has landed, though its row has gone', async () => {
    const run = await held();
    const step = await rows.queued({
      step_of: run, step: '{"nextSeq":2}', state: 'running', worker_id: worker, token: 1, started_at: new Date(),
    }); // prettier-ignore
    const records = [record(2, { type: 'step' })];
    const op: RemoteStepOp = {
      rowId: step,
      runId: run,
      token: 1,
      after: [],
      records,
      outcome: { kind: 'done' },
      extras: null,
    };
    for (let n = 0; n < 2; n++) {
      expect(await store.commitRemoteStep(worker, op)).toMatchObject({
        taken: true,
        woken: { runId: run, state: 'running' },
      });
    }
    expect(await store.commitRemoteStep(worker, { ...op, token: 2 })).toEqual({ taken: false, woken: null });
  });
});

describe('a step on another queue that cannot be recorded', () => {
  it.each([
    ['pauses its run', null, true],
    ['does not keep a run from being undone that was cancelled meanwhile', '{"name":"WorkflowCancelledError"}', false],
  ])('%s', async (_what, cancel, paused) => {
    const run = await rows.open({ started_at: new Date(), state: 'ready', cancel, token: 1 });
    const lease = { state: 'running', worker_id: worker, token: 1 };
    const step = await rows.queued({ step_of: run, step: '{}', queue: 'elsewhere', ...lease });
    const extras = { ...NO_EXTRAS, pause: '{"name":"Error"}' };
    const op: RemoteStepOp = {
      rowId: step, runId: run, token: 1, after: [], records: [], outcome: { kind: 'pause' }, extras,
    }; // prettier-ignore
    expect(await store.commitRemoteStep(worker, op)).toMatchObject({ taken: true });
    expect(await rows.one('workflow_queue', run)).toMatchObject({ paused, state: 'ready' });
    expect(await rows.one('workflow_queue', step)).toMatchObject({ paused: true, worker_id: null });
  });
});
