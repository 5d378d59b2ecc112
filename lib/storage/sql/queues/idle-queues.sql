-- The queues on which no living process works: of those that are named, and of those in which something is ready.
--
-- $1 text[]: the names
--
-- The queues in which something is ready are found by stepping through queue_claim, one probe for each.
WITH RECURSIVE filled AS (
  (SELECT q.queue FROM durable.workflow_queue q WHERE q.state = 'ready' AND NOT q.paused ORDER BY q.queue LIMIT 1)
  UNION ALL
  SELECT next.queue
  FROM filled f
  CROSS JOIN LATERAL (
    SELECT q.queue FROM durable.workflow_queue q
    WHERE q.state = 'ready' AND NOT q.paused AND q.queue > f.queue
    ORDER BY q.queue
    LIMIT 1
  ) next
), named AS (
  SELECT queue FROM filled
  UNION
  SELECT unnest($1::text[])
)
SELECT n.queue, EXISTS (SELECT FROM filled f WHERE f.queue = n.queue) AS ready
FROM named n
WHERE NOT EXISTS (
  SELECT FROM durable.workers w WHERE w.dead_at IS NULL AND w.expires_at > now() AND n.queue = ANY (w.queues)
)
ORDER BY n.queue;
