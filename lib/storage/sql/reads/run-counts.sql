-- Attempts of a run that have ended, and lines that they have logged, of so many records at most.
--
-- The orders are the index's: without one, a long run makes the planner read the table from its beginning.
--
-- A row that begins with `+` is no line: it says how many there were that were dropped.
--
-- $1 uuid: the run
-- $2 integer: how many attempts, and one more tells that there are more
-- $3 integer: how many records with lines, and so on
-- $4 integer: how many of the last records are looked at for lines: a run may have a million that logged nothing
--
-- Returns (attempts, lines, more_lines: there may be more).
SELECT
  (
    SELECT count(*)::integer
    FROM (
      SELECT FROM durable.step_executions s
      WHERE s.run_id = $1 AND s.type IN ('step', 'decision', 'branch', 'parallel', 'forEach', 'compensate')
      ORDER BY s.seq
      LIMIT $2 + 1
    ) a
  ) AS attempts,
  l.lines,
  l.records > $3 OR EXISTS (
    SELECT FROM durable.step_executions s WHERE s.run_id = $1 ORDER BY s.seq DESC OFFSET $4::integer LIMIT 1
  ) AS more_lines
FROM (
  SELECT count(*)::integer AS records,
    COALESCE(sum(
      octet_length(r.logs) - octet_length(replace(r.logs, E'\n', '')) + 1
        - CASE WHEN strpos(r.logs, '+') > 0
          THEN (octet_length(E'\n' || r.logs) - octet_length(replace(E'\n' || r.logs, E'\n+', ''))) / 2 ELSE 0 END
    ), 0)::integer AS lines
  FROM (
    SELECT n.logs
    FROM (
      SELECT s.logs FROM durable.step_executions s
      WHERE s.run_id = $1
      ORDER BY s.seq DESC
      LIMIT $4::integer
    ) n
    WHERE n.logs IS NOT NULL
    LIMIT $3 + 1
  ) r
) l;
