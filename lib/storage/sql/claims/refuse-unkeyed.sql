-- Pauses a run that cannot be claimed, since its input gives no limit key, and its steps on other queues.
--
-- $1 uuid: the run
-- $2 text: encoded StoredError
WITH idle AS MATERIALIZED (
  SELECT id
  FROM durable.workflow_queue
  WHERE (id = $1 OR step_of = $1) AND limit_key IS NULL AND state <> 'running'
  ORDER BY step_of IS NOT NULL, id
  FOR NO KEY UPDATE
), paused AS (
  UPDATE durable.workflow_queue q
  SET paused = true
  FROM idle
  WHERE q.id = idle.id
  RETURNING q.id
)
UPDATE durable.workflow_executions
SET error = $2, updated_at = durable.clock()
WHERE id = $1 AND status = 'active' AND EXISTS (SELECT FROM paused);
