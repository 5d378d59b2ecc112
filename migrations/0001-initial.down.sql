-- Takes 0001-initial.sql back: all runs, their history and the journal are gone.
DROP TABLE durable.step_executions;
DROP TABLE durable.workflow_queue;
DROP TABLE durable.workflow_executions;
DROP TABLE durable.workers;
DROP TABLE durable.workflow_definitions;
DROP FUNCTION durable.clock();
DROP TABLE durable.instance;
