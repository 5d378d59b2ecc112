-- Ends runs without a lease, with their steps on other queues and their waits. Their rows in the queue are locked by an
-- earlier statement.
--
-- $1 uuid[]: the runs
-- $2 text[]: of each how it ends: 'cancelled' or 'failed'
-- $3 text[]: of each the encoded StoredError
-- $4 text[]: of each the encoded reason of its waits, or NULL
--
-- Returns each with its workflow, whether a worker had leased it or one of its steps, and whether another process waits for its
-- end.
--
-- What the deleted rows said is looked up by id in the table, as it was before this statement: looked for in what the DELETE
-- returns, all of it would be gone through for each run. (OFFSET 0, ANY: see commit-group.sql.)
WITH o AS MATERIALIZED (
  SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) AS u(id, status, error, reason)
), gone AS (
  DELETE FROM durable.workflow_queue q
  WHERE q.id = ANY ($1::uuid[]) OR q.step_of = ANY ($1::uuid[])
), closed AS (
  UPDATE durable.waits w
  SET active = false,
      state = CASE WHEN w.state = 'open' THEN 'cancelled' ELSE w.state END,
      closed_at = COALESCE(w.closed_at, durable.clock()),
      result = CASE WHEN w.state = 'open' THEN one.reason ELSE w.result END
  FROM (
    SELECT v.run_id, v.id, o.reason
    FROM o
    CROSS JOIN LATERAL (SELECT a.run_id, a.id FROM durable.waits a WHERE a.run_id = o.id AND a.active OFFSET 0) v
  ) one
  WHERE w.run_id = ANY (ARRAY[one.run_id]) AND w.id = one.id
), ended AS (
  UPDATE durable.workflow_executions e
  SET status = o.status,
      error = o.error,
      snapshot = NULL,
      snapshot_needs = NULL,
      completed_at = durable.clock(),
      updated_at = durable.clock(),
      started_at = COALESCE(e.started_at, (SELECT q.started_at FROM durable.workflow_queue q WHERE q.id = e.id LIMIT 1)),
      -- A round begins with the input again.
      data_seq = COALESCE((
        SELECT s.seq
        FROM durable.step_executions s
        WHERE s.run_id = e.id AND s.status = 'completed' AND s.output IS NOT NULL AND s.round >= e.round
          AND s.type IN ('step', 'decision', 'parallel', 'gather', 'context')
          -- The main sequence, or the branch arm that it stood in when it was suspended.
          AND (strpos(s.path, '/') = 0 OR s.seq = e.data_seq)
        ORDER BY s.seq DESC
        LIMIT 1
      ), 0)
  FROM o
  WHERE e.id = ANY (ARRAY[o.id]) AND e.status = 'active'
  RETURNING e.id, e.workflow, e.status, e.error
)
SELECT ended.id, ended.workflow, ended.status, ended.error, q.watched,
  q.worker_id IS NOT NULL OR (
    SELECT s.id FROM durable.workflow_queue s WHERE s.step_of = ended.id AND s.worker_id IS NOT NULL LIMIT 1
  ) IS NOT NULL AS leased
FROM ended
CROSS JOIN LATERAL (SELECT w.worker_id, w.watched FROM durable.workflow_queue w WHERE w.id = ended.id LIMIT 1) q;
