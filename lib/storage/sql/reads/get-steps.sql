-- The records of a run that are steps, those whose output a step got as its input, and what steps have recorded with once().
--
-- $1 uuid: the run
-- $2 boolean: with outputs
SELECT seq, input_seq, input_item, completed_at, round, visit, attempt, duration_ms, type, status, path,
  CASE WHEN $2 THEN output END AS output, error, retry_at
FROM durable.step_executions
WHERE run_id = $1 AND type IN ('step', 'decision', 'branch', 'parallel', 'forEach', 'compensate', 'gather', 'context', 'once')
ORDER BY seq;
