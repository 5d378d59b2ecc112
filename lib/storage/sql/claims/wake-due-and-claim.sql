-- Makes rows ready whose time has come, as wake-due.sql does. Those that come first in queues in which the worker has places
-- free, and in which nothing else is ready, it leases as they wake: they are written once, and not twice.
--
-- $1 integer: how many at most, of each
-- $2 integer: the worker
-- $3 json: its free places: [{queue, places}]
-- $4 json: definitions that it may claim, as in claim.sql
--
-- Returns what wake-due.sql does and `claimed`: what was leased, as claim.sql gives it, a row for each of its rows; or NULL.
WITH due AS MATERIALIZED (
  SELECT q.id, q.queue, q.definition_id, q.priority, q.ageing_ms, q.started_at, q.due_at,
    -- One whose own timeout is over as well is not set to work.
    NOT q.paused AND COALESCE(q.deadline_at > durable.clock(), true) AS may_run
  FROM durable.workflow_queue q
  WHERE q.state = 'sleeping' AND q.due_at < 'infinity' AND q.due_at <= durable.clock()
  ORDER BY q.due_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
), definition AS MATERIALIZED (
  SELECT * FROM json_to_recordset($4::json) AS d(id integer, run_as integer, timeout float8)
), vacant AS MATERIALIZED (
  SELECT p.queue, p.places
  FROM json_to_recordset($3::json) AS p(queue text, places integer)
  WHERE p.queue IN (SELECT due.queue FROM due)
    AND NOT EXISTS (
      SELECT FROM definition d
      CROSS JOIN LATERAL (
        SELECT FROM durable.workflow_queue q
        WHERE q.queue = p.queue AND q.definition_id = d.id AND q.state = 'ready' AND NOT q.paused
        LIMIT 1
      ) ready)
    AND durable.enter_queue(p.queue, $2, false)
), ranked AS MATERIALIZED (
  -- In the order of `rank`, which they do not have before they are ready.
  SELECT due.id, d.id AS ran_by, d.run_as, d.timeout, v.places,
    row_number() OVER (
      PARTITION BY due.queue, due.may_run AND d.id IS NOT NULL
      ORDER BY (date_part('epoch', due.due_at) * 1000)::bigint
        - (due.priority::bigint + CASE WHEN due.started_at IS NULL THEN 0 ELSE 1 END) * COALESCE(due.ageing_ms, 60000), due.id
    ) AS nth,
    due.may_run AND d.id IS NOT NULL AS fits
  FROM due
  LEFT JOIN definition d ON d.id = due.definition_id
  LEFT JOIN vacant v ON v.queue = due.queue
), woken AS (
  UPDATE durable.workflow_queue q
  SET state = CASE WHEN r.leases THEN 'running' ELSE 'ready' END,
    worker_id = CASE WHEN r.leases THEN $2 END,
    token = q.token + CASE WHEN r.leases THEN 1 ELSE 0 END,
    definition_id = CASE WHEN r.leases THEN r.run_as ELSE q.definition_id END,
    started_at = CASE WHEN r.leases THEN COALESCE(q.started_at, durable.clock()) ELSE q.started_at END,
    deadline_at = CASE
      WHEN r.leases AND q.started_at IS NULL AND q.step_of IS NULL THEN durable.clock() + r.timeout * interval '1 ms'
      ELSE q.deadline_at END
  FROM (SELECT ranked.*, fits AND COALESCE(nth <= places, false) AS leases FROM ranked) r
  WHERE q.id = r.id
  RETURNING q.id, q.queue, q.paused, q.token > 1 AND q.step_of IS NULL AS goes_on, r.ran_by, r.nth, r.leases
), summary AS MATERIALIZED (
  SELECT count(*)::integer AS woken,
    -- Where something was left ready.
    array_agg(DISTINCT w.queue) FILTER (WHERE NOT w.paused AND NOT w.leases) AS queues,
    array_agg(w.id ORDER BY w.queue, w.nth) FILTER (WHERE w.leases) AS taken,
    array_agg(w.ran_by ORDER BY w.queue, w.nth) FILTER (WHERE w.leases) AS taken_by,
    array_agg(w.id) FILTER (WHERE w.leases AND w.goes_on) AS resumed
  FROM woken w
)
SELECT s.woken, COALESCE(s.queues, '{}') AS queues,
  -- The condition of the index queue_deadline: what is leased, or is to be undone, is not in it.
  ARRAY(
    SELECT q.id FROM durable.workflow_queue q
    WHERE q.deadline_at <= durable.clock()
      AND q.state <> 'running' AND q.step_of IS NULL AND q.cancel IS NULL AND NOT q.compensating
    ORDER BY q.deadline_at LIMIT $1) AS late,
  (extract(epoch FROM LEAST(
    (SELECT q.due_at FROM durable.workflow_queue q
     WHERE q.state = 'sleeping' AND q.due_at < 'infinity' AND q.due_at > durable.clock()
     ORDER BY q.due_at LIMIT 1),
    (SELECT q.deadline_at FROM durable.workflow_queue q
     WHERE q.deadline_at > durable.clock()
       AND q.state <> 'running' AND q.step_of IS NULL AND q.cancel IS NULL AND NOT q.compensating
     ORDER BY q.deadline_at LIMIT 1)
  ) - durable.clock()) * 1000)::float8 AS next_in_ms,
  row_to_json(r) AS claimed
FROM summary s
LEFT JOIN LATERAL durable.claimed_rows(s.taken, s.taken_by, s.resumed) AS r ON s.taken IS NOT NULL;
