import {
  callWorkflow,
  Decision,
  DurableWorkflow,
  ForEach,
  goto,
  type ItemContext,
  startWorkflow,
  Step,
  Workflow,
} from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { begin, got, scriptTest } from './scripts.js';

@Workflow({ name: 'square' })
class SquareWorkflow extends DurableWorkflow<{ n: number }, { n: number }> {
  @Step()
  square({ n }: { n: number }) {
    return { n: n * n };
  }
}

@Workflow({ name: 'cube' })
class CubeWorkflow extends DurableWorkflow<{ n: number }, { n: number }> {
  @Step()
  cube({ n }: { n: number }) {
    return { n: n ** 3 };
  }
}

interface Ids {
  readonly rounds: number;
  readonly ids: string[];
}

@Workflow({ name: 'same_sequence' })
class SameSequenceWorkflow extends DurableWorkflow<Ids, Ids> {
  @Step()
  async first(data: Ids) {
    return { ...data, ids: [...data.ids, await startWorkflow(SquareWorkflow, { n: 3 }, { ref: 'r' })] };
  }

  @Step()
  async second(data: Ids) {
    const { n } = await callWorkflow(SquareWorkflow, { n: 3 }, { ref: 'r' });
    return { ...data, ids: [...data.ids, await startWorkflow(SquareWorkflow, { n: 3 }, { ref: 'r' })], n };
  }

  @Decision({ goto: ['first'] })
  again(data: Ids) {
    return data.rounds > 1 ? goto('first', { ...data, rounds: data.rounds - 1 }) : data;
  }
}

@Workflow({ name: 'items' })
class ItemsWorkflow extends DurableWorkflow<object> {
  @Step()
  async main() {
    return { main: await startWorkflow(SquareWorkflow, { n: 2 }, { ref: 'r' }) };
  }

  @ForEach(['one', 'two'])
  each() {
    return [2, 2];
  }

  @Step()
  async one(n: number, _context: ItemContext<object>) {
    return { n, one: await startWorkflow(SquareWorkflow, { n }, { ref: 'r' }) };
  }

  @Step()
  async two(data: { n: number; one: string }, _context: ItemContext<object>) {
    return { ...data, two: await startWorkflow(SquareWorkflow, { n: data.n }, { ref: 'r' }) };
  }
}

@Workflow({ name: 'conflict' })
class ConflictWorkflow extends DurableWorkflow<object, { errors: string[] }> {
  @Step()
  async first() {
    await callWorkflow(SquareWorkflow, { n: 3 }, { ref: 'r' });
  }

  @Step()
  async second() {
    const name = (error: unknown) => (error instanceof Error ? error.name : 'no error');
    return {
      errors: [
        await callWorkflow(CubeWorkflow, { n: 3 }, { ref: 'r' }).then(() => 'none', name),
        await callWorkflow(SquareWorkflow, { n: 4 }, { ref: 'r' }).then(() => 'none', name),
        await startWorkflow(CubeWorkflow, { n: 3 }, { ref: 'r' }).then(() => 'none', name),
        await startWorkflow(SquareWorkflow, { n: 4 }, { ref: 'r' }).then(() => 'none', name),
        await startWorkflow(SquareWorkflow, { n: 3 }, { ref: 'r' }).then(() => 'none', name),
      ],
    };
  }
}

let test: DurableTest;

beforeAll(async () => {
  const workflows = [SquareWorkflow, CubeWorkflow, SameSequenceWorkflow, ItemsWorkflow, ConflictWorkflow];
  test = await scriptTest(workflows);
});

afterAll(() => test.close());

describe('an explicit ref', () => {
  it('gives the same child in another step of the sequence', async () => {
    const run = await test.client.start(SameSequenceWorkflow, { rounds: 1, ids: [] });
    const result = await run.result();
    const [child, ...others] = await test.client.listChildren(run.id);
    expect(others).toEqual([]);
    expect(result).toMatchObject({ n: 9, ids: [child?.id, child?.id] });
  });

  it('gives the same child within a step', async () => {
    const run = await begin(test, async () => [
      await startWorkflow(SquareWorkflow, { n: 5 }, { ref: 'r' }),
      await startWorkflow(SquareWorkflow, { n: 5 }, { ref: 'r' }),
      (await callWorkflow(SquareWorkflow, { n: 5 }, { ref: 'r' })).n,
    ]);
    const [child, ...others] = await test.client.listChildren(run.id);
    const result = await got(run);
    expect(result).toEqual([child?.id, child?.id, 25]);
    expect(others).toEqual([]);
  });

  it('names another child in another visit', async () => {
    const run = await test.client.start(SameSequenceWorkflow, { rounds: 2, ids: [] });
    const { ids } = await run.result();
    expect(ids).toHaveLength(4);
    expect(ids[0]).toBe(ids[1]);
    expect(ids[2]).toBe(ids[3]);
    expect(ids[0]).not.toBe(ids[2]);
  });

  it('names one child for each item and the main sequence', async () => {
    const run = await test.client.start(ItemsWorkflow, {});
    const { main, __results__: results } = (await run.result()) as {
      main: string;
      __results__: { status: string; value: { one: string; two: string } }[];
    };
    const items = results.map(({ value }) => value);
    expect(items.map(({ one, two }) => one === two)).toEqual([true, true]);
    expect(new Set([main, ...items.map(({ one }) => one)]).size).toBe(3);
    expect(await test.client.listChildren(run.id)).toHaveLength(3);
  });

  it('throws RefConflictError with another workflow or input', async () => {
    const run = await test.client.start(ConflictWorkflow, {});
    const conflict = 'RefConflictError';
    expect(await run.result()).toEqual({ errors: [conflict, conflict, conflict, conflict, 'none'] });
    expect(await test.client.listChildren(run.id)).toHaveLength(1);
  });

  it('of different names are different children', async () => {
    const run = await begin(test, () =>
      Promise.all(['a', 'b'].map((ref) => startWorkflow(SquareWorkflow, { n: 5 }, { ref }))),
    );
    expect(new Set((await got(run)) as string[]).size).toBe(2);
  });
});
