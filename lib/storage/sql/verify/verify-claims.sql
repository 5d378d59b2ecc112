-- I6: what can go on is taken. No run has been ready, or has waited for a place of its key, for a minute in which nothing
-- in its queue or workflow ended or went to sleep, although a worker lives that has a place free for it.
--
-- $1 integer: how many violations at most
--
-- Of a queue whose limits stand against it nothing is said.
WITH able AS MATERIALIZED (
  -- Workers that have lived for a minute, by queue, with a place free.
  SELECT w.id, q.queue, w.definitions
  FROM durable.workers w
  CROSS JOIN LATERAL (
    SELECT c.key AS queue, c.value::integer AS places FROM json_each_text(w.capacity::json) AS c
  ) q
  WHERE w.dead_at IS NULL AND w.expires_at > now() AND w.started_at < now() - interval '1 minute'
    AND q.places > (SELECT count(*) FROM durable.workflow_queue h WHERE h.worker_id = w.id AND h.queue = q.queue)
), open AS MATERIALIZED (
  SELECT DISTINCT a.queue
  FROM able a
  LEFT JOIN durable.queue_settings s ON s.queue = a.queue
  WHERE s.paused_at IS NULL AND s.rate_limit IS NULL
    AND (s.global_concurrency IS NULL OR s.global_concurrency > (
      SELECT count(*) FROM durable.workflow_queue h WHERE h.queue = a.queue AND h.worker_id IS NOT NULL))
    AND NOT EXISTS (
      SELECT FROM durable.workflow_executions x
      WHERE x.queue = a.queue AND x.updated_at > durable.clock() - interval '1 minute')
)
SELECT COALESCE(q.step_of, q.id) AS run_id, format('is %s in queue "%s" since %s, and a worker lives that could take it',
  q.state, q.queue, q.due_at) AS what
FROM durable.workflow_queue q
JOIN open ON open.queue = q.queue
JOIN durable.workflow_definitions d ON d.id = q.definition_id
WHERE q.state IN ('ready', 'blocked') AND NOT q.paused AND q.due_at < durable.clock() - interval '1 minute'
  -- The end of a step on another queue is told by its record alone, which does not say of which queue.
  AND (q.step_of IS NULL OR NOT EXISTS (
    SELECT FROM durable.step_executions r
    WHERE r.nth IS NOT NULL AND r.completed_at > durable.clock() - interval '1 minute'))
  AND EXISTS (SELECT FROM able a WHERE a.queue = q.queue AND q.definition_id = ANY (a.definitions))
  AND (q.state = 'ready' OR NOT EXISTS (
      SELECT FROM durable.workflow_executions x
      WHERE x.workflow = d.name AND x.updated_at > durable.clock() - interval '1 minute')
    AND durable.places_taken(q.limit_key, d.definition #>> '{concurrency,hold}' = 'run')
      < (d.definition #>> '{concurrency,limit}')::integer)
LIMIT $1;
