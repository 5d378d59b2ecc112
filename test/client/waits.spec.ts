import { randomUUID } from 'node:crypto';
import { encode } from '../../lib/core/codec/codec.js';
import type { WaitSpec } from '../../lib/core/run/wait-spec.js';
import { DurableWorkflow } from '../../lib/core/durable-workflow.js';
import { DurableClient } from '../../lib/client/durable.client.js';
import { FakeHost } from './fake-host.js';

class OrderWorkflow extends DurableWorkflow<{ n: number }, object> {}

const SLEEPING = { state: 'sleeping', due_at: 'infinity', started_at: new Date() };

let host: FakeHost;
let client: DurableClient;

beforeEach(async () => {
  host = await FakeHost.open();
  host.add(OrderWorkflow, {});
  client = new DurableClient(host);
});

afterEach(() => host.close());

function ask(id: string, name: string, spec: WaitSpec = {}, more: Record<string, unknown> = {}): Promise<string> {
  return host.rows.wait(id, { kind: 'input', names: [name], spec: encode(spec), ...more });
}

describe('events and answers', () => {
  it('tell the engine of the run that goes on', async () => {
    const id = await host.rows.open(SLEEPING);
    await host.rows.wait(id, { kind: 'event', names: ['paid'] });
    await client.sendEvent(id.toUpperCase(), 'paid', { n: 1 });
    expect(host.engine.told).toEqual([`woken ${id}`]);
  });

  it('take what can be stored, within the limit', async () => {
    const id = await host.rows.open(SLEEPING);
    await expect(client.sendEvent(id, 'paid', () => {})).rejects.toMatchObject({ code: 'SERIALIZATION' });
    await expect(client.sendEvent(id, 'paid', 'x'.repeat(20_000))).rejects.toMatchObject({ code: 'SERIALIZATION' });
    await ask(id, 'a');
    await expect(client.provideInput(id, 'a', Symbol('a'))).rejects.toMatchObject({ code: 'SERIALIZATION' });
    await client.provideInput(id, 'a', undefined);
  });

  it('say all that is wrong with their arguments', async () => {
    const id = await host.rows.open(SLEEPING);
    const wrong = { dedupeKey: '', manager: {}, dedupe: 'x' } as object;
    await expect(client.sendEvent(id, '', 1, wrong)).rejects.toMatchObject({
      violations: [{ path: 'name' }, { path: 'dedupeKey' }, { path: 'manager' }, { path: 'dedupe' }],
    });
    await expect(client.sendEvent('7', 'paid')).rejects.toMatchObject({ violations: [{ path: 'id' }] });
    await expect(client.provideInput(id, { inputId: 'x' }, 1)).rejects.toMatchObject({
      violations: [{ path: 'input.inputId' }],
    });
    await expect(client.provideInput(id, 'a\0b', 1)).rejects.toMatchObject({ violations: [{ path: 'name' }] });
    await expect(client.cancelWait(id, { name: 7, why: 'x' } as object)).rejects.toMatchObject({
      violations: [{ path: 'name' }, { path: 'why' }],
    });
    await expect(client.cancel(id, 7 as never, { compensate: 'yes' } as never)).rejects.toMatchObject({
      violations: [{ path: 'reason' }, { path: 'compensate' }],
    });
  });

  it('are checked as the step will see them', async () => {
    const id = await host.rows.open(SLEEPING);
    await ask(id, 'form', {
      type: 'form',
      fields: [
        { name: 'due', type: 'date' },
        { name: 'note', type: 'text' },
      ],
    });
    await expect(client.provideInput(id, 'form', { due: 'soon' })).rejects.toMatchObject({
      code: 'INVALID_INPUT', violations: [{ path: 'due' }],
    }); // prettier-ignore
    class Answer {
      due = '2026-01-31T09:00:00+01:00';
    }
    await client.provideInput(id, 'form', new Answer());
    const [input] = await client.listPendingInputs({ status: 'completed' });
    expect(input?.response).toEqual({ due: new Date('2026-01-31T08:00:00Z') });
  });
});

describe('lists', () => {
  it('of inputs filter by workflow, run, status and time; the open ones come oldest first', async () => {
    const [one, two] = [await host.rows.open(SLEEPING), await host.rows.open(SLEEPING, { workflow: 'invoice' })];
    const soon = new Date('2030-01-01T00:00:00Z');
    const first = await ask(one, 'a', { type: 'approval', prompt: 'A?' }, { due_at: soon, path: 'people[3]/sign' });
    const second = await ask(two, 'b', { type: 'single_choice', choices: [{ value: 1, label: 'One' }], metadata: [1] });
    const third = await ask(one, 'c', {}, { state: 'done', result: encode({ by: 'ann' }) });
    const fourth = await ask(one, 'd', {}, { state: 'timed_out' });
    const ids = async (filters: object) => (await client.listPendingInputs(filters)).map((input) => input.id);
    expect(await ids({})).toEqual([first, second]);
    expect(await ids({ limit: 1 })).toEqual([first]);
    expect(await ids({ workflow: OrderWorkflow })).toEqual([first]);
    expect(await ids({ workflow: 'invoice' })).toEqual([second]);
    expect(await ids({ executionId: one, status: ['pending', 'completed', 'timed_out', 'cancelled'] })).toEqual([
      fourth, third, first,
    ]); // prettier-ignore
    expect(await ids({ timeoutBefore: soon })).toEqual([]);
    expect(await ids({ timeoutBefore: new Date(soon.getTime() + 1) })).toEqual([first]);
    expect(await client.listPendingInputs({ executionId: one })).toEqual([
      {
        id: first, executionId: one, workflow: 'order', step: 'sign', name: 'a', type: 'approval', prompt: 'A?',
        metadata: null, fields: null, choices: null, status: 'pending', timeoutAt: soon, closedAt: null, response: null,
        createdAt: expect.any(Date),
      },
    ]); // prettier-ignore
    expect(await client.listPendingInputs({ workflow: 'invoice' })).toMatchObject([
      { type: 'single_choice', choices: [{ value: 1, label: 'One' }], metadata: [1] },
    ]);
    expect(await client.listPendingInputs({ status: 'completed' })).toMatchObject([
      { type: 'free_text', response: { by: 'ann' }, closedAt: expect.any(Date) },
    ]);
    expect(await client.listPendingInputs({ status: ['completed', 'completed'] })).toHaveLength(1);
    await expect(client.listPendingInputs({ status: 'open', limit: 0 } as object)).rejects.toMatchObject({
      violations: [{ path: 'status' }, { path: 'limit' }],
    });
  });

  it('of events have one for each name that has not come', async () => {
    const id = await host.rows.open(SLEEPING);
    const event = await host.rows.wait(id, { kind: 'event', names: ['x'] });
    const any = await host.rows.wait(id, { kind: 'any', names: ['a', 'b'] });
    const all = await host.rows.wait(id, { kind: 'all', names: ['c', 'd'] });
    await client.sendEvent(id, 'c');
    const list = async (filters: object = {}) =>
      (await client.listPendingEvents(filters)).map((one) => [one.id, one.eventName, one.status]);
    expect(await list()).toEqual([
      [event, 'x', 'pending'], [any, 'a', 'pending'], [any, 'b', 'pending'], [all, 'd', 'pending'],
    ]); // prettier-ignore
    expect(await list({ eventName: 'b' })).toEqual([[any, 'b', 'pending']]);
    expect(await list({ limit: 2 })).toHaveLength(2);
    await client.sendEvent(id, 'b');
    await client.sendEvent(id, 'd');
    expect(await list()).toEqual([[event, 'x', 'pending']]);
    expect(await list({ status: 'completed' })).toEqual([
      [all, 'c', 'completed'], [all, 'd', 'completed'], [any, 'b', 'completed'],
    ]); // prettier-ignore
  });

  it('of children come in the order of their starts, and are counted', async () => {
    const id = await host.rows.open(SLEEPING);
    const done = await host.rows.run({ parent_id: id, status: 'completed' });
    const open = await host.rows.open(SLEEPING, { parent_id: id });
    expect((await client.listChildren(id)).map((run) => run.id)).toEqual([done, open]);
    expect((await client.listChildren(id, { status: 'waiting' })).map((run) => run.id)).toEqual([open]);
    expect(await client.listChildren(open)).toEqual([]);
    expect(await client.childCounts([id, open])).toEqual({ [id]: 2, [open]: 0 });
    expect(await client.childCounts([])).toEqual({});
    await expect(client.listChildren(randomUUID())).rejects.toMatchObject({ code: 'EXECUTION_NOT_FOUND' });
    await expect(client.listChildren(id, { status: 'none' } as object)).rejects.toMatchObject({
      violations: [{ path: 'status' }],
    });
  });
});
