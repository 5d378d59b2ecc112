import { Branch, sleep, Step, Workflow } from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { kit, present, settled, thrownBy } from '../support/kit-app.js';

const log: string[] = [];

@Workflow()
class RoutingWorkflow {
  @Step()
  start(data: object) {
    return { ...data, started: true };
  }

  @Branch({
    invoice: ['extract', 'validate'],
    true: 'yes',
    7: 'seven',
    null: 'nothing',
    undefined: 'missing',
    '': 'empty',
  })
  byType(data: { type: unknown }) {
    return data.type;
  }

  @Step()
  extract(data: object) {
    return { ...data, extracted: true };
  }

  @Step()
  between(data: object) {
    return { ...data, between: true };
  }

  @Step()
  validate(data: object) {
    return { ...data, validated: true };
  }

  @Step()
  yes(data: object) {
    return { ...data, arm: 'yes' };
  }

  @Step()
  seven(data: object) {
    return { ...data, arm: 'seven' };
  }

  @Step()
  nothing(data: object) {
    return { ...data, arm: 'nothing' };
  }

  @Step()
  missing(data: object) {
    return { ...data, arm: 'missing' };
  }

  @Step()
  empty(data: object) {
    return { ...data, arm: 'empty' };
  }
}

@Workflow()
class DefaultWorkflow {
  @Branch({ a: 'first', default: 'rest' })
  async choose(data: { key: unknown }) {
    await sleep(1_000);
    return data.key;
  }

  @Step()
  first() {
    return { arm: 'first' };
  }

  @Step()
  rest() {
    return { arm: 'rest' };
  }
}

@Workflow()
class NestedWorkflow {
  @Branch({ in: ['before', 'inner', 'after'], default: 'never' })
  outer() {
    return 'in';
  }

  @Branch({ deep: 'bottom', other: 'never2' })
  inner() {
    return Promise.resolve('deep');
  }

  @Step()
  after() {
    log.push('after');
  }

  @Step()
  bottom() {
    log.push('bottom');
  }

  @Step()
  before() {
    log.push('before');
  }

  @Step()
  never() {
    log.push('never');
  }

  @Step()
  never2() {
    log.push('never2');
  }

  @Step()
  end() {
    log.push('end');
  }
}

let tries = 0;

@Workflow()
class ThrowingWorkflow {
  @Branch({ a: 'never' })
  choose() {
    tries++;
    throw new Error('cannot choose');
  }

  @Step()
  never() {}
}

let test: DurableTest;

beforeAll(async () => {
  test = await kit([RoutingWorkflow, DefaultWorkflow, NestedWorkflow, ThrowingWorkflow]);
});

afterAll(() => test.close());

async function route(type: unknown): Promise<unknown> {
  const run = await test.client.start(RoutingWorkflow, { type });
  await test.idle();
  return run.result();
}

describe('a branch', () => {
  it('runs the members of one arm, one after the other, in the order of the array; then goes on', async () => {
    const run = await test.client.start(RoutingWorkflow, { type: 'invoice' });
    await test.idle();
    expect(await run.result()).toEqual({
      type: 'invoice',
      started: true,
      extracted: true,
      validated: true,
      between: true,
    });
    const steps = await test.client.getSteps(run.id);
    expect(steps.map(({ step, type, status }) => [step, type, status])).toEqual([
      ['start', 'step', 'completed'],
      ['byType', 'branch', 'completed'],
      ['extract', 'step', 'completed'],
      ['validate', 'step', 'completed'],
      ['between', 'step', 'completed'],
    ]);
  });

  it.each([
    [true, 'yes'],
    ['true', 'yes'],
    [7, 'seven'],
    [null, 'nothing'],
    [undefined, 'missing'],
    ['', 'empty'],
  ])('picks by String(value): %p', async (type, arm) => {
    expect(await route(type)).toMatchObject({ arm, between: true });
  });

  it.each([
    ['a', 'first'],
    ['b', 'rest'],
    [3, 'rest'],
    ['constructor', 'rest'],
    ['__proto__', 'rest'],
    [null, 'rest'],
  ])('has `default` for the rest, and may wait: %p', async (key, arm) => {
    const run = await test.client.start(DefaultWorkflow, { key });
    await test.advance(1_000);
    expect(await run.result()).toEqual({ arm });
  });

  it.each(['receipt', 'constructor', 99, false])(
    'fails the run without a match and a default, naming the value: %p',
    async (type) => {
      const run = await test.client.start(RoutingWorkflow, { type });
      expect((await settled(test, run)).status).toBe('failed');
      const error = present(await thrownBy(() => run.result()));
      expect((error.cause as Error).message).toContain(String(type));
    },
  );

  it('nests', async () => {
    const run = await test.client.start(NestedWorkflow, {});
    await test.idle();
    expect(await run.result()).toEqual({});
    expect(log).toEqual(['before', 'bottom', 'after', 'end']);
  });

  it('fails like a step when the selector throws', async () => {
    const run = await test.client.start(ThrowingWorkflow, {});
    expect(await settled(test, run)).toMatchObject({ status: 'failed', error: { message: 'cannot choose' } });
    expect(tries).toBe(1);
  });
});
