-- What a worker holds.
--   $1 integer  the worker
SELECT id, token FROM durable.workflow_queue WHERE worker_id = $1;
