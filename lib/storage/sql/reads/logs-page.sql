-- Records of a run that have something logged, in order.
--
-- $1 uuid: the run
-- $2 bigint: from this record on; NULL: none of them
-- $3 bigint: this record and those before it, the last first; NULL: none of them
-- $4 text: the step's name as paths have it; NULL: any
-- $5 integer: how many
(
  SELECT s.seq::float8 AS seq, s.round, s.visit, s.attempt, s.path, s.logs
  FROM durable.step_executions s
  WHERE $2::bigint IS NOT NULL AND s.run_id = $1 AND s.seq >= $2 AND s.logs IS NOT NULL
    AND ($4::text IS NULL OR right('/' || replace(split_part(s.path, '~~', 1), '~', '/'), length($4) + 1) = '/' || $4)
  ORDER BY s.seq
  LIMIT $5
)
UNION ALL
(
  SELECT s.seq::float8, s.round, s.visit, s.attempt, s.path, s.logs
  FROM durable.step_executions s
  WHERE $3::bigint IS NOT NULL AND s.run_id = $1 AND s.seq <= $3 AND s.logs IS NOT NULL
    AND ($4::text IS NULL OR right('/' || replace(split_part(s.path, '~~', 1), '~', '/'), length($4) + 1) = '/' || $4)
  ORDER BY s.seq DESC
  LIMIT $5
);
