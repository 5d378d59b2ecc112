-- Makes claimable what dead workers hold. Locked rows are left for the next look: nobody is waited for.
-- The count of recoveries starts anew where a record was written since the last one.
WITH orphan AS MATERIALIZED (
  SELECT q.id, q.step_of
  FROM durable.workflow_queue q
  WHERE q.worker_id IN (SELECT w.id FROM durable.workers w WHERE w.dead_at IS NOT NULL)
  FOR NO KEY UPDATE SKIP LOCKED
), progress AS MATERIALIZED (
  SELECT o.id, COALESCE(s.seq, 0) AS seq
  FROM orphan o
  LEFT JOIN LATERAL (
    SELECT r.seq FROM durable.step_executions r WHERE r.run_id = COALESCE(o.step_of, o.id) ORDER BY r.seq DESC LIMIT 1
  ) s ON true
)
UPDATE durable.workflow_queue q
SET state = 'ready', worker_id = NULL, resumed = true, due_at = durable.clock(), progress_seq = p.seq,
  recoveries = CASE WHEN p.seq > q.progress_seq THEN 1 ELSE q.recoveries + 1 END
FROM progress p
WHERE q.id = p.id
RETURNING q.queue, q.paused;
