/** An error as it is kept in the database and handed to clients. Compare by `name` or `code`. */
export interface StoredError {
  name: string;
  message: string;
  code?: string;
  stack?: string;
  cause?: StoredError;
  /** The error's own fields, as far as they can be stored. */
  [field: string]: unknown;
}

/**
 * True for the error of a run that was cancelled itself. One that its step has thrown on behalf of another run, as that run's
 * `result()` does, names that run: it is a failure like any other.
 */
export function isCancel(error: StoredError): boolean {
  return error.code === 'WORKFLOW_CANCELLED' && error['executionId'] === undefined;
}
