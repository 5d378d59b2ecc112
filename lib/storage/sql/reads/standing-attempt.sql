-- The last attempts of steps that have failed, each in a round.
--
-- $1 json: calls: [{n, id, round, path, name, final}]: number of the call, the run, the round, path of the step (null: of
--   any), its name as paths have it (null: any), and whether only one that is not made again is meant
SELECT c.n, s.path, s.attempt, s.error
FROM json_to_recordset($1::json) AS c(n integer, id uuid, round integer, path text, name text, final boolean)
CROSS JOIN LATERAL (
  SELECT r.path, r.attempt, r.error
  FROM durable.step_executions r
  WHERE r.run_id = c.id AND r.round = c.round AND r.status = 'failed'
    AND r.type IN ('step', 'decision', 'branch', 'parallel', 'forEach', 'compensate')
    AND CASE WHEN c.path IS NULL THEN r.type <> 'compensate' ELSE r.path = c.path END
    AND (c.name IS NULL OR right('/' || r.path, length(c.name) + 1) = '/' || c.name)
    AND (NOT c.final OR r.retry_at IS NULL)
  ORDER BY r.seq DESC
  LIMIT 1
) s;
