-- Locks an unfinished run before its steps on other queues are looked at: a statement that did both would not see a step
-- that was handed over while it waited for the lock. No row: the run has ended, or never was.
--
-- $1 uuid: the run
SELECT id
FROM durable.workflow_queue
WHERE id = $1 AND step_of IS NULL
FOR UPDATE
