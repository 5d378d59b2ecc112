/** The content of a row of waits: written by the engine when a step waits, read by the engine and by clients. */

export const WAIT_KINDS = ['sleep', 'event', 'any', 'all', 'input', 'child'] as const;
/** Kind of a wait: for a time, one event, the first of several, all of several, an input, the end of a child. */
export type WaitKind = (typeof WAIT_KINDS)[number];

/** State of a wait; `done`: it ended with a value. Only an open wait can get another state. */
export type WaitState = 'open' | 'done' | 'timed_out' | 'cancelled';

export const INPUT_TYPES = ['approval', 'form', 'single_choice', 'multi_choice', 'free_text'] as const;
/** Kind of answer that an input takes. */
export type InputType = (typeof INPUT_TYPES)[number];

export const INPUT_FIELD_TYPES = ['text', 'number', 'boolean', 'date', 'select'] as const;
export type InputFieldType = (typeof INPUT_FIELD_TYPES)[number];

/** One value of a choice. */
export interface InputChoice {
  readonly value: string | number | boolean;
  /** Label for people. Default: the value. */
  readonly label?: string;
}

/** One field of a form. */
export interface InputField {
  readonly name: string;
  readonly type: InputFieldType;
  /** Label for people. Default: the name. */
  readonly label?: string;
  /** True: an answer must have the field. Default: false. */
  readonly required?: boolean;
  /** Values to select from; only with `type: 'select'`. */
  readonly options?: readonly InputOption[];
}

/** One value of a `select` field: alone, or with a label. */
export type InputOption = string | number | boolean | InputChoice;

/** The declaration of an input: the answers that it takes. */
export interface InputDeclaration {
  /** null: any value is accepted, and the input is listed as `free_text`. */
  readonly type: InputType | null;
  readonly fields?: readonly InputField[];
  readonly choices?: readonly InputChoice[];
}

/**
 * Column `spec` of a wait, encoded. Keys are absent where nothing was given for them; `timeoutValue` may be
 * there as undefined. A wait with none of it has no spec at all (NULL).
 */
export interface WaitSpec extends Partial<InputDeclaration> {
  readonly prompt?: string;
  readonly metadata?: unknown;
  /** Value of the wait when it times out; absent: it throws. */
  readonly timeoutValue?: unknown;
  /** Absent: the step goes on. */
  readonly onTimeout?: 'fail';
}

/** Key by which the next pass of the step finds a wait: `count` is 1 for the first of that kind and name in the step. */
export function waitKey(kind: WaitKind, name: string, count: number): string {
  return `${kind}:${name}:${count}`;
}
