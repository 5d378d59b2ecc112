import { NO_REDACTION } from '../../lib/core/redact/redact.js';
import { PgEventReads } from '../../lib/storage/reads/event-reads.js';
import { Rows } from './rows.js';

let rows: Rows;

beforeEach(async () => {
  rows = await Rows.open();
});

afterEach(() => rows.close());

const ago = (seconds: number): Date => new Date(Date.now() - seconds * 1_000);

it('tells of the records since a time, those of steps on other queues among older ones too, and of no others', async () => {
  const id = await rows.open({ state: 'running', worker_id: await rows.worker(), token: 1, started_at: ago(90) });
  await rows.record(id, 1, { path: 'before', completed_at: ago(80) });
  await rows.record(id, 3, { path: 'away', completed_at: ago(5), after_seq: 9, nth: 1 });
  await rows.record(id, 4, { path: 'away earlier', completed_at: ago(70), after_seq: 1, nth: 2 });
  await rows.record(id, 9, { path: 'last before', completed_at: ago(40) });
  await rows.record(id, 10, { path: 'here', completed_at: ago(4) });
  await rows.record(id, 11, { path: 'here too', completed_at: ago(3), status: 'failed', error: '{"message":"no"}' });
  const other = await rows.open({});
  await rows.record(other, 1, { path: 'of another', completed_at: ago(2) });
  const reads = new PgEventReads(rows.pool, 'durable', NO_REDACTION);
  const told = await reads.ofRuns([{ id, since: ago(20).getTime() }]);
  expect(told.map((event) => [event.kind, 'path' in event ? event.path : null])).toEqual([
    ['step_completed', 'away'],
    ['step_completed', 'here'],
    ['step_failed', 'here too'],
  ]);
});
