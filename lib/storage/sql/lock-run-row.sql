-- Waits for whatever is being done with a row.
--   $1 uuid  the row
SELECT id FROM durable.workflow_queue WHERE id = $1 FOR NO KEY UPDATE;
