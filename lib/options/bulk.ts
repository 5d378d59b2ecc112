import { type OptionReader, readOptions } from '../core/option-reader.js';
import type { CancelOptions } from './waits.js';
import { readCancel } from './waits.js';

/** How many runs are acted on. */
export interface BulkOptions {
  /** Runs that are changed at most. Default: all that fit. */
  readonly limit?: number;
  /** Changes nothing, and says what would be. Default: false. */
  readonly dryRun?: boolean;
}

export interface CancelManyOptions extends BulkOptions, CancelOptions {
  /** Stands in the error of each. Default: none. */
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
