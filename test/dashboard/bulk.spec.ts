import { jest } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { type AuditRow } from '../../lib/storage/client/audit.js';
import { DurableClient, Step, waitForApproval, Workflow } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { loseBorders } from '../support/lost-borders.js';
import { until } from '../support/until.js';
import { type RunningApp, startApp } from './hosts.js';

/** Acts on many runs, of which some have changed since the preview. */

@Workflow({ name: 'order' })
class OrderWorkflow {
  @Step({ retry: { maxAttempts: 1 } })
  charge() {
    throw new Error('no money');
  }
}

@Workflow({ name: 'asks' })
class AsksWorkflow {
  @Step()
  async ask() {
    return { answer: await waitForApproval('ok') };
  }
}

let database: TestDatabase;
let running: RunningApp;
/** Another process behind the same load balancer. */
let other: RunningApp;
let client: DurableClient;
let pool: pg.Pool;
let allows = (_action: string): boolean | Promise<boolean> => true;
afterEach(() => void (allows = () => true));

beforeAll(async () => {
  database = await createTestDatabase();
  const { url } = database;
  pool = new pg.Pool({ connectionString: url, max: 1 });
  const actor = ({ headers }: { headers: Record<string, string> }) => headers['x-actor'];
  const mounted = DurableDashboardModule.forRoot({ authorize: (_request, action) => allows(action), actor });
  running = await startApp({ name: 'express', framework: 'express' }, url, [mounted], {
    providers: [OrderWorkflow, AsksWorkflow],
    workers: true,
  });
  client = running.app.get(DurableClient);
  other = await startApp({ name: 'fastify', framework: 'fastify' }, url, [mounted]);
});
afterAll(async () => {
  await running.close();
  await other.close();
  await pool.end();
});

const get = async (path: string) => (await running.ask(`/api/${path}`)).json;
const post = async (path: string, body: object = {}, actor = 'bulky', app = running) =>
  (await app.ask(`/api/${path}`, { method: 'POST', body, headers: { 'x-actor': actor } })).json;

const preview = (act: string, ids: readonly string[], options = {}) => post('bulk/preview', { act, ids, options });

/** Carries it out, and waits until it is through. */
async function carryOut({ token, eligible }: { token: string; eligible: number }, app = running) {
  const { id } = await post('bulk', { token, count: eligible }, 'bulky', app);
  return until(async () => {
    const state = await get(`bulk/${id}`);
    return state.state === 'running' ? null : state;
  });
}

async function failed(n: number): Promise<string[]> {
  const runs = await client.startMany(
    OrderWorkflow,
    Array.from({ length: n }, () => ({ input: {} })),
  );
  for (const { id } of runs) await inStatus(id, 'failed');
  return runs.map(({ id }) => id);
}

async function asking(n: number): Promise<string[]> {
  const runs = await client.startMany(
    AsksWorkflow,
    Array.from({ length: n }, () => ({ input: {} })),
  );
  for (const { id } of runs) await inStatus(id, 'waiting');
  return runs.map(({ id }) => id);
}

const inStatus = (id: string, status: string) => until(async () => (await client.getExecution(id))?.status === status);

/** Rows of the run, the oldest first. */
async function audit(id = ''): Promise<AuditRow[]> {
  return (await get(`audit?target=${id}`)).items.toReversed();
}

const retriesOf = async (id = ''): Promise<string[]> =>
  (await get(`runs/${id}/family`)).retries.map((run: { id: string }) => run.id);

it.each([
  ['retry', {}],
  ['restart', { step: 'charge' }],
])('%s starts no run twice that was started anew before', async (act, options) => {
  const [first = '', second = '', third = ''] = await failed(3);
  await client.retry(first);
  const looked = await preview(act, [first, second, third], options);
  expect(looked).toMatchObject({ count: 3, eligible: 2, excluded: [{ why: 'was retried already', n: 1 }] });
  expect(new Set(looked.sample.map(({ id }: { id: string }) => id))).toEqual(new Set([second, third]));
  // Between the preview and the act.
  await client.retry(second);
  expect(await carryOut(looked)).toEqual({
    done: 1,
    failed: 0,
    total: 2,
    state: 'done',
    errors: [],
    excluded: [{ why: 'was retried already', n: 1 }],
  });
  const retries = await Promise.all([first, second, third].map(retriesOf));
  expect(retries.map((ids) => ids.length)).toEqual([1, 1, 1]);
  expect([await audit(first), await audit(second)]).toEqual([[], []]);
  expect(await audit(third)).toMatchObject([
    {
      actor: 'bulky',
      action: `run.${act}`,
      outcome: 'done',
      details: { bulk: true, ...options, newRun: retries[2]?.[0] },
    },
  ]);
  expect(await preview(act, [first, second, third], options)).toMatchObject({ eligible: 0, sample: [] });
});

it.each([
  ['retry', {}],
  ['restart', { step: 'charge' }],
])('of two acts at a time, in two processes, one starts a run anew: %s', async (act, options) => {
  const [id = ''] = await failed(1);
  const looked = await Promise.all([preview(act, [id], options), preview(act, [id], options)]);
  const locker = new pg.Client({ connectionString: database.url });
  await locker.connect();
  // Nothing is started until both have come as far as they can.
  await locker.query('BEGIN; LOCK TABLE durable.workflow_executions IN SHARE MODE');
  const both = [carryOut(looked[0], running), carryOut(looked[1], other)];
  await until(async () => {
    const { rows } = await pool.query<{ n: number }>(
      'SELECT count(DISTINCT pid)::int AS n FROM pg_locks WHERE NOT granted',
    );
    return rows[0]?.n === 2;
  });
  await locker.query('COMMIT');
  await locker.end();
  const told = await Promise.all(both);
  expect(told.map(({ done, failed: n }) => [done, n]).toSorted(([a], [b]) => a - b)).toEqual([
    [0, 0],
    [1, 0],
  ]);
  expect(told.flatMap(({ excluded = [] }) => excluded)).toEqual([{ why: 'was retried already', n: 1 }]);
  expect(await retriesOf(id)).toHaveLength(1);
});

it('counts no run as done that it has not changed, and says so in its row', async () => {
  const [first = '', second = ''] = await asking(2);
  const looked = await preview('pause', [first, second]);
  await post(`runs/${first}/pause`, { reason: 'look first' }, 'ada');
  expect(await carryOut(looked)).toEqual({
    done: 1,
    failed: 0,
    total: 2,
    state: 'done',
    errors: [],
    excluded: [{ why: 'is paused already', n: 1 }],
  });
  expect(await audit(first)).toMatchObject([
    { actor: 'ada', action: 'run.pause', details: { reason: 'look first' } },
    { actor: 'bulky', action: 'run.pause', outcome: 'done', details: { bulk: true, changed: false } },
  ]);
  const { items } = await get(`runs/${first}/history`);
  expect(items.find(({ kind }: { kind: string }) => kind === 'paused')).toMatchObject({ actor: 'ada' });
  expect((await audit(second)).map(({ details }) => details)).toEqual([{ bulk: true }]);
});

it('says of each run that it did not resume, or cancel, why', async () => {
  const [first = '', second = ''] = await asking(2);
  for (const id of [first, second]) await client.pause(id);
  const resume = await preview('resume', [first, second]);
  await client.resume(first);
  const unpaused = await carryOut(resume);
  expect(unpaused).toMatchObject({ done: 1, excluded: [{ why: 'is not paused', n: 1 }] });
  const cancel = await preview('cancel', [first, second]);
  await client.cancel(first);
  expect(await carryOut(cancel)).toMatchObject({ done: 1, failed: 0, excluded: [{ why: 'has ended', n: 1 }] });
  const last = (await audit(first)).map(({ action, details }) => [action, details]);
  expect(last).toEqual([
    ['run.resume', { bulk: true, changed: false }],
    ['run.cancel', { bulk: true, changed: false }],
  ]);
});

it('a run that refuses the act has a row that says that it failed', async () => {
  const [first = '', second = ''] = await asking(2);
  const looked = await preview('pause', [first, second], { reason: 'night' });
  await client.cancel(first);
  const state = await carryOut(looked);
  expect(state).toMatchObject({ done: 1, failed: 1, total: 2, state: 'done' });
  expect(state.errors).toMatchObject([{ id: first, code: 'EXECUTION_FINISHED' }]);
  expect(await audit(first)).toMatchObject([
    {
      actor: 'bulky',
      action: 'run.pause',
      outcome: 'failed',
      code: 'EXECUTION_FINISHED',
      details: { bulk: true, reason: 'night' },
    },
  ]);
});

it('a preview has all that fit, though the last run of a page is deleted before the next page is read', async () => {
  const ids = await asking(7);
  const gone = loseBorders(pool, 2);
  try {
    const looked = await post('bulk/preview', { act: 'pause', q: `id:${ids.join(',')}` });
    expect(looked).toMatchObject({ count: 7, eligible: 7, excluded: [] });
  } finally {
    jest.restoreAllMocks();
  }
  expect(gone).toHaveLength(3);
});

it('is carried out once, however many ask for it at the same time', async () => {
  const [id = ''] = await failed(1);
  const { token, eligible } = await preview('retry', [id]);
  // Who may is asked of a database, as a rule: both have come so far.
  let asked = 0;
  allows = async (action) => {
    if (action === 'run.retry') {
      asked++;
      await until(() => asked === 2);
    }
    return true;
  };
  const answers = await Promise.all([1, 2].map(() => post('bulk', { token, count: eligible })));
  expect(new Set(answers.map(({ error }) => error?.code ?? 'taken'))).toEqual(new Set(['BULK_CHANGED', 'taken']));
  const job = answers.find((answer) => answer.id !== undefined);
  await until(async () => (await get(`bulk/${job.id}`)).state === 'done');
  expect(await retriesOf(id)).toHaveLength(1);
});

it('is taken by whichever process is asked, once, and what becomes of it is known to all', async () => {
  const ids = await failed(2);
  const { token, eligible } = await preview('retry', ids);
  const ask = (app: RunningApp, count: number) =>
    app.ask('/api/bulk', { method: 'POST', body: { token, count }, headers: { 'x-actor': 'bulky' } });
  expect((await ask(other, 3)).json.error.code).toBe('BULK_CHANGED');
  const { status, json } = await ask(other, eligible);
  expect(status).toBe(202);
  expect((await ask(running, eligible)).json.error.code).toBe('BULK_CHANGED');
  const over = await until(async () => {
    const state = await get(`bulk/${json.id}`);
    return state.state === 'running' ? null : state;
  });
  expect(over).toEqual({ done: 2, failed: 0, total: 2, state: 'done', errors: [] });
  expect((await other.ask(`/api/bulk/${json.id}`)).json).toEqual(over);
  expect((await Promise.all(ids.map(retriesOf))).map((found) => found.length)).toEqual([1, 1]);
});

it('is stopped where its process has said nothing for two minutes', async () => {
  const [token, id] = [randomUUID(), randomUUID()];
  const state = { done: 1, failed: 0, total: 2, state: 'running', errors: [] };
  await pool.query(
    `INSERT INTO durable.bulk_acts (id, job, seen_at, runs, act, state)
     VALUES ($1, $2, now() - interval '119 s', '{}', '{}', $3)`,
    [token, id, JSON.stringify(state)],
  );
  expect(await get(`bulk/${id}`)).toEqual(state);
  await pool.query(`UPDATE durable.bulk_acts SET seen_at = now() - interval '121 s' WHERE job = $1`, [id]);
  expect(await get(`bulk/${id}`)).toEqual({ ...state, state: 'stopped' });
});

it('previews are over after ten minutes, and go then; acts after a day', async () => {
  const [id = ''] = await failed(1);
  const { token, eligible } = await preview('retry', [id]);
  await pool.query(
    `UPDATE durable.bulk_acts SET made_at = made_at - CASE WHEN job IS NULL THEN interval '11 min' ELSE interval '23 h' END`,
  );
  expect((await post('bulk', { token, count: eligible })).error.code).toBe('BULK_CHANGED');
  const kept = async () => (await pool.query('SELECT job FROM durable.bulk_acts WHERE job IS NOT NULL')).rowCount;
  const before = await kept();
  await preview('retry', [id]);
  const { rows } = await pool.query('SELECT id FROM durable.bulk_acts WHERE job IS NULL');
  expect(rows.map((row) => row.id)).not.toContain(token);
  expect([before, await kept()]).toEqual([before, before]);
  await pool.query(`UPDATE durable.bulk_acts SET made_at = made_at - interval '2 h'`);
  await preview('retry', [id]);
  expect(await kept()).toBe(0);
});

it('is a refusal in the audit where the act itself is not allowed', async () => {
  const [id = ''] = await failed(1);
  const { token } = await preview('retry', [id]);
  allows = (action) => action !== 'run.retry';
  const { error } = await post('bulk', { token, count: 1 }, 'half');
  expect(error.code).toBe('FORBIDDEN');
  const { items } = await get('audit?actor=half');
  expect(items).toMatchObject([{ action: 'run.bulk', outcome: 'refused', code: 'FORBIDDEN' }]);
});
