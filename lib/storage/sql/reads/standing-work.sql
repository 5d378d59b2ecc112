-- Work of completed runs: ms of the attempts, those that failed, items that failed for good, and the longest wait.
--
-- $1 json: calls: [{n, id}]: number of the call, and the run
--
-- Of the last twenty thousand records of one run, and as many waits; for many runs the number is shared. `more`: there are more
-- records.
WITH look AS MATERIALIZED (SELECT greatest(400, 20000 / greatest(1, json_array_length($1::json))) AS most)
SELECT c.n, s.ms, s.failed, s.failed_items, s.more, w.path, w.ms AS wait_ms
FROM json_to_recordset($1::json) AS c(n integer, id uuid)
CROSS JOIN LATERAL (
  SELECT COALESCE(sum(r.duration_ms), 0)::float8 AS ms, count(*) FILTER (WHERE r.status = 'failed')::integer AS failed,
    count(*) FILTER (WHERE r.status = 'failed' AND r.retry_at IS NULL AND strpos(r.path, '[') > 0)::integer AS failed_items,
    COALESCE((SELECT o.seq FROM durable.step_executions o WHERE o.run_id = c.id ORDER BY o.seq DESC LIMIT 1)
      > (SELECT l.most FROM look l), false) AS more
  FROM (
    SELECT x.duration_ms, x.status, x.retry_at, x.path, x.type FROM durable.step_executions x
    WHERE x.run_id = c.id
    ORDER BY x.seq DESC
    LIMIT (SELECT l.most FROM look l)
  ) r
  WHERE r.type IN ('step', 'decision', 'branch', 'parallel', 'forEach', 'compensate')
) s
LEFT JOIN LATERAL (
  SELECT o.path, (extract(epoch FROM o.closed_at - o.created_at) * 1000)::float8 AS ms
  FROM (
    SELECT x.path, x.id, x.created_at, x.closed_at FROM durable.waits x WHERE x.run_id = c.id
    ORDER BY x.run_id, x.id DESC
    LIMIT (SELECT l.most FROM look l)
  ) o
  WHERE o.closed_at IS NOT NULL
  ORDER BY o.closed_at - o.created_at DESC, o.id
  LIMIT 1
) w ON true;
