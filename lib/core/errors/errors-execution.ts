import { DurableError, listViolations, nameErrors, type Violation } from './durable-error.js';
import type { StoredError } from './stored-error.js';

/** An input or an answer does not fit what was declared for it; every violation is listed. */
export class InvalidInputError extends DurableError {
  constructor(
    /** "The options of start()", "The input of workflow …" */
    what: string,
    readonly violations: readonly Violation[],
  ) {
    const are = /^The (options|filters|arguments|changes)\b/.test(what) ? 'are' : 'is';
    super('INVALID_INPUT', `${what} ${are} not valid:${listViolations(violations)}`);
  }
}

/** A value cannot be stored, or read from its stored text; `path` says where in it. */
export class SerializationError extends DurableError {
  constructor(
    readonly path: string,
    problem: string,
    options: { cause?: unknown; reading?: boolean } = {},
  ) {
    super('SERIALIZATION', `${path} cannot be ${options.reading ? 'read' : 'stored'}: ${problem}.`, options);
  }
}

/** There is no run of that id. */
export class ExecutionNotFoundError extends DurableError {
  constructor(readonly executionId: string) {
    super(
      'EXECUTION_NOT_FOUND',
      `There is no run "${executionId}". Check the id, and that the client uses the database and schema the run was started in.`,
    );
  }
}

/** The run has ended, so that nothing can be done to it or sent to it any more. */
export class ExecutionFinishedError extends DurableError {
  constructor(
    readonly executionId: string,
    readonly status: string,
  ) {
    super(
      'EXECUTION_FINISHED',
      `Run "${executionId}" has ended (${status}) and takes nothing more. retry() starts a new run from its input.`,
    );
  }
}

/** The id asked for is another run's. */
export class ExecutionExistsError extends DurableError {
  constructor(readonly executionId: string) {
    super(
      'EXECUTION_EXISTS',
      `There is a run "${executionId}" already. Leave out \`id\`, or use \`idempotencyKey\` to get the one there is.`,
    );
  }
}

/** The idempotency key was used before, with another input. */
export class IdempotencyConflictError extends DurableError {
  constructor(
    readonly workflow: string,
    readonly idempotencyKey: string,
    readonly existingId: string,
  ) {
    super(
      'IDEMPOTENCY_CONFLICT',
      `Idempotency key "${idempotencyKey}" of workflow "${workflow}" belongs to run "${existingId}", which has another input. ` +
        'Use a key for each distinct input.',
    );
  }
}

/** The run whose result was asked for did not complete. */
export class WorkflowFailedError extends DurableError {
  declare readonly cause: StoredError | undefined;

  constructor(
    readonly executionId: string,
    readonly status: string,
    cause: StoredError | null | undefined,
  ) {
    const why = cause ? `: ${cause.name}: ${cause.message}` : '';
    super('WORKFLOW_FAILED', `Run "${executionId}" ended as ${status}${why}`, cause ? { cause } : undefined);
  }
}

/** The run whose result was asked for was cancelled. */
export class WorkflowCancelledError extends DurableError {
  constructor(
    readonly executionId: string,
    readonly reason: string | null = null,
  ) {
    super('WORKFLOW_CANCELLED', `Run "${executionId}" was cancelled${reason === null ? '' : `: ${reason}`}.`);
  }
}

/** The run did not end within the time given to `result()`; it goes on. */
export class ResultTimeoutError extends DurableError {
  constructor(
    readonly executionId: string,
    /** ms */
    readonly timeout: number,
  ) {
    super(
      'RESULT_TIMEOUT',
      `Run "${executionId}" did not end within ${timeout} ms. It goes on: ask again, or with a longer timeout.`,
    );
  }
}

/** The input was answered, timed out or cancelled before, or never asked for. */
export class InputNotPendingError extends DurableError {
  constructor(
    readonly executionId: string,
    readonly input: string,
    readonly status: string | null = null,
  ) {
    const why = status === null ? 'does not wait for it' : `no longer waits for it (${status})`;
    super(
      'INPUT_NOT_PENDING',
      `Input "${input}" cannot be provided: run "${executionId}" ${why}. listPendingInputs() gives the open ones.`,
    );
  }
}

/** Inputs that a message names; `inputs` has them all. */
const NAMED = 20;

/** Several open inputs of the run have that name. */
export class AmbiguousInputError extends DurableError {
  constructor(
    readonly executionId: string,
    readonly input: string,
    readonly inputs: readonly { readonly id: string; readonly step: string }[],
  ) {
    super(
      'AMBIGUOUS_INPUT',
      `Run "${executionId}" waits for ${inputs.length} inputs named "${input}". Say which with { inputId }: ` +
        inputs
          .slice(0, NAMED)
          .map(({ id, step }) => `${id} (step "${step}")`)
          .join(', ') +
        (inputs.length > NAMED ? ` and ${inputs.length - NAMED} more` : ''),
    );
  }
}

nameErrors({
  InvalidInputError,
  SerializationError,
  ExecutionNotFoundError,
  ExecutionFinishedError,
  ExecutionExistsError,
  IdempotencyConflictError,
  WorkflowFailedError,
  WorkflowCancelledError,
  ResultTimeoutError,
  InputNotPendingError,
  AmbiguousInputError,
});
