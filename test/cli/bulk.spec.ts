import { jest } from '@jest/globals';
import { callWorkflow, type DurableClient, Step, waitForEvent, Workflow, type WorkflowHandle } from 'nest-durable';
import pg from 'pg';
import { createTestDatabase } from '../support/database.js';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { loseBorders } from '../support/lost-borders.js';
import { Gates } from '../support/plain-app.js';
import { until } from '../support/until.js';
import { cliOn, json } from './support.js';

const gates = new Gates();

@Workflow({ name: 'leaf' })
class LeafWorkflow {
  @Step()
  async wait() {
    await waitForEvent('never');
  }
}

@Workflow({ name: 'tree' })
class TreeWorkflow {
  @Step()
  async begin() {
    await waitForEvent('begin');
  }

  @Step()
  async call() {
    await callWorkflow(LeafWorkflow, {});
  }
}

@Workflow({ name: 'broken' })
class BrokenWorkflow {
  @Step({ retry: { maxAttempts: 1 } })
  fail() {
    throw new Error('broken');
  }
}

@Workflow({ name: 'late' })
class LateWorkflow {
  @Step()
  async wait({ waits }: { waits: boolean }) {
    if (waits) await waitForEvent('fail');
  }

  @Step({ retry: { maxAttempts: 1 } })
  fail() {
    throw new Error('too late');
  }
}

@Workflow({ name: 'slow' })
class SlowWorkflow {
  @Step()
  async work({ gate }: { gate: string }) {
    await gates.pass(gate);
  }

  @Step()
  rest() {}
}

let app: FaultApp;
let client: DurableClient;
let pool: pg.Pool;
let on: ReturnType<typeof cliOn>;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  on = cliOn(url);
  pool = new pg.Pool({ connectionString: url, max: 1 });
  app = await openApp({ database: { url }, report: 'none' }, [
    LeafWorkflow,
    TreeWorkflow,
    BrokenWorkflow,
    LateWorkflow,
    SlowWorkflow,
  ]);
  ({ client } = app);
});

afterAll(async () => {
  gates.openAll();
  await pool.end();
  await app.close();
});

async function inStatus(run: WorkflowHandle<unknown>, status: string): Promise<void> {
  await until(async () => (await run.execution())?.status === status);
}

async function audited(): Promise<object[]> {
  const { rows } = await pool.query<object>(
    `WITH gone AS (DELETE FROM durable.audit RETURNING *) SELECT action, target_id AS target, outcome FROM gone ORDER BY id`,
  );
  return rows;
}

it('retry by filters is gone on with by another: the oldest first, and none is started anew twice', async () => {
  const failed: WorkflowHandle<unknown>[] = [];
  for (let n = 0; n < 3; n++) failed.push(await client.start(BrokenWorkflow, {}, { tags: { batch: 'first' } }));
  for (const run of failed) await inStatus(run, 'failed');
  const filters = ['--workflow', 'broken', '--tag', 'batch=first', '--until', new Date().toISOString()];
  const retry = ['retry', ...filters, '--json'];
  expect(json(await on([...retry, '--limit', '2', '--yes']))).toEqual({ count: 2, refused: [] });
  expect(await audited()).toMatchObject(
    expect.arrayContaining(failed.slice(0, 2).map(({ id }) => expect.objectContaining({ target: id }))),
  );
  const refused = failed.slice(0, 2).map(({ id }) => ({
    id,
    code: 'UNCHANGED',
    message: expect.stringMatching(/^It was retried before, as [\da-f-]{36}\.$/),
  }));
  expect(json(await on([...retry, '--dry-run']))).toEqual({ count: 1, refused, dryRun: true });
  const rest = await on([...retry, '--yes']);
  expect(rest.code).toBe(1);
  expect(json(rest)).toEqual({ count: 1, refused });
  expect(await audited()).toMatchObject([{ action: 'run.retry', target: failed[2]?.id, outcome: 'done' }]);
  const again = await on(['retry', ...filters, '--yes']);
  expect(again).toMatchObject({ code: 1, out: 'Started anew 0 runs.\n' });
  expect(again.err).toContain('was refused: It was retried before, as ');
  expect(await client.countExecutions({ workflow: 'broken', tags: { batch: 'first' } })).toBe(6);
});

describe('the last run of a page is deleted before the next page is read', () => {
  let ids: string[] = [];

  beforeEach(async () => {
    const runs = await client.startMany(
      LeafWorkflow,
      Array.from({ length: 7 }, () => ({ input: {} })),
    );
    for (const run of runs) await inStatus(run, 'waiting');
    const page = await client.listExecutions({ workflow: 'leaf', status: 'waiting' });
    ids = page.map(({ id }) => id);
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    await client.cancelMany({ workflow: 'leaf' });
  });

  const filters = ['--workflow', 'leaf', '--status', 'waiting', '--json'];

  it('list has the rest', async () => {
    const gone = loseBorders(pool, 2);
    const listed = json<{ id: string }[]>(await on(['list', ...filters]));
    expect(listed.map(({ id }) => id)).toEqual(ids);
    expect(gone).toEqual([ids[1], ids[3], ids[5]]);
  });

  it.each([['--dry-run'], ['--yes']])('cancel %s goes on with the rest', async (how) => {
    const gone = loseBorders(pool, 2);
    expect(json(await on(['cancel', ...filters, how]))).toMatchObject({ count: 7, refused: [] });
    expect(gone).toEqual([ids[5], ids[3], ids[1]]);
  });
});

it('retry of several ids says as what each starts anew', async () => {
  const failed = await Promise.all([client.start(BrokenWorkflow, {}), client.start(BrokenWorkflow, {})]);
  for (const run of failed) await inStatus(run, 'failed');
  const done = json<{ runs: { id: string; retryOf: string }[] }>(
    await on(['retry', ...failed.map(({ id }) => id), '--json']),
  );
  expect(done).toMatchObject({ count: 2, refused: [], runs: failed.map(({ id }) => ({ retryOf: id, changed: true })) });
  for (const { id } of done.runs) expect(await client.getExecution(id)).not.toBeNull();
});

it('a child that is cancelled with its parent is no refusal', async () => {
  const parent = await client.start(TreeWorkflow, {});
  await inStatus(parent, 'waiting');
  // They stand between the two: a child of the same handful may be cancelled before its parent.
  const others = await client.startMany(
    LeafWorkflow,
    Array.from({ length: 3 }, () => ({ input: {} })),
  );
  for (const run of others) await inStatus(run, 'waiting');
  await parent.sendEvent('begin');
  await until(async () => (await client.countExecutions({ parentId: parent.id, status: 'waiting' })) === 1);
  const done = await on(['cancel', '--status', 'waiting', '--yes', '--json']);
  expect(json(done)).toEqual({ count: 4, refused: [] });
  expect(done.code).toBe(0);
});

it('a run that was asked to pause already is no refusal, and no dry run counts it', async () => {
  const run = await client.start(SlowWorkflow, { gate: 'pausing' });
  await gates.arrived('pausing');
  const pause = ['pause', '--workflow', 'slow', '--yes', '--json'];
  expect(json(await on([...pause, '--dry-run']))).toEqual({ count: 1, refused: [], dryRun: true });
  expect(json(await on(pause))).toEqual({ count: 1, refused: [] });
  expect(await on(pause)).toMatchObject({ code: 0, out: '{"count":0,"refused":[]}\n' });
  expect(json(await on([...pause, '--dry-run']))).toEqual({ count: 0, refused: [], dryRun: true });
  const one = await on(['pause', run.id, '--dry-run', '--json']);
  expect(json(one)).toEqual({ count: 0, refused: [], dryRun: true });
  expect(one.err).toContain('would be left alone: It was paused already');
  // It is resumed as a paused one is.
  const resume = ['resume', '--workflow', 'slow', '--status', 'running', '--yes', '--json'];
  expect(json(await on([...resume, '--dry-run']))).toEqual({ count: 1, refused: [], dryRun: true });
  expect(json(await on(resume))).toEqual({ count: 1, refused: [] });
  expect(json(await on(resume))).toEqual({ count: 0, refused: [] });
  expect(json(await on(pause))).toEqual({ count: 1, refused: [] });
  gates.open('pausing');
  await inStatus(run, 'paused');
  expect(await on([...pause, '--status', 'paused'])).toMatchObject({ code: 0, out: '{"count":0,"refused":[]}\n' });
  await client.cancel(run.id);
});

it.each(['cancel', 'pause', 'resume', 'retry'])('%s of no run asks nothing, and is done', async (verb) => {
  const act = [verb, '--workflow', 'nothing'];
  const none = `No run fits: there is nothing to ${verb}.\n`;
  expect(await on(act)).toMatchObject({ code: 1, out: '', err: expect.stringContaining('--yes') });
  expect(await on(act, { columns: 80 })).toEqual({ code: 0, out: none, err: '' });
  expect(await on([...act, '--yes'])).toEqual({ code: 0, out: none, err: '' });
  expect(json(await on([...act, '--yes', '--json']))).toEqual({ count: 0, refused: [] });
});

it('a drain that was not idle in time is told and recorded alike as text and as JSON, and Ctrl-C is 130', async () => {
  const run = await client.start(SlowWorkflow, { gate: 'draining' });
  await gates.arrived('draining');
  await audited();
  const drain = ['queues', 'drain', 'default'];
  expect(await on([...drain, '--timeout', '1ms'])).toMatchObject({
    code: 1,
    out: '',
    err: expect.stringContaining('1 of'),
  });
  const document = await on([...drain, '--timeout', '1ms', '--json']);
  expect(document).toMatchObject({ code: 1, out: '{"name":"default","idle":false,"running":1}\n' });
  for (const form of [[], ['--json']]) {
    expect(await on([...drain, ...form], { signal: AbortSignal.abort() })).toMatchObject({ code: 130 });
  }
  expect(await audited()).toEqual(
    Array.from({ length: 4 }, () => ({ action: 'queue.drain', target: 'default', outcome: 'done' })),
  );
  gates.openAll();
  await on(['queues', 'resume', 'default']);
  await run.result();
});

it('a group of failures names the run that failed last, and says where not all were counted', async () => {
  const first = await client.start(LateWorkflow, { waits: true });
  await inStatus(first, 'waiting');
  const second = await client.start(LateWorkflow, { waits: false });
  await inStatus(second, 'failed');
  await first.sendEvent('fail');
  await inStatus(first, 'failed');
  const group = ['list', '--group', '--workflow', 'late', '--json'];
  const all = await on(group);
  const last = (await first.execution())?.completedAt?.toISOString();
  expect(json(all)).toMatchObject([{ count: 2, lastId: first.id, last }]);
  expect(all.err).toBe('');
  const cut = await on([...group, '--limit', '1']);
  expect(json(cut)).toMatchObject([{ count: 1, lastId: second.id }]);
  expect(cut.err).toMatch(/^Of the newest 1 failures; go on with --until \S+Z, or with a higher --limit\.\n$/);
});
