import {
  currentAttempt,
  currentStep,
  FatalError,
  getContext,
  NotInStepError,
  once,
  putContext,
  SerializationError,
  Step,
  stepManager,
  stepSignal,
  Workflow,
  workflowId,
  workflowInput,
} from 'nest-durable';
import { runStep } from 'nest-durable/testing';
import { AnsweredWaits } from '../../lib/testing/answered-waits.js';

interface Order {
  id: number;
  total?: number;
}

@Workflow()
class OrderWorkflow {
  calls = 0;

  @Step()
  async charge(order: Order) {
    const charge = await once('charge', () => `ch_${++this.calls}`);
    putContext('customer', workflowInput<{ customer: string }>().customer);
    return { ...order, charge };
  }

  @Step()
  facts() {
    return { id: workflowId(), step: currentStep(), attempt: currentAttempt(), data: getContext() };
  }

  @Step()
  nothing() {
    putContext('at', new Date(0));
  }

  items() {
    return [1, 2];
  }

  @Step()
  refuse(): object {
    throw new FatalError('no');
  }

  @Step({ transactional: true })
  manage() {
    return { same: stepManager<string>() === 'the manager', aborted: stepSignal().aborted };
  }
}

const workflow = new OrderWorkflow();

it('gives what the step returned, recorded and wrote', async () => {
  const order = { id: 7 };
  const outcome = await runStep(() => workflow.charge(order), { input: { customer: 'ann' }, data: order });
  expect(outcome).toEqual({
    result: { id: 7, charge: 'ch_1' },
    data: { id: 7, charge: 'ch_1', customer: 'ann' },
    once: { charge: 'ch_1' },
    waits: [],
  });
});

it('finds what is recorded already', async () => {
  const before = workflow.calls;
  const { result, once: values } = await runStep(() => workflow.charge({ id: 7 }), {
    input: { customer: 'ann' },
    once: { charge: 'ch_0', other: 1 },
  });
  expect(result.charge).toBe('ch_0');
  expect(values).toEqual({ charge: 'ch_0' });
  expect(workflow.calls).toBe(before);
});

it('is what the options say', async () => {
  const { result } = await runStep(() => workflow.facts(), { id: 'r1', step: 'facts', attempt: 3, input: { a: 1 } });
  expect(result).toEqual({ id: 'r1', step: 'facts', attempt: 3, data: { a: 1 } });
  expect((await runStep(() => workflow.manage(), { manager: 'the manager' })).result).toEqual({
    same: true,
    aborted: false,
  });
});

it('keeps the data where the step returns none', async () => {
  const { result, data } = await runStep(() => workflow.nothing(), { data: { id: 7 } });
  expect(result).toBeUndefined();
  expect(data).toEqual({ id: 7, at: new Date(0) });
  const selected = await runStep(() => workflow.items(), { data: { id: 7 } });
  expect(selected.result).toEqual([1, 2]);
  expect(selected.data).toEqual({ id: 7 });
});

it('throws what the step throws, and what a run could not store', async () => {
  await expect(runStep(() => workflow.refuse())).rejects.toThrow(FatalError);
  await expect(runStep(() => ({ bad: () => {} }))).rejects.toThrow(SerializationError);
  await expect(runStep(() => workflow.manage())).rejects.toMatchObject({ code: 'NOT_TRANSACTIONAL' });
  expect(() => workflow.facts()).toThrow(NotInStepError);
});

describe('answers to waits', () => {
  const sleep = { kind: 'sleep', name: null, details: { ms: 5 } };
  const wait = (name: string) => ({ kind: 'waitForEvent', name, details: {} });

  it('are given by name, and noted', () => {
    const waits = new AnsweredWaits('pay', {
      paid: { amount: 3 },
      late: new Error('timed out'),
      nth: (_: unknown, count: number) => count,
    });
    expect(waits.answer(sleep)).toBeUndefined();
    expect(waits.answer(wait('paid'))).toEqual({ amount: 3 });
    expect(() => waits.answer(wait('late'))).toThrow('timed out');
    expect([waits.answer(wait('nth')), waits.answer(wait('nth'))]).toEqual([0, 1]);
    expect(waits.answerAny({ kind: 'waitForAny', name: null, details: {} }, ['gone', 'paid'])).toEqual([
      'paid',
      { amount: 3 },
    ]);
    expect(waits.answerAll({ kind: 'waitForAll', name: null, details: {} }, ['paid', 'nth'])).toEqual({
      paid: { amount: 3 },
      nth: 2,
    });
    expect(waits.asked.map(({ kind, name }) => [kind, name])).toEqual([
      ['sleep', null],
      ['waitForEvent', 'paid'],
      ['waitForEvent', 'late'],
      ['waitForEvent', 'nth'],
      ['waitForEvent', 'nth'],
      ['waitForAny', null],
      ['waitForAll', null],
    ]);
  });

  it('are missed by name', () => {
    expect(() => new AnsweredWaits('pay', {}).answer(wait('toString'))).toThrow(
      'Step "pay" called waitForEvent("toString") and runStep() has no answer',
    );
  });
});
