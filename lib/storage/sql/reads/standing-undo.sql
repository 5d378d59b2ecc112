-- Steps that rounds have completed, begun and undone, of each the last one first; the order is load-undo.sql's.
--
-- $1 json: calls: [{n, id, round}]: number of the call, the run and the round
--
-- Of the last five thousand records of one run; for many runs the number is shared. `cut`: there are more of the round.
WITH look AS MATERIALIZED (SELECT greatest(200, 5000 / greatest(1, json_array_length($1::json))) AS most)
SELECT c.n, s.seq, s.path, s.visit, s.type, s.status, s.retry_at IS NULL AS final, s.cut
FROM json_to_recordset($1::json) AS c(n integer, id uuid, round integer)
CROSS JOIN LATERAL (
  SELECT r.*, count(*) OVER () > (SELECT l.most FROM look l) AS cut, row_number() OVER (ORDER BY r.seq DESC) AS nr
  FROM (
    SELECT * FROM durable.step_executions o
    WHERE o.run_id = c.id AND o.round = c.round
    ORDER BY o.seq DESC
    LIMIT (SELECT l.most FROM look l) + 1
  ) r
) s
WHERE s.nr <= (SELECT l.most FROM look l)
  AND (s.type = 'compensate' OR s.type IN ('step', 'decision', 'intent') AND s.status = 'completed')
ORDER BY c.n, COALESCE(s.after_seq, s.seq) DESC, s.nth DESC NULLS LAST, s.seq DESC;
