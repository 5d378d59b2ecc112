/* Checked by `tsc`, never run: what the compiler makes of the client. */
import {
  callWorkflow,
  type CompensationInfo,
  type DurableClient,
  type DurableEvents,
  type DurableQueues,
  DurableWorkflow,
  type Execution,
  type ExecutionStatus,
  stepManager,
  type StepRecord,
  type StoredError,
  type WorkflowHandle,
} from 'nest-durable';
import type { EntityManager } from 'typeorm';

interface OrderInput {
  id: string;
}
interface Receipt {
  chargeId: string;
}
class OrderWorkflow extends DurableWorkflow<OrderInput, Receipt> {}
class UntypedWorkflow {}

export async function typed(durable: DurableClient, manager: EntityManager): Promise<void> {
  const run: WorkflowHandle<Receipt> = await durable.start(OrderWorkflow, { id: 'o' });
  const receipt: Receipt = await run.result({ timeout: 5 });
  const many: WorkflowHandle<Receipt>[] = await durable.startMany(
    OrderWorkflow,
    [{ input: { id: 'o' }, id: receipt.chargeId, idempotencyKey: 'k', priority: 1, delay: 5 }],
    { queue: 'q', tags: { a: 'b' }, manager, priority: 1, scheduledAt: new Date() },
  );
  const result: Receipt = await callWorkflow(OrderWorkflow, { id: 'o' });
  const late: Receipt | null = await callWorkflow(OrderWorkflow, { id: 'o' }, { timeout: 5, timeoutValue: null });
  // @ts-expect-error what it returns on timeout is no receipt
  const never: Receipt = await callWorkflow(OrderWorkflow, { id: 'o' }, { timeout: 5, timeoutValue: null });
  const unknown: unknown = await (await durable.start(UntypedWorkflow, { anything: 1 })).result();
  await durable.start('by_name', { anything: 1 }, { manager, queue: 'q', scheduledAt: new Date(), tags: { a: 'b' } });
  // @ts-expect-error another input
  await durable.start(OrderWorkflow, { id: 5 });
  // @ts-expect-error another result
  const wrong: { nothing: 1 } = await run.result();
  // @ts-expect-error unknown data is not a receipt
  const unsafe: Receipt = await (await durable.start(UntypedWorkflow, {})).result();
  // @ts-expect-error no such option
  await durable.start(OrderWorkflow, { id: 'o' }, { dely: 5 });
  void [many, result, late, never, unknown, wrong, unsafe];
}

export async function reads(durable: DurableClient, id: string): Promise<void> {
  const run: Execution | null = await durable.getExecution(id, { includeSteps: true, includeLogs: true });
  const list: readonly Execution[] = await durable.listExecutions({
    workflow: OrderWorkflow,
    status: ['failed', 'compensation_failed'],
    queue: 'q',
    parentId: id,
    tags: { a: 'b' },
    since: new Date(),
    until: new Date(),
    limit: 50,
    offset: 0,
    order: 'asc',
    includeData: true,
  });
  const count: number = await durable.countExecutions({ workflow: 'order', status: 'running' });
  const counts: Record<ExecutionStatus, number> = await durable.executionCounts();
  const steps: readonly StepRecord[] = await durable.getSteps(id);
  const error: StoredError | null | undefined = steps[0]?.error ?? run?.error;
  const cancelled: boolean = await durable.cancel(id, 'why', { compensate: true });
  const retried: WorkflowHandle<unknown> = await durable.retry(id);
  const restarted: WorkflowHandle<unknown> = await durable.restartFrom(id, 'step');
  const triggered: WorkflowHandle<unknown> = await durable.triggerSchedule('name', { input: { a: 1 } });
  const waits: number = await durable.cancelWait(id, { name: 'x', reason: 'y' });
  const times: Date[] = await durable.nextRuns('name', 3);
  const gone: number = await durable.cleanup({ olderThan: new Date(), status: 'failed', dryRun: true, batchSize: 5 });
  await durable.schedule(OrderWorkflow, '@daily', { input: { id: 'o' }, timezone: 'UTC', overlap: 'skip' });
  await durable.provideInput(id, { inputId: id }, true);
  await durable.sendEvent(id, 'name');
  void [list, count, counts, error, cancelled, retried, restarted, triggered, waits, times, gone];
}

export async function services(queues: DurableQueues, events: DurableEvents): Promise<void> {
  const idle: boolean = await queues.drain('default', 30_000);
  events.all().subscribe(({ id, kind, executionId, workflow, time }) => {
    const told: [string, string, string | null, string | null, Date] = [id, kind, executionId, workflow, time];
    void [idle, told];
  });
}

/** In a transactional step and its compensation. */
export async function inTransactions(info: CompensationInfo<OrderInput>): Promise<void> {
  const manager: EntityManager = stepManager();
  const inferred = stepManager();
  await inferred.query('SELECT 1');
  const own: { save(row: object): void } = stepManager<{ save(row: object): void }>();
  const current: OrderInput = info.current;
  const outcome: 'completed' | 'unknown' = info.outcome;
  const [step, error]: [string, StoredError] = [info.step, info.error];
  // @ts-expect-error an EntityManager is no text
  const wrong: string = inferred;
  void [manager, own, current, outcome, step, error, wrong];
}
