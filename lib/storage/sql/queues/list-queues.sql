-- The queues that have settings, workers or unfinished runs, with what is in them.
--
-- $1 text: only this one; null: all
--
-- `lag`: of all that is due. What a limit keeps back is told apart from what lacks a worker's place: `late` is of the latter
-- alone, `blocked_lag` of rows whose key has no place, `rated` and `rated_lag` of those that a used up rate keeps back.
--
-- Reads every unfinished run: for people, not for the engine.
WITH rate AS MATERIALIZED (
  SELECT s.queue, s.rate_counts
  FROM durable.queue_settings s
  WHERE s.rate_limit <= (
    SELECT sum(r.n) FROM durable.queue_rates r
    WHERE r.queue = s.queue AND r.ends_at > durable.clock() - s.rate_period_ms * interval '1 ms')
), part AS MATERIALIZED (
  -- Little is done with each row, and the rest with the few that are left.
  SELECT q.queue, q.state, q.paused, q.started_at IS NOT NULL AS started, count(*) AS n,
    min(q.due_at) FILTER (WHERE q.due_at < 'infinity') AS due_at
  FROM durable.workflow_queue q
  WHERE $1::text IS NULL OR q.queue = $1
  GROUP BY 1, 2, 3, 4
), content AS (
  SELECT p.queue,
    sum(p.n) FILTER (WHERE p.state = 'running')::integer AS running,
    sum(p.n) FILTER (WHERE p.state = 'ready' AND NOT p.paused)::integer AS ready,
    sum(p.n) FILTER (WHERE p.state = 'blocked' AND NOT p.paused)::integer AS blocked,
    sum(p.n) FILTER (WHERE p.state = 'sleeping' AND p.started AND NOT p.paused)::integer AS waiting,
    sum(p.n) FILTER (WHERE p.state = 'sleeping' AND NOT p.started AND NOT p.paused)::integer AS scheduled,
    sum(p.n) FILTER (WHERE p.state <> 'running' AND p.paused)::integer AS paused_runs,
    sum(p.n) FILTER (WHERE p.state = 'ready' AND NOT p.paused AND is_rated.so)::integer AS rated,
    durable.clock() - min(p.due_at) FILTER (WHERE p.state IN ('ready', 'blocked') AND NOT p.paused) AS lag,
    durable.clock() - min(p.due_at) FILTER (WHERE p.state = 'ready' AND NOT p.paused AND NOT is_rated.so) AS late,
    durable.clock() - min(p.due_at) FILTER (WHERE p.state = 'blocked' AND NOT p.paused) AS blocked_lag,
    durable.clock() - min(p.due_at) FILTER (WHERE p.state = 'ready' AND NOT p.paused AND is_rated.so) AS rated_lag
  FROM part p
  LEFT JOIN rate ON rate.queue = p.queue
  CROSS JOIN LATERAL (
    SELECT rate.queue IS NOT NULL AND (rate.rate_counts = 'attempts' OR NOT p.started) AS so
  ) is_rated
  GROUP BY p.queue
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
  COALESCE(c.rated, 0) AS rated, ms.lag, ms.late, ms.blocked_lag, ms.rated_lag
FROM name
LEFT JOIN durable.queue_settings s ON s.queue = name.queue
LEFT JOIN content c ON c.queue = name.queue
LEFT JOIN served w ON w.queue = name.queue
CROSS JOIN LATERAL (
  SELECT GREATEST(0, COALESCE(extract(epoch FROM c.lag) * 1000, 0))::float8 AS lag,
    GREATEST(0, COALESCE(extract(epoch FROM c.late) * 1000, 0))::float8 AS late,
    GREATEST(0, COALESCE(extract(epoch FROM c.blocked_lag) * 1000, 0))::float8 AS blocked_lag,
    GREATEST(0, COALESCE(extract(epoch FROM c.rated_lag) * 1000, 0))::float8 AS rated_lag
) ms
ORDER BY name.queue;
