-- Numbers of runs in a stretch of time, the oldest first; a row for each piece of it and outcome.
--
-- $1 smallint: grain
-- $2 timestamptz: from
-- $3 timestamptz: until
-- $4 text: workflow; '': all
SELECT (extract(epoch FROM s.at) * 1000)::float8 AS at, s.outcome, sum(s.n)::float8 AS n
FROM durable.run_stats s
WHERE s.grain = $1 AND s.at >= $2 AND s.at < $3 AND s.workflow = $4
GROUP BY s.at, s.outcome
ORDER BY s.at, s.outcome;
