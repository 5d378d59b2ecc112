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

knownByAllCopies(DurableError, MARK);

/** True for an error of this package, also of another copy of it in this process. Never throws. */
export function isDurableError(value: unknown): value is DurableError {
  return hasMark(value, MARK);
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
export function nameErrors(classes: Record<string, ErrorClass>): void {
  for (const [name, type] of Object.entries(classes)) {
    const named = { value: name, writable: true, configurable: true, enumerable: false };
    Object.defineProperty(type.prototype, 'name', named);
    knownByAllCopies(type, Symbol.for(`nest-durable.error.${name}`));
  }
}

interface ErrorClass {
  readonly prototype: Error;
}

/** `instanceof` takes an instance of the class of another copy of the package in this process too. */
export function knownByAllCopies(type: ErrorClass, mark: symbol): void {
  Object.defineProperty(type.prototype, mark, { value: true });
  Object.defineProperty(type, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      // A subclass that somebody makes of it inherits this.
      return this === type
        ? hasMark(value, mark)
        : Function.prototype[Symbol.hasInstance].call(this as Function, value);
    },
  });
}

function hasMark(value: unknown, mark: symbol): boolean {
  try {
    // Only the prototype has the mark as its own property.
    return typeof value === 'object' && value !== null && mark in value && !Object.hasOwn(value, mark);
  } catch {
    return false;
  }
}
