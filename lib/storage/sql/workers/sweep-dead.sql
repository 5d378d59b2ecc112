-- Makes claimable what no living worker answers for: its worker was declared dead, has left, or is in no row of the table.
-- Locked rows are left for the next look: nobody is waited for.
--
-- $1 integer: rows at most
--
-- The count of recoveries starts anew where a record was written since the last one (of a step on another queue: one of
-- its own). It ends at what its column holds: one run that has come so far would keep all others from being recovered.
WITH holder AS MATERIALIZED (
  SELECT l.worker_id FROM durable.leasing_workers() AS l(worker_id)
), orphan AS MATERIALIZED (
  SELECT o.id, o.step_of, o.step
  FROM holder h
  CROSS JOIN LATERAL (
    SELECT q.id, q.step_of, q.step
    FROM durable.workflow_queue q
    WHERE q.worker_id = h.worker_id
    LIMIT $1
    FOR NO KEY UPDATE SKIP LOCKED
  ) o
  WHERE NOT EXISTS (SELECT FROM durable.workers w WHERE w.id = h.worker_id AND w.dead_at IS NULL)
  LIMIT $1
), progress AS MATERIALIZED (
  SELECT o.id, durable.last_record(COALESCE(o.step_of, o.id), o.step) AS seq
  FROM orphan o
)
UPDATE durable.workflow_queue q
SET state = 'ready', worker_id = NULL, due_at = durable.clock(), progress_seq = p.seq,
  recoveries = CASE WHEN p.seq > q.progress_seq THEN 1 ELSE LEAST(q.recoveries + 1, 32767) END
FROM progress p
WHERE q.id = p.id
RETURNING q.queue, q.paused;
