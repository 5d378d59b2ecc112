import { encode } from '../../lib/core/codec/codec.js';
import { NO_REDACTION } from '../../lib/core/redact/redact.js';
import type { InFlight } from '../../lib/core/run/execution.js';
import { type Query, queryOf } from '../../lib/storage/connection/transaction.js';
import { PgStandingReads } from '../../lib/storage/reads/standing-reads.js';
import { sql } from '../../lib/storage/sql.js';
import { Rows } from './rows.js';

let rows: Rows;
let reads: PgStandingReads;
let running: InFlight[] = [];
const statements: string[] = [];
/** Happens before a statement is sent. */
let meanwhile: (text: string) => Promise<unknown> = async () => {};

beforeAll(async () => {
  rows = await Rows.open();
  const send = queryOf(rows.pool);
  const query: Query = async (text, parameters) => {
    statements.push(text);
    await meanwhile(text);
    return send(text, parameters);
  };
  const inFlight = async (ids: readonly string[]): Promise<InFlight[]> => {
    statements.push('in flight');
    return running.filter(({ runId }) => ids.includes(runId));
  };
  reads = new PgStandingReads({ query, schema: 'durable', redact: NO_REDACTION, inFlight });
});
afterEach(() => {
  meanwhile = async () => {};
});
afterAll(() => rows.close());

const error = (name: string): string => encode({ name, message: `of ${name}` });

/** A run of each kind that there is a sentence for. */
async function oneOfEach(n: number): Promise<string[]> {
  const worker = await rows.worker({ capacity: { default: 1 } });
  const begun = { started_at: new Date() };
  const asleep = { ...begun, state: 'sleeping', due_at: 'infinity' };
  const held = { ...begun, state: 'running', worker_id: worker };
  const [waits, calls, retries, runs, undoes] = [
    await rows.open(asleep),
    await rows.open(asleep),
    await rows.open({ ...asleep, because: 'retry' }, {
      snapshot: JSON.stringify({ round: 1, rollback: null, root: { node: 'charge', failedBy: null, step: { kind: 'step', visit: 1, attempt: 2, fan: null, retryAt: Date.now() + 9e6 } } }),
    }),
    await rows.open(held),
    await rows.open({ ...held, compensating: true }),
  ]; // prettier-ignore
  const child = await rows.open(held);
  const grandchild = await rows.open({});
  await rows.wait(waits, { kind: 'input', names: [`ask ${n}`], due_at: new Date(Date.now() + 1e6) });
  await rows.wait(calls, { kind: 'child', child_id: child, path: 'call' });
  await rows.wait(child, { kind: 'child', child_id: grandchild, path: 'call' });
  await rows.record(retries, 1, { status: 'failed', error: error('BusyError'), retry_at: new Date(Date.now() + 9e6) });
  await rows.record(undoes, 1, { type: 'rollback', status: 'failed', error: error('GoneError'), path: '' });
  const done = await rows.run({ status: 'completed', started_at: new Date(Date.now() - 1e5) });
  await rows.record(done, 1, { duration_ms: 40 });
  const failed = await rows.run({ status: 'failed', error: error('GoneError'), failed_step: 'charge' });
  await rows.record(failed, 1, { status: 'failed', error: error('GoneError'), attempt: n + 1 });
  const away = await rows.open(asleep);
  await rows.queued({ step_of: away, step: JSON.stringify({ path: 'resize', attempt: 1 }), queue: 'gpu' });
  running = [...running, { runId: runs, step: 'ship', path: 'ship', type: 'step', round: 1, visit: 1, attempt: 1, input: 0, startedAt: Date.now() - 500 }]; // prettier-ignore
  return [
    waits, calls, retries, runs, undoes, child, done, failed, away,
    await rows.open({}),
    await rows.open({ ...asleep, due_at: new Date(Date.now() + 1e7) }),
    await rows.open({ ...asleep, paused: true }),
    // As another version of this package may have written it.
    await rows.open(asleep, { snapshot: '{"root":{"node":"charge"}}' }),
    await rows.run({ status: 'cancelled', error: error('WorkflowCancelledError') }),
    await rows.run({ status: 'compensated', error: error('GoneError') }),
    await rows.run({ status: 'compensation_failed', error: error('GoneError') }),
  ]; // prettier-ignore
}

const untimed = (title: string | undefined): string | undefined =>
  title?.replace(/\d+(\.\d+)? (ms|s|min|h|d)\b/g, 'a while');

it('says of each run of a page what it says of that run alone, in as many statements as for a few', async () => {
  const ids: string[] = [];
  for (let n = 0; n < 4; n++) ids.push(...(await oneOfEach(n)));
  statements.length = 0;
  const all = await reads.explainAll(ids);
  const asked = statements.length;
  expect([...all.keys()].toSorted()).toEqual(ids.toSorted());
  for (const id of ids) {
    const alone = await reads.explain(id);
    const together = all.get(id);
    // What counts the time goes on meanwhile.
    expect([id, together?.kind, together?.step, together?.waits, together?.until]).toEqual([
      id, alone?.kind, alone?.step, alone?.waits, alone?.until,
    ]); // prettier-ignore
    expect(untimed(together?.title)).toBe(untimed(alone?.title));
  }
  const kinds = new Set([...all.values()].map(({ kind }) => kind));
  for (const kind of [
    'running',
    'retry',
    'input',
    'child',
    'completed',
    'failed',
    'paused',
    'cancelled',
    'compensating',
  ] as const) {
    expect(kinds).toContain(kind);
  }
  // Each of the eleven looks at most once for the runs that go on, once for those that have ended, and for their children.
  expect(asked).toBeLessThan(30);
  statements.length = 0;
  await reads.explainAll(ids.slice(0, 16));
  expect(statements.length).toBeGreaterThanOrEqual(asked - 2);
});

it('says nothing of runs that there are not, and asks nothing of none', async () => {
  const nobody = '00000000-0000-4000-8000-000000000000';
  expect(await reads.explainAll([nobody])).toEqual(new Map());
  statements.length = 0;
  expect(await reads.explainAll([])).toEqual(new Map());
  expect(statements).toEqual([]);
});

it('of a run that is asleep, what its last worker had said to run counts no more; of its steps on other queues it does', async () => {
  const asleep = { started_at: new Date(), state: 'sleeping', due_at: 'infinity' };
  const [waits, away] = [await rows.open(asleep), await rows.open(asleep)];
  await rows.wait(waits, { kind: 'event', names: ['paid'] });
  const worker = await rows.worker();
  const step = { step_of: away, queue: 'gpu', state: 'running', worker_id: worker };
  await rows.queued({ ...step, step: JSON.stringify({ path: 'resize', attempt: 2 }) });
  const said = (runId: string, path: string): InFlight => ({ runId, step: path, path, type: 'step', round: 1, visit: 1, attempt: 2, input: 0, startedAt: Date.now() - 500 }); // prettier-ignore
  running = [said(waits, 'ship'), said(away, 'ship'), said(away, 'resize')];
  expect(await reads.explain(waits)).toMatchObject({ kind: 'event', title: 'Waits for the event `paid`' });
  expect(await reads.explain(away)).toMatchObject({ kind: 'running', step: 'resize' });
  statements.length = 0;
  expect((await reads.explain(away))?.title).not.toContain('more');
  // It is looked at once: that it sleeps without a wait has its reason.
  expect(statements.filter((text) => text === 'in flight')).toHaveLength(1);
  expect(statements.filter((text) => text === sql('standing-run', 'durable'))).toHaveLength(1);
  expect(statements.filter((text) => text === sql('standing-waits', 'durable'))).toHaveLength(1);
});

describe('a run whose event comes while its waits are looked at', () => {
  let id: string;
  let parent: string;
  let looks: number;

  /** Before each of the first looks at its waits: it comes, or another run takes its place at the same wait. */
  async function come(): Promise<void> {
    await rows.pool.query(`UPDATE durable.waits SET state = 'done', closed_at = now(), ended = 1 WHERE run_id = $1`, [
      id,
    ]);
    await rows.pool.query(`UPDATE durable.workflow_queue SET state = 'ready', due_at = now() WHERE id = $1`, [id]);
  }

  beforeEach(async () => {
    const asleep = { started_at: new Date(), state: 'sleeping', due_at: 'infinity' };
    running = [];
    looks = 0;
    id = await rows.open(asleep);
    parent = await rows.open(asleep);
    await rows.wait(id, { kind: 'event', names: ['paid'] });
    await rows.wait(parent, { kind: 'child', child_id: id, path: 'call' });
  });

  const atLook = (least: number, act: () => Promise<void>): void => {
    const waits = sql('standing-waits', 'durable');
    meanwhile = async (text) => {
      if (text === waits && ++looks >= least) await act();
    };
  };

  it('is looked at again, and said to be ready', async () => {
    atLook(1, come);
    expect(await reads.explain(id)).toMatchObject({ kind: 'due', waits: [] });
    expect((await reads.explain(id))?.title).toMatch(/^Is ready for /);
  });

  it('is looked at again for its parent, whose sentence has its own', async () => {
    atLook(2, come);
    expect((await reads.explain(parent))?.title).toMatch(/^Waits for its child `order`, which is ready for /);
  });

  it('that nothing will wake is looked at three times, and no more', async () => {
    await rows.pool.query(`DELETE FROM durable.waits WHERE run_id = $1`, [id]);
    atLook(1, async () => {});
    expect(await reads.explain(id)).toMatchObject({ title: 'Is with no worker, and nothing says why' });
    expect(looks).toBe(3);
  });
});

it('other runs that failed alike are looked for among the last thousand, and are said to be more where there are as many', async () => {
  const name = 'CrowdError';
  const failed = { status: 'failed', error: error(name), failed_step: 'charge' };
  const id = await rows.run(failed);
  const detail = async (): Promise<string> => (await reads.explain(id))?.detail ?? '';
  expect(await detail()).not.toContain('other');
  for (const failed_step of ['charge', 'charge', 'ship']) await rows.run({ ...failed, failed_step });
  await rows.run({ ...failed, status: 'cancelled' });
  expect(await detail()).toContain('2 other runs failed the same way since ');
  const { rowCount } = await rows.pool.query(
    `INSERT INTO durable.workflow_executions (id, created_at, updated_at, completed_at, definition_id, priority, workflow, queue, status, error, failed_step, input)
     SELECT gen_random_uuid(), e.created_at - interval '1 hour', e.updated_at, e.completed_at, e.definition_id, 0, e.workflow, e.queue, e.status, e.error, 'charge', '{}'
     FROM durable.workflow_executions e, generate_series(1, 1200) WHERE e.id = $1`,
    [id],
  );
  expect(rowCount).toBe(1_200);
  // Of 1 001: this run, the three that did not fail so, and the rest.
  expect(await detail()).toContain('998 and more other runs failed the same way since ');
});

describe('a row in a queue with a rate', () => {
  const HOUR = 3_600_000;
  const ends = [-50, -40, -10].map((minutes) => new Date(Date.now() + minutes * 60_000));

  /** Three claims in each of three spans. */
  async function rated(limit: number, counts: 'runs' | 'attempts'): Promise<string> {
    const queue = `rated ${limit} ${counts}`;
    await rows.worker({ queues: [queue], capacity: { [queue]: 10 } });
    await rows.pool.query(
      `INSERT INTO durable.queue_settings (queue, rate_limit, rate_period_ms, rate_counts) VALUES ($1, $2, $3, $4)`,
      [queue, limit, HOUR, counts],
    );
    await rows.pool.query(
      `INSERT INTO durable.queue_rates (queue, ends_at, n) SELECT $1, e, 3 FROM unnest($2::timestamptz[]) e`,
      [queue, ends],
    );
    return queue;
  }

  it.each([
    [9, 0],
    [7, 0],
    // It was 9 until somebody lowered it: what leaves first makes no room yet.
    [6, 1],
    [3, 2],
  ])('of %i says when so many spans have left its period', async (limit, span) => {
    const id = await rows.open({ queue: await rated(limit, 'runs') });
    const standing = await reads.explain(id);
    expect(standing?.blockedBy?.why).toBe('rate');
    expect(standing?.until).toEqual(new Date((ends[span]?.getTime() ?? 0) + HOUR));
  });

  it('is not kept back by a rate of first claims once it was claimed; by one of attempts it is', async () => {
    const started_at = new Date();
    const [runs, attempts] = [await rated(8, 'runs'), await rated(8, 'attempts')];
    expect((await reads.explain(await rows.open({ queue: runs, started_at })))?.blockedBy).toBeNull();
    expect((await reads.explain(await rows.open({ queue: attempts, started_at })))?.blockedBy?.why).toBe('rate');
  });
});
