import {
  type DurableClient,
  type ExecutionStatus,
  FatalError,
  startWorkflow,
  Step,
  waitForEvent,
  Workflow,
  type WorkflowHandle,
} from 'nest-durable';
import { createTestDatabase } from '../support/database.js';
import { type PlainApp, NOBODY, openApp, reached } from '../support/plain-app.js';
import { until } from '../support/until.js';

/** The methods that list and count runs. */

const STATUSES: ExecutionStatus[] = [
  'pending',
  'running',
  'waiting',
  'paused',
  'completed',
  'failed',
  'cancelled',
  'compensating',
  'compensated',
  'compensation_failed',
];

@Workflow({ name: 'plain', description: 'does nothing' })
class PlainWorkflow {
  @Step()
  work({ fail }: { fail?: boolean; n?: number }) {
    if (fail === true) throw new FatalError('told to');
    return { worked: true };
  }
}

@Workflow({ name: 'parent', queue: 'parents' })
class ParentWorkflow {
  @Step()
  async begin({ children }: { children: number }) {
    for (let n = 0; n < children; n += 1) {
      await startWorkflow(n === 0 ? WaitingWorkflow : PlainWorkflow, { n }, { ref: `child ${n}` });
    }
  }
}

@Workflow({ name: 'waiting' })
class WaitingWorkflow {
  @Step()
  see(data: object) {
    return { ...data, seen: true };
  }

  @Step()
  async wait() {
    await waitForEvent('go');
  }
}

let opened: PlainApp;
let client: DurableClient;
let url: string;

beforeAll(async () => {
  ({ url } = await createTestDatabase());
  opened = await openApp({ database: { url }, queues: { default: {}, parents: {} } }, [
    PlainWorkflow,
    ParentWorkflow,
    WaitingWorkflow,
  ]);
  client = opened.client;
});

afterAll(() => opened.app.close());

async function plain(count: number, options: { tags?: Record<string, string> } = {}): Promise<WorkflowHandle[]> {
  const items = Array.from({ length: count }, (_, n) => ({ input: { n } }));
  const runs = await client.startMany(PlainWorkflow, items, options);
  await Promise.all(runs.map((run) => run.result()));
  return runs;
}

const idsOf = (runs: readonly { id: string }[]): string[] => runs.map(({ id }) => id);

describe('listExecutions', () => {
  it('gives 50 unless limit says otherwise, pages with offset, and orders', async () => {
    const ids = new Set(idsOf(await plain(55, { tags: { test: 'pages' } })));
    const filter = { tags: { test: 'pages' } };
    expect(await client.listExecutions(filter)).toHaveLength(50);
    expect(await client.listExecutions({ ...filter, limit: 55 })).toHaveLength(55);
    const first = await client.listExecutions({ ...filter, limit: 30 });
    const second = await client.listExecutions({ ...filter, limit: 30, offset: 30 });
    expect(second).toHaveLength(25);
    expect(new Set(idsOf([...first, ...second]))).toEqual(ids);
    const up = idsOf(await client.listExecutions({ ...filter, order: 'asc', limit: 55 }));
    const down = idsOf(await client.listExecutions({ ...filter, order: 'desc', limit: 55 }));
    expect(down).toEqual(up.toReversed());
    expect(await client.countExecutions(filter)).toBe(55);
  });

  it('filters by workflow, a class or a name', async () => {
    await plain(1);
    const byClass = await client.listExecutions({ workflow: PlainWorkflow, limit: 1000 });
    expect(new Set(byClass.map(({ workflow }) => workflow))).toEqual(new Set(['plain']));
    expect(idsOf(await client.listExecutions({ workflow: 'plain', limit: 1000 }))).toEqual(idsOf(byClass));
    expect(await client.countExecutions({ workflow: PlainWorkflow })).toBe(byClass.length);
    expect(await client.countExecutions({ workflow: 'plain' })).toBe(byClass.length);
  });

  it('filters by status, one or several', async () => {
    const failed = await client.start(PlainWorkflow, { fail: true }, { tags: { test: 'status' } });
    const waiting = await client.start(WaitingWorkflow, {}, { tags: { test: 'status' } });
    const [done] = await plain(1, { tags: { test: 'status' } });
    await reached(client, failed.id, 'failed');
    await reached(client, waiting.id, 'waiting');
    const find = async (status: ExecutionStatus | ExecutionStatus[]): Promise<string[]> =>
      idsOf(await client.listExecutions({ tags: { test: 'status' }, status, order: 'asc' }));
    expect(await find('failed')).toEqual([failed.id]);
    expect(await find(['waiting'])).toEqual([waiting.id]);
    expect(await find(['failed', 'completed'])).toEqual([failed.id, done?.id]);
    expect(await find('paused')).toEqual([]);
    expect(await client.countExecutions({ tags: { test: 'status' }, status: ['failed', 'waiting'] })).toBe(2);
  });

  it('filters by queue, parentId and tags', async () => {
    const parent = await client.start(ParentWorkflow, { children: 3 }, { tags: { a: '1', b: '2' } });
    await parent.result();
    expect(idsOf(await client.listExecutions({ queue: 'parents' }))).toContain(parent.id);
    expect(await client.listExecutions({ queue: 'nowhere' })).toEqual([]);
    const children = await client.listExecutions({ parentId: parent.id });
    expect(children.map(({ parentId }) => parentId)).toEqual([parent.id, parent.id, parent.id]);
    expect(idsOf(await client.listExecutions({ tags: { a: '1' } }))).toEqual([parent.id]);
    expect(idsOf(await client.listExecutions({ tags: { b: '2', a: '1' } }))).toEqual([parent.id]);
    expect(await client.listExecutions({ tags: { a: '1', b: 'other' } })).toEqual([]);
    expect(await client.countExecutions({ parentId: parent.id })).toBe(3);
  });

  it('filters by since and until', async () => {
    const tags = { test: 'time' };
    const [early] = await plain(1, { tags });
    const start = (await early?.execution())?.createdAt.getTime() ?? 0;
    await new Promise((resolve) => setTimeout(resolve, 20));
    const [late] = await plain(1, { tags });
    const middle = new Date(start + 10);
    expect(idsOf(await client.listExecutions({ tags, since: middle }))).toEqual([late?.id]);
    expect(idsOf(await client.listExecutions({ tags, until: middle }))).toEqual([early?.id]);
    expect(await client.listExecutions({ tags, since: middle, until: middle })).toEqual([]);
    expect(await client.countExecutions({ tags, since: new Date(start - 1000) })).toBe(2);
  });

  it('gives Executions, without steps', async () => {
    const [run] = await plain(1, { tags: { test: 'shape' } });
    const [listed] = await client.listExecutions({ tags: { test: 'shape' } });
    const { input: _input, data: _data, ...rest } = (await run?.execution()) ?? {};
    expect(listed).toMatchObject(rest);
    expect(listed?.steps).toBeUndefined();
    expect(listed).toMatchObject({ input: undefined, data: undefined });
  });

  it('gives input and data with includeData, whatever the status, as getExecution() does', async () => {
    const tags = { test: 'data' };
    await plain(1, { tags });
    await client.start(PlainWorkflow, { n: 2 }, { tags, delay: 60_000 });
    const failed = await client.start(PlainWorkflow, { fail: true }, { tags });
    const waiting = await client.start(WaitingWorkflow, { asked: new Date(0) }, { tags });
    await reached(client, failed.id, 'failed');
    await reached(client, waiting.id, 'waiting');
    const listed = await client.listExecutions({ tags, includeData: true, order: 'asc' });
    expect(listed).toHaveLength(4);
    expect(listed).toEqual(await Promise.all(listed.map(({ id }) => client.getExecution(id))));
    expect(listed.map(({ input, data }) => [input, data])).toEqual([
      [{ n: 0 }, { worked: true }],
      [{ n: 2 }, { n: 2 }],
      [{ fail: true }, { fail: true }],
      [{ asked: new Date(0) }, { asked: new Date(0), seen: true }],
    ]);
    const [last] = await client.listExecutions({ workflow: WaitingWorkflow, includeData: true, limit: 1 });
    expect(last).toEqual(listed[3]);
    await Promise.all(listed.map(({ id }) => client.cancel(id)));
  });
});

describe('executionCounts', () => {
  it('gives a number for every status', async () => {
    const before = await client.executionCounts();
    expect(Object.keys(before).toSorted()).toEqual(STATUSES.toSorted());
    for (const status of STATUSES) expect(before[status]).toEqual(expect.any(Number));
    await plain(2);
    const run = await client.start(PlainWorkflow, {}, { delay: 60_000 });
    const after = await client.executionCounts();
    expect(after).toEqual({ ...before, completed: before.completed + 2, pending: before.pending + 1 });
    await run.cancel();
    expect(await client.executionCounts()).toEqual({
      ...after,
      pending: before.pending,
      cancelled: before.cancelled + 1,
    });
  });

  it('is all zeros where there is nothing', async () => {
    const { url: other } = await createTestDatabase();
    const { app, client: none } = await openApp({ database: { url: other } });
    expect(await none.executionCounts()).toEqual(Object.fromEntries(STATUSES.map((status) => [status, 0])));
    expect(await none.listExecutions()).toEqual([]);
    expect(await none.countExecutions()).toBe(0);
    await app.close();
  });
});

describe('children', () => {
  it('are listed and counted', async () => {
    const parent = await client.start(ParentWorkflow, { children: 3 });
    const lonely = await client.start(ParentWorkflow, { children: 0 });
    await Promise.all([parent.result(), lonely.result()]);
    const children = await client.listChildren(parent.id, {});
    expect(children.map(({ workflow }) => workflow).toSorted()).toEqual(['plain', 'plain', 'waiting']);
    for (const child of children) expect(child.parentId).toBe(parent.id);
    const settledAll = async (): Promise<boolean> =>
      (await client.listChildren(parent.id, { status: 'completed' })).length === 2;
    await until(settledAll);
    const waiting = children.find(({ workflow }) => workflow === 'waiting');
    await reached(client, waiting?.id ?? '', 'waiting');
    expect(idsOf(await client.listChildren(parent.id, { status: 'waiting' }))).toEqual([waiting?.id]);
    expect(await client.listChildren(parent.id, { status: 'failed' })).toEqual([]);
    expect(await client.listChildren(lonely.id)).toEqual([]);
    expect(await client.childCounts([parent.id, lonely.id, NOBODY])).toMatchObject({ [parent.id]: 3, [lonely.id]: 0 });
  });
});

describe('listWorkflows', () => {
  it('gives each definition with totals, last run and graph', async () => {
    const [run] = await plain(1);
    const workflows = await client.listWorkflows();
    expect(workflows.map(({ name }) => name).toSorted()).toEqual(['parent', 'plain', 'waiting']);
    const found = workflows.find(({ name }) => name === 'plain');
    expect(found).toMatchObject({ description: 'does nothing', queue: 'default' });
    expect(found?.lastRun?.id).toBe(run?.id);
    expect(Object.keys(found?.totals ?? {}).toSorted()).toEqual(STATUSES.toSorted());
    expect(found?.totals.completed).toBe(
      await client.countExecutions({ workflow: PlainWorkflow, status: 'completed' }),
    );
    expect(JSON.stringify(found?.graph)).toContain('work');
  });
});
