-- Takes ready rows of one queue as durable.claim does, within the limits of the queue and of the workflows. The statement
-- before it in the transaction waits for the lock on them: a look made in that statement would count what was leased
-- before.
--
-- $1 text: queue
-- $2 json: definitions that may be claimed: [{id, run_as, timeout, per_key, whole}]; per_key: the workflow's limit, or
--   null; whole: its runs keep their place until they have ended
-- $3 integer: how many
-- $4 integer: the worker
-- $5 integer: rows of a limited workflow that are looked at, at most
--
-- A row whose key has no place is set aside as 'blocked'; unblock.sql brings it back, and so does a claim that would overtake
-- it. So the rows of a key and queue go in the order of their ranks. A row without a key is given back to the caller
-- ('unkeyed'), which sets it (set-limit-keys.sql) and claims again.
-- What a rate of first claims holds back stays ready; those that were claimed before are looked for behind it.
--
-- Returns rows as claim.sql does, with kind 'claimed' or 'unkeyed', and one of kind 'limits' that says how many were
-- blocked and in how many ms the rate of the queue lets more through.
WITH moment AS MATERIALIZED (
  -- now() is from before the wait for the lock.
  SELECT durable.clock() + (clock_timestamp() - now()) AS at
), setting AS MATERIALIZED (
  SELECT s.global_concurrency, s.rate_limit, s.rate_period_ms * interval '1 ms' AS period,
    s.rate_limit IS NOT NULL AND s.rate_counts = 'runs' AS firsts_only
  FROM durable.queue_settings s
  WHERE s.queue = $1
), spans AS MATERIALIZED (
  SELECT sum(r.n)::integer AS n, min(r.ends_at) AS first_end
  FROM durable.queue_rates r, setting s, moment m
  WHERE s.rate_limit IS NOT NULL AND r.queue = $1 AND r.ends_at > m.at - s.period
), room AS MATERIALIZED (
  SELECT
    CASE
      WHEN NOT durable.enter_queue($1, $4, true) THEN 0
      ELSE GREATEST(0, LEAST($3, (
        SELECT s.global_concurrency - (
          SELECT count(*)::integer FROM durable.workflow_queue q WHERE q.worker_id IS NOT NULL AND q.queue = $1)
        FROM setting s WHERE s.global_concurrency IS NOT NULL))) END AS places,
    GREATEST(0, LEAST($3, (SELECT s.rate_limit - COALESCE(p.n, 0) FROM setting s, spans p))) AS passes
), definition AS MATERIALIZED (
  SELECT d.*, CASE WHEN room.places = 0 THEN 0 WHEN d.per_key IS NULL THEN $3 ELSE $5 END AS rows
  FROM json_to_recordset($2::json) AS d(id integer, run_as integer, timeout float8, per_key integer, whole boolean), room
), foremost AS MATERIALIZED (
  SELECT c.*, d.id AS ran_by, d.run_as, d.timeout, d.per_key, d.whole
  FROM definition d
  CROSS JOIN LATERAL (
    SELECT q.id, q.rank, q.limit_key, q.step_of, q.started_at
    FROM durable.workflow_queue q
    WHERE q.queue = $1 AND q.definition_id = d.id AND q.state = 'ready' AND NOT q.paused
    ORDER BY q.rank, q.id
    LIMIT d.rows
    FOR NO KEY UPDATE SKIP LOCKED
  ) c
), further AS MATERIALIZED (
  SELECT c.*, d.id AS ran_by, d.run_as, d.timeout, d.per_key, d.whole
  FROM definition d
  CROSS JOIN LATERAL (
    SELECT q.id, q.rank, q.limit_key, q.step_of, q.started_at
    FROM durable.workflow_queue q
    WHERE q.queue = $1 AND q.definition_id = d.id AND q.state = 'ready' AND NOT q.paused AND q.started_at IS NOT NULL
    ORDER BY q.rank, q.id
    LIMIT CASE WHEN (SELECT firsts_only FROM setting) THEN d.rows ELSE 0 END
    FOR NO KEY UPDATE SKIP LOCKED
  ) c
), candidate AS MATERIALIZED (
  SELECT a.*,
    a.per_key IS NOT NULL AND a.limit_key IS NULL AS unkeyed,
    -- A run that keeps its place has it, and its steps on other queues with it.
    a.per_key IS NOT NULL AND a.limit_key IS NOT NULL
      AND NOT (a.whole AND (a.started_at IS NOT NULL OR a.step_of IS NOT NULL)) AS needs,
    a.started_at IS NULL OR NOT COALESCE((SELECT firsts_only FROM setting), false) AS counts
  FROM (
    SELECT * FROM foremost
    UNION ALL
    SELECT * FROM further WHERE NOT EXISTS (SELECT FROM foremost WHERE foremost.id = further.id)
  ) a
), keyed AS MATERIALIZED (
  SELECT k.limit_key, GREATEST(0, k.per_key - durable.places_taken(k.limit_key, k.whole)) AS free
  FROM (SELECT DISTINCT limit_key, per_key, whole FROM candidate WHERE needs) k
), numbered AS MATERIALIZED (
  SELECT c.*, k.free, row_number() OVER (PARTITION BY c.needs, c.limit_key ORDER BY c.rank, c.id) AS nth
  FROM candidate c
  LEFT JOIN keyed k ON k.limit_key = c.limit_key AND c.needs
), ranked AS MATERIALIZED (
  SELECT n.*,
    CASE WHEN NOT n.needs THEN true WHEN n.nth > n.free THEN false
      ELSE n.nth + (
        SELECT count(*)
        FROM (
          SELECT FROM durable.workflow_queue b
          WHERE b.state = 'blocked' AND NOT b.paused AND b.limit_key = n.limit_key AND b.queue = $1
            AND (b.rank, b.id) < (n.rank, n.id)
          LIMIT n.free
        ) before
      ) <= n.free END AS fits
  FROM numbered n
), within_rate AS MATERIALIZED (
  SELECT r.*, row_number() OVER (PARTITION BY r.counts ORDER BY r.rank, r.id) AS pass
  FROM ranked r
  WHERE r.fits AND NOT r.unkeyed
), chosen AS MATERIALIZED (
  SELECT w.*
  FROM within_rate w, room
  WHERE NOT w.counts OR w.pass <= room.passes
  ORDER BY w.rank, w.id
  LIMIT (SELECT places FROM room)
), claimed AS (
  UPDATE durable.workflow_queue q
  SET state = 'running', worker_id = $4, token = q.token + 1, wake = false,
    definition_id = c.run_as,
    ran_by = CASE
      WHEN q.definition_id <> c.run_as AND q.token > 0 AND q.step_of IS NULL
      THEN durable.placed_by(q.id, q.ran_by, q.definition_id)
      ELSE q.ran_by END,
    started_at = COALESCE(q.started_at, m.at),
    deadline_at = CASE
      WHEN q.started_at IS NULL AND q.step_of IS NULL THEN m.at + c.timeout * interval '1 ms'
      ELSE q.deadline_at END
  FROM chosen c, moment m
  WHERE q.id = ANY (ARRAY[c.id])
  RETURNING q.id, q.step_of, q.token, q.queue, q.definition_id, COALESCE(q.ran_by, q.definition_id) AS ran_by,
    q.recoveries, q.deadline_at, q.step,
    q.cancel, q.limit_key, c.rank, q.due_at, q.started_at
), blocked AS (
  UPDATE durable.workflow_queue q
  SET state = 'blocked'
  WHERE q.id = ANY (ARRAY(SELECT r.id FROM ranked r WHERE NOT r.unkeyed AND NOT r.fits))
  RETURNING q.id
), brought AS (
  -- As many as there are places left that nothing else fits: what was set aside before goes first.
  UPDATE durable.workflow_queue q
  SET state = 'ready'
  FROM (
    SELECT limit_key, max(free) - count(*) FILTER (WHERE fits) AS places FROM ranked WHERE needs GROUP BY limit_key
  ) l
  CROSS JOIN LATERAL (
    SELECT b.id FROM durable.workflow_queue b
    WHERE b.state = 'blocked' AND NOT b.paused AND b.limit_key = l.limit_key AND b.queue = $1
    ORDER BY b.rank, b.id
    LIMIT GREATEST(0, l.places)
    FOR NO KEY UPDATE SKIP LOCKED
  ) b
  WHERE q.id = ANY (ARRAY[b.id])
), counted AS (
  INSERT INTO durable.queue_rates AS r (queue, ends_at, n)
  SELECT $1,
    to_timestamp(ceil(extract(epoch FROM m.at)::float8 / w.width) * w.width),
    count(*)
  FROM chosen c, moment m, setting s
  CROSS JOIN LATERAL (SELECT GREATEST(0.001, extract(epoch FROM s.period)::float8 / 50) AS width) w
  WHERE c.counts AND s.rate_limit IS NOT NULL
  GROUP BY m.at, w.width
  ON CONFLICT (queue, ends_at) DO UPDATE SET n = r.n + excluded.n
), forgotten AS (
  DELETE FROM durable.queue_rates r USING setting s, moment m
  WHERE r.queue = $1 AND r.ends_at <= m.at - s.period
), found AS (
  SELECT 'claimed' AS kind, c.*, COALESCE(c.step_of, c.id) AS run_id FROM claimed c
  UNION ALL
  SELECT 'unkeyed', r.id, q.step_of, q.token, q.queue, r.run_as, r.ran_by, q.recoveries, q.deadline_at, q.step,
    q.cancel, q.limit_key, r.rank, q.due_at, q.started_at, COALESCE(q.step_of, q.id)
  FROM ranked r JOIN durable.workflow_queue q ON q.id = ANY (ARRAY[r.id])
  WHERE r.unkeyed
)
SELECT f.kind, f.id, f.run_id, f.token, f.queue, f.definition_id, f.ran_by, f.recoveries, f.step, f.cancel,
  f.limit_key,
  (extract(epoch FROM f.deadline_at - durable.clock()) * 1000)::float8 AS deadline_in_ms,
  f.token = 1 AND f.step_of IS NULL AS fresh,
  x.workflow, x.input, x.snapshot, x.snapshot_seq, x.round, x.parent_id, x.priority,
  (extract(epoch FROM x.schedule_time) * 1000)::float8 AS schedule_time,
  x.traceparent, CASE WHEN isfinite(f.due_at) THEN (extract(epoch FROM m.at - f.due_at) * 1000)::float8 END AS lag_ms,
  (extract(epoch FROM m.at - f.started_at) * 1000)::float8 AS age_ms,
  NULL::integer AS blocked, NULL::float8 AS next_in_ms,
  f.rank
FROM moment m
CROSS JOIN found f
CROSS JOIN LATERAL (
  SELECT e.workflow, e.input, e.snapshot, e.snapshot_seq, e.round, e.parent_id, e.priority, e.schedule_time, e.traceparent
  FROM durable.workflow_executions e
  WHERE e.id = f.run_id
  LIMIT 1
) x
UNION ALL
SELECT 'limits', NULL, NULL, NULL, $1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
  NULL, NULL, NULL, NULL, NULL, NULL,
  (SELECT count(*)::integer FROM blocked),
  -- Only where the rate alone has kept something from being claimed.
  CASE WHEN (SELECT places FROM room) > 0
      AND EXISTS (SELECT FROM within_rate w, room WHERE w.counts AND w.pass > room.passes)
    THEN (SELECT GREATEST(1, extract(epoch FROM COALESCE(p.first_end + s.period - m.at, s.period * 1.02)) * 1000)::float8
          FROM setting s, spans p, moment m) END,
  NULL
ORDER BY kind, rank, id;
