-- Work of completed runs: ms of the attempts, those that failed, items that failed for good, and the longest wait.
--
-- $1 json: calls: [{n, id}]: number of the call, and the run
--
-- Of the last twenty thousand records of one run, and as many waits; for many runs the number is shared. `more`: there are more
-- records. Where there are more waits, the longest is not known.
WITH look AS MATERIALIZED (SELECT greatest(400, 20000 / greatest(1, json_array_length($1::json))) AS most)
SELECT c.n, s.ms, s.failed, s.failed_items, s.more, w.path, w.ms AS wait_ms
FROM json_to_recordset($1::json) AS c(n integer, id uuid)
CROSS JOIN LATERAL (
  SELECT t.ms, t.failed, t.failed_items, EXISTS (
      SELECT FROM durable.step_executions x WHERE x.run_id = c.id AND x.seq < t.first
    ) AS more
  FROM (
    SELECT COALESCE(sum(r.duration_ms) FILTER (WHERE r.works), 0)::float8 AS ms,
      count(*) FILTER (WHERE r.works AND r.status = 'failed')::integer AS failed,
      count(*) FILTER (WHERE r.works AND r.status = 'failed' AND r.retry_at IS NULL AND strpos(r.path, '[') > 0)::integer
        AS failed_items,
      min(r.seq) AS first
    FROM (
      SELECT x.seq, x.duration_ms, x.status, x.retry_at, x.path,
        x.type IN ('step', 'decision', 'branch', 'parallel', 'forEach', 'compensate') AS works
      FROM durable.step_executions x
      WHERE x.run_id = c.id
      ORDER BY x.seq DESC
      LIMIT (SELECT l.most FROM look l)
    ) r
  ) t
) s
LEFT JOIN LATERAL (
  SELECT o.path, (extract(epoch FROM o.closed_at - o.created_at) * 1000)::float8 AS ms
  FROM (
    SELECT a.*, count(*) OVER () AS n
    FROM (
      SELECT x.path, x.id, x.created_at, x.closed_at FROM durable.waits x WHERE x.run_id = c.id
      ORDER BY x.run_id, x.id DESC
      LIMIT (SELECT l.most FROM look l) + 1
    ) a
  ) o
  WHERE o.closed_at IS NOT NULL AND o.n <= (SELECT l.most FROM look l)
  ORDER BY o.closed_at - o.created_at DESC, o.id
  LIMIT 1
) w ON true;
