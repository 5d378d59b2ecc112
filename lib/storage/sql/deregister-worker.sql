-- Takes a worker out in order; what it still holds is claimable at once, and was not a recovery.
--   $1 integer  the worker
WITH released AS (
  UPDATE durable.workflow_queue
  SET state = 'ready', worker_id = NULL, resumed = true, due_at = durable.clock()
  WHERE worker_id = $1
  RETURNING queue
), gone AS (
  DELETE FROM durable.workers WHERE id = $1
)
SELECT DISTINCT queue FROM released;
