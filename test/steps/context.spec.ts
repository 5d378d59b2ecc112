import {
  appendContext,
  Branch,
  currentAttempt,
  deleteContext,
  ForEach,
  getContext,
  hasContext,
  incrementContext,
  type ItemContext,
  mergeContext,
  putContext,
  sleep,
  Step,
  updateContext,
  Workflow,
} from 'nest-durable';
import { type DurableTest, runStep } from 'nest-durable/testing';
import { kit } from '../support/kit-app.js';

type Data = Record<string, unknown>;

let body: (data: Data) => unknown;
const seen: unknown[] = [];

@Workflow()
class WritingWorkflow {
  @Step({ retry: { maxAttempts: 2, initialDelay: 1 } })
  run(data: Data) {
    return body(data) as object;
  }
}

@Workflow()
class LoopWorkflow {
  @ForEach('item')
  items() {
    return [{ n: 1 }, { n: 2 }];
  }

  @Step()
  item() {
    incrementContext('n', 10);
  }
}

@Workflow()
class SelectingWorkflow {
  @Branch({ a: 'arm' })
  choose() {
    putContext('chosen', 'a');
    deleteContext('gone');
    return 'a';
  }

  @Step()
  arm(data: Data) {
    seen.push(data);
  }

  @ForEach('each', { results: 'none' })
  items(data: Data) {
    seen.push(data);
    incrementContext('loops');
    return [1, 2];
  }

  @Step()
  each(_item: number, { data }: ItemContext<Data>) {
    seen.push(data);
  }
}

let test: DurableTest;

beforeAll(async () => {
  test = await kit([WritingWorkflow, LoopWorkflow, SelectingWorkflow]);
});

afterAll(() => test.close());

beforeEach(() => {
  seen.length = 0;
});

/** The data after a step that does this. */
async function after(input: Data, step: typeof body): Promise<unknown> {
  body = step;
  const run = await test.client.start(WritingWorkflow, input);
  await test.advance(10_000);
  return run.result();
}

describe('reading', () => {
  it('gives the data, a key of it, or the fallback', async () => {
    await after({ a: 1, nothing: null, list: [1] }, () => {
      seen.push(getContext(), getContext('a'), getContext('b'), getContext('b', 'fallback'), getContext('a', 9));
      seen.push(getContext('nothing', 'fallback'), hasContext('a'), hasContext('b'), hasContext('nothing'));
      seen.push(hasContext('toString'), getContext('toString'));
    });
    expect(seen).toEqual([
      { a: 1, nothing: null, list: [1] },
      1,
      undefined,
      'fallback',
      1,
      null,
      true,
      false,
      true,
      false,
      undefined,
    ]);
  });

  it('sees what the step has written', async () => {
    await after({ a: 1, b: 2 }, () => {
      putContext('a', 2);
      deleteContext('b');
      seen.push(getContext('a'), getContext(), hasContext('b'), getContext('b', 'gone'));
    });
    expect(seen).toEqual([2, { a: 2 }, false, 'gone']);
  });

  it('changing what it gave writes nothing', async () => {
    const result = await after({ list: [1] }, () => {
      getContext<number[]>('list').push(2);
      Object.assign(getContext<object>(), { more: true });
    });
    expect(result).toEqual({ list: [1] });
  });
});

describe('writing', () => {
  const cases: [string, Data, () => unknown, Data][] = [
    ['putContext(key, value)', { a: 1, b: 2 }, () => putContext('a', [3]), { a: [3], b: 2 }],
    ['putContext(object)', { a: 1, b: { x: 1 } }, () => putContext({ b: { y: 2 }, c: 3 }), { a: 1, b: { y: 2 }, c: 3 }],
    ['updateContext(key, fn)', { a: 1 }, () => updateContext('a', (a) => (a as number) + 1), { a: 2 }],
    ['appendContext', { list: [1] }, () => appendContext('list', 2), { list: [1, 2] }],
    ['appendContext of a list', { list: [1] }, () => appendContext('list', [2]), { list: [1, [2]] }],
    ['appendContext where nothing is', {}, () => appendContext('list', 2), { list: [2] }],
    ['incrementContext', { n: 1 }, () => incrementContext('n'), { n: 2 }],
    ['incrementContext by more', { n: 1 }, () => incrementContext('n', -5), { n: -4 }],
    ['incrementContext where nothing is', {}, () => incrementContext('n', 2), { n: 2 }],
    ['deleteContext', { a: 1, b: 2 }, () => deleteContext('a'), { b: 2 }],
    ['deleteContext where nothing is', { b: 2 }, () => deleteContext('a'), { b: 2 }],
    [
      'mergeContext, deep',
      { a: { b: { c: 1, d: 2 }, list: [1, 2] }, z: 1 },
      () => mergeContext({ a: { b: { c: 9, e: 3 }, list: [3] } }),
      { a: { b: { c: 9, d: 2, e: 3 }, list: [3] }, z: 1 },
    ],
    [
      'mergeContext of a scalar',
      { a: { b: 1 }, c: 1 },
      () => mergeContext({ a: 5, c: { d: 1 } }),
      { a: 5, c: { d: 1 } },
    ],
  ];

  it.each(cases)('%s', async (_name, input, write, expected) => {
    const result = await after(input, () => {
      write();
    });
    expect(result).toEqual(expected);
  });

  it('counts only when the attempt completes', async () => {
    const result = await after({ n: 1 }, () => {
      incrementContext('n');
      putContext(`attempt${currentAttempt()}`, true);
      if (currentAttempt() === 1) throw new Error('once more');
    });
    expect(result).toEqual({ n: 2, attempt2: true });
  });

  it('begins anew when the step runs again after a wait', async () => {
    const result = await after({ n: 1 }, async () => {
      incrementContext('n');
      await sleep(1_000);
      incrementContext('n');
    });
    expect(result).toEqual({ n: 3 });
  });

  it('keeps what was written, not what becomes of the value', async () => {
    const list = [1];
    const result = await after({}, () => {
      putContext('list', list);
      list.push(2);
    });
    expect(result).toEqual({ list: [1] });
  });

  it('goes by a selector too, whose return value is no data', async () => {
    const run = await test.client.start(SelectingWorkflow, { kept: 1, gone: 1 });
    expect(await run.result()).toEqual({ kept: 1, chosen: 'a', loops: 1 });
    const chosen = { kept: 1, chosen: 'a' };
    expect(seen).toEqual([chosen, chosen, { ...chosen, loops: 1 }, { ...chosen, loops: 1 }]);
    const steps = await test.client.getSteps(run.id);
    expect(steps.map(({ path, input, output }) => [path, input, output])).toEqual([
      ['choose', { kept: 1, gone: 1 }, 'a'],
      ['choose.a/arm', chosen, null],
      ['items', chosen, [1, 2]],
      ['items[0]/each', 1, null],
      ['items[1]/each', 2, null],
    ]);
  });

  it.each<[string, unknown, (given: never) => void]>([
    ['putContext(null)', null, putContext],
    ['putContext(undefined)', undefined, putContext],
    ['putContext(7)', 7, putContext],
    ['putContext([1])', [1], putContext],
    ['mergeContext(null)', null, mergeContext],
    ['mergeContext("ab")', 'ab', mergeContext],
  ])('%s is refused with an InvalidInputError that the step can catch', async (_name, given, write) => {
    const result = await after({ a: 1 }, () => {
      try {
        write(given as never);
        return { wrote: getContext() };
      } catch (error) {
        return { name: (error as Error).name, message: (error as Error).message };
      }
    });
    expect(result).toEqual({
      name: 'InvalidInputError',
      message: expect.stringMatching(/Context\(\).*expected .*an object/s),
    });
  });

  it('of keys such as __proto__ is data', async () => {
    const result = await after({}, () => putContext('__proto__', { polluted: true }));
    expect(Object.keys(result as object)).toEqual(['__proto__']);
    expect(({} as Data)['polluted']).toBeUndefined();
  });
});

describe('a step that also returns an object', () => {
  it('a returned key that differs from the input wins, else the written value', async () => {
    const result = await after({ same: 1, changed: 1, dropped: 1, kept: 1 }, (data) => {
      putContext({ same: 'written', changed: 'written', dropped: 'written', added: 'written', both: 'written' });
      return { same: data['same'], changed: 'returned', kept: data['kept'], both: 'returned', fresh: 'returned' };
    });
    expect(result).toEqual({
      same: 'written',
      changed: 'returned',
      dropped: 'written',
      added: 'written',
      kept: 1,
      both: 'returned',
      fresh: 'returned',
    });
  });

  it('what was neither returned nor written is gone', async () => {
    const result = await after({ a: 1, b: 2 }, () => {
      putContext('c', 3);
      return { a: 1 };
    });
    expect(result).toEqual({ a: 1, c: 3 });
  });

  it('what was deleted stays away when it is returned as it was', async () => {
    const result = await after({ a: 1, b: { x: 1 } }, (data) => {
      deleteContext('b');
      return { ...data, c: 3 };
    });
    expect(result).toEqual({ a: 1, c: 3 });
  });

  it('compares values, not references', async () => {
    const result = await after({ a: { x: [1] } }, () => {
      putContext('a', 'written');
      return { a: { x: [1] } };
    });
    expect(result).toEqual({ a: 'written' });
  });
});

it('an item writes its own data', async () => {
  const run = await test.client.start(LoopWorkflow, {});
  await test.idle();
  expect(await run.result()).toEqual({
    __results__: [
      { status: 'fulfilled', value: { n: 11 } },
      { status: 'fulfilled', value: { n: 12 } },
    ],
  });
});

it('appendContext costs what the value does, however long the list is', async () => {
  const { data } = await runStep(() => {
    for (let n = 0; n < 20_000; n++) appendContext('list', { n });
  });
  expect(data['list']).toHaveLength(20_000);
});
