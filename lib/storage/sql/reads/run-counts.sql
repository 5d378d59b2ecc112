-- Attempts of a run that have ended, and lines that they have logged, of so many records at most.
--
-- $1 uuid: the run
-- $2 integer: how many attempts, and one more tells that there are more
-- $3 integer: how many records with lines, and so on
--
-- Returns (attempts, lines, records).
SELECT
  (
    SELECT count(*)::integer
    FROM (
      SELECT FROM durable.step_executions s
      WHERE s.run_id = $1 AND s.type IN ('step', 'decision', 'branch', 'parallel', 'forEach', 'compensate')
      LIMIT $2 + 1
    ) a
  ) AS attempts, l.lines, l.records
FROM (
  SELECT count(*)::integer AS records, COALESCE(sum(length(r.logs) - length(replace(r.logs, E'\n', '')) + 1), 0)::integer AS lines
  FROM (
    SELECT s.logs FROM durable.step_executions s
    WHERE s.run_id = $1 AND s.logs IS NOT NULL
    LIMIT $3 + 1
  ) r
) l;
