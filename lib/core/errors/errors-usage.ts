import { DurableError, nameErrors } from './durable-error.js';

/** A function of the step was called in a way that cannot work, at the place that its stack shows. */
export class StepUsageError extends DurableError {
  declare readonly code:
    | 'ONCE_NAME_TAKEN'
    | 'NOT_TRANSACTIONAL'
    | 'TRANSACTION_ENDED'
    | 'OTHER_VERSION'
    | 'NO_RESULTS'
    | 'NO_SUCH_RESULT'
    | 'WAIT_IN_COMPENSATION';
}

nameErrors({ StepUsageError });
