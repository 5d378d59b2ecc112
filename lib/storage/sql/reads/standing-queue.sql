-- The queues of rows, each as its row sees it.
--
-- $1 json: calls: [{n, id}]: number of the call, and the row
--
-- `ahead`: rows that come before it, up to ten thousand and one; counted along the claim's index, for each definition that
-- ready rows have, unless its queue is paused or full or has no worker: then that is why it is not claimed. `claimable`: whether a living worker of the queue may claim it (claimable-definitions.sql).
-- `rate_limit`: NULL also of a row that the rate does not count; `rate_free_at`: when so much of what it counts has left its
-- period that one may be claimed, NULL: now, or never. `key_taken`: NULL of a row that needs no place of its key, since it has
-- one; `key_has`: the run that has had a place the longest, with what is known of its row.
SELECT c.n, seen.*
FROM json_to_recordset($1::json) AS c(n integer, id uuid)
CROSS JOIN LATERAL (
  WITH RECURSIVE me AS MATERIALIZED (
    SELECT q.id, q.queue, q.definition_id, q.rank, q.limit_key, q.state, q.started_at, q.step_of, d.name, d.version, d.definition,
      COALESCE(d.definition -> 'concurrency' ->> 'hold' = 'run', false) AS whole
    FROM durable.workflow_queue q
    JOIN durable.workflow_definitions d ON d.id = q.definition_id
    WHERE q.id = c.id
  ), serving AS MATERIALIZED (
    SELECT w.id, w.definitions, COALESCE((w.capacity ->> me.queue)::integer, 0) AS places
    FROM me
    JOIN durable.workers w ON w.dead_at IS NULL AND w.expires_at > now() AND me.queue = ANY (w.queues)
  ), known AS MATERIALIZED (
    SELECT DISTINCT d.id, d.version
    FROM me
    JOIN durable.workflow_definitions d ON d.name = me.name
    WHERE EXISTS (SELECT FROM serving s WHERE d.id = ANY (s.definitions))
  ), ready AS (
    SELECT (
      SELECT q.definition_id FROM durable.workflow_queue q
      WHERE q.queue = me.queue AND q.state = 'ready' AND NOT q.paused
      ORDER BY q.definition_id LIMIT 1) AS id
    FROM me
    UNION ALL
    SELECT (
      SELECT q.definition_id FROM durable.workflow_queue q
      WHERE q.queue = me.queue AND q.state = 'ready' AND NOT q.paused AND q.definition_id > r.id
      ORDER BY q.definition_id LIMIT 1)
    FROM ready r, me
    WHERE r.id IS NOT NULL
  )
  SELECT me.queue, me.name AS workflow, me.version, me.limit_key, me.definition -> 'concurrency' AS concurrency,
    s.paused_at IS NOT NULL AS paused, s.rate_period_ms::float8 AS rate_period_ms,
    CASE WHEN s.rate_counts IS DISTINCT FROM 'runs' OR me.started_at IS NULL THEN s.rate_limit END AS rate_limit,
    (SELECT json_build_object('actor', a.actor, 'reason', a.details ->> 'reason')
     FROM durable.audit a
     WHERE a.target_kind = 'queue' AND a.target_id = me.queue AND a.outcome = 'done'
       AND a.action IN ('queue.pause', 'queue.drain') AND COALESCE(a.details ->> 'changed', '') <> 'false'
       -- An earlier one was about another pause. (That of queues goes by the server's clock.)
       AND a.at >= s.paused_at + (durable.clock() - now())
     ORDER BY a.id LIMIT 1) AS pausing,
    n.leased, n.places, n.workers,
    COALESCE(rate.used, 0) AS rate_used, rate.free_at AS rate_free_at,
    CASE WHEN needs.place THEN durable.places_taken(me.limit_key, me.whole)::integer END AS key_taken,
    CASE WHEN NOT needs.place THEN NULL WHEN me.whole THEN (
      SELECT json_build_object('run', h.id, 'state', h.state, 'paused', h.paused, 'whole', true)
      FROM durable.workflow_queue h
      WHERE h.limit_key = me.limit_key AND h.started_at IS NOT NULL AND h.step_of IS NULL
      ORDER BY h.started_at, h.id LIMIT 1)
    ELSE (
      SELECT json_build_object('run', COALESCE(h.step_of, h.id), 'state', h.state, 'paused', h.paused, 'whole', false)
      FROM durable.workflow_queue h
      WHERE h.limit_key = me.limit_key AND h.worker_id IS NOT NULL
      ORDER BY h.started_at, h.id LIMIT 1) END AS key_has,
    ARRAY(SELECT k.version FROM known k ORDER BY k.version) AS versions,
    EXISTS (
      SELECT FROM known k
      WHERE k.version >= me.version
        OR NOT EXISTS (
          SELECT FROM durable.workers w
          WHERE w.dead_at IS NULL AND w.expires_at > now() AND me.definition_id = ANY (w.definitions))) AS claimable,
    CASE WHEN s.paused_at IS NOT NULL OR n.workers = 0 OR n.places > 0 AND n.leased >= n.places THEN 0
    ELSE (SELECT LEAST(10001, COALESCE(sum(b.n), 0))::integer
     FROM ready r
     CROSS JOIN LATERAL (
       SELECT count(*) AS n FROM (
         SELECT FROM durable.workflow_queue q
         WHERE q.queue = me.queue AND q.definition_id = r.id AND q.state = 'ready' AND NOT q.paused
           -- One that was claimed meanwhile has no rank: nothing is before it.
           AND (q.rank, q.id) < (me.rank, me.id)
         LIMIT 10001) x
     ) b) END AS ahead
  FROM me
  LEFT JOIN durable.queue_settings s ON s.queue = me.queue
  CROSS JOIN LATERAL (
    SELECT me.limit_key IS NOT NULL AND NOT (me.whole AND (me.started_at IS NOT NULL OR me.step_of IS NOT NULL)) AS place
  ) needs
  CROSS JOIN LATERAL (
    SELECT max(span.used)::integer AS used,
      min(span.ends_at) FILTER (WHERE span.later < s.rate_limit) + s.rate_period_ms * interval '1 ms' AS free_at
    FROM (
      SELECT r.ends_at, sum(r.n) OVER () AS used,
        sum(r.n) OVER (ORDER BY r.ends_at DESC) - r.n AS later
      FROM durable.queue_rates r
      WHERE r.queue = me.queue AND r.ends_at > durable.clock() - s.rate_period_ms * interval '1 ms'
    ) span
  ) rate
  CROSS JOIN LATERAL (
    SELECT (SELECT count(*)::integer FROM durable.workflow_queue h WHERE h.worker_id IS NOT NULL AND h.queue = me.queue) AS leased,
      COALESCE(s.global_concurrency, (SELECT sum(v.places)::integer FROM serving v), 0) AS places,
      (SELECT count(*)::integer FROM serving) AS workers
  ) n
) seen;
