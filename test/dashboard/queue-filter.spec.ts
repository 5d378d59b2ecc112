import pg from 'pg';
import { DurableClient, Step, Workflow } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { createTestDatabase } from '../support/database.js';
import { type RunningApp, startApp } from './hosts.js';

/** Filters with several terms on the queue, of a workflow with runs in several. */

@Workflow({ name: 'order' })
class OrderWorkflow {
  @Step()
  charge() {
    return { ok: true };
  }
}

/** Its column is made of JSON, in which quotes are escaped. */
const ODD = 'Says "no" \\';

let running: RunningApp;
let pool: pg.Pool;
const ids: Record<string, string> = {};

beforeAll(async () => {
  const { url } = await createTestDatabase({ breaksRows: true });
  pool = new pg.Pool({ connectionString: url, max: 1 });
  const mounted = DurableDashboardModule.forRoot({ authorize: () => true });
  running = await startApp({ name: 'express', framework: 'express' }, url, [mounted], { providers: [OrderWorkflow] });
  const client = running.app.get(DurableClient);
  for (const queue of ['default', 'gpu']) {
    for (const state of ['open', 'failed']) {
      const { id } = await client.start(OrderWorkflow, {}, { queue });
      ids[`${queue} ${state}`] = id;
      if (state === 'open') continue;
      await pool.query('DELETE FROM durable.workflow_queue WHERE id = $1', [id]);
      await pool.query(
        `UPDATE durable.workflow_executions
         SET status = 'failed', completed_at = now(), error = $2 WHERE id = $1`,
        [id, JSON.stringify({ name: queue === 'gpu' ? 'CardError' : ODD, message: 'no' })],
      );
    }
  }
});
afterAll(async () => {
  await running.close();
  await pool.end();
});

it.each([
  ['queue:gpu', 'gpu open', 'gpu failed'],
  ['queue:gpu -queue:default', 'gpu open', 'gpu failed'],
  ['queue:gpu queue:gpu,ai', 'gpu open', 'gpu failed'],
  ['queue:gpu,ai queue:gpu', 'gpu open', 'gpu failed'],
  ['queue:gpu -queue:default error:CardError', 'gpu failed'],
  ['queue:gpu queue:gpu,ai error:CardError', 'gpu failed'],
  ['queue:gpu -queue:default workflow:order', 'gpu open', 'gpu failed'],
  ['queue:gpu -queue:default -workflow:refund', 'gpu open', 'gpu failed'],
  ['queue:gpu -queue:gpu'],
  ['queue:gpu queue:ai,default'],
  ['queue:default -queue:gpu', 'default open', 'default failed'],
  ['error:"Says \\"no\\" \\\\"', 'default failed'],
  ['error:CardError,"Says \\"no\\" \\\\" queue:default', 'default failed'],
  ['-error:"Says \\"no\\" \\\\" queue:default', 'default open'],
])('%s: the list, its number and what an act on all is about', async (q, ...expected) => {
  const wanted = new Set(expected.map((name) => ids[name]));
  const ask = async (path: string) => (await running.ask(`/api/${path}q=${encodeURIComponent(q)}`)).json;
  const { items } = await ask('runs?');
  expect(items).toHaveLength(wanted.size);
  expect(new Set(items.map(({ id }: { id: string }) => id))).toEqual(wanted);
  expect(await ask('runs/count?')).toEqual({ n: wanted.size, more: false });
  const { json } = await running.ask('/api/bulk/preview', { method: 'POST', body: { act: 'retry', q } });
  const failed = expected.filter((name) => name.endsWith('failed')).map((name) => ids[name]);
  expect(json).toMatchObject({ count: wanted.size, eligible: failed.length });
  expect(json.sample.map(({ id }: { id: string }) => id)).toEqual(failed);
});
