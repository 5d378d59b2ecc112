-- The records of a run that are steps, those whose output a step got as its input, and what steps have recorded with once().
--
-- $1 uuid: the run
-- $2 boolean: with outputs
--
-- In the order in which they ended: a step on another queue has numbers that were kept for it before.
SELECT seq, input_seq, input_item, completed_at, round, visit, attempt, duration_ms, type, status, path,
  CASE WHEN $2 THEN output END AS output, error, retry_at
FROM durable.step_executions
WHERE run_id = $1 AND type IN ('step', 'decision', 'branch', 'parallel', 'forEach', 'compensate', 'gather', 'context', 'once')
ORDER BY COALESCE(after_seq, seq), nth NULLS FIRST, seq;
