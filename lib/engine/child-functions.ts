import type { InputOf, ResultOf, WorkflowRef } from '../core/durable-workflow.js';
import { describe } from '../core/describe.js';
import { InvalidInputError, RefConflictError } from '../core/errors.js';
import type { ChildRequest, PreparedChild } from './children.js';
import { currentScope, type StepScope } from './step-scope.js';
import { checkOptions, dueOf, specOf, started, type WaitOptions, waitsIn } from './wait-functions.js';

export interface ChildOptions {
  /** Names the child for the calling step's sequence and visit: the same ref gives the same child. */
  ref?: string;
  /** Default: the workflow's. */
  queue?: string;
  /** Default: the parent's. */
  priority?: number;
}

export type CallOptions<V = unknown> = ChildOptions & WaitOptions<V>;

/**
 * Starts a child workflow and waits for its result. Idempotent: after any crash the same call gives the same child.
 *
 * @throws ChildWorkflowError when the child failed, was compensated or cancelled; RefConflictError; WaitTimeoutError (the
 * child is cancelled then)
 */
export function callWorkflow<W extends WorkflowRef>(
  workflow: W,
  input: InputOf<W>,
  options: CallOptions = {},
): Promise<ResultOf<W>> {
  return started(async () => {
    const scope = currentScope('callWorkflow');
    const waits = waitsIn(scope, 'callWorkflow');
    checkOptions('callWorkflow', options);
    const request = requestOf('callWorkflow', workflow, input, options);
    const ref = options.ref ?? null;
    const name = ref === null ? scope.host.nameOf(workflow) : `${scope.host.nameOf(workflow)}#${ref}`;
    const wait = {
      kind: 'child' as const,
      name,
      dueAt: dueOf(waits, options),
      timeout: options.timeout ?? null,
      spec: specOf(options, null),
    };
    return (await waits.askChild(wait, (call) => child(scope, request, call, ref, false))) as ResultOf<W>;
  });
}

/** Starts a child workflow and gives its id at once; the run goes on. Idempotent as `callWorkflow` is. */
export async function startWorkflow<W extends WorkflowRef>(
  workflow: W,
  input: InputOf<W>,
  options: ChildOptions = {},
): Promise<string> {
  const scope = currentScope('startWorkflow');
  const request = requestOf('startWorkflow', workflow, input, options);
  const ref = options.ref ?? null;
  const name = scope.host.nameOf(workflow);
  const call = `start:${name}:${scope.count('start', name)}`;
  const made = async (): Promise<string> => {
    const { id, fresh } = await child(scope, request, call, ref, true);
    if (fresh !== null) await scope.host.startChild(fresh);
    return id;
  };
  return scope.waits === null ? made() : scope.waits.hold(made);
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
  const { host } = scope;
  const before = ref === null && again ? host.startedChild(call, null) : undefined;
  if (before !== undefined) return { id: before.id, fresh: null };
  const prepared = await host.prepareChild(request, call, ref);
  // Another call of this pass may have asked for the same ref: what it is about to start is not recorded yet.
  const pending = ref === null ? undefined : scope.pendingRefs.get(ref);
  const named = ref === null ? undefined : host.startedChild(call, ref);
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

function requestOf(caller: string, workflow: unknown, input: unknown, options: ChildOptions): ChildRequest {
  const { ref, queue, priority } = options;
  const refuse = (path: string, message: string): never => {
    throw new InvalidInputError(`The options of ${caller}()`, [{ path, message }]);
  };
  if (ref !== undefined && (typeof ref !== 'string' || ref === '' || ref.length > 200)) {
    refuse('ref', `expected a string of 1 to 200 characters, got ${describe(ref)}`);
  }
  if (queue !== undefined && (typeof queue !== 'string' || queue === '' || queue.length > 200)) {
    refuse('queue', `expected the name of a queue, got ${describe(queue)}`);
  }
  if (priority !== undefined && !Number.isInteger(priority)) {
    refuse('priority', `expected a whole number, got ${describe(priority)}`);
  }
  return { workflow, input, queue: queue ?? null, priority: priority ?? null };
}
