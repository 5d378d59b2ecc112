-- The number of the last record of each of the runs: about how many rows go with it. One without a record is left out.
--
-- $1 uuid[]: the runs
SELECT a.id, s.seq
FROM unnest($1::uuid[]) AS a(id)
CROSS JOIN LATERAL (
  SELECT r.seq FROM durable.step_executions r WHERE r.run_id = a.id ORDER BY r.seq DESC LIMIT 1
) s;
