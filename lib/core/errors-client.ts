import { DurableError, nameErrors } from './durable-error.js';

/** The run is still going on, and what was asked for is for runs that have ended. */
export class ExecutionNotFinishedError extends DurableError {
  constructor(
    readonly executionId: string,
    verb: string,
  ) {
    super(
      'EXECUTION_NOT_FINISHED',
      `Execution "${executionId}" has not ended, and ${verb}() is for runs that have. ` +
        'Wait for its result(), or cancel() it first.',
    );
  }
}

nameErrors({ ExecutionNotFinishedError });
