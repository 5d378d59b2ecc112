-- Says what rows count under where their workflow has a concurrency limit. A step on another queue has its run's key.
--   $1 json  [{id, limit_key}]: runs
UPDATE durable.workflow_queue q
SET limit_key = k.limit_key
FROM json_to_recordset($1::json) AS k(id uuid, limit_key text)
WHERE (q.id = k.id OR q.step_of = k.id) AND q.limit_key IS NULL
