/** The status that goes with the code of an error, wherever one is answered over HTTP. */
const STATUS_OF: ReadonlyMap<string, number> = new Map([
  ['INVALID_INPUT', 400],
  ['EXECUTION_NOT_FOUND', 404],
  ['SCHEDULE_NOT_FOUND', 404],
  ['WORKFLOW_NOT_FOUND', 404],
  ['QUEUE_NOT_FOUND', 404],
  ['EXECUTION_FINISHED', 409],
  ['EXECUTION_NOT_FINISHED', 409],
  ['INPUT_NOT_PENDING', 409],
  ['AMBIGUOUS_INPUT', 409],
  ['SCHEDULE_EXISTS', 409],
  ['IDEMPOTENCY_CONFLICT', 409],
  ['EXECUTION_EXISTS', 409],
  ['MAILBOX_FULL', 409],
  ['WORKFLOW_FAILED', 409],
  ['WORKFLOW_CANCELLED', 409],
  ['CHILD_WORKFLOW', 409],
  ['TRANSACTION_FAILED', 409],
  ['SERIALIZATION', 422],
  ['INVALID_CRON', 422],
  ['RESULT_TIMEOUT', 503],
  ['DATABASE_UNAVAILABLE', 503],
  ['TOO_SLOW', 503],
]);

/** `undefined`: no caller's fault, and nothing that passes. */
export function httpStatusOf(code: string): number | undefined {
  return STATUS_OF.get(code);
}
