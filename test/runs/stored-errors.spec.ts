import {
  Compensate,
  FatalError,
  Parallel,
  type ParallelResults,
  Step,
  type StoredError,
  Workflow,
  WorkflowFailedError,
} from 'nest-durable';
import { createTestDatabase } from '../support/database.js';
import { caught, type PlainApp, openApp, reached } from '../support/plain-app.js';

/** Errors as they are stored: `{ name, message, code?, stack, cause?, ...own fields }`. */

const thrown = new Map<string, unknown>();

@Workflow({ name: 'thrower' })
class ThrowerWorkflow {
  @Step()
  work({ which }: { which: string }) {
    throw thrown.get(which);
  }
}

class PaymentError extends Error {
  override readonly name = 'PaymentError';
  readonly code = 'E_DECLINED';

  constructor(readonly orderId: string) {
    super(`order ${orderId} was declined`);
  }
}

@Workflow({ name: 'undoing' })
class UndoingWorkflow {
  @Step({ compensate: 'undo' })
  first() {}

  @Parallel({ good: 'fine', bad: 'declined' }, { onError: 'completeAll' })
  both(_data: object, results: ParallelResults<{ good: unknown; bad: unknown }>) {
    const { bad } = results;
    reasons.push(bad.status === 'rejected' ? bad.reason : null);
  }

  @Step()
  fine() {}

  @Step()
  declined() {
    throw new PaymentError('o-1');
  }

  @Step()
  last() {
    throw new PaymentError('o-2');
  }

  @Compensate()
  undo(_data: object, { error }: { error: unknown }) {
    reasons.push(error);
    throw new PaymentError('o-3');
  }
}

const reasons: unknown[] = [];
let opened: PlainApp;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  opened = await openApp({ database: { url } }, [ThrowerWorkflow, UndoingWorkflow]);
});

afterAll(() => opened.app.close());

async function stored(error: unknown): Promise<StoredError> {
  const which = `error ${thrown.size}`;
  thrown.set(which, error);
  const run = await opened.client.start(ThrowerWorkflow, { which });
  const execution = await reached(opened.client, run.id, 'failed');
  const [step] = await opened.client.getSteps(run.id);
  expect(step?.error).toEqual(execution.error);
  const failure = await caught(run.result(), WorkflowFailedError);
  expect(failure.cause).toEqual(execution.error);
  expect(execution.error).not.toBeInstanceOf(Error);
  return execution.error as StoredError;
}

it('name, message, code, stack, cause and own fields', async () => {
  const cause = new TypeError('the socket is closed', { cause: new RangeError('deeper') });
  const error = Object.assign(new PaymentError('o-7'), { cause, amount: 5n, at: new Date(0), tags: ['a'] });
  const record = await stored(error);
  expect(record).toMatchObject({
    name: 'PaymentError',
    message: 'order o-7 was declined',
    code: 'E_DECLINED',
    orderId: 'o-7',
    amount: 5n,
    at: new Date(0),
    tags: ['a'],
    cause: { name: 'TypeError', message: 'the socket is closed', cause: { name: 'RangeError', message: 'deeper' } },
  });
  expect(record.stack).toContain('order o-7 was declined');
  expect(record.stack).toContain('stored-errors.spec');
});

it('code is left out where there is none', async () => {
  const record = await stored(new Error('plain'));
  expect(Object.keys(record).toSorted()).toEqual(['message', 'name', 'stack']);
  expect(record).toMatchObject({ name: 'Error', message: 'plain' });
});

it('request, response, config, headers and socket are never kept', async () => {
  const secret = { authorization: 'Bearer hidden' };
  const error = Object.assign(new Error('502'), {
    status: 502,
    request: secret,
    response: secret,
    config: secret,
    headers: secret,
    socket: secret,
    cause: Object.assign(new Error('inner'), { config: secret, kept: 1 }),
  });
  const record = await stored(error);
  expect(record).toMatchObject({ status: 502, cause: { message: 'inner', kept: 1 } });
  expect(JSON.stringify(record)).not.toContain('hidden');
  for (const field of ['request', 'response', 'config', 'headers', 'socket']) expect(record).not.toHaveProperty(field);
});

it('8 kB are kept', async () => {
  const large = Object.assign(new Error('x'.repeat(50_000)), {
    code: 'E_LARGE',
    body: 'y'.repeat(50_000),
    cause: new Error('z'.repeat(50_000)),
  });
  const record = await stored(large);
  expect(record).toMatchObject({ name: 'Error', code: 'E_LARGE', message: expect.stringMatching(/^xxx/) });
  expect(Buffer.byteLength(JSON.stringify(record))).toBeLessThanOrEqual(8 * 1024);
});

it('what cannot be stored in an error does not stand in its way', async () => {
  const odd = Object.assign(new Error('odd'), { fn: () => {}, symbol: Symbol('s'), self: {}, kept: 'yes' });
  odd.self = odd;
  const record = await stored(odd);
  expect(record).toMatchObject({ name: 'Error', message: 'odd', kept: 'yes' });
});

it('an endless chain of causes ends', async () => {
  const loop = new Error('loop');
  loop.cause = loop;
  expect(await stored(loop)).toMatchObject({ name: 'Error', message: 'loop' });
});

it.each([
  ['a string', 'just text'],
  ['an object', { reason: 'no error at all' }],
  ['undefined', undefined],
  ['null', null],
  ['a number', 42],
])('%s may be thrown', async (_what, value) => {
  const record = await stored(value);
  expect(record).toMatchObject({ name: expect.any(String), message: expect.any(String) });
});

it('FatalError keeps its cause', async () => {
  const record = await stored(new FatalError('dead', { cause: new PaymentError('o-9') }));
  expect(record).toMatchObject({
    name: 'FatalError',
    message: 'dead',
    cause: { name: 'PaymentError', code: 'E_DECLINED', orderId: 'o-9' },
  });
});

it("reason, cause and a handler's error are such stored errors", async () => {
  const run = await opened.client.start(UndoingWorkflow, {});
  const failure = await caught(run.result(), WorkflowFailedError);
  const [reason, error] = reasons;
  expect(reason).toMatchObject({ name: 'PaymentError', code: 'E_DECLINED', orderId: 'o-1', stack: expect.any(String) });
  expect(error).toMatchObject({ name: 'PaymentError', code: 'E_DECLINED', orderId: 'o-2' });
  expect(failure.cause).toMatchObject({ name: 'PaymentError', code: 'E_DECLINED', orderId: 'o-2' });
  for (const one of [reason, error, failure.cause]) expect(one).not.toBeInstanceOf(Error);
  expect(failure.status).toBe('compensation_failed');
  const execution = await run.execution();
  expect(execution?.compensationResults).toMatchObject([
    { step: 'first', compensation: 'undo', status: 'failed', error: { name: 'PaymentError', orderId: 'o-3' } },
  ]);
});
