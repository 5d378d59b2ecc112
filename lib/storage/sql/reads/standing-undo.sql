-- Steps that rounds have completed, begun and undone, of each the last one first; the order is load-undo.sql's.
--
-- $1 json: calls: [{n, id, round}]: number of the call, the run and the round
SELECT c.n, s.seq, s.path, s.visit, s.type, s.status, s.retry_at IS NULL AS final
FROM json_to_recordset($1::json) AS c(n integer, id uuid, round integer)
JOIN durable.step_executions s ON s.run_id = c.id AND s.round = c.round
  AND (s.type = 'compensate' OR s.type IN ('step', 'decision', 'intent') AND s.status = 'completed')
ORDER BY c.n, COALESCE(s.after_seq, s.seq) DESC, s.nth DESC NULLS LAST, s.seq DESC;
