import {
  callWorkflow,
  DurableWorkflow,
  scheduleAt,
  sleep,
  startWorkflow,
  Step,
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
} from 'nest-durable';

interface Payment {
  readonly amount: number;
}

@Workflow()
class TypedWorkflow extends DurableWorkflow<{ id: string }, Payment> {
  @Step()
  pay() {
    return { amount: 1 };
  }
}

@Workflow()
class UntypedWorkflow {
  @Step()
  work() {}
}

/** Only the compiler reads it. */
async function typed() {
  const nothing: void = await sleep(1);
  const none: void = await scheduleAt(new Date());
  const payment: Payment = await waitForEvent<Payment>('paid');
  const late: Payment | null = await waitForEvent<Payment | null>('paid', { timeout: 1, timeoutValue: null });
  const [name, first]: [string, Payment] = await waitForAny<Payment>(['a', 'b'], { timeout: 1, onTimeout: 'fail' });
  const all: Record<string, unknown> = await waitForAll(['a', 'b'], { onTimeout: 'resume' });
  const none1: [string, unknown] | null = await waitForAny(['a', 'b'], { timeout: 1, timeoutValue: null });
  const none2: [string, Payment] | null = await waitForAny<Payment, null>(['a'], { timeout: 1, timeoutValue: null });
  const none3: Record<string, unknown> | 'late' = await waitForAll(['a'], {
    timeout: 1,
    timeoutValue: 'late' as const,
  });
  const none4: { a: Payment } | null = await waitForAll<{ a: Payment }, null>(['a'], { timeoutValue: null });
  const instead: { a: Payment } = await waitForAll<{ a: Payment }>(['a'], { timeoutValue: { a: { amount: 0 } } });
  const wanted: { a: Payment } = await waitForAll(['a']);
  const input: Payment = await waitForInput<Payment>('a', {
    type: 'form',
    prompt: 'How much?',
    metadata: { any: 'thing' },
    fields: [
      { name: 'amount', type: 'number', label: 'Amount', required: true },
      { name: 'size', type: 'select', options: ['S', 'L'] },
    ],
    timeout: 1,
  });
  const decision: 'approved' | 'rejected' = await waitForApproval('a', { prompt: 'Well?' });
  const expired: 'approved' | 'rejected' | 'expired' = await waitForApproval('a', {
    timeout: 1,
    timeoutValue: 'expired' as const,
  });
  const colour: string = await waitForChoice<string>('a', { choices: [{ value: 'red', label: 'Red' }] });
  const colours: string[] = await waitForChoices<string>('a', { choices: [{ value: 'red' }] });
  const text: string = await waitForText('a', { prompt: 'Say' });
  const form: Payment = await waitForForm<Payment>('a', { fields: [{ name: 'amount', type: 'number' }] });
  const child: Payment = await callWorkflow(
    TypedWorkflow,
    { id: 'a' },
    { ref: 'r', queue: 'q', priority: 1, timeout: 1 },
  );
  const unknownChild: unknown = await callWorkflow(UntypedWorkflow, { any: 'thing' });
  const id: string = await startWorkflow(TypedWorkflow, { id: 'a' }, { ref: 'r', queue: 'q', priority: 1 });
  return [
    [nothing, none, payment, late, name, first, all, input, decision, expired],
    [none1, none2, none3, none4, instead, wanted],
    [colour, colours, text, form, child, unknownChild, id],
  ];
}

async function mistyped() {
  // @ts-expect-error it returns the timeoutValue, too
  const any: [string, unknown] = await waitForAny(['a', 'b'], { timeout: 1, timeoutValue: null });
  // @ts-expect-error it returns the timeoutValue, too
  const all: Record<string, unknown> = await waitForAll(['a', 'b'], { timeout: 1, timeoutValue: null });
  // @ts-expect-error no pair of a name and a payment
  await waitForAny<Payment>(['a'], { timeout: 1, timeoutValue: null });
  void [any, all];
  // @ts-expect-error onTimeout is 'resume' or 'fail'
  await waitForEvent('a', { onTimeout: 'ignore' });
  // @ts-expect-error no such type of input
  await waitForInput('a', { type: 'radio' });
  // @ts-expect-error no such type of field
  await waitForForm('a', { fields: [{ name: 'a', type: 'colour' }] });
  // @ts-expect-error a choice is between choices
  await waitForChoice('a', {});
  // @ts-expect-error a form has fields
  await waitForForm('a', {});
  // @ts-expect-error the input has an id
  await callWorkflow(TypedWorkflow, {});
  // @ts-expect-error the input's id is a string
  await startWorkflow(TypedWorkflow, { id: 1 });
  // @ts-expect-error a start is no wait
  await startWorkflow(TypedWorkflow, { id: 'a' }, { timeout: 1 });
  // @ts-expect-error a Date
  await scheduleAt('2026-01-01');
}

it('the functions that wait are typed', () => {
  expect([typed, mistyped]).toHaveLength(2);
});
