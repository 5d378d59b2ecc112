/** Every error of the package, by name: the one place to import them from. */
export { DurableError, type Violation } from './durable-error.js';
export {
  ConfigurationError,
  DatabaseUnavailableError,
  DefinitionChangedError,
  DefinitionError,
  InvalidCronError,
  MigrationError,
  QueueNotFoundError,
  ScheduleExistsError,
  ScheduleNotFoundError,
  WorkflowNotFoundError,
} from './errors-definition.js';
export {
  AmbiguousInputError,
  ExecutionExistsError,
  ExecutionFinishedError,
  ExecutionNotFoundError,
  IdempotencyConflictError,
  InputNotPendingError,
  InvalidInputError,
  ResultTimeoutError,
  SerializationError,
  WorkflowCancelledError,
  WorkflowFailedError,
} from './errors-execution.js';
export {
  AttemptClosedError,
  ChildWorkflowError,
  FatalError,
  InvalidStepResultError,
  NonDeterministicStepError,
  NotInStepError,
  RefConflictError,
  StepTimeoutError,
  WaitCancelledError,
  WaitInOnceError,
  WaitInTransactionError,
  WaitTimeoutError,
  WorkerCrashedError,
  WorkflowTimeoutError,
} from './errors-step.js';
