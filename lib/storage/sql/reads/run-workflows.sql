-- The workflows of runs.
--
-- $1 uuid[]: runs
SELECT id, workflow
FROM durable.workflow_executions
WHERE id = ANY ($1::uuid[]);
