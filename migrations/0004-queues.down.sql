-- Takes 0004-queues.sql back: queues are no longer paused or limited, priorities are as they were started with.
UPDATE durable.workflow_queue
SET state = CASE WHEN state = 'blocked' THEN 'ready' ELSE state END, priority = priority - aged
WHERE state = 'blocked' OR aged <> 0;
DROP INDEX durable.queue_blocked;
DROP INDEX durable.queue_limit_held;
ALTER TABLE durable.workflow_queue
  DROP CONSTRAINT queue_state,
  ADD CONSTRAINT queue_state CHECK (state IN ('ready', 'running', 'sleeping')),
  DROP COLUMN limit_key,
  DROP COLUMN aged;
DROP TABLE durable.queue_rates;
DROP TABLE durable.queue_settings;
