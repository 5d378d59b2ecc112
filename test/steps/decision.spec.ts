import {
  Branch,
  currentAttempt,
  Decision,
  DefinitionError,
  finish,
  type Goto,
  goto,
  putContext,
  sleep,
  Step,
  Workflow,
} from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { kit, present, settled, thrownBy } from '../support/kit-app.js';

type Data = Record<string, unknown>;

let log: string[] = [];
let decide: (data: Data) => unknown;

@Workflow()
class JumpingWorkflow {
  @Step()
  first() {
    log.push('first');
  }

  @Step()
  second() {
    log.push('second');
  }

  @Decision({ goto: ['first', 'last'] })
  decision(data: Data) {
    log.push('decision');
    return decide(data) as Goto<'first' | 'last'> | undefined;
  }

  @Step()
  third() {
    log.push('third');
  }

  @Step()
  last() {
    log.push('last');
  }
}

@Workflow()
class LimitedWorkflow {
  @Decision({ goto: ['again'], maxVisits: 3 })
  again(data: { n: number; until: number }) {
    return data.n < data.until ? goto('again', { ...data, n: data.n + 1 }) : undefined;
  }
}

@Workflow()
class LimitedElsewhereWorkflow {
  @Decision({ goto: ['again'], maxVisits: 3, queue: 'elsewhere' })
  again(data: { n: number; until: number }) {
    return data.n < data.until ? goto('again', { ...data, n: data.n + 1 }) : undefined;
  }
}

let visits = 0;

@Workflow()
class EndlessWorkflow {
  @Decision({ goto: ['again'] })
  again(data: { until?: number }) {
    return ++visits === data.until ? finish({ visits }) : goto('again');
  }
}

@Workflow()
class OutOfBranchWorkflow {
  @Step()
  start(data: { n: number }) {
    log.push(`start ${data.n}`);
    return { n: data.n + 1 };
  }

  @Branch({ in: ['inner', 'skipped'] })
  outer() {
    return 'in';
  }

  @Branch({ in: ['one', 'leave', 'two'] })
  inner() {
    return 'in';
  }

  @Decision({ goto: ['start', 'skipped', 'two', 'end'] })
  leave(data: { n: number }) {
    if (data.n === 1) return goto('start');
    if (data.n === 2) return goto('skipped', { n: 3 });
    return goto('end');
  }

  @Step()
  one() {
    log.push('one');
  }

  @Step()
  two() {
    log.push('two');
  }

  @Step()
  skipped() {
    log.push('skipped');
  }

  @Step()
  middle() {
    log.push('middle');
  }

  @Step()
  end() {
    log.push('end');
  }
}

@Workflow()
class StepOptionsWorkflow {
  @Decision({ name: 'choice', goto: ['end'], retry: { maxAttempts: 2, initialDelay: 1 } })
  async decision() {
    if (currentAttempt() === 1) throw new Error('once more');
    await sleep(1_000);
    return goto('end');
  }

  @Step()
  never() {
    log.push('never');
  }

  @Step()
  end() {}
}

@Workflow()
class StepThatJumpsWorkflow {
  // @ts-expect-error only decisions and collectors jump
  @Step()
  step() {
    return goto('end');
  }

  @Step()
  never() {
    log.push('never');
  }

  @Step()
  end() {
    log.push('end');
  }
}

let test: DurableTest;

beforeAll(async () => {
  test = await kit([
    JumpingWorkflow,
    LimitedWorkflow,
    LimitedElsewhereWorkflow,
    EndlessWorkflow,
    OutOfBranchWorkflow,
    StepOptionsWorkflow,
    StepThatJumpsWorkflow,
  ]);
});

afterAll(() => test.close());

beforeEach(() => {
  log = [];
  visits = 0;
});

async function jumping(decision: (data: Data) => unknown, input: Data = { a: 1 }): Promise<unknown> {
  decide = decision;
  const run = await test.client.start(JumpingWorkflow, input);
  await test.idle();
  return run.result();
}

const BEFORE = ['first', 'second', 'decision'];

describe('a decision', () => {
  it('is a step: returns data, or nothing', async () => {
    expect(await jumping(() => ({ b: 2 }))).toEqual({ b: 2 });
    expect(await jumping(() => undefined)).toEqual({ a: 1 });
    expect(log).toEqual([...BEFORE, 'third', 'last', ...BEFORE, 'third', 'last']);
  });

  it('jumps forwards with data, over members that do not run', async () => {
    expect(await jumping(() => goto('last', { b: 2 }))).toEqual({ b: 2 });
    expect(log).toEqual([...BEFORE, 'last']);
  });

  it('jumps with the data as it is', async () => {
    expect(await jumping(() => goto('last'))).toEqual({ a: 1 });
  });

  it('jumps with what it has written', async () => {
    const result = await jumping(() => {
      putContext('written', true);
      return goto('last');
    });
    expect(result).toEqual({ a: 1, written: true });
  });

  it('jumps backwards; members run again, and each visit is recorded', async () => {
    decide = (data) => (data['again'] === true ? undefined : goto('first', { again: true }));
    const run = await test.client.start(JumpingWorkflow, {});
    await test.idle();
    expect(await run.result()).toEqual({ again: true });
    expect(log).toEqual([...BEFORE, ...BEFORE, 'third', 'last']);
    const steps = await test.client.getSteps(run.id);
    expect(steps.map(({ step, type, visit }) => [step, type, visit])).toEqual([
      ['first', 'step', 1],
      ['second', 'step', 1],
      ['decision', 'decision', 1],
      ['first', 'step', 2],
      ['second', 'step', 2],
      ['decision', 'decision', 2],
      ['third', 'step', 1],
      ['last', 'step', 1],
    ]);
  });

  it('finishes the run as completed', async () => {
    expect(await jumping(() => finish({ over: true }))).toEqual({ over: true });
    expect(log).toEqual(BEFORE);
  });

  it('fails the run with DefinitionError when it jumps where it has not declared', async () => {
    decide = () => goto('third');
    const run = await test.client.start(JumpingWorkflow, {});
    expect(await settled(test, run)).toMatchObject({ status: 'failed', error: { name: 'DefinitionError' } });
    const error = present(await thrownBy(() => run.result()));
    expect(error.cause).toMatchObject({ code: new DefinitionError('').code });
    expect(log).toEqual(BEFORE);
  });

  it('takes the options of a step, and may wait', async () => {
    const run = await test.client.start(StepOptionsWorkflow, {});
    await test.advance(1_100);
    expect((await settled(test, run)).status).toBe('completed');
    expect(log).toEqual([]);
    const steps = await test.client.getSteps(run.id);
    expect(steps.filter(({ status }) => status !== 'waiting').map(({ step, status }) => [step, status])).toEqual([
      ['choice', 'failed'],
      ['choice', 'completed'],
      ['end', 'completed'],
    ]);
  });

  it('a step that is no decision cannot jump', async () => {
    const run = await test.client.start(StepThatJumpsWorkflow, {});
    expect((await settled(test, run)).status).toBe('failed');
    expect(log).toEqual([]);
  });
});

describe('maxVisits', () => {
  const workflows = [
    ['', LimitedWorkflow],
    [' in another queue', LimitedElsewhereWorkflow],
  ] as const;

  it.each(workflows)('are so many visits%s', async (_where, Limited) => {
    const run = await test.client.start(Limited, { n: 1, until: 3 });
    await test.idle();
    expect(await run.result()).toEqual({ n: 3, until: 3 });
  });

  it.each(workflows)('one more fails the run%s', async (_where, Limited) => {
    const run = await test.client.start(Limited, { n: 1, until: 4 });
    expect((await settled(test, run)).status).toBe('failed');
    expect((await test.client.getSteps(run.id)).filter(({ status }) => status === 'completed')).toHaveLength(3);
  });

  it('is 1000 by default', async () => {
    const run = await test.client.start(EndlessWorkflow, { until: 1_000 });
    expect((await settled(test, run)).status).toBe('completed');
    expect(await run.result()).toEqual({ visits: 1_000 });
    visits = 0;
    expect((await settled(test, await test.client.start(EndlessWorkflow, {}))).status).toBe('failed');
    expect(visits).toBe(1_000);
  });
});

describe('a jump out of a branch', () => {
  it('goes to any sequence around it', async () => {
    const run = await test.client.start(OutOfBranchWorkflow, { n: 0 });
    expect((await settled(test, run)).status).toBe('completed');
    // n is 1: to the main sequence; then 2: to the arm around, which goes on to the main sequence.
    expect(log).toEqual(['start 0', 'one', 'start 1', 'one', 'skipped', 'middle', 'end']);
  });

  it('skips what is left of the sequences that it leaves', async () => {
    const run = await test.client.start(OutOfBranchWorkflow, { n: 5 });
    expect((await settled(test, run)).status).toBe('completed');
    expect(log).toEqual(['start 5', 'one', 'end']);
  });
});
