import { describe } from '../describe.js';
import { DurableError, nameErrors } from './durable-error.js';
import type { StoredError } from './stored-error.js';

/** Thrown by a step to fail with no further attempt. */
export class FatalError extends DurableError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('FATAL', message, options);
  }
}

/** A step returned something that cannot be a run's data. */
export class InvalidStepResultError extends DurableError {
  constructor(
    readonly step: string,
    got: unknown,
  ) {
    super(
      'INVALID_STEP_RESULT',
      `Step "${step}" returned ${describe(got)}. Return an object, which becomes the data, or nothing to keep the data as it is.`,
    );
  }
}

/** An attempt took longer than the step's `timeout`. */
export class StepTimeoutError extends DurableError {
  constructor(
    readonly step: string,
    /** ms */
    readonly timeout: number,
  ) {
    super(
      'STEP_TIMEOUT',
      `Step "${step}" did not end within its timeout of ${timeout} ms. Pass stepSignal() on, so that what it waits for stops too.`,
    );
  }
}

/** The run took longer than the workflow's `timeout`. */
export class WorkflowTimeoutError extends DurableError {
  constructor(
    readonly workflow: string,
    /** ms */
    readonly timeout: number,
  ) {
    super('WORKFLOW_TIMEOUT', `Workflow "${workflow}" did not end within its timeout of ${timeout} ms.`);
  }
}

/** The run's workers kept dying with no step recorded in between. */
export class WorkerCrashedError extends DurableError {
  constructor(readonly recoveries: number) {
    super(
      'WORKER_CRASHED',
      `The worker died ${recoveries} times in a row with no step recorded in between. A step probably ends the process ` +
        '(memory, process.exit, a blocked event loop); mend it and retry the run, or raise maxRecoveries.',
    );
  }
}

/** The function was called in an attempt that is over: timed out, aborted, or its run now belongs to another worker. */
export class AttemptClosedError extends DurableError {
  constructor(
    readonly step: string,
    options?: { cause?: unknown },
  ) {
    super(
      'ATTEMPT_CLOSED',
      `This attempt of step "${step}" was given up; nothing it does counts any more. Stop when stepSignal() is aborted.`,
      options,
    );
  }
}

/** A function that works on the running step was called where no step runs. */
export class NotInStepError extends DurableError {
  constructor(readonly fn: string) {
    super(
      'NOT_IN_STEP',
      `${fn}() works only while a step runs. Call it in a step, or in something the step awaits; in tests use runStep().`,
    );
  }
}

/** A wait ended by its timeout; `received` names the events of a `waitForAll` that had come. */
export class WaitTimeoutError extends DurableError {
  readonly received: readonly string[];

  constructor(
    readonly wait: string,
    /** ms; `null` when not known any more */
    readonly timeout: number | null,
    { received = [] }: { received?: readonly string[] } = {},
  ) {
    const after = timeout === null ? '' : ` after ${timeout} ms`;
    const came = received.length === 0 ? '' : ` It had received: ${received.join(', ')}.`;
    super(
      'WAIT_TIMEOUT',
      `The wait for ${wait} timed out${after}.${came} Catch this error, or give the wait a timeoutValue.`,
    );
    this.received = received;
  }
}

/** A wait was ended by `cancelWait`. */
export class WaitCancelledError extends DurableError {
  constructor(
    readonly wait: string,
    readonly reason: string | null = null,
  ) {
    super('WAIT_CANCELLED', `The wait for ${wait} was cancelled${reason === null ? '' : `: ${reason}`}.`);
  }
}

/** A transactional step waited: it would hold its transaction open for as long. */
export class WaitInTransactionError extends DurableError {
  constructor(
    readonly fn: string,
    readonly step: string,
  ) {
    super(
      'WAIT_IN_TRANSACTION',
      `${fn}() cannot be used in the transactional step "${step}", which would stay open while it waits. Wait in a step before or after it.`,
    );
  }
}

/** `once` waited: what it does is recorded as a whole, and a wait would drop it half-way. */
export class WaitInOnceError extends DurableError {
  constructor(
    readonly fn: string,
    readonly once: string,
    readonly step: string,
  ) {
    super(
      'WAIT_IN_ONCE',
      `${fn}() cannot be used inside once("${once}") of step "${step}", which is recorded as a whole. Wait before or after it.`,
    );
  }
}

/** A re-run of a step asked for other waits than the pass before; the run is paused. */
export class NonDeterministicStepError extends DurableError {
  constructor(
    readonly step: string,
    readonly recorded: string,
    readonly asked: string,
  ) {
    super(
      'NON_DETERMINISTIC_STEP',
      `Step "${step}" asked for ${asked}, where it had asked for ${recorded} before. The run is paused. ` +
        'Ask for the same waits in each pass (put what may change in once()), then resume the run.',
    );
  }
}

/** The `ref` of a child call is taken by a child with another workflow or input. */
export class RefConflictError extends DurableError {
  constructor(
    readonly ref: string,
    readonly childId: string,
    differs: 'workflow' | 'input',
  ) {
    super(
      'REF_CONFLICT',
      `Ref "${ref}" names child "${childId}", which has another ${differs}. Use a ref for each distinct child.`,
    );
  }
}

/** The child that was called failed, was compensated or cancelled; `deleted`: it is not stored any more. */
export class ChildWorkflowError extends DurableError {
  declare readonly cause: StoredError | undefined;

  constructor(
    readonly workflow: string,
    readonly childId: string,
    readonly status: string,
    cause: StoredError | null | undefined,
  ) {
    const why = cause ? `: ${cause.name}: ${cause.message}` : '';
    super(
      'CHILD_WORKFLOW',
      status === 'deleted'
        ? `Child "${childId}" (workflow "${workflow}") is not stored any more: cleanup() or retention deleted it, and its result with it. Start the run with retry() instead of restartFrom(), or call the child by another ref.`
        : `Child "${childId}" (workflow "${workflow}") ended as ${status}${why}`,
      cause ? { cause } : undefined,
    );
  }
}

nameErrors({
  FatalError,
  InvalidStepResultError,
  StepTimeoutError,
  WorkflowTimeoutError,
  WorkerCrashedError,
  AttemptClosedError,
  NotInStepError,
  WaitTimeoutError,
  WaitCancelledError,
  WaitInTransactionError,
  WaitInOnceError,
  NonDeterministicStepError,
  RefConflictError,
  ChildWorkflowError,
});
