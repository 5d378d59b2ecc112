-- Facts of an old run for a new one that does its work again.
--
-- $1 uuid: the old run
SELECT status, workflow, queue, priority, tags, input, schedule_time AS "scheduleTime"
FROM durable.workflow_executions
WHERE id = $1;
