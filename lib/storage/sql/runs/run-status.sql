-- The stored status of a run: 'active' until it has ended. No row: there is no such run.
--
-- $1 uuid: the run
SELECT status
FROM durable.workflow_executions
WHERE id = $1;
