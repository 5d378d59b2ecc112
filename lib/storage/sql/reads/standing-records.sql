-- The records of a round since the run was suspended last, without payloads, up to a thousand and one.
--
-- $1 uuid: the run
-- $2 integer: the round
SELECT s.seq::float8 AS seq, s.path, s.type, s.visit, s.attempt, s.status, s.output IS NOT NULL AS has_output, s.facts,
  (extract(epoch FROM s.retry_at) * 1000)::float8 AS retry_at
FROM durable.workflow_executions e
JOIN durable.step_executions s ON s.run_id = e.id AND s.seq > e.snapshot_seq
WHERE e.id = $1 AND s.round = $2
ORDER BY s.seq
LIMIT 1001;
