import {
  Branch,
  Compensate,
  Decision,
  finish,
  ForEach,
  goto,
  Parallel,
  type ParallelResults,
  Step,
  unwrap,
  Workflow,
} from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { kit, settled } from '../support/kit-app.js';

let log: string[] = [];

/** Jumps within an arm, within an item, and out of a branch in an item. */
@Workflow()
class WithinWorkflow {
  @Parallel({ arm: ['count', 'again', 'skipped', 'armEnd'], loop: ['items', 'loopEnd'] })
  collect(_data: object, results: ParallelResults<{ arm: { n: number }; loop: { list: unknown[] } }>) {
    return unwrap(results);
  }

  @Step()
  count(data: { n: number }) {
    return { n: data.n + 1 };
  }

  @Decision({ goto: ['count', 'armEnd'] })
  again(data: { n: number }) {
    return data.n < 3 ? goto('count') : goto('armEnd');
  }

  @Step()
  skipped() {
    log.push('skipped');
  }

  @Step()
  armEnd() {
    log.push('armEnd');
  }

  @ForEach(['start', 'choose', 'afterBranch', 'itemEnd'])
  items() {
    return [1, 2];
  }

  @Step()
  start(data: number | { n: number }) {
    return typeof data === 'number' ? { n: data } : { n: data.n * 10 };
  }

  @Branch({ yes: ['leave', 'rest'] })
  choose() {
    return 'yes';
  }

  @Decision({ goto: ['start', 'itemEnd'] })
  leave(data: { n: number }) {
    return data.n < 10 ? goto('start') : goto('itemEnd', { n: data.n + 1 });
  }

  @Step()
  rest() {
    log.push('rest');
  }

  @Step()
  afterBranch() {
    log.push('afterBranch');
  }

  @Step()
  itemEnd(data: { n: number }) {
    return { n: data.n, end: true };
  }

  @Step()
  loopEnd({ __results__: results }: { __results__: { value: unknown }[] }) {
    return { list: results.map(({ value }) => value) };
  }
}

@Workflow()
class FinishInBranchWorkflow {
  @Branch({ in: ['end', 'never'] })
  choose() {
    return 'in';
  }

  @Decision()
  end() {
    return finish({ finished: true });
  }

  @Step()
  never() {
    log.push('never');
  }

  @Step()
  last() {
    log.push('last');
  }
}

/** It could jump, so that the boot cannot know that it finishes. */
@Workflow()
class FinishInArmWorkflow {
  @Parallel({ arm: ['end', 'after'], other: 'other' })
  both() {
    log.push('collector');
  }

  @Decision({ goto: ['after'] })
  end() {
    return finish({ finished: true });
  }

  @Step()
  after() {}

  @Step()
  other() {}
}

/** The collector of a parallel in a branch arm jumps to what is around. */
@Workflow()
class CollectorWorkflow {
  @Branch({ in: ['inner', 'skipped'] })
  choose() {
    return 'in';
  }

  @Parallel(['one', 'two'], { goto: ['last'] })
  inner() {
    return goto('last', { jumped: true });
  }

  @Step()
  one() {}

  @Step()
  two() {}

  @Step()
  skipped() {
    log.push('skipped');
  }

  @Step()
  middle() {
    log.push('middle');
  }

  @Step()
  last() {}
}

/** A decision takes a compensation, like any step; a parallel that is visited again runs its arms again. */
@Workflow()
class AgainWorkflow {
  @Parallel(['one', 'two'])
  both(data: { n: number }) {
    return { n: data.n + 1 };
  }

  @Step({ compensate: 'undoOne' })
  one(data: { n: number }) {
    log.push(`one ${data.n}`);
  }

  @Step()
  two() {}

  @Decision({ goto: ['both'], compensate: 'undo' })
  decide(data: { n: number }) {
    return data.n < 2 ? goto('both') : undefined;
  }

  @Step()
  fail() {
    throw new Error('failed');
  }

  @Compensate()
  undo(data: { n: number }) {
    log.push(`undo ${data.n}`);
  }

  @Compensate()
  undoOne(data: { n: number }) {
    log.push(`undo one ${data.n}`);
  }
}

let test: DurableTest;

beforeAll(async () => {
  const providers = [WithinWorkflow, FinishInBranchWorkflow, FinishInArmWorkflow, CollectorWorkflow, AgainWorkflow];
  test = await kit(providers);
});

afterAll(() => test.close());

beforeEach(() => {
  log = [];
});

it('jumps stay in an arm or an item, through the branches in it', async () => {
  const run = await test.client.start(WithinWorkflow, { n: 0 });
  await test.idle();
  const list = [
    { n: 11, end: true },
    { n: 21, end: true },
  ];
  expect(await run.result()).toEqual({ arm: { n: 3 }, loop: { list } });
  expect(log).toEqual(['armEnd']);
});

it('finish in a branch arm ends the run', async () => {
  const run = await test.client.start(FinishInBranchWorkflow, {});
  expect((await settled(test, run)).status).toBe('completed');
  expect(await run.result()).toEqual({ finished: true });
  expect(log).toEqual([]);
});

it('finish in a parallel arm, where the boot cannot see it, fails with DefinitionError', async () => {
  const run = await test.client.start(FinishInArmWorkflow, {});
  expect(await settled(test, run)).toMatchObject({ status: 'failed', error: { name: 'DefinitionError' } });
  expect(log).toEqual([]);
});

it('a collector jumps out of the branch that its parallel is in', async () => {
  const run = await test.client.start(CollectorWorkflow, {});
  await test.idle();
  expect(await run.result()).toEqual({ jumped: true });
  expect(log).toEqual([]);
});

it('a parallel that is visited again runs its arms again, and each visit is undone', async () => {
  const run = await test.client.start(AgainWorkflow, { n: 0 });
  expect((await settled(test, run)).status).toBe('compensated');
  expect(log).toEqual(['one 0', 'one 1', 'undo 2', 'undo one 1', 'undo 1', 'undo one 0']);
});
