import type { HandedOp, NewRecord, OpExtras, RunOp } from '../../lib/engine/store.js';
import { NO_EXTRAS } from '../../lib/engine/child-start.js';
import { uuidv7 } from '../../lib/core/uuid.js';
import type { Connections } from '../../lib/storage/connections.js';
import { PgStore } from '../../lib/storage/pg-store.js';
import { connectTo } from '../support/connections.js';
import { Rows } from './rows.js';

let rows: Rows;
let store: PgStore;
let connections: Connections;
let worker: number;

beforeEach(async () => {
  rows = await Rows.open();
  connections = connectTo(rows.url);
  store = new PgStore({ connections, schema: 'durable', appDataSource: null });
  worker = await rows.worker();
});

afterEach(async () => {
  await connections.close();
  await rows.close();
});

function record(seq: number, more: Partial<NewRecord> = {}): NewRecord {
  return {
    seq, input: 0, round: 1, path: 'there', visit: 1, attempt: 1, type: 'handed', status: 'completed', facts: null,
    output: null, error: null, logs: null, retryInMs: null, durationMs: 0, ...more,
  }; // prettier-ignore
}

async function held(): Promise<string> {
  return rows.open({ started_at: new Date(), state: 'running', worker_id: worker, token: 1 });
}

function handOver(run: string, stepId: string): RunOp {
  const extras: OpExtras = { ...NO_EXTRAS, handOvers: [{ rowId: stepId, queue: 'default', step: '{}' }] };
  return { rowId: run, runId: run, token: 1, records: [record(1)], outcome: null, extras };
}

describe('a commit whose answer was lost', () => {
  it('does not hand a step over again that has come and gone meanwhile', async () => {
    const run = await held();
    const stepId = uuidv7();
    const op = handOver(run, stepId);
    await store.commitGroup(worker, { ops: [op], starts: [], offer: null });
    expect(await rows.one('workflow_queue', stepId)).toMatchObject({ step_of: run });
    await rows.pool.query('DELETE FROM durable.workflow_queue WHERE id = $1', [stepId]);
    const done = await store.commitAlone(worker, op);
    expect(done).toMatchObject({ ack: { taken: true } });
    expect(await rows.one('workflow_queue', stepId)).toBeUndefined();
  });

  it('does all of it when it had not landed', async () => {
    const run = await held();
    const stepId = uuidv7();
    expect(await store.commitAlone(worker, handOver(run, stepId))).toMatchObject({ ack: { taken: true } });
    expect(await rows.one('workflow_queue', stepId)).toMatchObject({ step_of: run });
  });

  it('gives the marks that the row has now', async () => {
    const run = await held();
    const op = handOver(run, uuidv7());
    await store.commitGroup(worker, { ops: [op], starts: [], offer: null });
    await rows.pool.query('UPDATE durable.workflow_queue SET wake = true, paused = true WHERE id = $1', [run]);
    expect(await store.commitAlone(worker, op)).toMatchObject({ ack: { taken: true, wake: true, paused: true } });
  });
});

describe('a step on another queue', () => {
  it('records nothing for a run that has ended, and goes', async () => {
    const run = await held();
    const stepId = uuidv7();
    await store.commitGroup(worker, { ops: [handOver(run, stepId)], starts: [], offer: null });
    const taken = `UPDATE durable.workflow_queue SET state = 'running', worker_id = $2, token = 1 WHERE id = $1`;
    await rows.pool.query(taken, [stepId, worker]);
    await rows.pool.query('DELETE FROM durable.workflow_queue WHERE id = $1', [run]);
    const op: HandedOp = {
      rowId: stepId, runId: run, token: 1, records: [record(2, { type: 'step' })], outcome: { kind: 'done' }, extras: null,
    }; // prettier-ignore
    expect(await store.commitHanded(worker, op)).toEqual({ taken: false, woken: null });
    expect(await rows.one('workflow_queue', stepId)).toBeUndefined();
    const { rows: found } = await rows.pool.query('SELECT seq::int FROM durable.step_executions WHERE run_id = $1', [
      run,
    ]);
    expect(found).toEqual([{ seq: 1 }]);
  });
});
