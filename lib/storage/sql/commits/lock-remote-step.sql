-- Locks what a write under a lease touches, and waits for it: the run, and after it the row that carries the lease where
-- that is a step on another queue. Everybody locks in this order, whatever the ids look like: runs by id, then steps.
--
-- $1 uuid: the row of the lease
-- $2 uuid: the run
-- $3 bigint[]: records that the write builds on (see commit-group.sql); null: none
--
-- Returns the rows, and of each whether all of those records are there.
SELECT id, token, worker_id, $3::bigint[] IS NULL OR cardinality($3::bigint[]) = (
  SELECT count(*) FROM durable.step_executions s WHERE s.run_id = $2 AND s.seq = ANY ($3::bigint[])) AS whole
FROM durable.workflow_queue
WHERE id IN ($1, $2)
ORDER BY step_of IS NOT NULL, id
FOR NO KEY UPDATE;
