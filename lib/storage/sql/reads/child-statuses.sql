-- In which statuses the children of a run are.
--
-- $1 uuid: the run
-- $2 integer: those that were started first, at most so many
SELECT durable.run_status(c.status, q.state, q.paused, q.compensating, q.started_at) AS status, count(*)::integer AS n
FROM (
  SELECT e.id, e.status
  FROM durable.workflow_executions e
  WHERE e.parent_id = $1
  ORDER BY e.created_at, e.id
  LIMIT $2
) c
LEFT JOIN LATERAL (SELECT w.* FROM durable.workflow_queue w WHERE w.id = c.id LIMIT 1) q ON true
GROUP BY 1;
