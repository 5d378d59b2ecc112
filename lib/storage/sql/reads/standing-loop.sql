-- How far a loop is in a round: its items, those that have ended, failed ones among them, and those of the last minute.
--
-- $1 uuid: the run
-- $2 integer: the round
-- $3 text: path of the loop
-- $4 text: what follows the item in the path of the arm's last member
WITH loop AS MATERIALIZED (
  SELECT s.seq, COALESCE((s.facts::json ->> 'items')::integer, 0) AS items
  FROM durable.step_executions s
  WHERE s.run_id = $1 AND s.round = $2 AND s.path = $3 AND s.type = 'forEach' AND s.status = 'completed'
  ORDER BY s.seq DESC LIMIT 1
), item AS MATERIALIZED (
  SELECT substring(r.path FROM length($3) + 2 FOR strpos(substring(r.path FROM length($3) + 2), ']') - 1) AS index,
    max(r.completed_at) AS at, bool_or(r.status = 'failed') AS failed
  FROM loop
  JOIN durable.step_executions r ON r.run_id = $1 AND r.seq > loop.seq AND r.round = $2
  WHERE left(r.path, length($3) + 1) = $3 || '['
    AND r.type IN ('step', 'decision', 'branch', 'parallel', 'forEach', 'gather')
    AND (r.status = 'failed' AND r.retry_at IS NULL OR r.status = 'completed' AND (
      right(r.path, length($4)) = $4 AND r.type NOT IN ('forEach', 'branch') OR strpos(r.path, $4 || '.') > 0))
  GROUP BY 1
)
SELECT loop.items, count(item.index)::integer AS through, count(*) FILTER (WHERE item.failed)::integer AS failed,
  count(*) FILTER (WHERE item.at > durable.clock() - interval '1 minute')::integer AS last_minute
FROM loop
LEFT JOIN item ON true
GROUP BY loop.items;
