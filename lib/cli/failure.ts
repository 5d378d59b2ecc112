/** What ends a command: one line on stderr that says what to do, and the exit code. */
export class Failure extends Error {
  constructor(
    message: string,
    /** 1: refused, not found or failed; 2: the command was called in a wrong way. */
    readonly exitCode: 1 | 2 = 1,
    /** As errors of the engine have one, for audit rows. */
    readonly code: string | null = null,
    /** What an audit row says beside it. */
    readonly details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
  }
}

export function usage(message: string): Failure {
  return new Failure(message, 2);
}

/** Ctrl-C. */
export class Interrupted extends Error {}
