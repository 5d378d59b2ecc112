-- The keys of these workflows that have rows set aside by a claim. Each step reads the next key from the index: the cost
-- goes with the number of such keys, not with the rows behind them.
--   $1 text[]  workflows
WITH RECURSIVE key AS (
  (SELECT q.limit_key FROM durable.workflow_queue q WHERE q.state = 'blocked' ORDER BY q.limit_key LIMIT 1)
  UNION ALL
  SELECT (
    SELECT q.limit_key FROM durable.workflow_queue q
    WHERE q.state = 'blocked' AND q.limit_key > key.limit_key
    ORDER BY q.limit_key LIMIT 1)
  FROM key
  WHERE key.limit_key IS NOT NULL
)
SELECT limit_key FROM key
WHERE limit_key IS NOT NULL AND split_part(limit_key, E'\n', 1) = ANY ($1::text[])
