-- The records of rounds since their runs were suspended last, without payloads, up to a thousand and one of each.
--
-- $1 json: calls: [{n, id, round}]: number of the call, the run and the round
SELECT c.n, s.seq::float8 AS seq, s.path, s.type, s.visit, s.attempt, s.status, s.output IS NOT NULL AS has_output, s.facts,
  (extract(epoch FROM s.retry_at) * 1000)::float8 AS retry_at
FROM json_to_recordset($1::json) AS c(n integer, id uuid, round integer)
CROSS JOIN LATERAL (SELECT x.snapshot_seq FROM durable.workflow_executions x WHERE x.id = c.id LIMIT 1) e
CROSS JOIN LATERAL (
  SELECT r.* FROM durable.step_executions r
  WHERE r.run_id = c.id AND r.seq > e.snapshot_seq AND r.round = c.round
  ORDER BY r.seq
  LIMIT 1001
) s
ORDER BY c.n, s.seq;
