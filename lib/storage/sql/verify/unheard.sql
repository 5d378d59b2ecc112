-- Of runs that a worker has leased without a wake mark, the last end of a wait that a next pass needs.
--
-- $1 integer: the worker
-- $2 uuid[]: the runs
--
-- (COALESCE: see commit-group.sql.)
SELECT r.id AS "runId", w.ended::float8 AS ended
FROM unnest($2::uuid[]) AS r(id)
CROSS JOIN LATERAL (
  SELECT q.id FROM durable.workflow_queue q WHERE q.id = r.id AND COALESCE(q.worker_id, 0) = $1 AND NOT q.wake LIMIT 1
) leased
CROSS JOIN LATERAL (
  SELECT max(v.ended) AS ended FROM durable.waits v WHERE v.run_id = r.id AND v.active
) w
WHERE w.ended IS NOT NULL;
