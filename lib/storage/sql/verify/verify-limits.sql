-- I9: limits hold. No queue and no key has more leases than its limit lets through, no queue has begun more in one period,
-- and the leases of a worker that has died were taken from it, where another one lives.
--
-- $1 integer: how many violations at most
--
-- A limit that was lowered takes nothing away: of a queue only what was first claimed a minute after the last change is
-- counted, a rate only once a period has passed since. The limit of a key is the highest of the definitions that hold it:
-- the last one to claim found room below its own.
SELECT NULL::uuid AS run_id, format('queue "%s" has %s leases, and lets %s through', s.queue, leased.n, s.global_concurrency) AS what
FROM durable.queue_settings s
CROSS JOIN LATERAL (
  SELECT count(*) AS n FROM durable.workflow_queue q
  WHERE q.queue = s.queue AND q.worker_id IS NOT NULL AND q.started_at > s.updated_at + interval '1 minute'
) leased
WHERE leased.n > s.global_concurrency
UNION ALL
SELECT NULL, format('queue "%s" has begun %s runs within %s ms, and lets %s through', s.queue, begun.n, s.rate_period_ms, s.rate_limit)
FROM durable.queue_settings s
CROSS JOIN LATERAL (
  SELECT sum(r.n) AS n FROM durable.queue_rates r
  WHERE r.queue = s.queue AND r.ends_at > durable.clock() - s.rate_period_ms * interval '1 ms'
) begun
WHERE begun.n > s.rate_limit AND s.updated_at < now() - s.rate_period_ms * interval '1 ms'
UNION ALL
SELECT NULL, format('key %s has %s leases, and its workflow lets %s through', k.limit_key, k.n, k.most)
FROM (
  -- A run that keeps its place to the end has it for its steps on other queues too.
  SELECT q.limit_key, count(DISTINCT CASE d.definition #>> '{concurrency,hold}' WHEN 'run' THEN COALESCE(q.step_of, q.id)
      ELSE q.id END) AS n,
    max((d.definition #>> '{concurrency,limit}')::integer) AS most
  FROM durable.workflow_queue q
  JOIN durable.workflow_definitions d ON d.id = q.definition_id
  WHERE q.limit_key IS NOT NULL AND q.worker_id IS NOT NULL
  GROUP BY q.limit_key
  HAVING bool_and(d.definition #>> '{concurrency,limit}' IS NOT NULL)
) k
WHERE k.n > k.most
UNION ALL
-- Where no version of the workflow has ever let a run give its place back.
SELECT NULL, format('key %s has %s runs that have begun, and its workflow lets %s through', k.limit_key, k.n, k.most)
FROM (
  SELECT q.limit_key, count(*) AS n
  FROM durable.workflow_queue q
  WHERE q.limit_key IS NOT NULL AND q.started_at IS NOT NULL AND q.step_of IS NULL
  GROUP BY q.limit_key
) b
CROSS JOIN LATERAL (
  SELECT b.limit_key, b.n, max((d.definition #>> '{concurrency,limit}')::integer) AS most
  FROM durable.workflow_definitions d
  WHERE d.name = split_part(b.limit_key, E'\n', 1)
  HAVING bool_and(d.definition #>> '{concurrency,hold}' IS NOT DISTINCT FROM 'run')
) k
WHERE k.n > k.most
UNION ALL
SELECT COALESCE(q.step_of, q.id), format('is leased by worker %s, which died more than a minute ago, and another one lives', w.id)
FROM durable.workflow_queue q
JOIN durable.workers w ON w.id = q.worker_id
WHERE LEAST(w.dead_at, w.expires_at) < now() - interval '1 minute'
  AND EXISTS (
    SELECT FROM durable.workers o
    WHERE o.id <> w.id AND o.dead_at IS NULL AND o.expires_at > now() AND o.started_at < now() - interval '1 minute')
LIMIT $1;
