-- Takes 0003-schedules.sql back: all schedules are gone, and runs no longer know the due time they were started for.
DROP TABLE durable.scheduled_workflows;
ALTER TABLE durable.workflow_executions DROP COLUMN schedule_time;
