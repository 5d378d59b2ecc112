import {
  Branch,
  FatalError,
  finish,
  type Finish,
  type Goto,
  goto,
  Parallel,
  parallelOk,
  parallelResult,
  type ParallelResults,
  parallelResults,
  putContext,
  sleep,
  Step,
  unwrap,
  waitForEvent,
  Workflow,
} from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { kit, present, settled, thrownBy } from '../support/kit-app.js';

type Data = Record<string, unknown>;
type Results = ParallelResults<{ first: object; second: object }>;

let log: string[] = [];
let collect: (data: Data, results: Results) => unknown;
let one: (data: Data) => unknown;
let two: (data: Data) => unknown;

/** Everything that the arms and the collector do is the test's. */
@Workflow()
class CompleteAllWorkflow {
  @Parallel({ first: 'one', second: ['two', 'three'] }, { onError: 'completeAll', goto: ['last'] })
  collector(data: Data, results: Results) {
    log.push('collector');
    return collect(data, results) as Goto<'last'> | Finish | undefined;
  }

  @Step()
  one(data: Data) {
    log.push('one');
    return one(data) as object;
  }

  @Step()
  two(data: Data) {
    log.push('two');
    return two(data) as object;
  }

  @Step()
  three(data: Data) {
    return { ...data, three: true };
  }

  @Step()
  middle() {
    log.push('middle');
  }

  @Step()
  last() {
    log.push('last');
  }
}

@Workflow()
class ShortWorkflow {
  @Parallel(['one', 'two'])
  collector() {}

  @Step()
  one() {
    return { one: 1 };
  }

  @Step()
  two() {}
}

@Workflow()
class LaterWorkflow {
  @Parallel({ good: 'good', bad: 'bad' }, { onError: 'completeAll' })
  both(data: object) {
    return data;
  }

  @Step()
  good() {
    return { good: 1 };
  }

  @Step()
  bad() {
    throw new FatalError('bad arm');
  }

  @Step()
  after() {
    return { all: parallelResults(), good: parallelResult('good'), ok: [parallelOk('good'), parallelOk('bad')] };
  }

  @Branch({ in: ['inArm', 'inner', 'afterInner'] })
  branch() {
    return 'in';
  }

  @Step()
  inArm(data: object) {
    return { ...data, inArm: Object.keys(parallelResults()) };
  }

  @Parallel(['x', 'y'])
  inner(data: object) {
    return data;
  }

  @Step()
  x() {}

  @Step()
  y() {}

  @Step()
  afterInner(data: object) {
    return { ...data, afterInner: Object.keys(parallelResults()) };
  }

  @Step()
  end(data: object) {
    return { ...data, end: Object.keys(parallelResults()) };
  }
}

let test: DurableTest;

beforeAll(async () => {
  test = await kit([CompleteAllWorkflow, ShortWorkflow, LaterWorkflow]);
});

afterAll(() => test.close());

beforeEach(() => {
  log = [];
  one = () => ({ one: 1 });
  two = () => ({ two: 2 });
  collect = () => undefined;
});

async function completeAll(input: Data = { id: 'x' }): Promise<Data> {
  const run = await test.client.start(CompleteAllWorkflow, input);
  await test.advance(5_000);
  return (await run.result()) as Data;
}

const RESULTS = {
  first: { status: 'fulfilled', value: { one: 1 } },
  second: { status: 'fulfilled', value: { two: 2, three: true } },
};

function fails(message: string): () => never {
  return () => {
    throw new FatalError(message);
  };
}

describe('the collector', () => {
  it('is called once, with the data and the settled results, when the arms are done; it returns the next data', async () => {
    collect = (data, results) => ({ data, results });
    expect(await completeAll()).toEqual({ data: { id: 'x' }, results: RESULTS });
    expect(log.filter((entry) => entry === 'collector')).toHaveLength(1);
    expect(log.slice(-3)).toEqual(['collector', 'middle', 'last']);
  });

  it('that returns nothing leaves `__results__` in the data', async () => {
    expect(await completeAll()).toEqual({ id: 'x', __results__: RESULTS });
  });

  it('is recorded like a step', async () => {
    const run = await test.client.start(CompleteAllWorkflow, {});
    await settled(test, run);
    const records = (await test.client.getSteps(run.id)).filter(({ step }) => step === 'collector');
    expect(records.filter(({ status }) => status === 'completed')).toHaveLength(1);
    expect(records.at(-1)).toMatchObject({ type: 'parallel', status: 'completed', visit: 1 });
  });

  it('may jump', async () => {
    collect = () => goto('last', { jumped: true });
    expect(await completeAll()).toEqual({ jumped: true });
    expect(log).not.toContain('middle');
  });

  it('may finish the run', async () => {
    collect = () => finish({ over: true });
    expect(await completeAll()).toEqual({ over: true });
    expect(log.at(-1)).toBe('collector');
  });

  it('may wait, and writes the data', async () => {
    collect = async () => {
      await sleep(1_000);
      putContext('written', 1);
    };
    expect(await completeAll({})).toMatchObject({ written: 1 });
    expect(log.filter((entry) => entry === 'one')).toHaveLength(1);
  });

  it('that throws fails the run', async () => {
    collect = fails('cannot collect');
    const run = await test.client.start(CompleteAllWorkflow, {});
    expect(await settled(test, run)).toMatchObject({ status: 'failed', error: { message: 'cannot collect' } });
  });
});

describe('arms', () => {
  it('in an array have their names as keys; one that returns nothing gives its data', async () => {
    const run = await test.client.start(ShortWorkflow, { id: 1 });
    await test.idle();
    expect(await run.result()).toEqual({
      id: 1,
      __results__: { one: { status: 'fulfilled', value: { one: 1 } }, two: { status: 'fulfilled', value: { id: 1 } } },
    });
  });

  it('each get their own copy of the data', async () => {
    const copies: Data[] = [];
    const change = (data: Data) => {
      copies.push(structuredClone(data));
      (data['list'] as number[]).push(copies.length);
      return data;
    };
    one = change;
    two = change;
    collect = (data) => data;
    expect(await completeAll({ list: [0] })).toEqual({ list: [0] });
    expect(copies).toEqual([{ list: [0] }, { list: [0] }]);
  });

  it('that write the data keep it to themselves', async () => {
    one = () => putContext('one', 1);
    two = () => putContext('two', 2);
    expect(await completeAll({})).toEqual({
      __results__: {
        first: { status: 'fulfilled', value: { one: 1 } },
        second: { status: 'fulfilled', value: { two: 2, three: true } },
      },
    });
  });

  it('are all waited for with `completeAll`, and the collector gets failures as stored errors', async () => {
    one = fails('broken');
    two = async () => {
      await sleep(1_000);
      return { two: 2 };
    };
    collect = (_data, results) => ({ results });
    expect(await completeAll()).toEqual({
      results: {
        first: {
          status: 'rejected',
          reason: expect.objectContaining({ name: 'FatalError', message: 'broken' }) as object,
        },
        second: RESULTS.second,
      },
    });
  });

  it('that are done never run again after a wait or a crash in another', async () => {
    two = async () => ({ two: await waitForEvent('go') });
    const run = await test.client.start(CompleteAllWorkflow, {});
    await test.idle();
    await test.crash();
    await test.restart();
    await run.sendEvent('go', 2);
    expect((await settled(test, run)).status).toBe('completed');
    expect(await run.result()).toEqual({ __results__: RESULTS });
    expect(log.filter((entry) => entry === 'one')).toHaveLength(1);
  });
});

describe('unwrap', () => {
  it('gives the values', async () => {
    collect = (_data, results) => unwrap(results);
    expect(await completeAll()).toEqual({ first: { one: 1 }, second: { two: 2, three: true } });
    expect(
      unwrap<number[]>([
        { status: 'fulfilled', value: 1 },
        { status: 'fulfilled', value: 2 },
      ]),
    ).toEqual([1, 2]);
  });

  it('or throws', async () => {
    one = fails('broken');
    collect = (_data, results) => unwrap(results);
    const run = await test.client.start(CompleteAllWorkflow, {});
    await settled(test, run);
    const error = present(await thrownBy(() => run.result()));
    expect(error.cause).toMatchObject({ message: 'broken' });
  });
});

it('parallelResults() and its sisters give the last results of this or an enclosing sequence', async () => {
  const run = await test.client.start(LaterWorkflow, {});
  await test.idle();
  expect(await run.result()).toEqual({
    all: {
      good: { status: 'fulfilled', value: { good: 1 } },
      bad: { status: 'rejected', reason: expect.objectContaining({ message: 'bad arm' }) as object },
    },
    good: { status: 'fulfilled', value: { good: 1 } },
    ok: [true, false],
    inArm: ['good', 'bad'],
    afterInner: ['x', 'y'],
    end: ['good', 'bad'],
  });
});
