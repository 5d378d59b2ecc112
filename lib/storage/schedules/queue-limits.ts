import type { QueueLimits } from '../../engine/ports/store.js';

/** The limits of a queue as save-queue-limits.sql takes them. */
export function limitsRow({ queue, globalConcurrency, rateLimit, priorityAgeing }: QueueLimits): object {
  return {
    queue,
    global_concurrency: globalConcurrency,
    rate_limit: rateLimit?.limit ?? null,
    rate_period_ms: rateLimit?.period ?? null,
    rate_counts: rateLimit?.counts ?? 'runs',
    priority_ageing_ms: priorityAgeing,
  };
}
