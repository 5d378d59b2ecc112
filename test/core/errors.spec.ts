import * as errors from '../../lib/core/errors/errors.js';
import { toStoredError } from '../../lib/core/codec/error-record.js';

const cause = { name: 'CardError', message: 'declined' };
const violations = [
  { path: 'items[0].price', message: 'must be a number' },
  { path: 'id', message: 'is missing' },
];

/** One of each: class name, code, and what its message must say. */
const all: [errors.DurableError, string, string, RegExp][] = [
  [
    new errors.InvalidInputError('The input of "order"', violations),
    'InvalidInputError',
    'INVALID_INPUT',
    /items\[0\].price: must be a number\n.*id: is missing/,
  ],
  [
    new errors.InvalidStepResultError('charge', 5),
    'InvalidStepResultError',
    'INVALID_STEP_RESULT',
    /"charge" returned the number 5/,
  ],
  [new errors.ExecutionNotFoundError('e1'), 'ExecutionNotFoundError', 'EXECUTION_NOT_FOUND', /"e1"/],
  [
    new errors.ExecutionFinishedError('e1', 'failed'),
    'ExecutionFinishedError',
    'EXECUTION_FINISHED',
    /"e1" has ended \(failed\)/,
  ],
  [new errors.ExecutionExistsError('e1'), 'ExecutionExistsError', 'EXECUTION_EXISTS', /"e1"/],
  [
    new errors.IdempotencyConflictError('order', 'k', 'e1'),
    'IdempotencyConflictError',
    'IDEMPOTENCY_CONFLICT',
    /"k".*"order".*"e1"/,
  ],
  [
    new errors.DefinitionChangedError('order', 'a/b', 'is gone'),
    'DefinitionChangedError',
    'DEFINITION_CHANGED',
    /"order".*"a\/b".*gone.*resume/,
  ],
  [new errors.WorkerCrashedError(10), 'WorkerCrashedError', 'WORKER_CRASHED', /10 times/],
  [
    new errors.WorkflowNotFoundError('proces_order', ['process_order', 'x']),
    'WorkflowNotFoundError',
    'WORKFLOW_NOT_FOUND',
    /Did you mean "process_order"\?.*process_order, x/,
  ],
  [
    new errors.WorkflowNotFoundError('order', []),
    'WorkflowNotFoundError',
    'WORKFLOW_NOT_FOUND',
    /No workflow is registered/,
  ],
  [
    new errors.DefinitionError('OrderWorkflow.charge: wrong'),
    'DefinitionError',
    'DEFINITION',
    /^OrderWorkflow.charge: wrong$/,
  ],
  [
    new errors.ConfigurationError(violations),
    'ConfigurationError',
    'CONFIGURATION',
    /price: must be a number\n.*id: is missing/,
  ],
  [new errors.FatalError('no', { cause }), 'FatalError', 'FATAL', /^no$/],
  [new errors.StepTimeoutError('charge', 50), 'StepTimeoutError', 'STEP_TIMEOUT', /"charge".*50 ms/],
  [new errors.WorkflowTimeoutError('order', 50), 'WorkflowTimeoutError', 'WORKFLOW_TIMEOUT', /"order".*50 ms/],
  [
    new errors.WaitTimeoutError('all of a, b', 50, { received: ['a'] }),
    'WaitTimeoutError',
    'WAIT_TIMEOUT',
    /all of a, b timed out after 50 ms.*received: a/,
  ],
  [
    new errors.WaitCancelledError('event "paid"', 'why'),
    'WaitCancelledError',
    'WAIT_CANCELLED',
    /"paid" was cancelled: why/,
  ],
  [
    new errors.WaitInTransactionError('sleep', 'charge'),
    'WaitInTransactionError',
    'WAIT_IN_TRANSACTION',
    /sleep\(\).*"charge"/,
  ],
  [new errors.WaitInOnceError('sleep', 'nap', 'pay'), 'WaitInOnceError', 'WAIT_IN_ONCE', /sleep\(\).*"nap".*"pay"/],
  [
    new errors.InputNotPendingError('e1', 'approve', 'completed'),
    'InputNotPendingError',
    'INPUT_NOT_PENDING',
    /"approve".*"e1".*completed/,
  ],
  [
    new errors.AmbiguousInputError('e1', 'approve', [
      { id: 'i1', step: 'a' },
      { id: 'i2', step: 'b' },
    ]),
    'AmbiguousInputError',
    'AMBIGUOUS_INPUT',
    /2 inputs.*i1 \(step "a"\), i2/,
  ],
  [
    new errors.NonDeterministicStepError('s', 'sleep', 'event "x"'),
    'NonDeterministicStepError',
    'NON_DETERMINISTIC_STEP',
    /"s" asked for event "x".*sleep/,
  ],
  [
    new errors.SerializationError('input.a', 'it is a function'),
    'SerializationError',
    'SERIALIZATION',
    /^input\.a cannot be stored: it is a function/,
  ],
  [new errors.RefConflictError('r', 'c1', 'input'), 'RefConflictError', 'REF_CONFLICT', /"r".*"c1".*another input/],
  [
    new errors.ChildWorkflowError('order', 'c1', 'failed', cause),
    'ChildWorkflowError',
    'CHILD_WORKFLOW',
    /"c1".*"order".*failed: CardError: declined/,
  ],
  [
    new errors.WorkflowFailedError('e1', 'compensated', cause),
    'WorkflowFailedError',
    'WORKFLOW_FAILED',
    /"e1".*compensated: CardError: declined/,
  ],
  [
    new errors.WorkflowCancelledError('e1', 'why'),
    'WorkflowCancelledError',
    'WORKFLOW_CANCELLED',
    /"e1" was cancelled: why/,
  ],
  [new errors.ResultTimeoutError('e1', 50), 'ResultTimeoutError', 'RESULT_TIMEOUT', /"e1".*50 ms/],
  [new errors.AttemptClosedError('s'), 'AttemptClosedError', 'ATTEMPT_CLOSED', /"s" was given up/],
  [new errors.NotInStepError('once'), 'NotInStepError', 'NOT_IN_STEP', /^once\(\)/],
  [
    new errors.ScheduleNotFoundError('dayly', ['daily']),
    'ScheduleNotFoundError',
    'SCHEDULE_NOT_FOUND',
    /"dayly".*Did you mean "daily"/,
  ],
  [
    new errors.QueueNotFoundError('defalt', ['default', 'mail']),
    'QueueNotFoundError',
    'QUEUE_NOT_FOUND',
    /"defalt".*Did you mean "default"/,
  ],
  [new errors.ScheduleExistsError('daily'), 'ScheduleExistsError', 'SCHEDULE_EXISTS', /"daily"/],
  [new errors.InvalidCronError('* *', 'it has 2 fields'), 'InvalidCronError', 'INVALID_CRON', /"\* \*".*2 fields/],
  [
    new errors.DatabaseUnavailableError('no answer', { cause }),
    'DatabaseUnavailableError',
    'DATABASE_UNAVAILABLE',
    /no answer/,
  ],
  [new errors.MigrationError('behind'), 'MigrationError', 'MIGRATION', /behind/],
];

describe('every error', () => {
  it.each(all.map(([error, name, code, message]) => ({ error, name, code, message })))(
    '$name has its name, code and message, also once it is stored',
    ({ error, name, code, message }) => {
      expect(error).toBeInstanceOf(errors.DurableError);
      expect(error).toBeInstanceOf(Error);
      expect(error).toMatchObject({ name, code });
      expect(error.message).toMatch(message);
      expect(error.stack).toMatch(new RegExp(`^${name}: `));
      expect(Object.keys(error)).not.toContain('name');
      expect(toStoredError(error)).toMatchObject({ name, code, message: error.message });
    },
  );

  it('is in the table above', () => {
    const tested = new Set(all.map(([, name]) => name));
    const classes = Object.entries(errors).filter(([, type]) => type.prototype instanceof errors.DurableError);
    expect([...tested].sort()).toEqual(classes.map(([name]) => name).sort());
  });
});

it('causes are kept as given', () => {
  expect(new errors.WorkflowFailedError('e1', 'failed', cause).cause).toBe(cause);
  expect('cause' in new errors.WorkflowFailedError('e1', 'failed', null)).toBe(false);
  expect(new errors.FatalError('x', { cause }).cause).toBe(cause);
});

it('a subclass of a user may have a name of its own', () => {
  class OutOfStock extends errors.FatalError {
    override name = 'OutOfStock';
  }
  expect(toStoredError(new OutOfStock('none left'))).toMatchObject({ name: 'OutOfStock', code: 'FATAL' });
});
