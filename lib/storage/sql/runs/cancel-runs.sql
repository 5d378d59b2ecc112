-- Ends runs that lock-runs.sql has locked as cancelled, with their steps on other queues and their waits.
--
-- $1 uuid[]: the runs
-- $2 text: encoded StoredError
-- $3 text: encoded reason
--
-- Returns each with its workflow, whether a worker held it or one of its steps, and whether another process waits for its
-- end.
WITH gone AS (
  DELETE FROM durable.workflow_queue q
  WHERE q.id = ANY ($1::uuid[]) OR q.step_of = ANY ($1::uuid[])
  RETURNING coalesce(q.step_of, q.id) AS run_id, q.step_of, q.worker_id, q.watched, q.started_at
), closed AS (
  UPDATE durable.waits w
  SET active = false,
      state = CASE WHEN w.state = 'open' THEN 'cancelled' ELSE w.state END,
      closed_at = coalesce(w.closed_at, durable.clock()),
      result = CASE WHEN w.state = 'open' THEN $3 ELSE w.result END
  WHERE w.run_id = ANY ($1::uuid[]) AND w.active
), ended AS (
  UPDATE durable.workflow_executions e
  SET status = 'cancelled',
      error = $2,
      snapshot = NULL,
      completed_at = durable.clock(),
      updated_at = durable.clock(),
      started_at = coalesce(e.started_at, (SELECT g.started_at FROM gone g WHERE g.run_id = e.id AND g.step_of IS NULL)),
      -- A round begins with the input again.
      data_seq = coalesce((
        SELECT s.seq
        FROM durable.step_executions s
        WHERE s.run_id = e.id AND s.status = 'completed' AND s.output IS NOT NULL AND s.round >= e.round
          AND s.type IN ('step', 'decision', 'parallel', 'gather', 'context')
          -- The main sequence, or the branch arm that it stood in when it was suspended.
          AND (strpos(s.path, '/') = 0 OR s.seq = e.data_seq)
        ORDER BY s.seq DESC
        LIMIT 1
      ), 0)
  WHERE e.id = ANY ($1::uuid[]) AND e.status = 'active'
  RETURNING e.id, e.workflow
)
SELECT ended.id, ended.workflow, bool_or(gone.worker_id IS NOT NULL) AS held, bool_or(gone.watched) AS watched
FROM ended
JOIN gone ON gone.run_id = ended.id
GROUP BY ended.id, ended.workflow
