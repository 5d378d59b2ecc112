-- Takes 0002-control-flow-and-waits.sql back: waits and events are gone.
DROP FUNCTION durable.take_waits(integer, uuid[]);
DROP FUNCTION durable.active_waits(uuid[]);
DROP FUNCTION durable.send_event(uuid, text, text, text);
DROP FUNCTION durable.match_waits(uuid[]);
DROP FUNCTION durable.wake_run(uuid);
DROP TABLE durable.events;
DROP TABLE durable.waits;
ALTER TABLE durable.workflow_queue DROP COLUMN cancel;
ALTER TABLE durable.workflow_queue DROP COLUMN compensating;
ALTER TABLE durable.step_executions DROP COLUMN facts;
ALTER TABLE durable.step_executions DROP COLUMN input_item;
