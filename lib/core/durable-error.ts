const MARK: unique symbol = Symbol.for('nest-durable.error');

/**
 * Base of every error of this package. `code` is stable across releases and survives being stored, `name` is the
 * class name whatever a minifier makes of it: compare either, not `instanceof`, where an error has been stored.
 */
export abstract class DurableError extends Error {
  readonly code: string;
  /** Known by all copies of the package in one process. */
  declare readonly [MARK]: true;

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

Object.defineProperty(DurableError.prototype, MARK, { value: true });

/** Whether it is an error of this package, also of another copy of it in this process. Never throws. */
export function isDurableError(value: unknown): value is DurableError {
  try {
    return typeof value === 'object' && value !== null && MARK in value;
  } catch {
    return false;
  }
}

/** One fault of a value or an option: where, and what is wrong there. */
export interface Violation {
  readonly path: string;
  readonly message: string;
}

/** The faults as one text: on one line when there is one, else a line each. */
export function listViolations(violations: readonly Violation[]): string {
  const lines = violations.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
  return lines.length === 1 ? ` ${lines[0]}` : lines.map((line) => `\n  - ${line}`).join('');
}

/**
 * Gives each class its name on the prototype, so that the stack's first line has it too: V8 writes that line while
 * `Error` constructs, before any field of a subclass is set.
 */
export function nameErrors(classes: Record<string, { readonly prototype: DurableError }>): void {
  for (const [name, { prototype }] of Object.entries(classes)) {
    Object.defineProperty(prototype, 'name', { value: name, writable: true, configurable: true, enumerable: false });
  }
}
