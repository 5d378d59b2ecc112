-- The last attempts of steps that have failed, each in a round.
--
-- $1 json: calls: [{n, id, round, path, name, final}]: number of the call, the run, the round, path of the step (null: of
--   any), its name as paths have it (null: any), and whether only one that is not made again is meant
--
-- Of the last twenty thousand records of one run; for many calls the number is shared.
WITH look AS MATERIALIZED (SELECT greatest(400, 20000 / greatest(1, json_array_length($1::json))) AS most)
SELECT c.n, s.path, s.attempt, s.error
FROM json_to_recordset($1::json) AS c(n integer, id uuid, round integer, path text, name text, final boolean)
CROSS JOIN LATERAL (
  SELECT r.path, r.attempt, r.error
  FROM (
    SELECT o.seq, o.path, o.attempt, o.error, o.round, o.status, o.type, o.retry_at FROM durable.step_executions o
    WHERE o.run_id = c.id
    ORDER BY o.seq DESC
    LIMIT (SELECT l.most FROM look l)
  ) r
  WHERE r.round = c.round AND r.status = 'failed'
    AND r.type IN ('step', 'decision', 'branch', 'parallel', 'forEach', 'compensate')
    AND CASE WHEN c.path IS NULL THEN r.type <> 'compensate' ELSE r.path = c.path END
    AND (c.name IS NULL OR right('/' || r.path, length(c.name) + 1) = '/' || c.name)
    AND (NOT c.final OR r.retry_at IS NULL)
  ORDER BY r.seq DESC
  LIMIT 1
) s;
