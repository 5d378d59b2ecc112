-- Makes rows ready whose time has come, and names runs whose own timeout is over (late-runs.ts ends those).
--
-- $1 integer: how many at most, of each
--
-- A row that somebody has locked is left for the next time, which is soon; so is one that another process is waking just now.
WITH due AS MATERIALIZED (
  SELECT q.id FROM durable.workflow_queue q
  WHERE q.state = 'sleeping' AND q.due_at < 'infinity' AND q.due_at <= durable.clock()
  ORDER BY q.due_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
), woken AS (
  UPDATE durable.workflow_queue q
  SET state = 'ready'
  WHERE q.id = ANY (ARRAY(SELECT due.id FROM due))
  RETURNING q.id, q.queue, q.paused
)
SELECT
  (SELECT count(*) FROM woken)::integer AS woken,
  ARRAY(SELECT DISTINCT queue FROM woken WHERE NOT paused) AS queues,
  -- What this statement wakes sleeps in its own snapshot.
  (SELECT count(*) FROM (
    SELECT FROM durable.workflow_queue q
    WHERE q.state = 'sleeping' AND q.due_at < 'infinity' AND q.due_at <= durable.clock()
    ORDER BY q.due_at LIMIT $1) s) > (SELECT count(*) FROM due) AS locked,
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
  ) - durable.clock()) * 1000)::float8 AS next_in_ms;
