import type { FinishedStatus } from '../core/run/status.js';
import type { MaintenanceJob } from '../engine/worker/maintenance.js';
import type { Retention } from '../options/module.js';
import type { PgRetention } from '../storage/client/retention.js';

/** Deletes what is older than the options say; `null` where they say nothing. */
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
