-- Progress of loops in a round: their items, those that have ended, failed ones among them, and those of the last minute.
--
-- $1 json: calls: [{n, id, round, path, last}]: number of the call, the run, the round, path of the loop, and what follows
--   the item in the path of the arm's last member
SELECT c.n, loop.items, t.through, t.failed, t.last_minute
FROM json_to_recordset($1::json) AS c(n integer, id uuid, round integer, path text, last text)
CROSS JOIN LATERAL (
  SELECT s.seq, COALESCE((s.facts::json ->> 'items')::integer, 0) AS items
  FROM durable.step_executions s
  WHERE s.run_id = c.id AND s.round = c.round AND s.path = c.path AND s.type = 'forEach' AND s.status = 'completed'
  ORDER BY s.seq DESC LIMIT 1
) loop
CROSS JOIN LATERAL (
  SELECT count(*)::integer AS through, count(*) FILTER (WHERE i.failed)::integer AS failed,
    count(*) FILTER (WHERE i.at > durable.clock() - interval '1 minute')::integer AS last_minute
  FROM (
    SELECT substring(r.path FROM length(c.path) + 2 FOR strpos(substring(r.path FROM length(c.path) + 2), ']') - 1) AS index,
      max(r.completed_at) AS at, bool_or(r.status = 'failed') AS failed
    FROM durable.step_executions r
    WHERE r.run_id = c.id AND r.seq > loop.seq AND r.round = c.round
      AND left(r.path, length(c.path) + 1) = c.path || '['
      AND r.type IN ('step', 'decision', 'branch', 'parallel', 'forEach', 'gather')
      AND (r.status = 'failed' AND r.retry_at IS NULL OR r.status = 'completed' AND (
        right(r.path, length(c.last)) = c.last AND r.type NOT IN ('forEach', 'branch') OR strpos(r.path, c.last || '.') > 0))
    GROUP BY 1
  ) i
) t;
