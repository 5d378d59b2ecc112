-- Makes rows ready whose retry delays are over.
--
-- $1 uuid: the run
-- $2 uuid[]: its rows
-- $3 text: where it was suspended, without the delays; NULL: it does not sleep for one itself
WITH changed AS (
  UPDATE durable.workflow_executions SET snapshot = $3 WHERE id = $1 AND $3::text IS NOT NULL
)
UPDATE durable.workflow_queue
SET state = 'ready', due_at = durable.clock()
WHERE id = ANY ($2::uuid[])
RETURNING queue, NOT paused AS ready;
