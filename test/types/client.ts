/* Checked by `tsc`, never run: what the client makes of the types of a workflow class. */
import { DurableWorkflow } from '../../lib/core/durable-workflow.js';
import type { DurableClient } from '../../lib/client/durable.client.js';
import type { WorkflowHandle } from '../../lib/client/handle.js';

interface Receipt {
  chargeId: string;
}
class OrderWorkflow extends DurableWorkflow<{ id: string }, Receipt> {}
class UntypedWorkflow {
  run(): void {}
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function check<T extends true>(): T;

export async function typed(durable: DurableClient): Promise<void> {
  const run = await durable.start(OrderWorkflow, { id: 'o-1' }, { priority: 1 });
  check<Same<typeof run, WorkflowHandle<Receipt>>>();
  const receipt = await run.result({ timeout: 1_000 });
  check<Same<typeof receipt, Receipt>>();
  const many = await durable.startMany(OrderWorkflow, [{ input: { id: 'o-1' }, tags: { a: 'b' } }], { delay: 5 });
  check<Same<typeof many, WorkflowHandle<Receipt>[]>>();

  const untyped = await durable.start(UntypedWorkflow, { anything: 1 });
  check<Same<typeof untyped, WorkflowHandle>>();
  const named = await durable.start('order', { anything: 1 });
  check<Same<typeof named, WorkflowHandle>>();
  const known = durable.handle<Receipt>('0199a1de-0000-7000-8000-000000000000');
  check<Same<Awaited<ReturnType<typeof known.result>>, Receipt>>();
  await durable.listExecutions({ workflow: OrderWorkflow, status: ['failed', 'running'], tags: { a: 'b' } });

  // @ts-expect-error the input is another
  await durable.start(OrderWorkflow, { name: 'x' });
  // @ts-expect-error no input
  await durable.start(OrderWorkflow);
  // @ts-expect-error no object
  await durable.start('order', 7);
  // @ts-expect-error the input of an item is another
  await durable.startMany(OrderWorkflow, [{ input: { name: 'x' } }]);
  // @ts-expect-error an id for all of them
  await durable.startMany(OrderWorkflow, [], { id: 'x' });
  // @ts-expect-error no such status
  await durable.listExecutions({ status: 'done' });
}
