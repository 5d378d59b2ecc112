-- The queues that have settings, workers or unfinished runs, with what is in them.
--
-- $1 text: only this one; null: all
--
-- Reads every unfinished run: for people, not for the engine.
WITH content AS (
  SELECT q.queue,
    count(*) FILTER (WHERE q.state = 'running')::integer AS running,
    count(*) FILTER (WHERE q.state = 'ready' AND NOT q.paused)::integer AS ready,
    count(*) FILTER (WHERE q.state = 'blocked' AND NOT q.paused)::integer AS blocked,
    count(*) FILTER (WHERE q.state = 'sleeping' AND q.started_at IS NOT NULL AND NOT q.paused)::integer AS waiting,
    count(*) FILTER (WHERE q.state = 'sleeping' AND q.started_at IS NULL AND NOT q.paused)::integer AS scheduled,
    count(*) FILTER (WHERE q.state <> 'running' AND q.paused)::integer AS paused_runs,
    (extract(epoch FROM durable.clock() - min(q.due_at) FILTER (
        WHERE q.state IN ('ready', 'blocked') AND NOT q.paused AND q.due_at < 'infinity'))
      * 1000)::float8 AS lag
  FROM durable.workflow_queue q
  WHERE $1::text IS NULL OR q.queue = $1
  GROUP BY q.queue
), served AS (
  SELECT queue, count(*)::integer AS workers
  FROM durable.workers w, unnest(w.queues) AS queue
  WHERE w.dead_at IS NULL AND w.expires_at > now() AND ($1::text IS NULL OR queue = $1)
  GROUP BY queue
), name AS (
  SELECT queue FROM content
  UNION SELECT queue FROM served
  UNION SELECT queue FROM durable.queue_settings WHERE $1::text IS NULL OR queue = $1
)
SELECT name.queue, s.paused_at, s.global_concurrency, s.rate_limit, s.rate_period_ms::float8 AS rate_period_ms, s.rate_counts,
  s.priority_ageing_ms::float8 AS priority_ageing_ms, COALESCE(w.workers, 0) AS workers,
  COALESCE(c.running, 0) AS running, COALESCE(c.ready, 0) AS ready, COALESCE(c.blocked, 0) AS blocked,
  COALESCE(c.waiting, 0) AS waiting, COALESCE(c.scheduled, 0) AS scheduled, COALESCE(c.paused_runs, 0) AS paused_runs,
  GREATEST(0, COALESCE(c.lag, 0)) AS lag
FROM name
LEFT JOIN durable.queue_settings s ON s.queue = name.queue
LEFT JOIN content c ON c.queue = name.queue
LEFT JOIN served w ON w.queue = name.queue
ORDER BY name.queue;
