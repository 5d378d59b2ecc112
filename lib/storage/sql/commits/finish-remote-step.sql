-- Removes the row of a remote step that is done.
--
-- $1 uuid: the step's row
DELETE FROM durable.workflow_queue WHERE id = $1;
