-- Why rounds are being undone.
--
-- $1 json: calls: [{n, id, round, began}]: number of the call, the run, the round, and the record that began it (null: that
--   is not known)
SELECT c.n, s.error
FROM json_to_recordset($1::json) AS c(n integer, id uuid, round integer, began bigint)
CROSS JOIN LATERAL (
  SELECT r.error
  FROM durable.step_executions r
  WHERE r.run_id = c.id AND r.round = c.round AND r.type = 'rollback' AND (c.began IS NULL OR r.seq = c.began)
  ORDER BY r.seq DESC
  LIMIT 1
) s;
