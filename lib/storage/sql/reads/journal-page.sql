-- Records of a run after one of them, with their payloads: attempts, what steps have recorded with once(), and lines that were
-- logged.
--
-- $1 uuid: the run
-- $2 bigint: after this record
-- $3 integer: how many at most
-- $4 bigint: no further one where those before it have so many bytes; one is given in any case
SELECT p.*
FROM (
  SELECT r.*, sum(COALESCE(pg_column_size(r.output), 0) + COALESCE(pg_column_size(r.logs), 0)) OVER (ORDER BY r.seq)
    - COALESCE(pg_column_size(r.output), 0) - COALESCE(pg_column_size(r.logs), 0) AS bytes
  FROM (
    SELECT s.seq, s.input_seq, s.input_item, s.completed_at, s.round, s.visit, s.attempt, s.duration_ms, s.type, s.status, s.path,
      s.output, s.error, s.logs, s.retry_at
    FROM durable.step_executions s
    WHERE s.run_id = $1 AND s.seq > $2
      AND (s.type IN ('step', 'decision', 'branch', 'parallel', 'forEach', 'compensate', 'once') OR s.logs IS NOT NULL)
    ORDER BY s.seq
    LIMIT $3
  ) r
) p
WHERE p.bytes < $4
ORDER BY p.seq;
