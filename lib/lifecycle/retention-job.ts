import type { FinishedStatus } from '../core/run/status.js';
import type { MaintenanceJob } from '../engine/worker/maintenance.js';
import type { Retention } from '../options/module.js';
import type { PgRetention } from '../storage/client/retention.js';

/** Deletes what is older than the options say. */
export function retentionJobs(retention: PgRetention, { audit, ...policy }: Retention): MaintenanceJob[] {
  const runs = runsJob(retention, policy);
  return [...(runs === null ? [] : [runs]), auditJob(retention, audit)];
}

function auditJob(retention: PgRetention, age: number): MaintenanceJob {
  return {
    name: 'Retention of the audit',
    interval: AUDIT_INTERVAL,
    async run(signal) {
      const before = new Date((await retention.now()) - age);
      while (!signal.aborted && (await retention.forgetActs(before, BATCH)) === BATCH);
    },
  };
}

/** ms: an hour. */
const AUDIT_INTERVAL = 3_600_000;

/** Null where the options say nothing. */
function runsJob(retention: PgRetention, policy: RunAges): MaintenanceJob | null {
  const ages = Object.entries(policy) as [keyof RunAges, number | null][];
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

type RunAges = Omit<Retention, 'audit'>;

const BATCH = 1_000;
/** ms between two passes: a tenth of the shortest age, within these bounds. */
const SHORTEST_INTERVAL = 1_000;
const LONGEST_INTERVAL = 300_000;

const STATUS_OF: Readonly<Record<keyof RunAges, FinishedStatus>> = {
  completed: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
  compensated: 'compensated',
  compensationFailed: 'compensation_failed',
};
