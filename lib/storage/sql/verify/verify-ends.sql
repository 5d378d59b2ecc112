-- I5: one end. A run that has ended is in no queue, a completed one has no error and no failure as its last word, and
-- was ended under its last token.
--
-- $1 integer: how many violations at most
SELECT q.id AS run_id, format('is %s and still in queue "%s" (%s)', COALESCE(e.status, 'gone'), q.queue, q.state) AS what
FROM durable.workflow_queue q
LEFT JOIN durable.workflow_executions e ON e.id = q.id
WHERE q.step_of IS NULL AND e.status IS DISTINCT FROM 'active'
UNION ALL
SELECT e.id, 'is completed and has an error'
FROM durable.workflow_executions e
WHERE e.status = 'completed' AND e.error IS NOT NULL
UNION ALL
SELECT e.id, format('is completed, and the last attempt of %s failed', s.path)
FROM durable.workflow_executions e
CROSS JOIN LATERAL (
  SELECT r.status, r.path
  FROM durable.step_executions r
  WHERE r.run_id = e.id AND r.path NOT LIKE '%~~%'
  ORDER BY r.seq DESC
  LIMIT 1
) s
WHERE e.status = 'completed' AND s.status = 'failed'
UNION ALL
SELECT e.id, format('is %s, and no lease has ended it', e.status)
FROM durable.workflow_executions e
WHERE e.status IN ('completed', 'failed') AND e.end_token IS NULL
  -- A run's timeout needs no lease.
  AND NOT (e.status = 'failed' AND e.error LIKE '%"code":"WORKFLOW_TIMEOUT"%')
UNION ALL
SELECT e.id, format('is unfinished and was ended under token %s', e.end_token)
FROM durable.workflow_executions e
WHERE e.status = 'active' AND e.end_token IS NOT NULL
LIMIT $1;
