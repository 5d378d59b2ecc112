-- Names of the errors of runs in a stretch of time.
--
-- $1 smallint: grain
-- $2 timestamptz: from
-- $3 timestamptz: until
SELECT DISTINCT s.error
FROM durable.run_stats s
WHERE s.grain = $1 AND s.at >= $2 AND s.at < $3 AND s.workflow = '' AND s.error <> ''
ORDER BY s.error;
