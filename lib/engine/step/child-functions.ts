import type { InputOf, ResultOf, WorkflowRef } from '../../core/durable-workflow.js';
import { RefConflictError } from '../../core/errors/errors.js';
import { PRIORITY, QUEUE_NAME } from '../../core/limits.js';
import { type OptionReader, readOptions } from '../../core/option-reader.js';
import type { ChildRequest, PreparedChild } from '../ports/children.js';
import { asking, stillOpen, waiting } from './calls.js';
import type { StepScope } from './scope.js';
import { dueOf, specOf, waitOf, type WaitOptions } from './wait-requests.js';

/** Options of `startWorkflow`. */
export interface ChildOptions {
  /** Name of the child in the calling step's sequence and visit: the same ref gives the same child. Default: none. */
  ref?: string;
  /** Queue of the child. Default: the workflow's. */
  queue?: string;
  /** Priority of the child, higher first; a whole number of 32 bits. Default: the parent's. */
  priority?: number;
}

/** Options of `callWorkflow`: a child's, and those of a wait. */
export type CallOptions<V = unknown> = ChildOptions & WaitOptions<V>;

/**
 * Starts a child workflow and waits for its result. Idempotent: after any crash the same call gives the same child.
 *
 * @throws ChildWorkflowError when the child failed, was compensated or cancelled
 * @throws WaitTimeoutError after `timeout` ms without `timeoutValue`; the child is cancelled then
 * @throws RefConflictError when `ref` names a child of another workflow or input
 * @throws InvalidInputError, SerializationError, WorkflowNotFoundError
 * @throws NotInStepError, WaitInTransactionError, WaitInOnceError, WaitCancelledError
 * @example
 * ```ts
 * @Workflow()
 * export class CartWorkflow {
 *   @Step()
 *   async buy(order: Order) {
 *     const { chargeId } = await callWorkflow(OrderWorkflow, order, { timeout: hours(1) });
 *     return { ...order, chargeId };
 *   }
 * }
 * ```
 */
export function callWorkflow<W extends WorkflowRef, V = never>(
  workflow: W,
  input: InputOf<W>,
  options: CallOptions<V> = {},
): Promise<ResultOf<W> | V> {
  const label = typeof workflow === 'string' ? workflow : workflow?.name;
  return waiting('callWorkflow', label, (waits, scope) => {
    const { child: request, wait } = readOptions('The options of callWorkflow()', options, (read) => ({
      child: requestOf(read, workflow, input),
      wait: waitOf(read),
    }));
    const { ref } = request;
    const name = scope.nameOf(workflow);
    const asked = {
      kind: 'child' as const,
      name: ref === null ? name : `${name}#${ref}`,
      dueAt: dueOf(waits, wait),
      timeout: wait.timeout,
      spec: specOf(wait, null),
    };
    return waits.askChild(asked, (call) => child(scope, request, call, ref, false));
  });
}

/**
 * Starts a child workflow and returns its id at once; the run goes on. Idempotent: after any crash the same call gives
 * the same child.
 *
 * @throws RefConflictError when `ref` names a child of another workflow or input
 * @throws InvalidInputError, SerializationError, WorkflowNotFoundError, NotInStepError
 * @example
 * ```ts
 * @Workflow()
 * export class CartWorkflow {
 *   @Step()
 *   async buy(order: Order) {
 *     return { ...order, child: await startWorkflow(OrderWorkflow, order) };
 *   }
 * }
 * ```
 */
export function startWorkflow<W extends WorkflowRef>(
  workflow: W,
  input: InputOf<W>,
  options: ChildOptions = {},
): Promise<string> {
  return asking('startWorkflow', async (scope) => {
    const request = readOptions('The options of startWorkflow()', options, (read) => requestOf(read, workflow, input));
    const { ref } = request;
    const name = scope.nameOf(workflow);
    const call = `start:${name}:${scope.count('start', name)}`;
    const made = async (): Promise<string> => {
      const { id, fresh } = await child(scope, request, call, ref, true);
      await stillOpen('startWorkflow');
      if (fresh !== null) await scope.startChild(fresh);
      return id;
    };
    return scope.waits === null ? made() : scope.waits.keepAlive(made);
  });
}

/** The child that this call has started before, or one that can be started. */
async function child(
  scope: StepScope,
  request: ChildRequest,
  call: string,
  ref: string | null,
  /** A call without a ref finds what it has started before. A call that waits does so by its wait. */
  again: boolean,
): Promise<{ id: string; fresh: PreparedChild | null }> {
  const before = ref === null && again ? scope.startedChild(call, null) : undefined;
  if (before !== undefined) return { id: before.id, fresh: null };
  const prepared = await scope.prepareChild(request, call, ref);
  // Another call of this pass may have asked for the same ref: what it is about to start is not recorded yet.
  const pending = ref === null ? undefined : scope.pendingRefs.get(ref);
  const named = ref === null ? undefined : scope.startedChild(call, ref);
  const known =
    named ??
    (pending === undefined
      ? undefined
      : { id: pending.start.id, workflow: pending.start.workflow, input: pending.input });
  if (known === undefined) {
    if (ref !== null) scope.pendingRefs.set(ref, prepared);
    return { id: prepared.start.id, fresh: prepared };
  }
  if (known.workflow !== prepared.start.workflow) throw new RefConflictError(ref ?? '', known.id, 'workflow');
  if (known.input !== prepared.input) throw new RefConflictError(ref ?? '', known.id, 'input');
  return { id: known.id, fresh: null };
}

interface ReadChild extends ChildRequest {
  readonly ref: string | null;
}

function requestOf(read: OptionReader, workflow: unknown, input: unknown): ReadChild {
  return {
    workflow,
    input,
    ref: read.text('ref', null),
    queue: read.text('queue', null, QUEUE_NAME),
    priority: read.integer('priority', null, PRIORITY),
  };
}
