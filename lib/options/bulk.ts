import { type OptionReader, readOptions } from '../core/option-reader.js';
import type { CancelOptions } from './waits.js';
import { readCancel } from './waits.js';

/** Options of the acts on many runs. */
export interface BulkOptions {
  /** Most runs that are changed. Default: all that fit. */
  readonly limit?: number;
  /** Counts the runs that would be changed, and changes none. Default: false. */
  readonly dryRun?: boolean;
}

/** Options of `cancelMany()`. */
export interface CancelManyOptions extends BulkOptions, CancelOptions {
  /** Reason in the `WorkflowCancelledError` of each run. Default: none. */
  readonly reason?: string;
}

export interface ReadBulk {
  readonly limit: number;
  readonly dryRun: boolean;
}

/** @throws InvalidInputError */
export function readBulk(what: string, options: unknown): ReadBulk {
  return readOptions(`The options of ${what}()`, options, readOne);
}

/** @throws InvalidInputError */
export function readCancelMany(options: unknown): ReadBulk & { readonly cancel: ReturnType<typeof readCancel> } {
  return readOptions('The options of cancelMany()', options, (read) => ({
    ...readOne(read),
    cancel: readCancel(read.take('reason'), { compensate: read.boolean('compensate', false) }),
  }));
}

function readOne(read: OptionReader): ReadBulk {
  return {
    limit: read.integer('limit', Infinity, { min: 1, max: Number.MAX_SAFE_INTEGER }),
    dryRun: read.boolean('dryRun', false),
  };
}
