import { Parallel, Step, Workflow } from 'nest-durable';
import pg from 'pg';
import { phaseChanges } from '../../lib/engine/run/phases.js';
import { createTestDatabase } from '../support/database.js';
import { Gates, openApp, type PlainApp } from '../support/plain-app.js';
import { until } from '../support/until.js';

/** A run fails at the moment at which its worker leaves it: whoever has it next has to see to that, and nothing else calls him. */
let gates: Gates;

@Workflow({ name: 'failing_arms' })
class FailingArmsWorkflow {
  @Parallel(['recorded', 'fails'])
  both() {}

  @Step()
  async recorded() {
    await gates.pass('recorded');
  }

  @Step()
  async fails() {
    await gates.pass('fails');
    throw new Error('broken');
  }
}

let url: string;
let pool: pg.Pool;
let app: PlainApp;

async function open(): Promise<PlainApp> {
  return openApp({ database: { url }, queues: { default: { concurrency: 2 } } }, [FailingArmsWorkflow]);
}

async function stateOf(id: string): Promise<string | undefined> {
  const { rows } = await pool.query<{ state: string }>('SELECT state FROM durable.workflow_queue WHERE id = $1', [id]);
  return rows[0]?.state;
}

/** Resolves when a session begins nothing any more. */
function stopped(): Promise<void> {
  return new Promise((resolve) => {
    const hear = (change: unknown): void => {
      if ((change as { to?: unknown }).to !== 'stopping') return;
      phaseChanges.unsubscribe(hear);
      resolve();
    };
    phaseChanges.subscribe(hear);
  });
}

beforeEach(async () => {
  gates = new Gates();
  ({ url } = await createTestDatabase());
  pool = new pg.Pool({ connectionString: url, max: 1 });
  app = await open();
});

afterEach(async () => {
  gates.openAll();
  await app.app.close();
  await pool.end();
});

it('one that is paused then is ready once it is resumed, and ends as failed', async () => {
  const run = await app.client.start(FailingArmsWorkflow, {});
  await Promise.all([gates.arrived('recorded'), gates.arrived('fails')]);
  const stopping = stopped();
  await run.pause();
  gates.open('recorded');
  await stopping;
  gates.open('fails');
  await until(async () => (await run.execution())?.status === 'paused');
  expect(await stateOf(run.id)).toBe('ready');
  await run.resume();
  await run.result().catch(() => {});
  expect(await run.execution()).toMatchObject({ status: 'failed', error: { message: 'broken' } });
});

it('one that is handed back then is ready for the next worker, and ends as failed', async () => {
  const { id } = await app.client.start(FailingArmsWorkflow, {});
  await Promise.all([gates.arrived('recorded'), gates.arrived('fails')]);
  const stopping = stopped();
  const closing = app.app.close();
  await stopping;
  gates.openAll();
  await closing;
  expect(await stateOf(id)).toBe('ready');
  app = await open();
  const run = app.client.handle(id);
  await run.result().catch(() => {});
  expect(await run.execution()).toMatchObject({ status: 'failed', error: { message: 'broken' } });
});
