-- Locks the rows of leases before it is looked whether what was to be written under them is there: a statement that did both
-- would not see what was committed while it waited, or was passed over, for the lock. What somebody has locked is left out.
--
-- $1 integer: the worker
-- $2 json: [{id, token}], sorted by id
--
-- (COALESCE: see commit-group.sql.)
SELECT q.id
FROM json_to_recordset($2::json) AS o(id uuid, token integer)
CROSS JOIN LATERAL (
  SELECT w.id
  FROM durable.workflow_queue w
  WHERE w.id = o.id AND w.token = o.token AND COALESCE(w.worker_id, 0) = $1
  LIMIT 1
  FOR NO KEY UPDATE SKIP LOCKED
) q;
