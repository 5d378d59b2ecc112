/** In the registry of symbols, so that two copies of the package in one process know each other's jumps. */
const GOTO: unique symbol = Symbol.for('nest-durable.goto');
const FINISH: unique symbol = Symbol.for('nest-durable.finish');

/** Jump to a member, as `goto()` makes it. */
export interface Goto<Target extends string = string> {
  readonly [GOTO]: Target;
  /** The data to go on with; `undefined` keeps it. */
  readonly data: unknown;
}

/** End of the run, as `finish()` makes it. */
export interface Finish {
  readonly [FINISH]: true;
  /** The final data; `undefined` keeps it. */
  readonly data: unknown;
}

/** Jump to another member, forwards or backwards; a decision or a collector returns it. Without `data` the data stays. */
export function goto<const Target extends string>(target: Target, data?: object): Goto<Target> {
  return { [GOTO]: target, data };
}

/** End of the run as completed; a decision or a collector returns it. Without `data` the data stays. */
export function finish(data?: object): Finish {
  return { [FINISH]: true, data };
}

export function isGoto(value: unknown): value is Goto {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, GOTO);
}

/** The member that a jump names. */
export function gotoTarget(jump: Goto): string {
  return jump[GOTO];
}

export function isFinish(value: unknown): value is Finish {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, FINISH);
}
