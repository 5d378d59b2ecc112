import { currentAttempt, Decision, goto, once, sleep, Step, waitForEvent, Workflow } from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { kit, settled } from '../support/kit-app.js';

let log: unknown[] = [];
let die: () => unknown = () => undefined;

const call = (what: string) => () => {
  log.push(what);
  return what;
};

@Workflow()
class OnceWorkflow {
  @Step({ retry: { maxAttempts: 3, initialDelay: 1 } })
  async run() {
    const a = await once('a', call('a'));
    await die();
    await sleep(1_000);
    const b = await once('b', async () => call('b')());
    if (currentAttempt() < 3) throw new Error('again');
    const c = await waitForEvent('c');
    return { a, b, c };
  }

  @Step()
  async other(data: object) {
    return { ...data, other: await once('a', call('other a')) };
  }
}

@Workflow()
class TwiceWorkflow {
  @Step()
  async run() {
    await once('same', call('first'));
    await once('same', call('second'));
  }
}

@Workflow()
class FailingWorkflow {
  @Step({ retry: { maxAttempts: 3, initialDelay: 1 } })
  async run() {
    const value = await once('fails', () => {
      log.push(currentAttempt());
      if (currentAttempt() < 3) throw new Error('not yet');
      return 'there';
    });
    return { value };
  }
}

class Dto {
  constructor(
    readonly id: string,
    readonly at: Date,
  ) {}
}

/** What the step sees in its first pass and after the wait. */
@Workflow()
class FormsWorkflow {
  @Step()
  async run() {
    const dto: unknown = await once('dto', () => new Dto('x', new Date(1)));
    const nothing: unknown = await once('nothing', () => {});
    const none = await once('null', () => null);
    log.push([Object.getPrototypeOf(dto) === Object.prototype, dto, nothing, none]);
    await sleep(1_000);
  }
}

@Workflow()
class VisitsWorkflow {
  @Step()
  async visit(data: { n: number }) {
    return { n: await once('n', () => data.n + 1) };
  }

  @Decision({ goto: ['visit'] })
  again(data: { n: number }) {
    return data.n < 3 ? goto('visit') : undefined;
  }
}

@Workflow()
class UnstorableWorkflow {
  @Step()
  async run() {
    await once('fn', () => () => 1);
  }
}

/** Names that objects inherit, in a step of its own queue, which is told what it has recorded when it is tried again. */
@Workflow()
class InheritedWorkflow {
  @Step({ queue: 'other', retry: { maxAttempts: 3, initialDelay: 1, jitter: false } })
  async run() {
    for (const name of ['__proto__', 'constructor', 'toString']) await once(name, () => log.push(name));
    if (currentAttempt() === 1) throw new Error('again');
    await sleep(1_000);
    if (currentAttempt() === 2) throw new Error('again');
  }
}

let test: DurableTest;

beforeAll(async () => {
  const workflows = [OnceWorkflow, TwiceWorkflow, FailingWorkflow, FormsWorkflow, VisitsWorkflow, UnstorableWorkflow];
  test = await kit([...workflows, InheritedWorkflow], { durable: { queues: { default: {}, other: {} } } });
});

afterAll(() => test.close());

beforeEach(() => {
  log = [];
  die = () => undefined;
});

describe('once', () => {
  it('is not called again when the step runs again after a wait, a retry or a crash', async () => {
    let alive = false;
    die = () => {
      if (alive) return undefined;
      alive = true;
      void test.restart();
      return new Promise(() => {});
    };
    const run = await test.client.start(OnceWorkflow, {});
    await test.advance(10_000);
    await run.sendEvent('c', 'c');
    expect((await settled(test, run)).status).toBe('completed');
    expect(await run.result()).toEqual({ a: 'a', b: 'b', c: 'c', other: 'other a' });
    expect(log).toEqual(['a', 'b', 'other a']);
  });

  it('knows names that objects inherit, on another queue too', async () => {
    const run = await test.client.start(InheritedWorkflow, {});
    await test.advance(10_000);
    expect((await settled(test, run)).status).toBe('completed');
    expect(log).toEqual(['__proto__', 'constructor', 'toString']);
  });

  it('throws when a name is used twice in one pass', async () => {
    const run = await test.client.start(TwiceWorkflow, {});
    const { status, error } = await settled(test, run);
    expect(status).toBe('failed');
    expect(error?.message).toContain('same');
    expect(log).toEqual(['first']);
  });

  it('records no failure', async () => {
    const run = await test.client.start(FailingWorkflow, {});
    await test.advance(10_000);
    expect(await run.result()).toEqual({ value: 'there' });
    expect(log).toEqual([1, 2, 3]);
  });

  it('gives the stored form, the first time too', async () => {
    await test.client.start(FormsWorkflow, {});
    await test.advance(1_000);
    const pass = [true, { id: 'x', at: new Date(1) }, undefined, null];
    expect(log).toEqual([pass, pass]);
  });

  it('belongs to one visit of the step', async () => {
    const run = await test.client.start(VisitsWorkflow, { n: 0 });
    await test.idle();
    expect(await run.result()).toEqual({ n: 3 });
  });

  it('refuses what cannot be stored', async () => {
    const run = await test.client.start(UnstorableWorkflow, {});
    expect(await settled(test, run)).toMatchObject({ status: 'failed', error: { name: 'SerializationError' } });
  });
});
