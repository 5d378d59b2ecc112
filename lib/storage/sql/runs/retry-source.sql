-- What a new run needs to do the work of an old one again.
--
-- $1 uuid: the old run
SELECT status, workflow, queue, priority, tags, input
FROM durable.workflow_executions
WHERE id = $1;
