-- Gives rows that a claim has set aside back to their queue: for each key as many as it has places free. The statement
-- before it in the transaction waits for the lock on them, so that no claim is setting rows aside meanwhile.
--   $1 json  [{limit_key, per_key}]
-- What is ready already has its place before them.
WITH place AS MATERIALIZED (
  SELECT k.limit_key, GREATEST(0, k.per_key - (
      SELECT count(*) FROM durable.workflow_queue q WHERE q.limit_key = k.limit_key AND q.worker_id IS NOT NULL
    )) AS free
  FROM json_to_recordset($1::json) AS k(limit_key text, per_key integer)
), next AS MATERIALIZED (
  SELECT b.id
  FROM place p
  CROSS JOIN LATERAL (
    SELECT q.id FROM durable.workflow_queue q
    WHERE q.state = 'blocked' AND q.limit_key = p.limit_key
    ORDER BY q.rank, q.id
    LIMIT p.free
    FOR NO KEY UPDATE SKIP LOCKED
  ) b
)
UPDATE durable.workflow_queue q
SET state = 'ready'
FROM next
WHERE q.id = next.id
RETURNING q.queue, q.paused
