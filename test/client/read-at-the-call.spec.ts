import { type DurableClient, startWorkflow, Step, waitForEvent, waitForInput, Workflow } from 'nest-durable';
import { createTestDatabase } from '../support/database.js';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { until } from '../support/until.js';

/**
 * A caller may use an object again for its next call, before the last one has answered: each call goes by what it was given.
 */

interface Numbered {
  n: number;
}

@Workflow({ name: 'numbered' })
class NumberedWorkflow {
  @Step()
  step() {}
}

@Workflow({ name: 'asking' })
class AskingWorkflow {
  @Step()
  async ask(data: object) {
    const answers = Promise.all([waitForInput('one'), waitForInput('two')]);
    const events = Promise.all([waitForEvent('paid'), waitForEvent('paid')]);
    return { ...data, answers: await answers, events: await events };
  }
}

@Workflow({ name: 'parent' })
class ParentWorkflow {
  @Step()
  async begin() {
    const input: Numbered = { n: 0 };
    const children: Promise<string>[] = [];
    for (input.n = 1; input.n <= 3; input.n++) children.push(startWorkflow('numbered', input));
    return { children: await Promise.all(children) };
  }
}

let app: FaultApp;
let client: DurableClient;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  app = await openApp({ database: { url } }, [NumberedWorkflow, AskingWorkflow, ParentWorkflow]);
  client = app.client;
});

afterAll(() => app.close());

async function inputsOf(ids: readonly string[]): Promise<unknown[]> {
  return Promise.all(ids.map(async (id) => (await client.getExecution(id))?.input));
}

it('start() goes by the input and the options of its own call', async () => {
  const input: Numbered = { n: 0 };
  const options = { idempotencyKey: '', tags: { n: '' } };
  const calls = [];
  for (input.n = 1; input.n <= 3; input.n++) {
    options.idempotencyKey = `order ${input.n}`;
    options.tags.n = String(input.n);
    calls.push(client.start('numbered', input, options));
  }
  const ids = (await Promise.all(calls)).map(({ id }) => id);
  expect(await inputsOf(ids)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  expect(await client.countExecutions({ tags: { n: '2' } })).toBe(1);
  const again = await client.start('numbered', { n: 2 }, { idempotencyKey: 'order 2' });
  expect(again.id).toBe(ids[1]);
});

it('startMany() goes by its items as they were', async () => {
  const input = { n: 1 };
  const items = [{ input }, { input: { n: 2 } }];
  const call = client.startMany('numbered', items);
  input.n = 7;
  items.pop();
  const ids = (await call).map(({ id }) => id);
  expect(await inputsOf(ids)).toEqual([{ n: 1 }, { n: 2 }]);
});

it('sendEvent() and provideInput() give what they were given', async () => {
  const run = await client.start('asking', {});
  await until(async () => (await client.listPendingInputs({ executionId: run.id })).length === 2);
  const payload: Numbered = { n: 1 };
  const options = { dedupeKey: 'first' };
  const first = run.sendEvent('paid', payload, options);
  payload.n = 2;
  options.dedupeKey = 'second';
  await first;
  await run.sendEvent('paid', payload, options);
  const answer: Numbered = { n: 1 };
  const answered = run.provideInput('one', answer);
  answer.n = 2;
  await answered;
  await run.provideInput('two', answer);
  expect(await run.result()).toEqual({ answers: [{ n: 1 }, { n: 2 }], events: [{ n: 1 }, { n: 2 }] });
});

it('schedules have the inputs of their own calls', async () => {
  const input: Numbered = { n: 1 };
  const options = { name: 'first', input };
  const made = client.schedule('numbered', '@yearly', options);
  options.name = 'second';
  input.n = 2;
  expect(await made).toMatchObject({ name: 'first', input: { n: 1 } });
  const changed = client.updateSchedule('first', { input });
  input.n = 3;
  expect(await changed).toMatchObject({ input: { n: 2 } });
  const triggered = client.triggerSchedule('first', { input });
  input.n = 4;
  expect(await inputsOf([(await triggered).id])).toEqual([{ n: 3 }]);
});

it('filters of lists, of counts and of acts on many are those of the call', async () => {
  const runs = await client.startMany('numbered', [{ input: {}, delay: 1e9 }], { tags: { kind: 'filtered' } });
  const filters = { tags: { kind: 'filtered' }, workflow: 'numbered' };
  const calls = [client.listExecutions(filters), client.countExecutions(filters), client.cancelMany(filters)];
  filters.tags.kind = 'none';
  filters.workflow = 'asking';
  const [listed, count, cancelled] = await Promise.all(calls);
  expect(listed).toMatchObject(runs.map(({ id }) => ({ id })));
  expect(count).toBe(1);
  expect(cancelled).toEqual({ count: 1, refused: [] });
  const again = { tags: { kind: 'filtered' }, status: 'cancelled' as const };
  const retried = client.retryMany(again, { dryRun: true });
  again.tags.kind = 'none';
  expect(await retried).toEqual({ count: 1, refused: [] });
});

it('childCounts() counts for the ids of the call', async () => {
  const parent = await client.start('parent', {});
  await parent.result();
  const ids = [parent.id];
  const counts = client.childCounts(ids);
  ids.length = 0;
  expect(await counts).toEqual({ [parent.id]: 3 });
});

it('a step gives each child the input of its own call', async () => {
  const parent = await client.start('parent', {});
  const { children } = (await parent.result()) as { children: string[] };
  expect(await inputsOf(children)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
});

it('a workflow that is null is refused, and not taken for none: an act on many would go to all', async () => {
  const workflow = null as unknown as string;
  for (const call of [
    () => client.cancelMany({ workflow }),
    () => client.listExecutions({ workflow }),
    () => client.countExecutions({ workflow }),
    () => client.listPendingInputs({ workflow }),
    () => client.listSchedules({ workflow }),
  ]) {
    await expect(call()).rejects.toMatchObject({ code: 'WORKFLOW_NOT_FOUND' });
  }
});
