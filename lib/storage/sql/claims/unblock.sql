-- Gives rows that a claim has set aside back to their queues: of each key, in each queue, as many as the key has places free,
-- by rank. The statement before it in the transaction waits for the lock on the keys' workflows, so that no claim is setting
-- rows aside meanwhile.
--
-- $1 json: [{limit_key, per_key, whole}] as in claim-limited.sql
--
-- What is ready already is not counted: whatever comes to have no place is set aside again.
WITH RECURSIVE place AS MATERIALIZED (
  SELECT k.limit_key, GREATEST(0, k.per_key - durable.places_taken(k.limit_key, k.whole)) AS free
  FROM json_to_recordset($1::json) AS k(limit_key text, per_key integer, whole boolean)
), at AS (
  SELECT p.limit_key, p.free, (
      SELECT q.queue FROM durable.workflow_queue q
      WHERE q.state = 'blocked' AND NOT q.paused AND q.limit_key = p.limit_key
      ORDER BY q.queue LIMIT 1) AS queue
  FROM place p
  WHERE p.free > 0
  UNION ALL
  SELECT a.limit_key, a.free, (
      SELECT q.queue FROM durable.workflow_queue q
      WHERE q.state = 'blocked' AND NOT q.paused AND q.limit_key = a.limit_key AND q.queue > a.queue
      ORDER BY q.queue LIMIT 1)
  FROM at a
  WHERE a.queue IS NOT NULL
), next AS MATERIALIZED (
  SELECT b.id
  FROM at a
  CROSS JOIN LATERAL (
    SELECT q.id FROM durable.workflow_queue q
    WHERE q.state = 'blocked' AND NOT q.paused AND q.limit_key = a.limit_key AND q.queue = a.queue
    ORDER BY q.rank, q.id
    LIMIT a.free
    FOR NO KEY UPDATE SKIP LOCKED
  ) b
)
UPDATE durable.workflow_queue q
SET state = 'ready'
FROM next
WHERE q.id = next.id
RETURNING q.queue;
