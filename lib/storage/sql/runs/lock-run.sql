-- Locks an unfinished run before its steps on other queues or its waits are looked at: a statement that did both would not
-- see what was written while it waited for the lock. No row: the run has ended, or never was.
--
-- $1 uuid: the run
SELECT id AS "runId", queue, paused, state
FROM durable.workflow_queue
WHERE id = $1 AND step_of IS NULL
FOR UPDATE;
