-- The journal records that claimed rows need.
--   $1 json  [{row, run, after, also}]: records after `after`, and those of `also`
-- A range of the primary key for each: a long history before the last suspension is not read.
SELECT w.row AS row_id, s.seq, s.input_seq, s.round, s.path, s.visit, s.attempt, s.type, s.status, s.output, s.error,
  s.duration_ms, (extract(epoch FROM s.retry_at) * 1000)::float8 AS retry_at
FROM json_to_recordset($1::json) AS w(row uuid, run uuid, after bigint, also json)
CROSS JOIN LATERAL (
  SELECT * FROM durable.step_executions r WHERE r.run_id = w.run AND r.seq > w.after
  UNION ALL
  SELECT r.*
  FROM json_array_elements_text(w.also) AS a(seq)
  JOIN durable.step_executions r ON r.run_id = w.run AND r.seq = a.seq::bigint
  WHERE a.seq::bigint <= w.after
) s
ORDER BY w.row, s.seq;
