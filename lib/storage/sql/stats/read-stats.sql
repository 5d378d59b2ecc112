-- Figures of runs in a stretch of time, the oldest first: of one workflow, or of all of them together; a row for each piece of
-- it, outcome and error.
--
-- $1 smallint: grain
-- $2 timestamptz: from
-- $3 timestamptz: until
-- $4 text: workflow; '': all
SELECT (extract(epoch FROM s.at) * 1000)::float8 AS at, s.workflow, s.outcome, s.error, s.n::float8 AS n, s.ms::float8 AS ms,
  s.buckets, s.counts, s.delay_buckets, s.delay_counts
FROM durable.run_stats s
WHERE s.grain = $1 AND s.at >= $2 AND s.at < $3 AND s.workflow = $4
ORDER BY s.at, s.workflow, s.outcome, s.error;
