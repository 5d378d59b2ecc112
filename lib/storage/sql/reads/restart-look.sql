-- The same as restart-source.sql, without a lock.
--
-- $1 uuid: the run
SELECT e.status, e.workflow, e.round, d.definition
FROM durable.workflow_executions e
JOIN durable.workflow_definitions d ON d.id = e.definition_id
WHERE e.id = $1;
