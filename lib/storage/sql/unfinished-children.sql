-- The unfinished children of a run.
--
-- $1 uuid: the run
SELECT id
FROM durable.workflow_executions
WHERE parent_id = $1 AND status = 'active'
