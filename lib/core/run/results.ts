import { fromStoredError } from '../codec/error-record.js';
import type { StoredError } from '../errors/stored-error.js';

export { finish, goto, gotoTarget, isFinish, isGoto, type Finish, type Goto } from '../definition/jumps.js';

/** Outcome of an arm of a parallel or an item of a loop, in the shape of `Promise.allSettled`; reasons are stored errors. */
export type SettledResult<T = unknown> =
  { readonly status: 'fulfilled'; readonly value: T } | { readonly status: 'rejected'; readonly reason: StoredError };

/** The results of a fan-out by arm (or, where `T` is a list, by item). */
export type ParallelResults<T> = { readonly [K in keyof T]: SettledResult<T[K]> };

/**
 * Second parameter of every member of a loop's arm, those in arms within it included: the innermost loop counts. The
 * collector of a parallel gets the results of its arms there instead.
 */
export interface ItemContext<D = unknown> {
  /** Place of the item in the list, from 0. */
  readonly index: number;
  /** The loop's own data. */
  readonly data: D;
}

/** Second parameter of a compensation. */
export interface CompensationInfo<D = unknown> {
  /** Name of the step that is undone. */
  readonly step: string;
  /** `'unknown'`: the step began and has no record of its end (`compensateWhen: 'started'`). */
  readonly outcome: 'completed' | 'unknown';
  /** Error by which the run failed or was cancelled. */
  readonly error: StoredError;
  /** The data of the run when it failed. */
  readonly current: D;
}

/**
 * The values of settled results, in the shape that they came in: an object by arm, or a list.
 * @throws an error made of the first reason (its name, message, code and fields) where a result was rejected
 */
export function unwrap<T extends object>(results: ParallelResults<T>): T {
  const values: unknown = Array.isArray(results)
    ? results.map((result: SettledResult) => valueOf(result))
    : Object.fromEntries(Object.entries(results).map(([key, result]) => [key, valueOf(result as SettledResult)]));
  return values as T;
}

function valueOf(result: SettledResult): unknown {
  if (result.status === 'rejected') {
    throw fromStoredError(result.reason);
  }
  return result.value;
}
