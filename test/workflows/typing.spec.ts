import {
  Branch,
  callWorkflow,
  Compensate,
  Decision,
  type DurableClient,
  DurableWorkflow,
  finish,
  ForEach,
  goto,
  type ItemContext,
  Parallel,
  type ParallelResults,
  Step,
  unwrap,
  Workflow,
  type WorkflowHandle,
} from 'nest-durable';

/** Checked by `tsc`: what must compile, and what must not. */

interface OrderInput {
  id: string;
}
interface Receipt {
  chargeId: string;
}
interface Charge {
  amount: number;
}
interface Booking {
  day: string;
}

class OrderDto {
  id!: string;
}
class OtherDto {
  name!: string;
}

@Workflow({ name: 'process_order', timeout: 1_000 })
class OrderWorkflow extends DurableWorkflow<OrderInput, Receipt> {
  @Step({ retry: { maxAttempts: 3, backoff: 'exponential' }, compensate: 'refund' })
  async charge(order: OrderInput) {
    return { ...order, chargeId: 'c' };
  }

  @Step()
  async ship(order: OrderInput) {
    void order;
  }

  @Compensate()
  async refund(order: Receipt) {
    void order;
  }
}

@Workflow()
class UnmatchedWorkflow {
  @Step()
  run() {}
}

@Workflow({ input: OrderDto })
class CheckedWorkflow extends DurableWorkflow<OrderInput, Receipt> {}

// @ts-expect-error the class takes another input
@Workflow({ input: OtherDto })
class MismatchedWorkflow extends DurableWorkflow<OrderInput, Receipt> {}

async function starting(durable: DurableClient): Promise<void> {
  const run = await durable.start(OrderWorkflow, { id: '1' });
  const receipt: Receipt = await run.result();
  const handle: WorkflowHandle<Receipt> = run;
  void [receipt, handle];
  // @ts-expect-error id is a string
  await durable.start(OrderWorkflow, { id: 1 });
  // @ts-expect-error id is missing
  await durable.start(OrderWorkflow, {});
  // @ts-expect-error the result is a receipt
  const wrong: Booking = await run.result();
  void wrong;
  const many = await durable.startMany(OrderWorkflow, [{ input: { id: '1' } }]);
  void many.map(async (one) => (await one.result()).chargeId);
  // @ts-expect-error id is a string
  await durable.startMany(OrderWorkflow, [{ input: { id: 1 } }]);
  await durable.start(UnmatchedWorkflow, { any: 'object' });
  await durable.start('by_name', { any: 'object' });
  // @ts-expect-error an input is an object
  await durable.start(UnmatchedWorkflow, 'text');
  const unknownData: unknown = await (await durable.start(UnmatchedWorkflow, {})).result();
  void unknownData;
  // @ts-expect-error it gives unknown
  const guessed: Receipt = await (await durable.start(UnmatchedWorkflow, {})).result();
  void guessed;
  // @ts-expect-error by name it gives unknown too
  const named: Receipt = await (await durable.start('by_name', {})).result();
  void named;
  await durable.start(CheckedWorkflow, new OrderDto());
}

async function calling(): Promise<void> {
  const receipt: Receipt = await callWorkflow(OrderWorkflow, { id: '1' });
  void receipt;
  // @ts-expect-error id is a string
  await callWorkflow(OrderWorkflow, { id: 1 });
  // @ts-expect-error the result is a receipt
  const wrong: Booking = await callWorkflow(OrderWorkflow, { id: '1' });
  void wrong;
  // @ts-expect-error it gives unknown
  const guessed: Receipt = await callWorkflow(UnmatchedWorkflow, {});
  void guessed;
}

class Members {
  @Branch({ invoice: ['extract', 'quote'], contract: 'book', default: 'extract' })
  byType(doc: { type: string }) {
    return doc.type;
  }

  // @ts-expect-error no such member
  @Branch({ invoice: 'extrct' })
  badArm() {}

  // @ts-expect-error no such member in a list
  @Branch({ invoice: ['extract', 'qote'] })
  badList() {}

  // @ts-expect-error no such member for the rest
  @Branch({ default: 'qote' })
  badDefault() {}

  // @ts-expect-error private methods are none
  @Branch({ a: 'hidden' })
  privateArm() {}

  // @ts-expect-error a field is none
  @ForEach('field')
  fieldArm() {
    return [];
  }

  @Parallel({ payment: 'charge', delivery: ['quote', 'book'] }, { onError: 'completeAll' })
  fulfil(order: OrderInput, results: ParallelResults<{ payment: Charge; delivery: Booking }>) {
    const { payment, delivery } = unwrap(results);
    return { ...order, amount: payment.amount, day: delivery.day };
  }

  // @ts-expect-error the arm `payment` gives a charge
  @Parallel({ payment: 'charge', delivery: 'book' })
  wrongResults(_order: OrderInput, results: ParallelResults<{ payment: Booking; delivery: Booking }>) {
    return unwrap(results).payment;
  }

  @Parallel(['charge', 'book'])
  short(_order: OrderInput, results: ParallelResults<{ charge: Charge; book: Booking }>) {
    return { amount: unwrap(results).charge.amount };
  }

  // @ts-expect-error no such member
  @Parallel(['charge', 'bok'])
  badShort() {}

  @Parallel(['charge', 'book'], { goto: ['quote'] })
  jumps() {
    return goto('quote');
  }

  // @ts-expect-error the collector jumps where it does not say
  @Parallel(['charge', 'book'], { goto: ['quote'] })
  jumpsElsewhere() {
    return goto('extract');
  }

  @ForEach('sendOne', { concurrency: 10, onError: 'completeAll', results: 'none' })
  recipients(campaign: { recipients: string[] }) {
    return campaign.recipients;
  }

  @ForEach(['sendOne', 'quote'])
  async later(campaign: { recipients: string[] }) {
    return campaign.recipients;
  }

  @Step()
  async sendOne(recipient: string, { index, data }: ItemContext<{ recipients: string[] }>) {
    return { recipient, index, all: data.recipients.length };
  }

  @Decision({ goto: ['charge', 'book'], maxVisits: 3 })
  decide(order: { amount: number }) {
    if (order.amount > 1) return goto('charge', order);
    return order.amount === 1 ? goto('book') : finish(order);
  }

  // @ts-expect-error it jumps where it does not say
  @Decision({ goto: ['charge'] })
  elsewhere(order: { amount: number }) {
    return order.amount > 1 ? goto('charge') : goto('book');
  }

  // @ts-expect-error no such member
  @Decision({ goto: ['chrge'] })
  badTarget() {}

  // @ts-expect-error no such member
  @Step({ compensate: 'undoo' })
  badCompensation() {}

  @Step({ compensate: 'undo', compensateWhen: 'started', queue: 'gpu', transactional: true, timeout: 1, name: 'x' })
  extract() {}

  @Compensate({ name: 'revert', timeout: 1, retry: { maxAttempts: 2, retryIf: (error) => error instanceof Error } })
  undo() {}

  @Step()
  charge(): Charge {
    return { amount: this.hidden() };
  }

  @Step()
  quote() {
    return { quoted: true };
  }

  @Step()
  async book(): Promise<Booking> {
    return { day: 'monday' };
  }

  field = 'text';

  private hidden(): number {
    return 1;
  }
}

it('is checked by the compiler', () => {
  expect(
    [starting, calling, Members, MismatchedWorkflow, CheckedWorkflow].every((it) => typeof it === 'function'),
  ).toBe(true);
});
