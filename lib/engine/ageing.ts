import type { MaintenanceJob } from './maintenance.js';
import type { QueueLimits, QueueStore } from './queue-store.js';

/** ms between two sweeps: ten a step, so that a step comes late by a tenth of its wait, within these bounds. */
const SHORTEST = 100;
const LONGEST = 5_000;

/** Raises the priorities of what has waited long in the queues of this process. */
export function ageingJob(
  store: QueueStore,
  queues: readonly QueueLimits[],
  definitions: () => readonly number[],
): MaintenanceJob {
  const shortest = Math.min(...queues.map(({ priorityAgeing }) => priorityAgeing));
  return {
    name: 'Ageing of priorities',
    interval: Math.min(LONGEST, Math.max(SHORTEST, shortest / 10)),
    async run() {
      for (const { queue, priorityAgeing } of queues) await store.ageQueue(queue, definitions(), priorityAgeing);
    },
  };
}
