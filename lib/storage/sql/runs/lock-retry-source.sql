-- Locks a run that has ended, so that of several callers one at a time looks whether it was retried, in the next statement,
-- and retries it. Retention takes nothing that is locked.
--
-- $1 uuid: the run
SELECT FROM durable.workflow_executions WHERE id = $1 FOR NO KEY UPDATE;
