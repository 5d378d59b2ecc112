import type { DurableClient } from 'nest-durable';
import { setTimeout as pause } from 'node:timers/promises';
import type { Random } from '../support/random.js';

/** Deletes what has ended, of a short age, in batches of any size, one or two cleanups at a time, until it is told to end. */
export async function cleanUp(client: DurableClient, random: Random, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await pause(random.int(50, 500));
    const cleanups = Array.from({ length: random.pick([1, 1, 2]) }, () =>
      client.cleanup({ olderThan: random.pick([0, 300, 1_500]), batchSize: random.pick([1, 5, 1_000]) }),
    );
    await Promise.all(cleanups);
  }
}

/** Rows of runs that are not there. */
export const ORPHANS = `
  SELECT DISTINCT r.run_id AS run, 'is gone, and has rows in ' || r.in_table AS what
  FROM (
    SELECT run_id, 'step_executions' AS in_table FROM durable.step_executions
    UNION ALL SELECT run_id, 'waits' FROM durable.waits
    UNION ALL SELECT run_id, 'events' FROM durable.events
    UNION ALL SELECT COALESCE(step_of, id), 'workflow_queue' FROM durable.workflow_queue
  ) r
  WHERE NOT EXISTS (SELECT FROM durable.workflow_executions e WHERE e.id = r.run_id)`;

/** Runs that were there and are not any more: with $1 those alone that had not ended, of which none may go. */
export const GONE = `
  SELECT l.run_id AS run, CASE WHEN bool_or(l.kind = 'end') THEN 'was deleted' ELSE 'was deleted before its end' END AS what
  FROM audit.log l
  WHERE NOT EXISTS (SELECT FROM durable.workflow_executions e WHERE e.id = l.run_id)
  GROUP BY l.run_id
  HAVING NOT ($1 AND bool_or(l.kind = 'end'))`;
