-- What a process needs to open rows that it has leased, in one round trip: a row for each wait of their runs, and one for each
-- journal record that is wanted; at the end one with the time.
--
-- $1 integer: the worker
-- $2 uuid[]: the runs whose waits are wanted, as take-waits.sql gives them
-- $3 json: [{row, run, after, up_to, also}]: records after `after` (null: none) up to `up_to` (null: all), and those of
--   `also`
--
-- A range of the primary key for each: a long history before the last suspension is not read. A large output is left
-- out of a range (it is asked for by number when a step needs it), so that a crash in a long loop costs no memory.
-- The records are those from before the waits were taken: what a step on another queue records in between is not among
-- them, and its mark is forgotten. Who knows of such a step looks again.
WITH wait AS MATERIALIZED (
  SELECT * FROM durable.take_waits($1, $2::uuid[])
), record AS (
  SELECT w.row AS row_id, s.*
  FROM json_to_recordset($3::json) AS w(row uuid, run uuid, after bigint, up_to bigint, also json)
  CROSS JOIN LATERAL (
    SELECT r.seq, r.round, r.path, r.visit, r.attempt, r.type, r.status, r.facts, r.error, r.duration_ms, r.retry_at,
      CASE WHEN octet_length(r.output) <= 8192 THEN r.output END AS output, r.output IS NOT NULL AS has_output
    FROM durable.step_executions r
    WHERE r.run_id = w.run AND r.seq > w.after AND r.seq <= COALESCE(w.up_to, 9223372036854775807)
    UNION ALL
    SELECT r.seq, r.round, r.path, r.visit, r.attempt, r.type, r.status, r.facts, r.error, r.duration_ms, r.retry_at,
      r.output, r.output IS NOT NULL
    FROM json_array_elements_text(w.also) AS a(seq)
    CROSS JOIN LATERAL (
      SELECT * FROM durable.step_executions t WHERE t.run_id = w.run AND t.seq = a.seq::bigint LIMIT 1
    ) r
    WHERE w.after IS NULL OR a.seq::bigint <= w.after
  ) s
)
SELECT 'wait' AS what, w.run_id, w.id, w.path, w.visit, w.attempt, w.key, w.kind, w.state, w.ended, w.due_ms, w.names,
  w.child_id, w.spec, w.result, w.events, w.child_status, w.child_data, w.child_error, w.child_workflow,
  NULL::uuid AS row_id, NULL::bigint AS seq, NULL::integer AS round, NULL AS type, NULL AS status, NULL AS facts,
  NULL AS output, NULL::boolean AS has_output, NULL AS error, NULL::integer AS duration_ms, NULL::float8 AS retry_at
FROM wait w
UNION ALL
SELECT 'record', NULL, NULL, r.path, r.visit, r.attempt, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
  NULL, NULL, r.row_id, r.seq, r.round, r.type, r.status, r.facts, r.output, r.has_output, r.error, r.duration_ms,
  (extract(epoch FROM r.retry_at) * 1000)::float8
FROM record r
UNION ALL
SELECT 'now', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
  NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, (extract(epoch FROM durable.clock()) * 1000)::float8
ORDER BY row_id, seq;
