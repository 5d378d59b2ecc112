import {
  callWorkflow,
  getContext,
  once,
  Parallel,
  type ParallelResults,
  putContext,
  Step,
  unwrap,
  waitForEvent,
  waitForInput,
  Workflow,
  workflowInput,
} from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { protoKeys, values } from './values.js';
import { kit } from '../support/plain-app.js';

/** Data comes back as it went in, wherever it goes. */

const seen = new Map<string, unknown>();

@Workflow({ name: 'passing' })
class PassingWorkflow {
  @Step()
  first(data: Record<string, unknown>) {
    seen.set('input', data);
    seen.set('workflowInput', workflowInput());
    return { ...values(), from: 'a return' };
  }

  @Step()
  async second(data: Record<string, unknown>) {
    seen.set('data', data);
    putContext(values());
    seen.set('context', getContext());
    await once('kept', () => values());
    const event = await waitForEvent('event');
    const input = await waitForInput('input');
    seen.set('once', await once('again', () => values()));
    seen.set('event', event);
    seen.set('provided', input);
    seen.set('child', await callWorkflow(ChildWorkflow, values()));
    return undefined;
  }

  @Parallel(['arm'])
  arms(data: object, results: ParallelResults<{ arm: object }>) {
    seen.set('arm', unwrap(results).arm);
    return data;
  }

  @Step()
  arm() {
    return values();
  }
}

@Workflow({ name: 'child' })
class ChildWorkflow {
  @Step()
  work(data: object) {
    seen.set('child input', data);
    return values();
  }
}

@Workflow({ name: 'proto' })
class ProtoWorkflow {
  @Step()
  first(data: object) {
    seen.set('proto', data);
    return { data };
  }

  @Step()
  second({ data }: { data: object }) {
    seen.set('proto again', data);
    return data;
  }
}

class Money {
  constructor(
    private readonly cents: number,
    private readonly currency: string,
  ) {}

  toJSON(): object {
    return { amount: this.cents / 100, currency: this.currency };
  }
}

class OrderDto {
  id = 'o-1';
  created = new Date(0);
  lines = [Object.assign(new LineDto(), { sku: 'a' })];
}

class LineDto {
  sku = '';
  readonly note: string | undefined = undefined;
}

@Workflow({ name: 'classes' })
class ClassesWorkflow {
  @Step()
  first(data: object) {
    seen.set('classes input', data);
    return { price: new Money(1999, 'EUR'), order: new OrderDto(), error: new TypeError('stored') };
  }

  @Step()
  second(data: object) {
    seen.set('classes data', data);
  }
}

let test: DurableTest;

beforeAll(async () => {
  test = await kit([PassingWorkflow, ChildWorkflow, ProtoWorkflow, ClassesWorkflow]);
  const run = await test.client.start(PassingWorkflow, values());
  await test.idle();
  await run.sendEvent('event', values());
  await test.idle();
  await run.provideInput('input', values());
  seen.set('result', await run.result());
  const execution = await run.execution();
  seen.set('execution.input', execution?.input);
  seen.set('execution.data', execution?.data);
  const steps = await test.client.getSteps(run.id);
  seen.set('step.input', steps[0]?.input);
  seen.set('step.output', steps[0]?.output);
  const [answered] = await test.client.listPendingInputs({ status: 'completed' });
  seen.set('response', answered?.response);
});

afterAll(() => test.close());

it.each(['input', 'workflowInput', 'event', 'provided', 'once', 'arm', 'child', 'child input', 'execution.input'])(
  'in %s',
  (place) => {
    expect(seen.get(place)).toStrictEqual(values());
  },
);

it.each(['step.input', 'response'])('in %s', (place) => {
  expect(seen.get(place)).toStrictEqual(values());
});

it.each(['data', 'context', 'result', 'execution.data', 'step.output'])('in %s', (place) => {
  expect(seen.get(place)).toStrictEqual({ ...values(), from: 'a return' });
});

it('with their classes', () => {
  const data = seen.get('data') as ReturnType<typeof values>;
  expect(Buffer.isBuffer(data['buffer'])).toBe(true);
  expect(data['url']).toBeInstanceOf(URL);
  expect(data['date']).toBeInstanceOf(Date);
  expect(Object.is((data['numbers'] as number[])[3], -0)).toBe(true);
  expect('undefinedField' in data).toBe(true);
  expect((data['undefinedItems'] as unknown[]).length).toBe(3);
  const typed = data['typed'] as object[];
  expect(typed.map((one) => one.constructor.name)).toEqual(
    (values()['typed'] as object[]).map((one) => one.constructor.name),
  );
  expect(Buffer.isBuffer(typed[0])).toBe(false);
});

it('keys such as __proto__ are data, never prototypes', async () => {
  const run = await test.client.start(ProtoWorkflow, protoKeys());
  const places = [await run.result(), seen.get('proto'), seen.get('proto again'), (await run.execution())?.input];
  for (const data of places as Record<string, unknown>[]) {
    expect(JSON.stringify(data)).toBe(JSON.stringify(protoKeys()));
    expect(Object.getPrototypeOf(data)).toBe(Object.prototype);
    expect(Object.hasOwn(data, '__proto__')).toBe(true);
    expect(data).not.toHaveProperty('polluted');
  }
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
});

it('toJSON is stored as that, a DTO by its fields, an error as an error record', async () => {
  const input = { price: new Money(500, 'USD'), order: new OrderDto() };
  const run = await test.client.start(ClassesWorkflow, input);
  await run.result();
  const order = { id: 'o-1', created: new Date(0), lines: [{ sku: 'a', note: undefined }] };
  expect(seen.get('classes input')).toStrictEqual({ price: { amount: 5, currency: 'USD' }, order });
  const data = seen.get('classes data') as Record<string, object>;
  expect(data['price']).toStrictEqual({ amount: 19.99, currency: 'EUR' });
  expect(data['order']).toStrictEqual(order);
  expect(data['error']).toMatchObject({ name: 'TypeError', message: 'stored', stack: expect.any(String) });
  expect(data['error']).not.toBeInstanceOf(Error);
});

it('a DTO or an instance with toJSON may be the whole input', async () => {
  const run = await test.client.start(ClassesWorkflow, new OrderDto());
  await run.result();
  expect((await run.execution())?.input).toStrictEqual({
    id: 'o-1',
    created: new Date(0),
    lines: [{ sku: 'a', note: undefined }],
  });
  const money = await test.client.start(ClassesWorkflow, new Money(100, 'EUR'));
  await money.result();
  expect((await money.execution())?.input).toStrictEqual({ amount: 1, currency: 'EUR' });
});
