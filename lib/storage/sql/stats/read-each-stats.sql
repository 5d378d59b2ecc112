-- Figures of runs in a stretch of time, of each workflow, added up: the rows of a day are some thousand, with six arrays each.
-- A row for each workflow, outcome and point of a chart; and one for each workflow with the durations of its runs that
-- completed, which counts none. Runs that began are not among them. In float8, which takes a third less than numeric.
--
-- $1 smallint: grain
-- $2 timestamptz: from
-- $3 timestamptz: until
-- $4 timestamptz: beginning of the first point
-- $5 float8: ms of a point
-- $6 smallint: a coarser grain; the durations are read in its pieces as far as these lie within
-- $7 timestamptz: from the first of these
-- $8 timestamptz: until the last; as $7: there are none
WITH told AS MATERIALIZED (
  SELECT s.at, s.workflow, s.outcome, s.n, s.buckets, s.counts
  FROM durable.run_stats s
  WHERE s.grain = $1 AND s.at >= $2 AND s.at < $3 AND s.workflow <> '' AND s.outcome <> 'began'
)
SELECT date_part('epoch', p.at) * 1000 AS at, p.workflow, p.outcome, p.n, NULL AS buckets, NULL AS counts
FROM (
  SELECT date_bin($5::float8 * interval '1 ms', t.at, $4::timestamptz) AS at, t.workflow, t.outcome, sum(t.n::float8) AS n
  FROM told t
  GROUP BY 1, 2, 3
) p
UNION ALL
SELECT date_part('epoch', $4::timestamptz) * 1000, d.workflow, 'completed', 0, array_agg(d.bucket ORDER BY d.bucket), array_agg(d.n ORDER BY d.bucket)
FROM (
  SELECT t.workflow, u.bucket, sum(u.n)::integer AS n
  FROM (
    SELECT o.workflow, o.buckets, o.counts FROM told o WHERE o.outcome = 'completed' AND (o.at < $7 OR o.at >= $8)
    UNION ALL
    SELECT s.workflow, s.buckets, s.counts
    FROM durable.run_stats s
    WHERE s.grain = $6 AND s.at >= $7 AND s.at < $8 AND s.workflow <> '' AND s.outcome = 'completed'
  ) t
  CROSS JOIN LATERAL unnest(t.buckets, t.counts) AS u (bucket, n)
  GROUP BY t.workflow, u.bucket
) d
GROUP BY d.workflow;
