import { FatalError, Step, Workflow, WorkflowFailedError } from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { kit, present, settled, type Thrown, thrownBy } from '../support/kit-app.js';

type Body = (data: Record<string, unknown>) => unknown;

let body: Body;
const seen: unknown[] = [];

/** A step that does what the test says, and one that shows what it got. */
@Workflow()
class PipelineWorkflow {
  @Step()
  first(data: Record<string, unknown>) {
    return body(data) as object;
  }

  @Step()
  second(data: Record<string, unknown>) {
    seen.push(data);
  }
}

let calls = 0;

@Workflow()
class RetriedWorkflow {
  @Step({ retry: { maxAttempts: 5, initialDelay: 1 } })
  run(data: Record<string, unknown>) {
    calls++;
    return body(data) as object;
  }
}

@Workflow()
class ResultWorkflow {
  @Step()
  one(input: { a: number }) {
    return { b: input.a + 1 };
  }

  @Step()
  async two(data: { b: number }) {
    return { c: data.b + 1 };
  }

  @Step()
  three() {}

  @Step()
  async four() {
    return undefined;
  }
}

let test: DurableTest;

beforeAll(async () => {
  test = await kit([PipelineWorkflow, RetriedWorkflow, ResultWorkflow]);
});

afterAll(() => test.close());

beforeEach(() => {
  seen.length = 0;
  calls = 0;
});

/** What the second step gets when the first does this. */
async function passedOn(first: Body, input: object = {}): Promise<unknown> {
  body = first;
  seen.length = 0;
  const run = await test.client.start(PipelineWorkflow, input);
  const { status, error } = await settled(test, run);
  if (status !== 'completed') throw new Error(`${status}: ${error?.message}`);
  expect(await run.result()).toEqual(seen[0]);
  return seen[0];
}

async function failure(work: Body): Promise<{ error: Thrown; cause: NonNullable<WorkflowFailedError['cause']> }> {
  body = work;
  const run = await test.client.start(RetriedWorkflow, {});
  await test.advance(60_000);
  const error = present(await thrownBy(() => run.result()));
  expect(error).toBeInstanceOf(WorkflowFailedError);
  expect(error).toMatchObject({ executionId: run.id, status: 'failed' });
  return { error, cause: present((error as WorkflowFailedError).cause) };
}

describe('data', () => {
  it('goes from member to member; the first gets the input, the last gives the result', async () => {
    const run = await test.client.start(ResultWorkflow, { a: 1 });
    await test.idle();
    expect(await run.result()).toEqual({ c: 3 });
    const steps = await test.client.getSteps(run.id);
    expect(steps.map(({ input }) => input)).toEqual([{ a: 1 }, { b: 2 }, { c: 3 }, { c: 3 }]);
  });

  it('is replaced by what a step returns, not merged', async () => {
    expect(await passedOn(() => ({ b: 2 }), { a: 1 })).toEqual({ b: 2 });
    expect(await passedOn(() => ({}), { a: 1 })).toEqual({});
  });

  it('stays as it was when a step returns undefined, whatever the step did to its copy', async () => {
    expect(await passedOn(() => undefined, { a: [1] })).toEqual({ a: [1] });
    const changed = await passedOn(
      (data) => {
        (data['a'] as number[]).push(2);
        data['b'] = 1;
      },
      { a: [1] },
    );
    expect(changed).toEqual({ a: [1] });
  });

  it('may be a changed argument that is returned', async () => {
    expect(await passedOn((data) => Object.assign(data, { b: 1 }), { a: 1 })).toEqual({ a: 1, b: 1 });
  });

  it.each([
    ['null', null],
    ['a string', 'text'],
    ['a number', 5],
    ['a boolean', true],
    ['an array', [1, 2]],
  ])('%s fails with InvalidStepResultError, which is not retried', async (_what, value) => {
    const { cause } = await failure(() => value);
    expect(cause.name).toBe('InvalidStepResultError');
    expect(typeof cause.code).toBe('string');
    expect(calls).toBe(1);
  });

  it('always goes through its stored form', async () => {
    class Dto {
      constructor(readonly id: string) {}
    }
    class Money {
      constructor(private readonly cents: number) {}
      toJSON() {
        return { cents: this.cents };
      }
    }
    const nested = { list: [1] };
    const at = new Date(5);
    const got = (await passedOn(() => ({ dto: new Dto('1'), money: new Money(7), at, nested }))) as {
      [key: string]: object;
    };
    nested.list.push(2);
    expect(got).toEqual({ dto: { id: '1' }, money: { cents: 7 }, at: new Date(5), nested: { list: [1] } });
    expect(Object.getPrototypeOf(got['dto'])).toBe(Object.prototype);
    expect(got['at']).toBeInstanceOf(Date);
    expect(got['at']).not.toBe(at);
    expect(got['nested']).not.toBe(nested);
  });

  it('may be the instance of a DTO', async () => {
    class Dto {
      readonly id = 'x';
    }
    const got = await passedOn(() => new Dto());
    expect(got).toEqual({ id: 'x' });
    expect(Object.getPrototypeOf(got)).toBe(Object.prototype);
  });

  it('that cannot be stored fails the step', async () => {
    const { cause } = await failure(() => ({ deep: [{ fn: () => 1 }] }));
    expect(cause.name).toBe('SerializationError');
    expect(cause.message).toContain('deep');
  });
});

describe('throwing', () => {
  it('fails the attempt', async () => {
    const { cause } = await failure(() => {
      throw Object.assign(new TypeError('no money'), { code: 'E_MONEY', amount: 3 });
    });
    expect(cause).toMatchObject({ name: 'TypeError', message: 'no money', code: 'E_MONEY', amount: 3 });
    expect(calls).toBe(5);
  });

  it('a rejection does too', async () => {
    const { cause } = await failure(() => Promise.reject(new Error('later')));
    expect(cause).toMatchObject({ name: 'Error', message: 'later' });
    expect(calls).toBe(5);
  });

  it('a FatalError fails it with no further attempt, and keeps its cause', async () => {
    const { cause } = await failure(() => {
      throw new FatalError('card stolen', { cause: new RangeError('limit') });
    });
    expect(calls).toBe(1);
    expect(cause).toMatchObject({
      name: 'FatalError',
      message: 'card stolen',
      code: new FatalError('').code,
      cause: { name: 'RangeError', message: 'limit' },
    });
  });

  it('anything can be thrown', async () => {
    const { cause } = await failure(() => {
      throw 'just text';
    });
    expect(cause.message).toContain('just text');
    expect(calls).toBe(5);
  });
});
