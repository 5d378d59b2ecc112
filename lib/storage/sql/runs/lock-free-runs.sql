-- Locks those of the runs that have not ended and that nobody has locked.
--
-- $1 uuid[]: the runs
--
-- Returns of each what lock-runs.sql does.
SELECT id, started_at IS NOT NULL AS begun, compensating, cancel
FROM durable.workflow_queue
WHERE id = ANY ($1::uuid[]) AND step_of IS NULL
ORDER BY id
FOR NO KEY UPDATE SKIP LOCKED;
