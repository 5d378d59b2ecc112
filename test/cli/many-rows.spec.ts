import { type DurableClient, once, Step, waitForEvent, Workflow } from 'nest-durable';
import pg from 'pg';
import { createTestDatabase } from '../support/database.js';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { until } from '../support/until.js';
import { toJson } from '../../lib/cli/output/json.js';
import { cliOn, json } from './support.js';

@Workflow({ name: 'hearing' })
class HearingWorkflow {
  @Step()
  async hear() {
    await waitForEvent('soon', { timeout: 1_800_000 });
  }
}

@Workflow({ name: 'odd' })
class OddWorkflow {
  @Step()
  async work() {
    await once('count', () => 12n);
    await once('places', () => new Map([['a', new Date(0)]]));
  }
}

let url: string;
let app: FaultApp;
let client: DurableClient;
let pool: pg.Pool;

beforeAll(async () => {
  ({ url } = await createTestDatabase({ breaksRows: true }));
  pool = new pg.Pool({ connectionString: url, max: 1 });
  app = await openApp({ database: { url } }, [HearingWorkflow, OddWorkflow]);
  ({ client } = app);
});

afterAll(async () => {
  await pool.end();
  await app.close();
});

it('pending finds the event that expires soon behind any number of older ones', async () => {
  const run = await client.start(HearingWorkflow, {});
  await until(async () => (await run.execution())?.status === 'waiting');
  await pool.query(
    `INSERT INTO durable.waits SELECT (jsonb_populate_record(w, jsonb_build_object(
       'id', '00000000-0000-7000-8000-' || lpad(i::text, 12, '0'), 'due_at', NULL, 'key', 'old' || i))).*
     FROM durable.waits w, generate_series(1, 1100) i WHERE w.run_id = $1`,
    [run.id],
  );
  const expiring = await cliOn(url)(['pending', '--events', '--expiring-in', '1', '--json']);
  expect(json(expiring)).toEqual({
    events: [expect.objectContaining({ eventName: 'soon', executionId: run.id, timeoutAt: expect.any(String) })],
  });
  expect(json<{ events: object[] }>(await cliOn(url)(['pending', '--events', '--json'])).events).toHaveLength(50);
  expect((await cliOn(url)(['pending', '--events'])).err).toContain('The first 50 of each: there may be more');
  expect((await cliOn(url)(['pending', '--events', '--limit', '50'])).err).toBe('');
  await run.cancel();
});

it('list says that there may be more than the 50 that it shows where nothing else is asked for', async () => {
  const inputs = Array.from({ length: 51 }, () => ({ input: {} }));
  const runs = await client.startMany(HearingWorkflow, inputs, { queue: 'nobody' });
  const listed = await cliOn(url)(['list', '--queue', 'nobody']);
  expect(listed.out.trim().split('\n')).toHaveLength(51);
  expect(listed.err).toContain('The newest 50: there may be more, which --limit shows.');
  expect((await cliOn(url)(['list', '--queue', 'nobody', '--limit', '50'])).err).toBe('');
  await runs[0]?.cancel();
  await runs[1]?.cancel();
  expect((await cliOn(url)(['list', '--queue', 'nobody', '--status', 'pending'])).err).toBe('');
  for (const run of runs) await run.cancel();
});

it('status says in its document too that there may be more than it counts', async () => {
  const status = async () => json<object>(await cliOn(url)(['status', '--json']));
  const run = await client.start(HearingWorkflow, {});
  await until(async () => (await run.execution())?.status === 'waiting');
  await client.schedule(HearingWorkflow, '0 2 1 1 *', { name: 'first' });
  expect(await status()).toMatchObject({
    schedules: { total: 1, more: false },
    pendingInputs: 0,
    pendingInputsMore: false,
  });
  await pool.query(
    `INSERT INTO durable.scheduled_workflows SELECT (jsonb_populate_record(s, jsonb_build_object('name', 'copy' || i))).*
     FROM durable.scheduled_workflows s, generate_series(1, 1100) i WHERE s.name = 'first'`,
  );
  await pool.query(
    `INSERT INTO durable.waits SELECT (jsonb_populate_record(w, jsonb_build_object(
       'id', '00000000-0000-7000-9000-' || lpad(i::text, 12, '0'), 'kind', 'input', 'due_at', NULL, 'key', 'asked' || i))).*
     FROM durable.waits w, generate_series(1, 1100) i WHERE w.run_id = $1`,
    [run.id],
  );
  expect(await status()).toMatchObject({
    schedules: { total: 1_000, more: true },
    pendingInputs: 1_000,
    pendingInputsMore: true,
  });
  await run.cancel();
});

it('inspect --context --json has what once() gave in the form of the codec, also what JSON has not', async () => {
  const run = await client.start(OddWorkflow, {});
  await run.result();
  const ran = await cliOn(url)(['inspect', run.id, '--context', '--json']);
  expect(ran).toMatchObject({ code: 0, err: '' });
  const { steps } = json<{ steps: { once: { name: string; value: unknown }[] }[] }>(ran);
  expect(steps[0]?.once).toMatchObject([
    { name: 'count', value: { $durable: 'bigint' } },
    { name: 'places', value: { $durable: 'map' } },
  ]);
});

it('the error of a schedule is in the form of the codec, fields of its own too', () => {
  const lastError = { name: 'Error', message: 'x', amount: 12n, at: new Map([['a', 1]]) };
  expect(JSON.parse(toJson([{ name: 'nightly', lastError }]))).toEqual([
    {
      name: 'nightly',
      lastError: {
        name: 'Error',
        message: 'x',
        amount: expect.objectContaining({ $durable: 'bigint' }),
        at: expect.objectContaining({ $durable: 'map' }),
      },
    },
  ]);
});
