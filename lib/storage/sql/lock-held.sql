-- Locks one row under the fence, for a write that may have landed already; no row: not held, or locked by somebody.
--   $1 uuid  row   $2 integer  token   $3 integer  worker
SELECT id FROM durable.workflow_queue WHERE id = $1 AND token = $2 AND worker_id = $3
FOR NO KEY UPDATE SKIP LOCKED;
