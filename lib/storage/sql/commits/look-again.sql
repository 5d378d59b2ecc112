-- Outcomes of operations whose answer was lost; under the locks of lock-leases.sql, where those were to be had.
--
-- $1 integer: the worker
-- $2 json: [{id, run, token, seq, ends}]: `seq` the first record that it was to write, or null; `ends`: it was to end the
--   run
--
-- Returns of each whether its lease still stands, and whether it landed: by its first record, else by the lease that ended
-- the run. One that left nothing of the kind has not landed, or its lease is over.
-- (No EXISTS: that may be planned as one scan of the whole table, for all operations. COALESCE: see commit-group.sql.)
SELECT o.id,
  (SELECT q.id FROM durable.workflow_queue q
   WHERE q.id = o.id AND q.token = o.token AND COALESCE(q.worker_id, 0) = $1 LIMIT 1) IS NOT NULL AS leased,
  CASE WHEN o.seq IS NOT NULL THEN (
      SELECT s.seq FROM durable.step_executions s
      WHERE s.run_id = o.run AND s.seq = o.seq AND s.token = o.token LIMIT 1) IS NOT NULL
    WHEN o.ends THEN (
      SELECT e.id FROM durable.workflow_executions e WHERE e.id = o.run AND e.end_token = o.token LIMIT 1) IS NOT NULL
    ELSE false END AS landed
FROM json_to_recordset($2::json) AS o(id uuid, run uuid, token integer, seq bigint, ends boolean);
