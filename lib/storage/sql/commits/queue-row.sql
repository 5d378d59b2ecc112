-- The row of a run in the queue. No row: the run has ended.
--
-- $1 uuid: the run
SELECT queue, paused, state FROM durable.workflow_queue WHERE id = $1;
