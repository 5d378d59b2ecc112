-- Gives rows back to the queue. One that somebody has locked stays leased, for another try.
--
-- $1 integer: the worker
-- $2 json: [{id, token}]
-- $3 boolean: whether it counts as a recovery: nobody here knows of the rows, so their sessions came to a bad end
--
-- (COALESCE: see commit-group.sql.)
WITH given AS MATERIALIZED (
  SELECT q.id, q.step_of, q.step
  FROM json_to_recordset($2::json) AS r(id uuid, token integer)
  CROSS JOIN LATERAL (
    SELECT w.id, w.step_of, w.step
    FROM durable.workflow_queue w
    WHERE w.id = r.id AND w.token = r.token AND COALESCE(w.worker_id, 0) = $1
    LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED
  ) q
), progress AS MATERIALIZED (
  SELECT g.id, CASE WHEN $3 THEN durable.last_record(COALESCE(g.step_of, g.id), g.step) END AS seq
  FROM given g
)
UPDATE durable.workflow_queue q
SET state = 'ready', worker_id = NULL, due_at = durable.clock(),
  progress_seq = COALESCE(p.seq, q.progress_seq),
  recoveries = CASE WHEN p.seq IS NULL THEN q.recoveries WHEN p.seq > q.progress_seq THEN 1 ELSE LEAST(q.recoveries + 1, 32767) END
FROM progress p
WHERE q.id = ANY (ARRAY[p.id])
RETURNING q.queue;
