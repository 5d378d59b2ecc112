-- A page of the attempts of a run that have ended, without payloads and logs.
--
-- $1 uuid: the run
-- $2 bigint: those after this record; NULL: none of them
-- $3 bigint: those before this record, the last first; NULL: none of them
-- $4 text: at or below this path; NULL: anywhere
-- $5 text[]: of these statuses; NULL: of any
-- $6 text[]: not below what begins so: items of long loops, which are shown in sums
-- $7 integer: how many
(
  SELECT s.seq::float8 AS seq, s.input_seq::float8 AS input_seq, s.completed_at, s.round, s.visit, s.attempt, s.duration_ms,
    s.type, s.status, s.path, s.error, s.retry_at
  FROM durable.step_executions s
  WHERE $2::bigint IS NOT NULL AND s.run_id = $1 AND s.seq > $2
    AND s.type IN ('step', 'decision', 'branch', 'parallel', 'forEach', 'compensate')
    AND ($4::text IS NULL OR s.path = $4 OR starts_with(s.path, $4) AND substr(s.path, length($4) + 1, 1) IN ('.', '/', '['))
    AND ($5::text[] IS NULL OR s.status = ANY ($5))
    AND NOT s.path ^@ ANY ($6::text[])
  ORDER BY s.seq
  LIMIT $7
)
UNION ALL
(
  SELECT s.seq::float8, s.input_seq::float8, s.completed_at, s.round, s.visit, s.attempt, s.duration_ms, s.type, s.status,
    s.path, s.error, s.retry_at
  FROM durable.step_executions s
  WHERE $3::bigint IS NOT NULL AND s.run_id = $1 AND s.seq < $3
    AND s.type IN ('step', 'decision', 'branch', 'parallel', 'forEach', 'compensate')
    AND ($4::text IS NULL OR s.path = $4 OR starts_with(s.path, $4) AND substr(s.path, length($4) + 1, 1) IN ('.', '/', '['))
    AND ($5::text[] IS NULL OR s.status = ANY ($5))
    AND NOT s.path ^@ ANY ($6::text[])
  ORDER BY s.seq DESC
  LIMIT $7
);
