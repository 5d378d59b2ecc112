import { IsInt, Min, ValidateBy } from 'class-validator';
import { AsyncLocalStorage } from 'node:async_hooks';
import { encode } from '../../lib/core/codec/codec.js';
import { InvalidInputError } from '../../lib/core/errors/errors.js';
import { DurableWorkflow } from '../../lib/core/durable-workflow.js';
import { Workflow } from '../../lib/decorators/workflow.decorator.js';
import { DurableClient } from '../../lib/client/durable.client.js';
import { FakeHost } from './fake-host.js';

class OrderWorkflow extends DurableWorkflow<{ n: number }, { total: number }> {}
class StrangerWorkflow {}

let host: FakeHost;
let client: DurableClient;

beforeAll(async () => {
  host = await FakeHost.open();
  host.add(OrderWorkflow, { queue: 'orders', priority: 4, timeout: 9_000 });
  client = new DurableClient(host);
});

afterAll(() => host.close());

const ID = '0199A1DE-0000-7000-8000-00000000000';

describe('start', () => {
  it('takes what is not said from the workflow, and leaves a plain start to the group commit', async () => {
    const run = await client.start(OrderWorkflow, { n: 1 });
    expect(host.engine.starts).toEqual([
      {
        id: run.id, workflow: 'order', definitionId: host.rows.definitionId, queue: 'orders', priority: 4, input: '{"n":1}',
        tags: null, delayMs: 0, scheduledAt: null, retryOf: null, parentId: null, idempotencyKey: null,
        traceparent: null, scheduleTime: null, scheduleName: null,
      },
    ]); // prettier-ignore
    expect(run.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  });

  it('passes on every option', async () => {
    const scheduledAt = new Date('2100-01-01T00:00:00Z');
    const run = await client.start('order', { n: 1 }, { queue: 'ai', priority: -3, scheduledAt, tags: { a: 'b' } });
    expect(await run.execution()).toMatchObject({
      id: run.id, workflow: 'order', status: 'pending', queue: 'ai', priority: -3, scheduledAt, tags: { a: 'b' },
    }); // prettier-ignore
    const delayed = await client.start('order', {}, { delay: 60_000 });
    const found = await delayed.execution();
    expect(Number(found?.scheduledAt) - Number(found?.createdAt)).toBe(60_000);
  });

  it('starts with id or key alone in a commit of its own, and tells the workers', async () => {
    host.engine.told.length = 0;
    const own = await client.start(OrderWorkflow, { n: 1 }, { id: `${ID}1` });
    expect(own.id).toBe(`${ID}1`.toLowerCase());
    const keyed = await client.start(OrderWorkflow, { n: 1 }, { idempotencyKey: 'k' });
    expect(host.engine.told).toEqual(['orders', 'orders']);
    const again = await client.start(OrderWorkflow, { n: 1 }, { idempotencyKey: 'k' });
    await client.start(OrderWorkflow, { n: 1 }, { idempotencyKey: 'later', delay: 1 });
    expect(again.id).toBe(keyed.id);
    expect(host.engine.told).toEqual(['orders', 'orders', 'later orders']);
    const other = client.start(OrderWorkflow, { n: 2 }, { idempotencyKey: 'k' });
    await expect(other).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    const taken = client.start(OrderWorkflow, { n: 1 }, { id: `${ID}1`.toLowerCase() });
    await expect(taken).rejects.toMatchObject({ code: 'EXECUTION_EXISTS' });
  });

  it('joins the transaction of a manager', async () => {
    let id = '';
    const transaction = host.rows.dataSource.transaction(async (manager) => {
      id = (await client.start(OrderWorkflow, { n: 1 }, { manager })).id;
      expect(await client.getExecution(id)).toBeNull();
      const many = await client.startMany(OrderWorkflow, [{ input: { n: 2 } }], { manager });
      expect(many).toHaveLength(1);
    });
    await transaction;
    expect(await client.getExecution(id)).toMatchObject({ input: { n: 1 } });
  });

  it.each([
    [{ id: 'x' }, 'id', 'is its idempotencyKey or a tag), got the string "x"'],
    [{ priority: 1.5 }, 'priority', 'whole number'],
    [{ priority: 2 ** 31 }, 'priority', 'whole number'],
    [{ tags: { a: 1 } }, 'tags.a', 'expected a string'],
    [{ tags: { a: 'NUL\0' } }, 'tags.a', 'without NUL'],
    [{ tags: ['a'] }, 'tags', 'expected an object'],
    [{ delay: -1 }, 'delay', 'at least 0'],
    [{ delay: NaN }, 'delay', 'at least 0'],
    [{ delay: 5, scheduledAt: new Date() }, 'delay', 'and so does scheduledAt'],
    [{ scheduledAt: new Date(NaN) }, 'scheduledAt', 'expected a Date'],
    [{ scheduledAt: '2026-01-01' }, 'scheduledAt', 'expected a Date'],
    [{ queue: '' }, 'queue', 'a queue name'],
    [{ idempotencyKey: '' }, 'idempotencyKey', '1 to 512 characters'],
    [{ idempotencyKey: 'x'.repeat(513) }, 'idempotencyKey', '1 to 512 characters'],
    [{ idempotencyKey: 'schedule:daily:2030-01-01' }, 'idempotencyKey', 'begins with "schedule:"'],
    [{ idempotencyKey: '\ud800' }, 'idempotencyKey', 'surrogate'],
    [{ manager: {} }, 'manager', 'EntityManager'],
    [{ prioritty: 1 }, 'prioritty', 'Did you mean "priority"?'],
    [{ input: {} }, 'input', 'is not an option'],
  ])('refuses the options %j', async (options, path, message) => {
    const error = await client.start(OrderWorkflow, { n: 1 }, options as object).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(InvalidInputError);
    expect((error as InvalidInputError).violations).toEqual([{ path, message: expect.stringContaining(message) }]);
  });

  it('tells every fault at once', async () => {
    const bad = { id: 'x', queue: '', tags: { a: 1 } } as object;
    await expect(client.start(OrderWorkflow, { n: 1 }, bad)).rejects.toMatchObject({
      violations: [{ path: 'id' }, { path: 'queue' }, { path: 'tags.a' }],
    });
  });

  it.each([[null], [[1]], ['text'], [7], [new Date()], [new Map()]])('refuses %p as input', async (input) => {
    const start = client.start('order', input as object);
    await expect(start).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringMatching(/"order".*expected an object/),
    });
  });

  it('names the place of what cannot be stored, and the limit', async () => {
    const start = client.start('order', { a: [{ f: () => 1 }] });
    await expect(start).rejects.toMatchObject({ code: 'SERIALIZATION', path: 'input.a[0].f' });
    const large = client.start('order', { text: 'x'.repeat(10_000) });
    await expect(large).rejects.toMatchObject({
      code: 'SERIALIZATION',
      message: expect.stringMatching(/limit is 10000/),
    });
  });

  it('checks the input as the first step will see it', async () => {
    const seen: unknown[] = [];
    class CheckedWorkflow {}
    host.add(CheckedWorkflow, { name: 'checked' }, {
      validateInput: async (input) => {
        seen.push(input);
        throw new InvalidInputError('The input', [{ path: 'a', message: 'no' }]);
      },
    }); // prettier-ignore
    const start = client.start(CheckedWorkflow, { at: { toJSON: () => 'stored' } });
    await expect(start).rejects.toMatchObject({ violations: [{ path: 'a', message: 'no' }] });
    expect(seen).toEqual([{ at: 'stored' }]);
  });

  it('says which workflows there are', async () => {
    await expect(client.start('ordr', {})).rejects.toMatchObject({
      code: 'WORKFLOW_NOT_FOUND', message: expect.stringMatching(/Did you mean "order"\?.*Known workflows: .*order/),
    }); // prettier-ignore
    await expect(client.start(StrangerWorkflow, {})).rejects.toMatchObject({
      message: expect.stringMatching(/"StrangerWorkflow"/),
    });
  });

  it('starts by name what only other processes have', async () => {
    const definitionId = await host.rows.addDefinition('elsewhere', 1);
    const run = await client.start('elsewhere', { a: 1 });
    expect(host.engine.starts.at(-1)).toMatchObject({ id: run.id, workflow: 'elsewhere', definitionId });
  });
});

describe('a class that is no provider here', () => {
  class ChargeInput {
    @IsInt()
    @Min(1)
    amount!: number;
  }

  const caller = new AsyncLocalStorage<string>();
  let seen: unknown = 'nothing';

  class WatchedInput {
    @ValidateBy({ name: 'watched', validator: { validate: () => ((seen = caller.getStore()), true) } })
    amount!: number;
  }

  @Workflow({ input: ChargeInput })
  class ChargeCardWorkflow {}

  @Workflow({ name: 'watched', input: WatchedInput })
  class Anything {}

  it('starts by the name of its @Workflow() what another process has, and checks the input by its class', async () => {
    const definitionId = await host.rows.addDefinition('charge_card', 1);
    const run = await client.start(ChargeCardWorkflow, { amount: 1 });
    expect(host.engine.starts.at(-1)).toMatchObject({ id: run.id, workflow: 'charge_card', definitionId });
    await expect(client.start(ChargeCardWorkflow, { amount: 0 })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('"charge_card"'),
      violations: [{ path: 'amount' }],
    });
    const found = await client.listExecutions({ workflow: ChargeCardWorkflow });
    expect(found.map(({ id }) => id)).toEqual([run.id]);
  });

  it('has its input checked outside of its caller, as a registered one', async () => {
    await host.rows.addDefinition('watched', 1);
    await caller.run('a request', () => client.start(Anything, { amount: 1 }));
    expect(seen).toBeUndefined();
  });

  it('is refused where no process has stored its definition, with what an API process is to do', async () => {
    @Workflow()
    class NeverDeployedWorkflow {}
    await expect(client.start(NeverDeployedWorkflow, {})).rejects.toMatchObject({
      code: 'WORKFLOW_NOT_FOUND',
      message: expect.stringMatching(
        /"never_deployed".*Known workflows: .*\(an API\).*a worker .* must have booted before/,
      ),
    });
    expect(await client.countExecutions({ workflow: NeverDeployedWorkflow })).toBe(0);
  });
});

describe('startMany', () => {
  it('takes what an item says in place of what they share, also where it says none', async () => {
    const shared = { scheduledAt: new Date('2100-01-01T00:00:00Z'), tags: { a: 'b' } };
    const items = [{ input: {} }, { input: {}, delay: 0, tags: {} }];
    const [one, two] = await client.startMany('order', items, shared);
    expect(await one?.execution()).toMatchObject({ scheduledAt: shared.scheduledAt, tags: { a: 'b' } });
    expect(await two?.execution()).toMatchObject({ scheduledAt: null, tags: {} });
  });

  it('gives handles in order; an item says more than what is shared', async () => {
    host.engine.told.length = 0;
    const runs = await client.startMany(
      OrderWorkflow,
      [
        { input: { n: 1 } },
        { input: { n: 2 }, priority: 9, queue: 'b' },
        { input: { n: 3 }, scheduledAt: new Date(0) },
      ],
      { priority: 5, delay: 60_000, tags: { batch: 'x' } },
    );
    const found = await Promise.all(runs.map((run) => run.execution()));
    expect(found.map((run) => [run?.input, run?.priority, run?.queue, run?.tags])).toEqual([
      [{ n: 1 }, 5, 'orders', { batch: 'x' }],
      [{ n: 2 }, 9, 'b', { batch: 'x' }],
      [{ n: 3 }, 5, 'orders', { batch: 'x' }],
    ]);
    expect(found[2]?.scheduledAt).toEqual(new Date(0));
    expect(found[0]?.scheduledAt).toBeInstanceOf(Date);
    await client.startMany(OrderWorkflow, [{ input: { n: 1 } }, { input: { n: 1 } }]);
    // The one whose time has come may be claimed now: whether it has is the database's to say.
    expect(host.engine.told).toEqual(['orders', 'later orders', 'later b', 'orders']);
    expect(await client.startMany(OrderWorkflow, [])).toEqual([]);
  });

  it('starts none when one is wrong', async () => {
    const before = await client.countExecutions();
    const many = [
      { input: { n: 1 } },
      { input: { n: 2 }, priority: 'high' },
      { input: { n: 3 }, delay: -1 },
    ] as unknown as [];
    await expect(client.startMany(OrderWorkflow, many)).rejects.toMatchObject({
      violations: [{ path: 'items[1].priority' }, { path: 'items[2].delay' }],
    });
    const unstorable = [{ input: { n: 1 } }, { input: { n: Symbol('x') } }] as unknown as [];
    await expect(client.startMany(OrderWorkflow, unstorable)).rejects.toMatchObject({ code: 'SERIALIZATION' });
    await expect(client.startMany(OrderWorkflow, [], { id: 'x' } as object)).rejects.toThrow('shared.id');
    await expect(client.startMany(OrderWorkflow, {} as [])).rejects.toThrow('expected a list');
    expect(await client.countExecutions()).toBe(before);
  });
});

describe('retry', () => {
  it('starts the work of a finished run again, linked to it', async () => {
    const input = encode({ when: new Date(0) });
    const old = await host.rows.run({
      status: 'failed', error: '{}', queue: 'special', priority: 8, tags: { a: 'b' }, input,
    }); // prettier-ignore
    const run = await client.retry(old);
    expect(await run.execution()).toMatchObject({
      workflow: 'order', queue: 'special', priority: 8, tags: { a: 'b' }, input: { when: new Date(0) }, retryOf: old,
      status: 'pending',
    }); // prettier-ignore
    await expect(client.retry(run.id)).rejects.toMatchObject({ code: 'EXECUTION_NOT_FINISHED' });
  });
});
