-- Locks the rows in history of those of the runs of which nobody has it locked. Those in the queue are locked before.
--
-- $1 uuid[]: the runs
SELECT id
FROM durable.workflow_executions
WHERE id = ANY ($1::uuid[])
ORDER BY id
FOR NO KEY UPDATE SKIP LOCKED;
