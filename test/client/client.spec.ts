import { randomUUID } from 'node:crypto';
import { encode } from '../../lib/core/codec/codec.js';
import { DurableWorkflow } from '../../lib/core/durable-workflow.js';
import { DurableClient } from '../../lib/client/durable.client.js';
import { sql } from '../../lib/storage/sql.js';
import { FakeHost } from './fake-host.js';

class OrderWorkflow extends DurableWorkflow<{ n: number }, { total: number }> {}

const OUTCOMES = sql('run-outcomes', 'durable');

let host: FakeHost;
let client: DurableClient;

beforeEach(async () => {
  host = await FakeHost.open();
  host.add(OrderWorkflow, {});
  client = new DurableClient(host);
});

afterEach(() => host.close());

/** Resolves once a statement has been sent whose text has the words. */
async function untilSent(words: string): Promise<void> {
  while (!host.statements.some((text) => text.includes(words))) await new Promise((resolve) => setImmediate(resolve));
}

describe('result', () => {
  it('of a run held here comes from memory, without a query', async () => {
    const id = randomUUID();
    host.engine.local.add(id);
    const result = client.handle(id).result();
    await new Promise((resolve) => setImmediate(resolve));
    host.engine.ended.tell(id, { status: 'completed', data: '{"total":3}', error: null });
    expect(await result).toEqual({ total: 3 });
    expect(host.statements).toEqual([]);
  });

  it('of a run that a claim under way brings here comes from memory, though it ends before it is looked for', async () => {
    const [claimed, over] = [randomUUID(), randomUUID()];
    host.engine.claims = async () => {
      host.engine.local.add(claimed);
      host.engine.ended.tell(over, { status: 'completed', data: '{"total":1}', error: null });
    };
    const results = [client.handle(claimed).result(), client.handle(over).result()];
    expect(await results[1]).toEqual({ total: 1 });
    host.engine.ended.tell(claimed, { status: 'completed', data: '{"total":2}', error: null });
    expect(await results[0]).toEqual({ total: 2 });
    expect(host.statements).toEqual([]);
  });

  it('is looked for where a claim under way does not come back', async () => {
    const id = await host.rows.open({});
    host.engine.claims = () => new Promise(() => {});
    await expect(client.handle(id).result({ timeout: 0 })).rejects.toMatchObject({ code: 'RESULT_TIMEOUT' });
    await host.end(id, 'completed', '{"total":8}');
    expect(await client.handle(id).result()).toEqual({ total: 8 });
  });

  it('of a run held elsewhere comes with the hint that it ended, which was asked for', async () => {
    const run = await client.start(OrderWorkflow, { n: 1 });
    const result: Promise<{ total: number }> = run.result();
    await untilSent('SET watched = true');
    await untilSent(OUTCOMES);
    expect(await host.rows.one('workflow_queue', run.id)).toMatchObject({ watched: true });
    await host.end(run.id, 'completed', '{"total":4}');
    host.engine.ended.tell(run.id, null);
    expect(await result).toEqual({ total: 4 });
  });

  it('is found by polling when no hint comes, many in one statement', async () => {
    const ids = await Promise.all(Array.from({ length: 40 }, () => host.rows.open({})));
    host.statements.length = 0;
    const results = Promise.all(ids.map((id) => client.handle(id).result()));
    await untilSent(OUTCOMES);
    await Promise.all(ids.map((id) => host.end(id, 'completed', '{"total":5}')));
    expect(new Set((await results).map((data) => JSON.stringify(data)))).toEqual(new Set(['{"total":5}']));
    const looks = host.statements.filter((text) => text.includes(OUTCOMES));
    expect(looks.length).toBeLessThan(20);
  });

  it('of a run that leaves this process is looked for in the tables', async () => {
    const id = await host.rows.open({});
    host.engine.local.add(id);
    const result = client.handle(id).result();
    host.engine.local.delete(id);
    await host.end(id, 'completed', '{"total":6}');
    expect(await result).toEqual({ total: 6 });
  });

  it('throws how a run failed, with the stored error', async () => {
    const error = encode({ name: 'CardError', message: 'declined', code: 'card_declined' });
    for (const status of ['failed', 'compensated', 'compensation_failed'] as const) {
      const id = await host.rows.run({ status, error });
      await expect(client.handle(id).result()).rejects.toMatchObject({
        name: 'WorkflowFailedError', code: 'WORKFLOW_FAILED', executionId: id, status,
        cause: { name: 'CardError', message: 'declined', code: 'card_declined' },
      }); // prettier-ignore
    }
  });

  it('throws that a run was cancelled, and why', async () => {
    for (const reason of ['not wanted', undefined]) {
      const run = await client.start(OrderWorkflow, { n: 1 });
      expect(await run.cancel(reason)).toBe(true);
      await expect(run.result()).rejects.toMatchObject({
        name: 'WorkflowCancelledError', code: 'WORKFLOW_CANCELLED', executionId: run.id, reason: reason ?? null,
      }); // prettier-ignore
    }
  });

  it('gives up after the timeout, and leaves nothing behind that waits', async () => {
    const id = await host.rows.open({});
    for (const timeout of [0, 30]) {
      await expect(client.handle(id).result({ timeout })).rejects.toMatchObject({
        code: 'RESULT_TIMEOUT', executionId: id, timeout,
      }); // prettier-ignore
    }
    expect(Reflect.get(host.engine.ended, 'listeners')).toEqual(new Map());
  });

  it('throws for a run that is not, and a timeout that is none', async () => {
    const id = randomUUID();
    await expect(client.handle(id).result()).rejects.toMatchObject({ code: 'EXECUTION_NOT_FOUND', executionId: id });
    for (const timeout of [-1, NaN, '5' as unknown as number]) {
      await expect(client.handle(id).result({ timeout })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    }
  });

  it('outlasts an outage of the database', async () => {
    const id = await host.rows.open({});
    let refusals = 3;
    const isBack = new Promise<void>((resolve) => {
      host.beforeEach = () => {
        if (refusals === 0) return;
        refusals -= 1;
        if (refusals === 0) resolve();
        throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
      };
    });
    const result = client.handle(id).result();
    await isBack;
    await host.end(id, 'completed', '{"total":7}');
    expect(await result).toEqual({ total: 7 });
  });

  it('ends with a clear error when the module is shut down', async () => {
    const local = randomUUID();
    host.engine.local.add(local);
    const waiting = [client.handle(local).result(), client.handle(await host.rows.open({})).result()];
    const ends = Promise.allSettled(waiting);
    host.closed = true;
    for (const end of await ends) {
      expect(end).toMatchObject({
        status: 'rejected',
        reason: { code: 'DATABASE_UNAVAILABLE', message: expect.stringMatching(/shut down/) },
      });
    }
  });
});

describe('verbs', () => {
  it('cancel, and tell whoever holds the run', async () => {
    const id = await host.rows.open({});
    expect(await client.cancel(id, 'why')).toBe(true);
    expect(host.engine.told).toEqual([`ended ${id}`]);
    expect(await client.cancel(id)).toBe(false);
    expect(host.engine.told).toHaveLength(1);
    expect(await client.getExecution(id)).toMatchObject({ status: 'cancelled', error: { message: 'why' } });
  });

  it('pause and resume, and tell the queue', async () => {
    const run = client.handle(await host.rows.open({ queue: 'ai' }));
    expect([await run.pause(), await run.pause()]).toEqual([true, false]);
    expect(await run.execution()).toMatchObject({ status: 'paused' });
    expect([await run.resume(), await run.resume()]).toEqual([true, false]);
    expect(await run.execution()).toMatchObject({ status: 'pending' });
    expect(host.engine.told).toEqual(['ai']);
  });

  it('read a run with its steps', async () => {
    const id = await host.rows.run({ status: 'completed' });
    await host.rows.record(id, 1, { output: '{"n":2}' });
    const found = await client.getExecution(id, { includeSteps: true });
    expect(found?.steps).toEqual(await client.getSteps(id));
    expect(found?.steps).toHaveLength(1);
    expect(await client.getExecution(id)).not.toHaveProperty('steps');
    await expect(client.getSteps(randomUUID())).rejects.toMatchObject({ code: 'EXECUTION_NOT_FOUND' });
    expect(await client.getExecution(randomUUID(), { includeSteps: true })).toBeNull();
  });

  it('take a workflow by class or by name in filters', async () => {
    const id = await host.rows.run({ status: 'completed' });
    await host.rows.run({ status: 'completed', workflow: 'other' });
    expect((await client.listExecutions({ workflow: OrderWorkflow })).map((run) => run.id)).toEqual([id]);
    expect(await client.countExecutions({ workflow: 'order', status: ['completed', 'failed'] })).toBe(1);
    class StrangerWorkflow {}
    await expect(client.listExecutions({ workflow: StrangerWorkflow })).rejects.toMatchObject({
      code: 'WORKFLOW_NOT_FOUND',
    });
    expect(await client.executionCounts()).toMatchObject({ completed: 2, running: 0 });
    expect((await client.listWorkflows()).map((one) => one.name)).toEqual(['order']);
  });

  it.each([
    [{ limit: 0 }, 'limit'],
    [{ limit: 1001 }, 'limit'],
    [{ offset: -1 }, 'offset'],
    [{ order: 'up' }, 'order'],
    [{ status: 'runing' }, 'status'],
    [{ status: ['completed', 7] }, 'status'],
    [{ parentId: 'x' }, 'parentId'],
    [{ since: '2026-01-01' }, 'since'],
    [{ until: new Date(NaN) }, 'until'],
    [{ tags: { a: null } }, 'tags.a'],
    [{ stauts: 'failed' }, 'stauts'],
  ])('refuse the filters %j', async (filters, path) => {
    const list = client.listExecutions(filters as object);
    await expect(list).rejects.toMatchObject({ code: 'INVALID_INPUT', violations: [{ path }] });
  });

  it('refuse an id that is no UUID', async () => {
    const invalid = { code: 'INVALID_INPUT', message: expect.stringMatching(/expected a UUID, got the string "42"/) };
    for (const verb of ['getExecution', 'getSteps', 'cancel', 'retry', 'pause', 'resume'] as const) {
      await expect(client[verb]('42')).rejects.toMatchObject(invalid);
    }
    expect(() => client.handle('42')).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
    const id = await host.rows.open({});
    expect(await client.getExecution(id.toUpperCase())).toMatchObject({ id });
    expect(client.handle(id.toUpperCase()).id).toBe(id);
  });

  it('sweep', async () => {
    await client.sweep();
    expect(host.engine.told).toEqual(['sweep']);
  });
});
