-- How many runs of each workflow have ended with each error, or with none (''), in a stretch of time.
--
-- $1 smallint: grain
-- $2 timestamptz: from
-- $3 timestamptz: until
-- $4 text: workflow, or NULL: each
SELECT s.workflow, s.error, sum(s.n)::float8 AS n
FROM durable.run_stats s
WHERE s.grain = $1 AND s.at >= $2 AND s.at < $3 AND s.workflow <> '' AND s.outcome <> 'began'
  AND ($4::text IS NULL OR s.workflow = $4)
GROUP BY s.workflow, s.error;
