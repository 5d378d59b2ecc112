-- Keys that have rows set aside by a claim, in their order, and whether each has a place free. Each step reads the next key
-- from the index: the cost goes with the number of such keys, not with the rows behind them, and a look takes a page of them.
--
-- $1 json: [{workflow, per_key, whole}]: the workflows that are looked at, as in claim-limited.sql
-- $2 text: keys after this one
-- $3 integer: how many at most
WITH RECURSIVE key AS (
  SELECT (
      SELECT q.limit_key FROM durable.workflow_queue q
      WHERE q.state = 'blocked' AND NOT q.paused AND q.limit_key > $2
      ORDER BY q.limit_key LIMIT 1) AS limit_key,
    1 AS n
  UNION ALL
  SELECT (
      SELECT q.limit_key FROM durable.workflow_queue q
      WHERE q.state = 'blocked' AND NOT q.paused AND q.limit_key > key.limit_key
      ORDER BY q.limit_key LIMIT 1),
    key.n + 1
  FROM key
  WHERE key.limit_key IS NOT NULL AND key.n < $3
)
SELECT key.limit_key, COALESCE(w.per_key > durable.places_taken(key.limit_key, w.whole), false) AS free
FROM key
LEFT JOIN json_to_recordset($1::json) AS w(workflow text, per_key integer, whole boolean)
  ON w.workflow = split_part(key.limit_key, E'\n', 1)
WHERE key.limit_key IS NOT NULL
ORDER BY key.n;
