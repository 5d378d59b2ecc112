import type { NewRun } from '../core/run/new-run.js';

type Start = Omit<NewRun, 'idempotencyKey' | 'scheduleTime' | 'scheduleName'> &
  Partial<Pick<NewRun, 'idempotencyKey' | 'scheduleTime' | 'scheduleName'>>;

/** Runs to be started, in the form that start-runs.sql and commit-group.sql take. */
export function startsJson(runs: readonly Start[]): string {
  return JSON.stringify(
    runs.map((run) => ({
      id: run.id,
      workflow: run.workflow,
      definition_id: run.definitionId,
      queue: run.queue,
      priority: run.priority,
      tags: run.tags ?? undefined,
      delay_ms: run.delayMs,
      scheduled_at: run.scheduledAt ?? undefined,
      retry_of: run.retryOf ?? undefined,
      parent_id: run.parentId ?? undefined,
      idempotency_key: run.idempotencyKey ?? undefined,
      schedule_time: run.scheduleTime ?? undefined,
      schedule_name: run.scheduleName ?? undefined,
      input: run.input,
      traceparent: run.traceparent ?? undefined,
    })),
  );
}
