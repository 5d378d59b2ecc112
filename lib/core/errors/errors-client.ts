import { DurableError, nameErrors } from './durable-error.js';

/** The run has not ended, and the method is for runs that have. */
export class ExecutionNotFinishedError extends DurableError {
  constructor(
    readonly executionId: string,
    verb: string,
  ) {
    super(
      'EXECUTION_NOT_FINISHED',
      `Run "${executionId}" has not ended, and ${verb}() is for runs that have. ` +
        'Wait for its result(), or cancel() it first.',
    );
  }
}

/** The run's mailbox has its limit of unmatched events (10 000), and no wait of the run asks for this one. */
export class MailboxFullError extends DurableError {
  constructor(
    readonly executionId: string,
    readonly limit: number,
  ) {
    super(
      'MAILBOX_FULL',
      `Run "${executionId}" has ${limit} events that no wait has taken, and takes no more that it does not wait for. ` +
        'Have it take them, or send it fewer: one event may carry many things.',
    );
  }
}

/** A read took longer than its limit, and was given up. */
export class TooSlowError extends DurableError {
  constructor() {
    super(
      'TOO_SLOW',
      'The database took too long for this look. Ask for less: a shorter time, one workflow, one queue.',
    );
  }
}

/**
 * PostgreSQL has failed the caller's transaction (`manager`) for what others did at the same time, or for a limit of time: a
 * serialization failure, a deadlock, a lock or a statement that took too long; or it had failed before. Nothing of it can be
 * committed. Begin it anew.
 */
export class TransactionFailedError extends DurableError {
  constructor(
    /** SQLSTATE: `40001`, `40P01`, `55P03`, `57014`; `25P02`: an earlier statement of it has failed. */
    readonly sqlState: string,
    reason: string,
    options?: { cause?: unknown },
  ) {
    super(
      'TRANSACTION_FAILED',
      `PostgreSQL has failed the caller's transaction: ${reason} (${sqlState}). Nothing of it can be committed: begin it anew.`,
      options,
    );
  }
}

nameErrors({ TooSlowError, ExecutionNotFinishedError, MailboxFullError, TransactionFailedError });
