-- Makes rows ready whose time has come: a delay is over, or the run's own timeout is due.
--   $1 integer  how many at most
-- A row that somebody has locked is left for the next time; so is one that another process is waking just now.
WITH over AS MATERIALIZED (
  SELECT q.id FROM durable.workflow_queue q
  WHERE q.state = 'sleeping' AND q.due_at < 'infinity' AND q.due_at <= durable.clock()
  ORDER BY q.due_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
), late AS MATERIALIZED (
  SELECT q.id FROM durable.workflow_queue q
  WHERE q.deadline_at IS NOT NULL AND q.state <> 'running' AND q.deadline_at <= durable.clock()
    AND (q.state = 'sleeping' OR q.paused)
    -- The timeout is over everything but the rollback.
    AND NOT q.compensating
  ORDER BY q.deadline_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
), due AS MATERIALIZED (
  SELECT id FROM over UNION SELECT id FROM late
), woken AS (
  UPDATE durable.workflow_queue q
  -- The run's timeout runs on while it is paused: the run is claimed, and fails.
  -- One whose own timeout is due may have slept until something comes.
  SET state = 'ready', due_at = LEAST(q.due_at, durable.clock()), paused = q.paused AND (q.compensating OR (q.deadline_at > durable.clock()) IS NOT FALSE)
  FROM due
  WHERE q.id = due.id
  RETURNING q.id, q.queue, q.paused
)
SELECT
  (SELECT count(*) FROM woken)::integer AS woken,
  ARRAY(SELECT DISTINCT queue FROM woken WHERE NOT paused) AS queues,
  (extract(epoch FROM LEAST(
    (SELECT q.due_at FROM durable.workflow_queue q
     WHERE q.state = 'sleeping' AND q.due_at < 'infinity' AND q.due_at > durable.clock()
     ORDER BY q.due_at LIMIT 1),
    (SELECT q.deadline_at FROM durable.workflow_queue q
     WHERE q.deadline_at IS NOT NULL AND q.state <> 'running' AND q.deadline_at > durable.clock() AND NOT q.compensating
     ORDER BY q.deadline_at LIMIT 1)
  ) - durable.clock()) * 1000)::float8 AS next_in_ms;
