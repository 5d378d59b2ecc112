import {
  Branch,
  currentAttempt,
  Decision,
  DurableWorkflow,
  ForEach,
  goto,
  hours,
  type ItemContext,
  minutes,
  once,
  Parallel,
  type ParallelResults,
  seconds,
  sleep,
  startWorkflow,
  Step,
  unwrap,
  waitForEvent,
  waitForText,
  Workflow,
  workflowId,
} from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';
import { settled } from '../support/bodies.js';
import { Gate, onTestServer } from '../testing/support.js';

/** Waits in arms, items, selectors, collectors and on other queues: only what is over runs again. */

class Passes {
  private readonly counts = new Map<string, number>();

  note(what: string): void {
    const key = `${workflowId()} ${what}`;
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
  }

  of({ id }: { id: string }): Record<string, number> {
    const own = [...this.counts].filter(([key]) => key.startsWith(id));
    return Object.fromEntries(own.map(([key, n]) => [key.slice(id.length + 1), n]));
  }
}

const passes = new Passes();

@Workflow({ name: 'arms' })
class ArmsWorkflow {
  @Parallel({ a: ['askA', 'afterA'], b: 'askB', c: 'nap' })
  async all(_data: object, results: ParallelResults<{ a: object; b: object; c: object }>) {
    passes.note('all');
    const signed = await waitForEvent('signed');
    return { ...unwrap(results), signed };
  }

  @Step()
  async askA() {
    passes.note('askA');
    return { a: await waitForEvent<number>('a') };
  }

  @Step()
  async afterA(data: { a: number }) {
    passes.note('afterA');
    return { a: [data.a, await waitForEvent<number>('a')] };
  }

  @Step()
  async askB() {
    passes.note('askB');
    return { b: [await waitForEvent<number>('b'), await waitForEvent<number>('b')] };
  }

  @Step()
  async nap() {
    passes.note('nap');
    await sleep(minutes(5));
    return { slept: true };
  }
}

@Workflow({ name: 'items' })
class ItemsWorkflow extends DurableWorkflow<{ count: number }> {
  @ForEach('ask', { concurrency: 2 })
  async people({ count }: { count: number }) {
    passes.note('people');
    await waitForEvent('list');
    return Array.from({ length: count }, (_, n) => n);
  }

  @Step()
  async ask(item: number, { index }: ItemContext<object>) {
    passes.note(`ask ${index}`);
    return (await waitForEvent<number>(`answer ${item}`)) * 10;
  }
}

@Workflow({ name: 'choosing' })
class ChoosingWorkflow {
  @Branch({ yes: 'accept', default: 'refuse' })
  async choose() {
    passes.note('choose');
    return waitForEvent<string>('choice');
  }

  @Step()
  async accept() {
    passes.note('accept');
    return { accepted: await waitForEvent('how') };
  }

  @Step()
  refuse() {
    return { accepted: null };
  }

  @Decision({ goto: ['choose'] })
  async again(data: object) {
    passes.note('again');
    // Each visit has waits of its own.
    if (await waitForEvent('again')) return goto('choose', data);
    return data;
  }
}

@Workflow({ name: 'child' })
class ChildWorkflow {
  @Step()
  nothing() {}
}

const RETRY = { maxAttempts: 2, backoff: 'constant', initialDelay: 1_000, jitter: false } as const;

@Workflow({ name: 'elsewhere' })
class ElsewhereWorkflow {
  @Parallel(['here', 'there'])
  both(_data: object, results: ParallelResults<{ here: object; there: object }>) {
    return unwrap(results);
  }

  @Step()
  async here() {
    passes.note('here');
    return { got: await waitForEvent('here') };
  }

  @Step({ queue: 'other', timeout: minutes(1), retry: RETRY })
  async there() {
    passes.note(`there ${currentAttempt()}`);
    const first = await once('first', () => currentAttempt());
    const children = [await startWorkflow(ChildWorkflow, {}), await startWorkflow(ChildWorkflow, {}, { ref: 'one' })];
    const [a, b] = await Promise.all([waitForEvent('a'), waitForEvent('b')]);
    await sleep(hours(1));
    if (currentAttempt() === 1) throw new Error('once more');
    children.push(await startWorkflow(ChildWorkflow, {}, { ref: 'one' }));
    return { first, a, b, children };
  }

  @Step({ queue: 'other' })
  async afterwards(data: object) {
    return { ...data, late: await waitForEvent('late', { timeout: minutes(1), timeoutValue: 'none' }) };
  }
}

/** Fails while a step on another queue is running, which has started a child. */
@Workflow({ name: 'left_behind', maxRetries: 1 })
class LeftBehindWorkflow {
  readonly begun = [new Gate(), new Gate()];
  readonly gate = new Gate();

  @Parallel(['there', 'fails'])
  both() {}

  @Step({ queue: 'other' })
  async there() {
    passes.note('there');
    await startWorkflow(PatientWorkflow, {});
    const round = passes.of({ id: workflowId() })['there'] ?? 0;
    this.begun[round - 1]?.open();
    // Without regard for stepSignal(): it comes back long after its run has failed.
    if (round === 1) await this.gate.promise;
    await waitForEvent('there');
  }

  @Step()
  async fails() {
    // Asked for anew in each round, where an event would be taken again.
    await waitForText('fail');
    throw new Error('this arm fails');
  }
}

@Workflow({ name: 'patient' })
class PatientWorkflow {
  @Step()
  async wait() {
    await waitForEvent('never');
  }
}

@Workflow({ name: 'changing' })
class ChangingWorkflow {
  names = ['a', 'b'];

  @Step({ queue: 'other', retry: RETRY })
  async there() {
    passes.note('there');
    if (currentAttempt() === 1) {
      await Promise.all([waitForEvent('a'), waitForEvent('x', { timeout: minutes(1) })]);
    }
    const got: unknown[] = [];
    for (const name of this.names) got.push(await waitForEvent(name));
    return { got };
  }
}

@Workflow({ name: 'refs_elsewhere' })
class RefsElsewhereWorkflow {
  @Step()
  async one() {
    return { one: await startWorkflow(ChildWorkflow, {}, { ref: 'same' }) };
  }

  @Step({ queue: 'other' })
  async two(data: object) {
    return { ...data, two: await startWorkflow(ChildWorkflow, {}, { ref: 'same' }) };
  }

  @Step()
  async three(data: object) {
    return { ...data, three: await startWorkflow(ChildWorkflow, {}, { ref: 'same' }) };
  }
}

let test: DurableTest;

beforeAll(async () => {
  const workflows = [
    ArmsWorkflow,
    ItemsWorkflow,
    ChoosingWorkflow,
    ElsewhereWorkflow,
    RefsElsewhereWorkflow,
    LeftBehindWorkflow,
    PatientWorkflow,
    ChangingWorkflow,
  ];
  test = await createDurableTest({ providers: [...workflows, ChildWorkflow] }, onTestServer);
});

afterAll(() => test.close());

describe('arms', () => {
  it('run again only when their own wait is over, the collector too', async () => {
    const run = await test.client.start(ArmsWorkflow, {});
    const send = async (name: string, payload: unknown) => {
      await run.sendEvent(name, payload);
      await test.idle();
    };
    await test.idle();
    expect(passes.of(run)).toEqual({ askA: 1, askB: 1, nap: 1 });
    await send('b', 1);
    expect(passes.of(run)).toEqual({ askA: 1, askB: 2, nap: 1 });
    await send('a', 1);
    expect(passes.of(run)).toEqual({ askA: 2, afterA: 1, askB: 2, nap: 1 });
    await test.advance(minutes(5));
    expect(passes.of(run)).toEqual({ askA: 2, afterA: 1, askB: 2, nap: 2 });
    await send('a', 2);
    await send('b', 2);
    expect((await settled(test, run)).currentSteps).toEqual(['all']);
    await send('signed', 'ann');
    expect(await run.result()).toEqual({ a: { a: [1, 2] }, b: { b: [1, 2] }, c: { slept: true }, signed: 'ann' });
    expect(passes.of(run)).toEqual({ askA: 2, afterA: 2, askB: 3, nap: 2, all: 2 });
  });

  it('run again once each over a restart', async () => {
    const run = await test.client.start(ArmsWorkflow, {});
    await test.idle();
    await test.crash();
    for (const [name, payload] of [['a', 1], ['b', 1], ['b', 2], ['a', 2], ['signed', 0]] as const) await run.sendEvent(name, payload); // prettier-ignore
    await test.restart();
    await test.idle();
    expect(passes.of(run)).toMatchObject({ askA: 2, nap: 1 });
    await test.advance(minutes(5));
    expect(await run.result()).toMatchObject({ a: { a: [1, 2] }, b: { b: [1, 2] }, signed: 0 });
    expect(passes.of(run)).toMatchObject({ nap: 2 });
  });
});

describe('items', () => {
  it('that wait hold no place, and each runs again only for itself', async () => {
    const count = 12;
    const run = await test.client.start(ItemsWorkflow, { count });
    await run.sendEvent('list');
    await test.idle();
    const every = (n: number): Record<string, number> =>
      Object.fromEntries(Array.from({ length: count }, (_, item) => [`ask ${item}`, n]));
    expect(passes.of(run)).toEqual({ people: 2, ...every(1) });
    for (const item of [7, 3]) await run.sendEvent(`answer ${item}`, item);
    await test.idle();
    expect(passes.of(run)).toEqual({ people: 2, ...every(1), 'ask 7': 2, 'ask 3': 2 });
    for (let item = 0; item < count; item++) if (item !== 7 && item !== 3) await run.sendEvent(`answer ${item}`, item);
    await test.idle();
    const results = Array.from({ length: count }, (_, n) => ({ status: 'fulfilled', value: n * 10 }));
    expect(await run.result()).toEqual({ count, __results__: results });
    expect(passes.of(run)).toEqual({ people: 2, ...every(2) });
  });
});

describe('selectors and decisions', () => {
  it('wait, and each visit has waits of its own', async () => {
    const run = await test.client.start(ChoosingWorkflow, {});
    for (const choice of ['yes', 'no', 'yes']) await run.sendEvent('choice', choice);
    await run.sendEvent('how', 1);
    await run.sendEvent('again', true);
    await run.sendEvent('again', true);
    expect((await settled(test, run)).currentSteps).toEqual(['accept']);
    await run.sendEvent('how', 2);
    expect((await settled(test, run)).currentSteps).toEqual(['again']);
    await run.sendEvent('again', false);
    await test.idle();
    expect(await run.result()).toEqual({ accepted: 2 });
    expect((await test.client.getSteps(run.id)).map(({ step, visit }) => `${step} ${visit}`)).toEqual([
      'choose 1', 'accept 1', 'again 1', 'choose 2', 'refuse 2', 'again 2', 'choose 3', 'accept 3', 'again 3',
    ]); // prettier-ignore
  });
});

describe('a step on another queue', () => {
  it('waits as any other, runs again only when something is over, and counts no parked time', async () => {
    const run = await test.client.start(ElsewhereWorkflow, {});
    await test.idle();
    expect(passes.of(run)).toEqual({ here: 1, 'there 1': 1 });
    await run.sendEvent('a', 1);
    await test.idle();
    // One of two is over, the other not.
    expect(passes.of(run)).toEqual({ here: 1, 'there 1': 2 });
    await test.advance(seconds(5));
    expect(passes.of(run)).toEqual({ here: 1, 'there 1': 2 });
    await run.sendEvent('b', 2);
    await run.sendEvent('here', 3);
    await test.idle();
    expect(passes.of(run)).toEqual({ here: 2, 'there 1': 3 });
    await test.advance(hours(1));
    await test.advance(RETRY.initialDelay);
    await test.advance(minutes(1));
    expect((await settled(test, run)).status).toBe('completed');
    const { there, late } = (await run.result()) as { there: { children: string[] }; late: string };
    expect(late).toBe('none');
    expect(there).toMatchObject({ first: 1, a: 1, b: 2 });
    // Neither a wait nor a retry starts a child again.
    expect(there.children[2]).toBe(there.children[1]);
    const children = await test.client.listChildren(run.id);
    expect(children.map(({ id }) => id).toSorted()).toEqual(there.children.slice(0, 2).toSorted());
    expect(passes.of(run)).toEqual({ here: 2, 'there 1': 4, 'there 2': 1 });
  });

  it('that runs on when its run has failed leaves neither children nor waits behind', async () => {
    const workflow = test.get(LeftBehindWorkflow);
    const run = await test.client.start(LeftBehindWorkflow, {});
    await workflow.begun[0]?.promise;
    const asked = () => test.client.listPendingInputs({ executionId: run.id });
    while ((await asked()).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    await run.provideInput('fail', 'now');
    while ((await run.execution())?.round !== 2) await new Promise((resolve) => setTimeout(resolve, 10));
    expect((await test.client.listChildren(run.id)).map(({ status }) => status)).toEqual(['cancelled']);
    workflow.gate.open();
    await test.idle();
    await test.advance(minutes(1));
    await workflow.begun[1]?.promise;
    expect(passes.of(run)).toEqual({ there: 2 });
    await test.idle();
    const waits = (await test.client.listPendingEvents({ limit: 1000 })).filter((one) => one.executionId === run.id);
    expect(waits.map(({ eventName }) => eventName)).toEqual(['there']);
    await run.provideInput('fail', 'now');
    await test.idle();
    expect(await run.execution()).toMatchObject({ status: 'failed', round: 2 });
    expect((await test.client.listChildren(run.id)).map(({ status }) => status)).toEqual(['cancelled', 'cancelled']);
  });

  it('is paused when it asks for other waits, and goes on with mended code, whether or not anything came', async () => {
    const workflow = test.get(ChangingWorkflow);
    const run = await test.client.start(ChangingWorkflow, {});
    await test.idle();
    workflow.names = ['new', 'a', 'b'];
    // The second attempt begins with the wait for "a" still open.
    await test.advance(minutes(1) + RETRY.initialDelay);
    expect(await run.execution()).toMatchObject({ status: 'paused', error: { code: 'NON_DETERMINISTIC_STEP' } });
    workflow.names = ['a', 'b'];
    const before = passes.of(run)['there'] ?? 0;
    await run.resume();
    expect((await settled(test, run)).status).toBe('waiting');
    expect(passes.of(run)).toEqual({ there: before + 1 });
    await run.sendEvent('b', 2);
    await run.sendEvent('a', 1);
    await test.idle();
    expect(await run.result()).toEqual({ got: [1, 2] });
  });

  it('knows the children that are named in its sequence', async () => {
    const run = await test.client.start(RefsElsewhereWorkflow, {});
    await test.idle();
    const { one, two, three } = (await run.result()) as Record<string, string>;
    expect([two, three]).toEqual([one, one]);
    expect(await test.client.childCounts([run.id])).toEqual({ [run.id]: 1 });
  });
});
