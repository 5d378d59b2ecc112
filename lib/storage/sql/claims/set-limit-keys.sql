-- Sets the limit keys of rows whose workflow has a concurrency limit. A step on another queue has its run's key. Rows
-- that somebody has locked are left for the next claim that comes by them.
--
-- $1 json: [{id, limit_key}]: runs
UPDATE durable.workflow_queue q
SET limit_key = f.limit_key
FROM (
  SELECT w.id, k.limit_key
  FROM json_to_recordset($1::json) AS k(id uuid, limit_key text)
  CROSS JOIN LATERAL (
    SELECT r.id FROM durable.workflow_queue r
    WHERE (r.id = k.id OR r.step_of = k.id) AND r.limit_key IS NULL
    FOR NO KEY UPDATE SKIP LOCKED
  ) w
) f
WHERE q.id = f.id;
