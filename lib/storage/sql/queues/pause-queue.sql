-- Pauses a queue, or lets it go on.
--
-- $1 text: queue
-- $2 boolean: whether it is to be paused
--
-- Returns a row where that was not so before.
INSERT INTO durable.queue_settings AS s (queue, paused_at)
SELECT $1, now() WHERE $2
  OR EXISTS (SELECT FROM durable.queue_settings o WHERE o.queue = $1)
ON CONFLICT (queue) DO UPDATE
SET paused_at = CASE WHEN $2 THEN now() END, updated_at = now()
WHERE (s.paused_at IS NOT NULL) <> $2
RETURNING queue;
