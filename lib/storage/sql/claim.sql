-- Takes ready rows of one queue, by rank.
--   $1 text       queue
--   $2 json       definitions that may be claimed: [{id, run_as, timeout}] (timeout in ms, or null)
--   $3 integer    how many
--   $4 integer    the worker
--
-- One probe of queue_claim for each definition, each in the index's own order and no further than the limit, so that
-- the cost does not depend on the backlog, nor on what sleeps, is paused, or belongs to code this process does not
-- have. `definition_id = ANY (...)` with one ORDER BY would sort the whole backlog.
-- (Before PostgreSQL 17 there are no infinite intervals: a time is subtracted only where it is finite.)
-- A queue that is paused gives nothing, one that is limited only to claim-limited.sql: one look at a row, once a claim.
WITH candidate AS MATERIALIZED (
  SELECT c.id, c.rank, d.id AS ran_by, d.run_as, d.timeout
  FROM json_to_recordset($2::json) AS d(id integer, run_as integer, timeout float8)
  CROSS JOIN LATERAL (
    SELECT q.id, q.rank
    FROM durable.workflow_queue q
    WHERE q.queue = $1 AND q.definition_id = d.id AND q.state = 'ready' AND NOT q.paused
    ORDER BY q.rank, q.id
    LIMIT $3
    FOR NO KEY UPDATE SKIP LOCKED
  ) c
  -- A worker declared dead gets nothing: its rows would be swept already.
  WHERE EXISTS (SELECT FROM durable.workers w WHERE w.id = $4 AND w.dead_at IS NULL)
    AND NOT EXISTS (
      SELECT FROM durable.queue_settings s
      WHERE s.queue = $1
        AND (s.paused_at IS NOT NULL OR s.global_concurrency IS NOT NULL OR s.rate_limit IS NOT NULL))
  ORDER BY c.rank, c.id
  LIMIT $3
), claimed AS (
  UPDATE durable.workflow_queue q
  SET state = 'running', worker_id = $4, token = q.token + 1, wake = false,
    definition_id = c.run_as,
    started_at = COALESCE(q.started_at, durable.clock()),
    deadline_at = CASE
      WHEN q.started_at IS NULL AND q.step_of IS NULL THEN durable.clock() + c.timeout * interval '1 ms'
      ELSE q.deadline_at END
  FROM candidate c
  WHERE q.id = c.id
  RETURNING q.id, q.step_of, q.token, q.queue, q.definition_id, c.ran_by, q.recoveries, q.deadline_at, q.step,
    q.cancel, c.rank, q.due_at
)
SELECT c.id, COALESCE(c.step_of, c.id) AS run_id, c.token, c.queue, c.definition_id, c.ran_by, c.recoveries, c.step, c.cancel,
  x.priority,
  (extract(epoch FROM c.deadline_at - durable.clock()) * 1000)::float8 AS deadline_in_ms,
  c.token = 1 AND c.step_of IS NULL AS fresh,
  x.workflow, x.input, x.snapshot, x.snapshot_seq, x.round, x.parent_id,
  (extract(epoch FROM x.schedule_time) * 1000)::float8 AS schedule_time,
  x.traceparent, CASE WHEN isfinite(c.due_at) THEN (extract(epoch FROM durable.clock() - c.due_at) * 1000)::float8 END AS lag_ms
FROM claimed c
CROSS JOIN LATERAL (
  SELECT e.workflow, e.input, e.snapshot, e.snapshot_seq, e.round, e.parent_id, e.priority, e.schedule_time, e.traceparent
  FROM durable.workflow_executions e
  WHERE e.id = COALESCE(c.step_of, c.id)
  LIMIT 1
) x
ORDER BY c.rank, c.id;
