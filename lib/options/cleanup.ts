import { FINISHED_STATUSES, type FinishedStatus } from '../core/run/status.js';
import { isDate } from '../core/limits.js';
import { listOf, type OptionReader, readOptions } from '../core/option-reader.js';
import type { CleanupFilter, PgRetention } from '../storage/client/retention.js';

/** Options of `cleanup()`. */
export interface CleanupOptions {
  /** Age in ms since the end of a run, or a time: runs that ended then or earlier are deleted. */
  readonly olderThan: number | Date;
  /** Statuses of the runs. Default: every finished status. */
  readonly status?: FinishedStatus | readonly FinishedStatus[];
  /** Counts the runs that would be deleted, and deletes none. Default: false. */
  readonly dryRun?: boolean;
  /** Most runs deleted in one transaction. Default: 1000. */
  readonly batchSize?: number;
}

const MOST = 10_000;
/** 1000 years. */
const LONGEST = 31_557_600_000_000;

/** @internal */
export async function cleanup(retention: PgRetention, { olderThan, ...filter }: ReadCleanup): Promise<number> {
  const before = olderThan instanceof Date ? olderThan : new Date(Math.ceil((await retention.now()) - olderThan));
  return retention.cleanup({ ...filter, before });
}

/** @internal */
export interface ReadCleanup extends Omit<CleanupFilter, 'before'> {
  readonly olderThan: number | Date;
}

/** @internal @throws InvalidInputError with everything that is wrong */
export function readCleanup(options: unknown): ReadCleanup {
  return readOptions('The options of cleanup()', options, (read) => ({
    olderThan: readAge(read),
    statuses: readStatuses(read),
    dryRun: read.boolean('dryRun', false),
    batchSize: read.integer('batchSize', 1_000, { min: 1, max: MOST }),
  }));
}

function readAge(read: OptionReader): number | Date {
  const value = read.take('olderThan');
  if (typeof value === 'number' && value >= 0 && value <= LONGEST) return value;
  const date = isDate(value) ? new Date(value) : null;
  if (date !== null && date.getTime() >= 0) return date;
  read.expected('olderThan', 'a number of ms, at least 0, or a Date', value);
  return 0;
}

function readStatuses(read: OptionReader): readonly FinishedStatus[] {
  const value = read.take('status');
  if (listOf(value)?.length === 0) {
    read.fault('status', 'expected at least one status, got an empty list');
  }
  return read.severalOf('status', FINISHED_STATUSES) ?? FINISHED_STATUSES;
}
