-- The journal records that claimed rows need.
--   $1 json  [{row, run, after, up_to, also}]: records after `after` (null: none) up to `up_to` (null: all), and those
--            of `also`
-- A range of the primary key for each: a long history before the last suspension is not read. A large output is left
-- out of a range (it is asked for by number when a step needs it), so that a crash in a long loop costs no memory.
SELECT w.row AS row_id, s.seq, s.round, s.path, s.visit, s.attempt, s.type, s.status, s.facts, s.output, s.has_output,
  s.error, s.duration_ms, (extract(epoch FROM s.retry_at) * 1000)::float8 AS retry_at
FROM json_to_recordset($1::json) AS w(row uuid, run uuid, after bigint, up_to bigint, also json)
CROSS JOIN LATERAL (
  SELECT r.seq, r.round, r.path, r.visit, r.attempt, r.type, r.status, r.facts, r.error, r.duration_ms, r.retry_at,
    CASE WHEN octet_length(r.output) <= 8192 THEN r.output END AS output, r.output IS NOT NULL AS has_output
  FROM durable.step_executions r
  WHERE r.run_id = w.run AND r.seq > w.after AND r.seq <= COALESCE(w.up_to, 9223372036854775807)
  UNION ALL
  SELECT r.seq, r.round, r.path, r.visit, r.attempt, r.type, r.status, r.facts, r.error, r.duration_ms, r.retry_at,
    r.output, r.output IS NOT NULL
  FROM json_array_elements_text(w.also) AS a(seq)
  JOIN durable.step_executions r ON r.run_id = w.run AND r.seq = a.seq::bigint
  WHERE w.after IS NULL OR a.seq::bigint <= w.after
) s
ORDER BY w.row, s.seq;
