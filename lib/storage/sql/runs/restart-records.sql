-- The records of a round, without their payloads: under the names that transitions know them by.
--
-- $1 uuid: the run
-- $2 integer: the round
SELECT seq, path, type, visit, attempt, status, output IS NOT NULL AS "hasOutput", facts,
  (extract(epoch FROM retry_at) * 1000)::float8 AS "retryAt"
FROM durable.step_executions
WHERE run_id = $1 AND round = $2
ORDER BY seq;
