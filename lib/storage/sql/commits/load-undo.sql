-- Records of the steps that a round of a run has completed, begun and undone, the last one first.
--
-- $1 uuid: run
-- $2 integer: round
--
-- In the order of numbers given under the run's lock, never by time: the server's clock may be set back.
SELECT seq, path, visit, type, status, input_seq, input_item, output IS NOT NULL AS has_output, retry_at IS NULL AS final
FROM durable.step_executions
WHERE run_id = $1 AND round = $2
  AND (type = 'compensate' OR (type IN ('step', 'decision', 'intent') AND status = 'completed'))
ORDER BY COALESCE(after_seq, seq) DESC, nth DESC NULLS LAST, seq DESC;
