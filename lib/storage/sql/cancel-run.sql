-- Ends a run that lock-run.sql has locked as cancelled, with its steps on other queues.
--
-- $1 uuid: the run
-- $2 text: encoded StoredError
--
-- Returns whether a worker held the run or one of its steps, and whether another process waits for its end.
WITH gone AS (
  DELETE FROM durable.workflow_queue
  WHERE id = $1 OR step_of = $1
  RETURNING step_of, worker_id, watched, started_at
), ended AS (
  UPDATE durable.workflow_executions e
  SET status = 'cancelled',
      error = $2,
      snapshot = NULL,
      completed_at = durable.clock(),
      updated_at = durable.clock(),
      started_at = coalesce(e.started_at, (SELECT started_at FROM gone WHERE step_of IS NULL)),
      -- A round begins with the input again.
      data_seq = coalesce((
        SELECT s.seq
        FROM durable.step_executions s
        WHERE s.run_id = $1 AND s.status = 'completed' AND s.type <> 'once' AND s.output IS NOT NULL AND s.round >= e.round
        ORDER BY s.seq DESC
        LIMIT 1
      ), 0)
  WHERE e.id = $1 AND e.status = 'active'
  RETURNING e.id
)
SELECT bool_or(worker_id IS NOT NULL) AS held, bool_or(watched) AS watched
FROM gone, ended
