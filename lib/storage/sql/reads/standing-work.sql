-- Work of completed runs: ms of the attempts, those that failed, items that failed for good, and the longest wait.
--
-- $1 json: calls: [{n, id}]: number of the call, and the run
SELECT c.n, s.ms, s.failed, s.failed_items, w.path, w.ms AS wait_ms
FROM json_to_recordset($1::json) AS c(n integer, id uuid)
CROSS JOIN LATERAL (
  SELECT COALESCE(sum(r.duration_ms), 0)::float8 AS ms, count(*) FILTER (WHERE r.status = 'failed')::integer AS failed,
    count(*) FILTER (WHERE r.status = 'failed' AND r.retry_at IS NULL AND strpos(r.path, '[') > 0)::integer AS failed_items
  FROM durable.step_executions r
  WHERE r.run_id = c.id AND r.type IN ('step', 'decision', 'branch', 'parallel', 'forEach', 'compensate')
) s
LEFT JOIN LATERAL (
  SELECT o.path, (extract(epoch FROM o.closed_at - o.created_at) * 1000)::float8 AS ms
  FROM durable.waits o
  WHERE o.run_id = c.id AND o.closed_at IS NOT NULL
  ORDER BY o.closed_at - o.created_at DESC, o.id
  LIMIT 1
) w ON true;
