-- Journal records outside a group; again is harmless. Returns those that were not there.
--
-- $1 uuid: run
-- $2 integer: token
-- $3 json: records as in commit-group.sql
-- $4 boolean: they are of a step on another queue
INSERT INTO durable.step_executions (
  run_id, seq, input_seq, completed_at, retry_at, token, round, visit, attempt, duration_ms, input_item, type, status,
  path, facts, output, error, logs, after_seq, nth)
SELECT $1::uuid, r.seq, r.input_seq, durable.clock(), durable.clock() + r.retry_ms * interval '1 ms', $2::integer,
  r.round, r.visit, r.attempt, r.duration_ms, r.input_item, r.type, r.status, r.path, r.facts, r.output, r.error,
  r.logs, CASE WHEN $4 THEN durable.last_record($1, NULL) END, CASE WHEN $4 THEN nextval('durable.step_order') END
FROM json_to_recordset($3::json) AS r(
  seq bigint, input_seq bigint, retry_ms float8, round integer, visit integer, attempt integer, duration_ms integer,
  input_item integer, type text, status text, path text, facts text, output text, error text, logs text)
ON CONFLICT (run_id, seq) DO NOTHING
RETURNING seq::text;
