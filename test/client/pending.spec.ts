import {
  hours,
  minutes,
  Step,
  waitForAny,
  waitForApproval,
  waitForChoice,
  waitForChoices,
  waitForEvent,
  waitForForm,
  waitForInput,
  waitForText,
  Workflow,
} from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { kit } from '../support/plain-app.js';

/** listPendingInputs and listPendingEvents */

const fields = [
  { name: 'iban', type: 'text', label: 'IBAN', required: true },
  { name: 'since', type: 'date' },
] as const;
const choices = [{ value: 'a', label: 'A' }, { value: 'b' }];

@Workflow({ name: 'asker' })
class AskerWorkflow {
  @Step()
  async ask() {
    const answers = await Promise.all([
      waitForApproval('approve', {
        prompt: 'Pay it?',
        metadata: { amount: 5n },
        timeout: hours(1),
        timeoutValue: 'late',
      }),
      waitForChoice('choice', { choices }),
      waitForChoices('several', { choices }),
      waitForText('text', { prompt: 'Why?' }),
      waitForForm('form', { fields: [...fields] }),
      waitForInput('anything'),
    ]);
    return { answers };
  }
}

@Workflow({ name: 'other' })
class OtherWorkflow {
  @Step()
  async wait() {
    await waitForAny(['paid', 'declined'], { timeout: minutes(10), timeoutValue: null });
    await waitForEvent('shipped');
  }
}

let test: DurableTest;

beforeEach(async () => {
  test = await kit([AskerWorkflow, OtherWorkflow]);
});

afterEach(() => test.close());

it('inputs are listed with what they ask for', async () => {
  const run = await test.client.start(AskerWorkflow, {});
  await test.idle();
  const inputs = await test.client.listPendingInputs({});
  const common = { executionId: run.id, workflow: 'asker', step: 'ask', status: 'pending', response: null };
  const byName = Object.fromEntries(inputs.map((input) => [input.name, input]));
  expect(inputs).toHaveLength(6);
  for (const input of inputs) {
    expect(input).toMatchObject(common);
    expect(Object.keys(input)).toEqual(
      expect.arrayContaining(
        'id, executionId, workflow, step, name, type, prompt, metadata, fields, choices, status, timeoutAt, createdAt, response'.split(
          ', ',
        ),
      ),
    );
    expect(input.createdAt).toBeInstanceOf(Date);
    expect(input.id).toEqual(expect.any(String));
  }
  expect(byName['approve']).toMatchObject({
    type: 'approval',
    prompt: 'Pay it?',
    metadata: { amount: 5n },
    timeoutAt: new Date(test.now().getTime() + hours(1)),
  });
  expect(byName['choice']).toMatchObject({ type: 'single_choice', choices, timeoutAt: null });
  expect(byName['several']).toMatchObject({ type: 'multi_choice', choices });
  expect(byName['text']).toMatchObject({ type: 'free_text', prompt: 'Why?' });
  expect(byName['form']).toMatchObject({ type: 'form', fields: [...fields] });
  expect(byName['anything']).toMatchObject({ type: 'free_text' });
});

it('inputs are found by workflow, run, status and timeout', async () => {
  const runs = await test.client.startMany(AskerWorkflow, [{ input: {} }, { input: {} }]);
  await test.idle();
  const [run] = runs;
  const { client } = test;
  expect(await client.listPendingInputs({ workflow: AskerWorkflow })).toHaveLength(12);
  expect(await client.listPendingInputs({ workflow: 'asker', executionId: run?.id ?? '' })).toHaveLength(6);
  expect(await client.listPendingInputs({ workflow: OtherWorkflow })).toEqual([]);
  const before = (ms: number): Date => new Date(test.now().getTime() + ms);
  expect(await client.listPendingInputs({ timeoutBefore: before(minutes(59)) })).toEqual([]);
  expect(await client.listPendingInputs({ timeoutBefore: before(minutes(61)) })).toHaveLength(2);
  expect(await client.listPendingInputs({ limit: 5 })).toHaveLength(5);

  await run?.provideInput('anything', { said: 'yes' });
  expect(await client.listPendingInputs({ executionId: run?.id ?? '', status: 'completed' })).toMatchObject([
    { name: 'anything', status: 'completed', response: { said: 'yes' } },
  ]);
  expect(await client.listPendingInputs({ executionId: run?.id ?? '' })).toHaveLength(5);
  await test.advance(hours(2));
  expect(await client.listPendingInputs({ status: 'timed_out' })).toMatchObject([
    { name: 'approve', status: 'timed_out' },
    { name: 'approve', status: 'timed_out' },
  ]);
  await run?.cancel();
  expect(await client.listPendingInputs({ executionId: run?.id ?? '' })).toEqual([]);
  const gone = await client.listPendingInputs({ executionId: run?.id ?? '', status: 'cancelled' });
  expect(gone.map(({ name }) => name).toSorted()).toEqual(['choice', 'form', 'several', 'text']);
});

it('inputs and events are listed 50 at a time', async () => {
  await test.client.startMany(
    AskerWorkflow,
    Array.from({ length: 9 }, () => ({ input: {} })),
  );
  await test.client.startMany(
    OtherWorkflow,
    Array.from({ length: 26 }, () => ({ input: {} })),
  );
  await test.idle();
  expect(await test.client.listPendingInputs()).toHaveLength(50);
  expect(await test.client.listPendingInputs({ limit: 54 })).toHaveLength(54);
  expect(await test.client.listPendingEvents()).toHaveLength(50);
  expect(await test.client.listPendingEvents({ limit: 100 })).toHaveLength(52);
});

it('events are listed with what waits for them', async () => {
  const run = await test.client.start(OtherWorkflow, {});
  await test.idle();
  const { client } = test;
  const timeoutAt = new Date(test.now().getTime() + minutes(10));
  const common = { executionId: run.id, workflow: 'other', step: 'wait', status: 'pending', timeoutAt };
  const events = await client.listPendingEvents({});
  expect(events.map(({ eventName }) => eventName).toSorted()).toEqual(['declined', 'paid']);
  for (const event of events) {
    expect(event).toMatchObject({ ...common, id: expect.any(String), createdAt: expect.any(Date) });
  }
  expect(await client.listPendingEvents({ eventName: 'paid' })).toMatchObject([{ ...common, eventName: 'paid' }]);
  expect(await client.listPendingEvents({ eventName: 'shipped' })).toEqual([]);
  await run.sendEvent('paid', 1);
  await test.idle();
  expect(await client.listPendingEvents({})).toMatchObject([{ eventName: 'shipped', timeoutAt: null }]);
  expect(await client.listPendingEvents({ eventName: 'paid', status: 'completed' })).toHaveLength(1);
  await run.cancel();
  expect(await client.listPendingEvents({})).toEqual([]);
  expect(await client.listPendingEvents({ eventName: 'shipped', status: 'cancelled' })).toHaveLength(1);
});

it('events that timed out are listed as such', async () => {
  await test.client.start(OtherWorkflow, {});
  await test.advance(minutes(11));
  expect(await test.client.listPendingEvents({ eventName: 'paid', status: 'timed_out' })).toMatchObject([
    { eventName: 'paid', status: 'timed_out' },
  ]);
});
