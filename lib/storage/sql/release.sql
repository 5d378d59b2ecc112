-- Gives rows back to the queue.
--   $1 integer  the worker
--   $2 json     [{id, token}]
UPDATE durable.workflow_queue q
SET state = 'ready', worker_id = NULL, resumed = true, due_at = durable.clock()
FROM json_to_recordset($2::json) AS r(id uuid, token integer)
WHERE q.id = r.id AND q.token = r.token AND q.worker_id = $1
RETURNING q.queue;
