-- Locks those of the runs that have not ended and that nobody has locked.
--
-- $1 uuid[]: the runs
SELECT id
FROM durable.workflow_queue
WHERE id = ANY ($1::uuid[]) AND step_of IS NULL
ORDER BY id
FOR NO KEY UPDATE SKIP LOCKED
