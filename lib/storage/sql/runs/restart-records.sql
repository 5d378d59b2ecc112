-- The records of a round, without their payloads.
--
-- $1 uuid: the run
-- $2 integer: the round
SELECT seq, path, type, visit, attempt, status, output IS NOT NULL AS has_output, facts,
  (extract(epoch FROM retry_at) * 1000)::float8 AS retry_at
FROM durable.step_executions
WHERE run_id = $1 AND round = $2
ORDER BY seq;
