import { DurableError, nameErrors } from './durable-error.js';

/** A function of the step was called in a way that cannot work: a mistake in the code, told where it was made. */
export class StepUsageError extends DurableError {
  constructor(code: 'ONCE_NAME_TAKEN' | 'NOT_TRANSACTIONAL', message: string) {
    super(code, message);
  }
}

nameErrors({ StepUsageError });
