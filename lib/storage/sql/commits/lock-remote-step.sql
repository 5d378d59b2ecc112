-- Locks what a write under a lease touches, and waits for it: the run, and after it the row that carries the lease where
-- that is a step on another queue. Everybody locks in this order, whatever the ids look like: runs by id, then steps.
--
-- $1 uuid: the row of the lease
-- $2 uuid: the run
-- $3 bigint[]: records that the write builds on (see commit-group.sql); null: none
-- $4 integer: token of the lease
-- $5 integer: the worker that has it
--
-- Returns the rows. `leased` is text on the row of the lease where that stands and all of those records are there, else
-- null: what the app's own parsers, on a connection of the app, make of a number or a boolean is not known.
SELECT id::text AS id, CASE WHEN id = $1 AND token = $4::integer AND worker_id = $5::integer
  AND ($3::bigint[] IS NULL OR cardinality($3::bigint[]) = (
    SELECT count(*) FROM durable.step_executions s WHERE s.run_id = $2 AND s.seq = ANY ($3::bigint[])))
  THEN 'leased' END AS leased
FROM durable.workflow_queue
WHERE id IN ($1, $2)
ORDER BY step_of IS NOT NULL, id
FOR NO KEY UPDATE;
