-- A remote step is paused as it is, with its run (commit-extras.sql): a person is to look, and resumes both.
--
-- $1 uuid: the step's row
UPDATE durable.workflow_queue
SET state = 'ready', worker_id = NULL, recoveries = 0, paused = true, due_at = durable.clock()
WHERE id = $1;
