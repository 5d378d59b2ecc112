import { randomUUID } from 'node:crypto';
import { httpStatusOf, isDurableError, read, textOf, type Violation } from '../durable.js';

/** Something that is refused: what the answer says of it. */
export class RequestError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly violations?: readonly Violation[],
    /** What the app's log has it under. */
    readonly id?: string,
  ) {
    super(message);
  }
}

export interface ErrorBody {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly violations?: readonly Violation[];
    readonly id?: string;
  };
}

/** What is answered for whatever was thrown. `log` gets what the answer does not say, with the id that it does. */
export function toRequestError(error: unknown, log: (message: string) => void): RequestError {
  if (error instanceof RequestError) return error;
  if (isDurableError(error)) {
    const status = httpStatusOf(error.code);
    const violations = read(error, 'violations') as readonly Violation[] | undefined;
    if (status !== undefined) return new RequestError(status, error.code, error.message, violations);
  }
  const id = randomUUID().slice(0, 8);
  log(`Request ${id} failed: ${stackOf(error)}`);
  return new RequestError(500, 'INTERNAL', `The app's log has it under ${id}.`, undefined, id);
}

export function errorBody({ code, message, violations, id }: RequestError): ErrorBody {
  return { error: { code, message, ...(violations && { violations }), ...(id !== undefined && { id }) } };
}

function stackOf(error: unknown): string {
  const stack = read(error, 'stack');
  return typeof stack === 'string' ? stack : textOf(error);
}
