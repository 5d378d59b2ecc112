/** What a row of the table of waits says; written by the engine when a step waits, read by the engine and by clients. */

export const WAIT_KINDS = ['sleep', 'event', 'any', 'all', 'input', 'child'] as const;
/** What is waited for: a time, one event, the first of several, all of several, an answer, the end of a child. */
export type WaitKind = (typeof WAIT_KINDS)[number];

/** `done`: what was waited for is there. Only an open wait can get another state. */
export type WaitState = 'open' | 'done' | 'timed_out' | 'cancelled';

export const INPUT_TYPES = ['approval', 'form', 'single_choice', 'multi_choice', 'free_text'] as const;
/** What may be answered to an input. */
export type InputType = (typeof INPUT_TYPES)[number];

export const INPUT_FIELD_TYPES = ['text', 'number', 'boolean', 'date', 'select'] as const;
export type InputFieldType = (typeof INPUT_FIELD_TYPES)[number];

/** One value that may be chosen. */
export interface InputChoice {
  readonly value: string | number | boolean;
  /** What people are shown. Default: the value. */
  readonly label?: string;
}

/** One field of a form. */
export interface InputField {
  readonly name: string;
  readonly type: InputFieldType;
  /** What people are shown. Default: the name. */
  readonly label?: string;
  /** Whether an answer must have it. Default: false. */
  readonly required?: boolean;
  /** What may be selected; with `select`, and only there. */
  readonly options?: readonly InputOption[];
}

/** One thing that may be selected: its value alone, or with a label. */
export type InputOption = string | number | boolean | InputChoice;

/** What an input declares: what is asked, and what may be answered. */
export interface InputDeclaration {
  /** null: any value is accepted, and the input is listed as `free_text`. */
  readonly type: InputType | null;
  readonly fields?: readonly InputField[];
  readonly choices?: readonly InputChoice[];
}

/**
 * What is stored, encoded, in `spec` of a wait. Keys are absent where nothing was given for them; `timeoutValue` may be
 * there as undefined. A wait with none of it has no spec at all (NULL).
 */
export interface WaitSpec extends Partial<InputDeclaration> {
  readonly prompt?: string;
  readonly metadata?: unknown;
  /** What the wait returns when it times out; absent: it throws. */
  readonly timeoutValue?: unknown;
  /** Absent: the step goes on. */
  readonly onTimeout?: 'fail';
}

/** What the next pass of the step finds a wait by: `count` is 1 for the first of that kind and name in the step. */
export function waitKey(kind: WaitKind, name: string, count: number): string {
  return `${kind}:${name}:${count}`;
}
