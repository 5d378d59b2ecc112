import { FINISHED_STATUSES, type FinishedStatus } from './core/status.js';
import { isDate } from './core/limits.js';
import { listOf, type OptionReader, readOptions } from './core/option-reader.js';
import type { Retention } from './durable.options.js';
import type { MaintenanceJob } from './engine/maintenance.js';
import type { CleanupFilter, PgRetention } from './storage/retention.js';

/** Which finished runs `cleanup()` deletes. */
export interface CleanupOptions {
  /** Runs that ended so many ms ago or earlier, or at this time or earlier. */
  readonly olderThan: number | Date;
  /** Only these. Default: every finished status. */
  readonly status?: FinishedStatus | readonly FinishedStatus[];
  /** Only counts what would go. Default: false. */
  readonly dryRun?: boolean;
  /** Runs deleted in one transaction, at most. Default: 1000. */
  readonly batchSize?: number;
}

const MOST = 10_000;
/** 1000 years. */
const LONGEST = 31_557_600_000_000;

/** @internal @throws InvalidInputError with everything that is wrong */
export async function cleanup(retention: PgRetention, options: unknown): Promise<number> {
  const { olderThan, ...filter } = readCleanup(options);
  const before = olderThan instanceof Date ? olderThan : new Date(Math.ceil((await retention.now()) - olderThan));
  return retention.cleanup({ ...filter, before });
}

/** @internal Deletes what is older than the options say; `null` where they say nothing. */
export function retentionJob(retention: PgRetention, policy: Retention): MaintenanceJob | null {
  const ages = Object.entries(policy) as [keyof Retention, number | null][];
  const kept = ages.flatMap(([key, age]) => (age === null ? [] : [{ status: STATUS_OF[key], age }]));
  if (kept.length === 0) return null;
  return {
    name: 'Retention',
    interval: Math.min(LONGEST_INTERVAL, Math.max(SHORTEST_INTERVAL, Math.min(...kept.map(({ age }) => age)) / 10)),
    async run(signal) {
      for (const { status, age } of kept) {
        const before = new Date((await retention.now()) - age);
        await retention.cleanup({ before, statuses: [status], batchSize: BATCH, dryRun: false, signal });
      }
    },
  };
}

const BATCH = 1_000;
/** ms between two passes: a tenth of the shortest age, within these bounds. */
const SHORTEST_INTERVAL = 1_000;
const LONGEST_INTERVAL = 300_000;

const STATUS_OF: Readonly<Record<keyof Retention, FinishedStatus>> = {
  completed: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
  compensated: 'compensated',
  compensationFailed: 'compensation_failed',
};

interface Read extends Omit<CleanupFilter, 'before'> {
  readonly olderThan: number | Date;
}

function readCleanup(options: unknown): Read {
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
