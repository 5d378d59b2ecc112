-- Locks what a write under a lease touches, and waits for it: the run, and after it the row that carries the lease where
-- that is a step on another queue. Everybody locks in this order, whatever the ids look like: runs by id, then steps.
--   $1 uuid  the row of the lease   $2 uuid  the run
SELECT id, token, worker_id
FROM durable.workflow_queue
WHERE id IN ($1, $2)
ORDER BY step_of IS NOT NULL, id
FOR NO KEY UPDATE;
