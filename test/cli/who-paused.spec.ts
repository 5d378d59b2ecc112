import { type DurableClient, DurableQueues, Step, waitForEvent, Workflow } from 'nest-durable';
import pg from 'pg';
import { createTestDatabase } from '../support/database.js';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { until } from '../support/until.js';
import { cliOn } from './support.js';

@Workflow({ name: 'patient' })
class PatientWorkflow {
  @Step()
  async wait() {
    await waitForEvent('never');
  }
}

let app: FaultApp;
let client: DurableClient;
let queues: DurableQueues;
let pool: pg.Pool;
let on: ReturnType<typeof cliOn>;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  on = cliOn(url);
  pool = new pg.Pool({ connectionString: url, max: 1 });
  app = await openApp({ database: { url }, queues: { default: {}, gpu: {} } }, [PatientWorkflow]);
  ({ client } = app);
  queues = app.app.get(DurableQueues);
});

afterAll(async () => {
  await pool.end();
  await app.close();
});

/** Whoever has done the last act is called that. */
async function by(name: string, argv: readonly string[]): Promise<void> {
  await on(argv);
  await pool.query(
    'UPDATE durable.audit SET actor = $1 WHERE id = (SELECT id FROM durable.audit ORDER BY id DESC LIMIT 1)',
    [name],
  );
}

it('a paused queue names who has paused or drained it, and nobody for a pause that is over or changed nothing', async () => {
  await queues.pause('gpu');
  const run = await client.start(PatientWorkflow, {}, { queue: 'gpu' });
  const title = async (): Promise<string | undefined> => (await client.explain(run.id))?.title;
  expect(await title()).toMatch(/: queue `gpu` is paused$/);
  await by('grace', ['queues', 'pause', 'gpu']);
  await by('grace', ['queues', 'drain', 'gpu']);
  expect(await title()).toMatch(/: queue `gpu` is paused$/);
  await queues.resume('gpu');
  await until(async () => (await run.execution())?.status === 'waiting');
  const next = await client.start(PatientWorkflow, {}, { queue: 'gpu', delay: 0 });
  await until(async () => (await next.execution())?.status === 'waiting');
  await by('ada', ['queues', 'drain', 'gpu']);
  await by('grace', ['queues', 'pause', 'gpu']);
  const last = await client.start(PatientWorkflow, {}, { queue: 'gpu' });
  const standing = async (): Promise<string | undefined> => (await client.explain(last.id))?.title;
  expect(await standing()).toMatch(/: queue `gpu` is paused by ada$/);
  await by('ada', ['queues', 'resume', 'gpu']);
  await until(async () => (await last.execution())?.status === 'waiting');
  await queues.pause('gpu');
  const later = await client.start(PatientWorkflow, {}, { queue: 'gpu' });
  expect((await client.explain(later.id))?.title).toMatch(/: queue `gpu` is paused$/);
});

it('a paused run names who has paused it, and nobody for a pause that is over or changed nothing', async () => {
  const run = await client.start(PatientWorkflow, {});
  await until(async () => (await run.execution())?.status === 'waiting');
  const title = async (): Promise<string | undefined> => (await client.explain(run.id))?.title;
  const history = async (): Promise<string[]> => {
    const { rows } = await pool.query<{ text: string }>(
      'SELECT action || COALESCE(details::text, $$$$) AS text FROM durable.audit WHERE target_id = $1 ORDER BY id',
      [run.id],
    );
    return rows.map(({ text }) => text);
  };
  await by('ada', ['pause', run.id]);
  await by('grace', ['pause', run.id]);
  expect(await title()).toBe('Paused by ada');
  await by('ada', ['resume', run.id]);
  await by('grace', ['resume', run.id]);
  await run.pause();
  expect(await title()).toBe('Paused');
  expect(await history()).toEqual([
    'run.pause{}',
    'run.pause{"changed":false}',
    'run.resume{}',
    'run.resume{"changed":false}',
  ]);
});
