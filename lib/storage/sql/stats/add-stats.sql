-- Adds figures of ended runs to those that are there.
--
-- $1 json: [{grain, at, workflow, outcome, error, n, ms, buckets, counts, delay_buckets, delay_counts}], `at` in ms, sorted
--   by the key of the table, so that two processes lock rows in one order
INSERT INTO durable.run_stats AS s (
  grain, at, workflow, outcome, error, n, ms, buckets, counts, delay_buckets, delay_counts)
SELECT r.grain, to_timestamp(r.at / 1000), r.workflow, r.outcome, r.error, r.n, r.ms, r.buckets, r.counts, r.delay_buckets,
  r.delay_counts
FROM json_to_recordset($1::json) AS r(
  grain smallint, at float8, workflow text, outcome text, error text, n bigint, ms bigint, buckets smallint[],
  counts integer[], delay_buckets smallint[], delay_counts integer[])
ON CONFLICT (grain, at, workflow, outcome, error) DO UPDATE
SET n = s.n + excluded.n,
  ms = s.ms + excluded.ms,
  (buckets, counts) = (
    SELECT COALESCE(array_agg(h.b ORDER BY h.b), '{}'), COALESCE(array_agg(h.n ORDER BY h.b), '{}')
    FROM (
      SELECT u.b, sum(u.n)::integer AS n
      FROM (
        SELECT * FROM unnest(s.buckets, s.counts) AS o(b, n)
        UNION ALL SELECT * FROM unnest(excluded.buckets, excluded.counts) AS e(b, n)
      ) u
      GROUP BY u.b
    ) h),
  (delay_buckets, delay_counts) = (
    SELECT COALESCE(array_agg(h.b ORDER BY h.b), '{}'), COALESCE(array_agg(h.n ORDER BY h.b), '{}')
    FROM (
      SELECT u.b, sum(u.n)::integer AS n
      FROM (
        SELECT * FROM unnest(s.delay_buckets, s.delay_counts) AS o(b, n)
        UNION ALL SELECT * FROM unnest(excluded.delay_buckets, excluded.delay_counts) AS e(b, n)
      ) u
      GROUP BY u.b
    ) h);
