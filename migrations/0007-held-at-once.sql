-- A run that is woken can be held by whoever wakes it, in the same transaction.

-- Holds a run for a worker, in the transaction that has just made it ready and so has its lock; returns what claim.sql
-- does. Nothing where a claim would not give it: the worker is declared dead, the queue not one of its, paused or limited, the
-- definition not one that it may claim, or another resumed run of the queue is ready and so comes first.
CREATE FUNCTION durable.hold_run(run uuid, holder integer, of_queues text[], definitions json)
RETURNS TABLE (
  id uuid, run_id uuid, token integer, queue text, definition_id integer, ran_by integer, recoveries smallint, step text,
  cancel text, priority integer, deadline_in_ms float8, fresh boolean, workflow text, input text, snapshot text,
  snapshot_seq bigint, round integer, parent_id uuid, schedule_time float8, traceparent text, lag_ms float8)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
  SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  known integer[] := ARRAY(SELECT d.id FROM json_to_recordset(definitions) AS d(id integer));
BEGIN
  RETURN QUERY
  WITH held AS (
    UPDATE durable.workflow_queue q
    SET state = 'running', worker_id = holder, token = q.token + 1, wake = false, definition_id = d.run_as,
      priority = q.priority - q.aged, aged = 0
    FROM json_to_recordset(definitions) AS d(id integer, run_as integer)
    WHERE q.id = run AND q.state = 'ready' AND q.resumed AND q.started_at IS NOT NULL AND NOT q.paused
      AND d.id = q.definition_id
      AND q.queue = ANY (of_queues)
      AND EXISTS (SELECT FROM durable.workers w WHERE w.id = holder AND w.dead_at IS NULL)
      AND NOT EXISTS (
        SELECT FROM durable.queue_settings s
        WHERE s.queue = q.queue
          AND (s.paused_at IS NOT NULL OR s.global_concurrency IS NOT NULL OR s.rate_limit IS NOT NULL))
      AND NOT EXISTS (
        SELECT FROM durable.workflow_queue o
        WHERE o.queue = q.queue AND o.definition_id = ANY (known) AND o.state = 'ready' AND NOT o.paused AND o.resumed
          AND o.id <> q.id)
    RETURNING q.id, q.token, q.queue, q.definition_id, d.id AS ran_by, q.recoveries, q.step, q.cancel, q.deadline_at
  )
  SELECT h.id, h.id, h.token, h.queue, h.definition_id, h.ran_by, h.recoveries, h.step, h.cancel, e.priority,
    (extract(epoch FROM h.deadline_at - durable.clock()) * 1000)::float8, false,
    e.workflow, e.input, e.snapshot, e.snapshot_seq, e.round, e.parent_id,
    (extract(epoch FROM e.schedule_time) * 1000)::float8, e.traceparent, 0::float8
  FROM held h
  JOIN durable.workflow_executions e ON e.id = h.id;
END
$$;
