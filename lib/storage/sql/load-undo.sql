-- What a round of a run has completed, begun and undone, the last one first.
--   $1 uuid     run
--   $2 integer  round
SELECT seq, path, visit, type, status, input_seq, input_item, output IS NOT NULL AS has_output, retry_at IS NULL AS final
FROM durable.step_executions
WHERE run_id = $1 AND round = $2
  AND (type = 'compensate' OR (type IN ('step', 'decision', 'intent') AND status = 'completed'))
ORDER BY completed_at DESC, seq DESC;
