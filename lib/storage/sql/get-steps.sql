-- The records of a run.
--
-- $1 uuid: the run
SELECT seq, input_seq, completed_at, round, visit, attempt, duration_ms, type, status, path, output, error
FROM durable.step_executions
WHERE run_id = $1 AND type <> 'once'
ORDER BY seq
