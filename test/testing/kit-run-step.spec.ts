import { jest } from '@jest/globals';
import {
  callWorkflow,
  currentAttempt,
  days,
  DurableWorkflow,
  FatalError,
  getContext,
  incrementContext,
  NotInStepError,
  once,
  putContext,
  scheduledTime,
  sleep,
  startWorkflow,
  Step,
  stepSignal,
  waitForAll,
  waitForAny,
  waitForApproval,
  waitForChoice,
  waitForChoices,
  waitForEvent,
  waitForForm,
  waitForInput,
  waitForText,
  Workflow,
  workflowId,
  workflowInput,
} from 'nest-durable';
import { runStep } from 'nest-durable/testing';

interface Order {
  readonly id: string;
  readonly total: number;
}

@Workflow({ name: 'ship_it' })
class ShippingWorkflow extends DurableWorkflow<{ order: string }, { parcel: number }> {
  @Step()
  ship() {
    return { parcel: 1 };
  }
}

@Workflow()
class OrderWorkflow extends DurableWorkflow<Order> {
  constructor(private readonly payments: { charge(id: string): Promise<string> }) {
    super();
  }

  @Step()
  async charge(order: Order) {
    const chargeId = await once('charge', () => this.payments.charge(order.id));
    return { ...order, chargeId };
  }

  @Step()
  async wait(order: Order) {
    await sleep(days(14));
    const paid = await waitForEvent<{ by: string }>('paid');
    const decision = await waitForApproval('approve');
    return { ...order, by: paid.by, decision };
  }

  @Step()
  fails(order: Order) {
    throw new FatalError(`no ${order.id}`);
  }

  @Step()
  nothing(_order: Order) {
    putContext('note', 'written');
    incrementContext('total', 5);
  }
}

const order: Order = { id: 'o1', total: 3 };

describe('runStep()', () => {
  it('runs one step alone and gives its result, with no app and no database', async () => {
    const charge = jest.fn(() => Promise.resolve('c1'));
    const workflow = new OrderWorkflow({ charge });
    const { result, once: recorded } = await runStep(() => workflow.charge(order), { input: order });
    const typed: { chargeId: string } = result;
    expect(typed).toEqual({ ...order, chargeId: 'c1' });
    expect(recorded).toEqual({ charge: 'c1' });
    expect(charge.mock.calls).toEqual([['o1']]);
  });

  it('needs no options', async () => {
    const workflow = new OrderWorkflow({ charge: () => Promise.resolve('c2') });
    expect((await runStep(() => workflow.charge(order))).result).toEqual({ ...order, chargeId: 'c2' });
  });

  it('with `once` given, the function is not called', async () => {
    const charge = jest.fn(() => Promise.resolve('c1'));
    const workflow = new OrderWorkflow({ charge });
    const { result } = await runStep(() => workflow.charge(order), { once: { charge: 'before' } });
    expect(result).toEqual({ ...order, chargeId: 'before' });
    expect(charge).not.toHaveBeenCalled();
  });

  it('with `waits` given, the waits return that', async () => {
    const workflow = new OrderWorkflow({ charge: () => Promise.resolve('') });
    const { result, waits } = await runStep(() => workflow.wait(order), {
      waits: { paid: { by: 'ann' }, approve: true },
    });
    expect(result).toEqual({ ...order, by: 'ann', decision: 'approved' });
    expect(waits.map(({ kind, name }) => [kind, name])).toEqual([
      ['sleep', null],
      ['waitForEvent', 'paid'],
      [expect.any(String), 'approve'],
    ]);
  });

  it('answers every kind of wait', async () => {
    const { result } = await runStep(
      async () => ({
        any: await waitForAny(['a', 'b']),
        all: await waitForAll(['b', 'c']),
        input: await waitForInput('input'),
        choice: await waitForChoice('choice', { choices: [{ value: 1 }] }),
        choices: await waitForChoices('choices', { choices: [{ value: 1 }] }),
        text: await waitForText('text'),
        form: await waitForForm('form', { fields: [{ name: 'n', type: 'number' }] }),
        child: await callWorkflow(ShippingWorkflow, { order: 'o1' }),
        started: typeof (await startWorkflow(ShippingWorkflow, { order: 'o1' })),
      }),
      {
        waits: {
          b: 'B',
          c: 'C',
          input: 1,
          choice: 1,
          choices: [1],
          text: 't',
          form: { n: 1 },
          ship_it: { parcel: 9 },
        },
      },
    );
    expect(result).toEqual({
      any: ['b', 'B'],
      all: { b: 'B', c: 'C' },
      input: 1,
      choice: 1,
      choices: [1],
      text: 't',
      form: { n: 1 },
      child: { parcel: 9 },
      started: 'string',
    });
  });

  it('throws what the step throws', async () => {
    const workflow = new OrderWorkflow({ charge: () => Promise.reject(new RangeError('declined')) });
    await expect(runStep(() => workflow.charge(order))).rejects.toThrow(RangeError);
    await expect(runStep(() => workflow.fails(order))).rejects.toThrow(FatalError);
  });

  it('refuses a wait that it has no answer to', async () => {
    await expect(runStep(() => waitForEvent('paid'))).rejects.toThrow(/paid/);
  });

  it('the functions of a step work in it', async () => {
    const { result } = await runStep(
      () => ({
        id: workflowId(),
        input: workflowInput<Order>(),
        attempt: currentAttempt(),
        due: scheduledTime(),
        aborted: stepSignal().aborted,
        context: getContext('total'),
      }),
      { input: order },
    );
    expect(result).toEqual({
      id: expect.any(String) as string,
      input: order,
      attempt: 1,
      due: null,
      aborted: false,
      context: 3,
    });
  });

  it('gives the data that the step leaves', async () => {
    const workflow = new OrderWorkflow({ charge: () => Promise.resolve('') });
    const { result, data } = await runStep(() => workflow.nothing(order), { input: order });
    expect(result).toBeUndefined();
    expect(data).toEqual({ id: 'o1', total: 8, note: 'written' });
  });

  it('is over when it returns', async () => {
    await runStep(() => {});
    expect(() => workflowId()).toThrow(NotInStepError);
  });
});
