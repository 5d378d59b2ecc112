-- Takes 0005-logs.sql back: what steps have logged is gone, with the records that hold nothing else.
DELETE FROM durable.step_executions WHERE type = 'log';
ALTER TABLE durable.step_executions DROP COLUMN logs;
