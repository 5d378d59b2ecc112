-- Durations of the attempts of steps that completed, and how many of a hundred failed, over some runs; the items of a loop
-- are one step.
--
-- $1 uuid[]: the runs
-- $2 integer: records of each run at most, the first ones
--
-- Returns (path, p50, fail_rate): `sizes[]/weigh`, ms or NULL, 0 to 1; in the order in which they began.
SELECT regexp_replace(s.path, '\[\d+\]', '[]', 'g') AS path,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY s.duration_ms) FILTER (WHERE s.status = 'completed') AS p50,
  (count(*) FILTER (WHERE s.status = 'failed'))::float8 / count(*) AS fail_rate
FROM unnest($1::uuid[]) AS u (id)
CROSS JOIN LATERAL (
  SELECT r.seq, r.path, r.duration_ms, r.status
  FROM durable.step_executions r
  WHERE r.run_id = u.id AND r.type IN ('step', 'decision', 'branch', 'parallel', 'forEach', 'compensate')
  ORDER BY r.seq
  LIMIT $2
) s
GROUP BY 1
ORDER BY min(s.seq), 1;
