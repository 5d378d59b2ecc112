-- Takes 0001-tables.sql back: all runs, their history, the journal and the schedules are gone.
DROP TABLE durable.scheduled_workflows;
DROP TABLE durable.queue_rates;
DROP TABLE durable.queue_settings;
DROP TABLE durable.requests;
DROP TABLE durable.events;
DROP TABLE durable.waits;
DROP SEQUENCE durable.wait_ends;
DROP SEQUENCE durable.step_order;
DROP TABLE durable.step_executions;
DROP TABLE durable.workflow_queue;
DROP TABLE durable.workflow_executions;
DROP TABLE durable.workers;
DROP TABLE durable.declarations;
DROP TABLE durable.workflow_definitions;
DROP FUNCTION durable.clock();
DROP TABLE durable.instance;
