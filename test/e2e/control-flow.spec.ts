import type { INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  Branch,
  Compensate,
  currentAttempt,
  Decision,
  DurableClient,
  DurableModule,
  FatalError,
  finish,
  ForEach,
  getContext,
  goto,
  type ItemContext,
  Parallel,
  parallelOk,
  parallelResults,
  type ParallelResults,
  putContext,
  Step,
  stepSignal,
  unwrap,
  waitForEvent,
  Workflow,
} from 'nest-durable';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

const log: string[] = [];

interface Doc {
  type?: unknown;
  trail?: string[];
}

function mark(doc: Doc, step: string): Doc {
  return { ...doc, trail: [...(doc.trail ?? []), step] };
}

@Workflow({ name: 'routing' })
class RoutingWorkflow {
  @Branch({ invoice: ['extract', 'byAmount'], true: 'yes', 7: 'seven' })
  byType(doc: Doc) {
    return doc.type;
  }

  @Step()
  extract(doc: Doc) {
    return mark(doc, 'extract');
  }

  @Branch({ big: 'approve', default: 'skip' })
  byAmount(doc: Doc & { amount?: number }) {
    return (doc.amount ?? 0) > 100 ? 'big' : 'small';
  }

  @Step()
  approve(doc: Doc) {
    return mark(doc, 'approve');
  }

  @Step()
  skip() {}

  @Step()
  yes(doc: Doc) {
    return mark(doc, 'yes');
  }

  @Step()
  seven(doc: Doc) {
    return mark(doc, 'seven');
  }

  @Step()
  last(doc: Doc) {
    return mark(doc, 'last');
  }
}

@Workflow({ name: 'circles' })
class CirclesWorkflow {
  @Step()
  count(data: { n: number }) {
    return { n: data.n + 1 };
  }

  @Decision({ goto: ['count', 'end'], maxVisits: 5 })
  again(data: { n: number; max: number; leave?: boolean }) {
    if (data.n === 3) return goto('end', { n: data.n, jumped: true });
    if (data.n === 100) return finish({ finished: true });
    return goto('count');
  }

  @Step()
  never() {
    log.push('never');
  }

  @Step()
  end(data: object) {
    return { ...data, end: true };
  }
}

@Workflow({ name: 'fulfilment' })
class FulfilmentWorkflow {
  @Parallel({ payment: 'charge', delivery: ['quote', 'book'] }, { onError: 'completeAll' })
  fulfil(
    order: { id: string; fail?: boolean },
    results: ParallelResults<{ payment: { charge: string }; delivery: { booked: string } }>,
  ) {
    if (order.fail) return { rejected: results.payment.status };
    const { payment, delivery } = unwrap(results);
    return { ...order, charge: payment.charge, booked: delivery.booked };
  }

  @Step()
  charge(order: { id: string; fail?: boolean }) {
    if (order.fail) throw new FatalError('no money');
    return { charge: `ch-${order.id}` };
  }

  @Step()
  quote(order: { id: string }) {
    return { quoted: order.id };
  }

  @Step()
  book(data: { quoted: string }) {
    return { booked: data.quoted };
  }

  @Step()
  after(data: object) {
    return { ...data, results: Object.keys(parallelResults()), ok: parallelOk('payment') };
  }
}

@Workflow({ name: 'fail_fast' })
class FailFastWorkflow {
  @Parallel(['broken', 'slow'])
  both() {}

  @Step()
  async broken() {
    await new Promise((resolve) => setTimeout(resolve, 20));
    throw new FatalError('broken');
  }

  @Step()
  async slow(data: object) {
    await new Promise<void>((resolve) => stepSignal().addEventListener('abort', () => resolve()));
    log.push('slow was aborted');
    return { ...data, slow: true };
  }
}

@Workflow({ name: 'campaign' })
class CampaignWorkflow {
  @ForEach(['sendOne', 'note'], { concurrency: 3, onError: 'completeAll' })
  recipients(data: { to: unknown[] }) {
    return data.to;
  }

  @Step()
  sendOne(to: unknown, { index, data }: ItemContext<{ to: unknown[] }>) {
    if (to === 'bad') throw new FatalError('bad address');
    return `${String(to)} ${index}/${data.to.length}` as unknown as object;
  }

  @Step()
  note() {}
}

@Workflow({ name: 'trip' })
class TripWorkflow {
  @Step({ compensate: 'cancelFlight' })
  flight(data: object) {
    return { ...data, flight: 1 };
  }

  @ForEach('room', { concurrency: 1 })
  rooms(data: { rooms: number[] }) {
    return data.rooms;
  }

  @Step({ compensate: 'cancelRoom' })
  room(n: number) {
    return { room: n } as object;
  }

  @Step({ compensate: 'cancelCar', compensateWhen: 'started' })
  car() {
    throw new FatalError('no car');
  }

  @Compensate()
  cancelFlight(data: { flight: number }, info: { step: string; outcome: string; error: { message: string } }) {
    log.push(`flight ${data.flight} ${info.step} ${info.outcome} ${info.error.message}`);
  }

  @Compensate({ retry: { maxAttempts: 2, initialDelay: 1 } })
  cancelRoom(data: { room: number }) {
    log.push(`room ${data.room}`);
    if (data.room === 2 && log.filter((line) => line === 'room 2').length < 2) throw new Error('try again');
  }

  @Compensate()
  cancelCar(_data: object, info: { outcome: string }) {
    log.push(`car ${info.outcome}`);
  }
}

@Workflow({ name: 'selecting' })
class SelectingWorkflow {
  @Branch({ vip: ['ask', 'greet'], plain: 'pass' }, { retry: { maxAttempts: 2, initialDelay: 1 } })
  tier(data: { spent: number }) {
    putContext({ tier: data.spent > 100 ? 'vip' : 'plain', attempt: currentAttempt() });
    if (currentAttempt() === 1) throw new Error('once more');
    return getContext('tier');
  }

  @Step({ compensate: 'ungreet' })
  greet(data: object) {
    return { ...data, greeted: true };
  }

  @Step()
  pass() {}

  @Step()
  async ask() {
    await waitForEvent('go');
  }

  @ForEach('send')
  mails() {
    putContext('mails', 2);
    return ['a', 'b'];
  }

  @Step()
  send(mail: string, { data }: ItemContext<{ mails: number }>) {
    return `${mail} of ${data.mails}`;
  }

  @Step()
  end({ fail, tier, __results__: sent }: { fail?: boolean; tier: string; __results__: { value: string }[] }) {
    if (fail === true) throw new FatalError('the end');
    return { tier, sent: sent.map(({ value }) => value) };
  }

  @Compensate()
  ungreet(data: { tier: string }, { current }: { current: { mails: number } }) {
    log.push(`ungreet ${data.tier} ${current.mails}`);
  }
}

let database: TestDatabase;
let app: INestApplicationContext;
let client: DurableClient;

beforeAll(async () => {
  database = await createTestDatabase();
  const module = await Test.createTestingModule({
    imports: [DurableModule.forRoot({ database: { url: database.url } })],
    providers: [
      RoutingWorkflow,
      CirclesWorkflow,
      FulfilmentWorkflow,
      FailFastWorkflow,
      CampaignWorkflow,
      TripWorkflow,
      SelectingWorkflow,
    ],
  }).compile();
  app = await module.init();
  client = app.get(DurableClient);
});

afterAll(() => app.close());
beforeEach(() => log.splice(0));

async function paths(id: string): Promise<string[]> {
  return (await client.getSteps(id)).map(({ path, type, visit }) => `${type} ${path} ${visit}`);
}

/** Not by the status: a run whose step is tried again in a while waits as well. */
async function untilItAsks(executionId: string): Promise<void> {
  const isAsking = async (): Promise<boolean> =>
    (await client.listPendingEvents({ eventName: 'go' })).some((event) => event.executionId === executionId);
  while (!(await isAsking())) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe('control flow', () => {
  it('takes one arm of a branch, in any nesting', async () => {
    const run = await client.start(RoutingWorkflow, { type: 'invoice', amount: 500 });
    expect(await run.result()).toMatchObject({ trail: ['extract', 'approve', 'last'] });
    expect(await paths(run.id)).toEqual([
      'branch byType 1',
      'step byType.invoice/extract 1',
      'branch byType.invoice/byAmount 1',
      'step byType.invoice/byAmount.big/approve 1',
      'step last 1',
    ]);
    const small = await client.start(RoutingWorkflow, { type: 'invoice' });
    expect(await small.result()).toMatchObject({ trail: ['extract', 'last'] });
    expect(await (await client.start(RoutingWorkflow, { type: true })).result()).toMatchObject({
      trail: ['yes', 'last'],
    });
    expect(await (await client.start(RoutingWorkflow, { type: 7 })).result()).toMatchObject({
      trail: ['seven', 'last'],
    });
    await expect((await client.start(RoutingWorkflow, { type: 'x' })).result()).rejects.toThrow(/"x"/);
  });

  it('jumps forwards and backwards, finishes, and stops a jump in circles', async () => {
    const run = await client.start(CirclesWorkflow, { n: 0 });
    expect(await run.result()).toEqual({ n: 3, jumped: true, end: true });
    expect(await paths(run.id)).toEqual([
      'step count 1',
      'decision again 1',
      'step count 2',
      'decision again 2',
      'step count 3',
      'decision again 3',
      'step end 1',
    ]);
    expect(log).toEqual([]);
    expect(await (await client.start(CirclesWorkflow, { n: 99 })).result()).toEqual({ finished: true });
    await expect((await client.start(CirclesWorkflow, { n: 3 })).result()).rejects.toThrow(/5/);
  });

  it('runs arms side by side, and gives their results to the collector and to later steps', async () => {
    const run = await client.start(FulfilmentWorkflow, { id: 'a' });
    expect(await run.result()).toEqual({
      id: 'a',
      charge: 'ch-a',
      booked: 'a',
      results: ['payment', 'delivery'],
      ok: true,
    });
    const failed = await client.start(FulfilmentWorkflow, { id: 'b', fail: true });
    expect(await failed.result()).toMatchObject({ rejected: 'rejected', ok: false });
  });

  it('aborts the other arms at the first failure, and records those that return', async () => {
    const run = await client.start(FailFastWorkflow, {});
    await expect(run.result()).rejects.toMatchObject({ cause: { message: 'broken' } });
    expect(log).toEqual(['slow was aborted']);
    expect((await client.getSteps(run.id)).map(({ step, status }) => `${step} ${status}`).sort()).toEqual([
      'broken failed',
      'slow completed',
    ]);
  });

  it('runs an arm for each item, and puts the results into the data in item order', async () => {
    const to = ['ann', 'bad', 3, null, ['x']];
    const run = await client.start(CampaignWorkflow, { to });
    const { __results__: results } = (await run.result()) as { __results__: { status: string; value: unknown }[] };
    expect(results.map(({ status, value }) => value ?? status)).toEqual([
      'ann 0/5',
      'rejected',
      '3 2/5',
      'null 3/5',
      'x 4/5',
    ]);
    const inputs = (await client.getSteps(run.id)).filter((step) => step.step === 'sendOne').map((step) => step.input);
    expect(inputs).toHaveLength(5);
    expect(inputs).toContainEqual(['x']);
    expect(await (await client.start(CampaignWorkflow, { to: [] })).result()).toEqual({ to: [], __results__: [] });
  });

  it('keeps what selectors write to the data, in an arm that waits, in a rollback, and in a run that goes on from there', async () => {
    const run = await client.start(SelectingWorkflow, { spent: 500, fail: true });
    await untilItAsks(run.id);
    expect((await client.getExecution(run.id))?.data).toEqual({ spent: 500, fail: true, tier: 'vip', attempt: 2 });
    await client.sendEvent(run.id, 'go');
    await expect(run.result()).rejects.toMatchObject({ cause: { message: 'the end' } });
    expect(log).toEqual(['ungreet vip 2']);
    const plain = await client.start(SelectingWorkflow, { spent: 1 });
    expect(await plain.result()).toEqual({ tier: 'plain', sent: ['a of 2', 'b of 2'] });
    const again = await client.restartFrom(plain.id, 'end');
    expect(await again.result()).toEqual({ tier: 'plain', sent: ['a of 2', 'b of 2'] });
    const cancelled = await client.start(SelectingWorkflow, { spent: 500 });
    await untilItAsks(cancelled.id);
    await client.cancel(cancelled.id);
    expect((await client.getExecution(cancelled.id))?.data).toEqual({ spent: 500, tier: 'vip', attempt: 2 });
  });

  it('undoes what completed or began, the last first, with retries', async () => {
    const run = await client.start(TripWorkflow, { rooms: [1, 2] });
    await expect(run.result()).rejects.toMatchObject({ status: 'compensated', cause: { message: 'no car' } });
    expect(log).toEqual(['car unknown', 'room 2', 'room 2', 'room 1', 'flight 1 flight completed no car']);
    const execution = await client.getExecution(run.id);
    expect(execution).toMatchObject({ status: 'compensated', currentSteps: [] });
    expect(execution?.compensatedAt).toBeInstanceOf(Date);
    expect(execution?.compensationResults).toEqual([
      { step: 'car', compensation: 'cancelCar', status: 'completed' },
      { step: 'room', compensation: 'cancelRoom', status: 'completed' },
      { step: 'room', compensation: 'cancelRoom', status: 'completed' },
      { step: 'flight', compensation: 'cancelFlight', status: 'completed' },
    ]);
  });
});
