-- Of runs that failed: how many others of the workflow have failed in that step with that error since a day before the run
-- was started, among the last of the workflow with that error, whether there may be more, since when, and the run that it was
-- last retried as.
--
-- $1 json: calls: [{n, id}]: number of the call, and the run
--
-- A thousand of the last are looked at for one run; for many runs the thousand is shared, and each has a hundred at least.
WITH look AS MATERIALIZED (SELECT greatest(100, 1000 / greatest(1, json_array_length($1::json))) AS looked)
SELECT c.n, f.others, f.more, f.since, (
    SELECT r.id FROM durable.workflow_executions r WHERE r.retry_of = e.id ORDER BY r.created_at DESC, r.id DESC LIMIT 1
  ) AS retried_as
FROM json_to_recordset($1::json) AS c(n integer, id uuid)
CROSS JOIN LATERAL (SELECT x.* FROM durable.workflow_executions x WHERE x.id = c.id LIMIT 1) e
CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE o.alike)::integer AS others, count(*) > (SELECT l.looked FROM look l) AS more,
    min(o.completed_at) FILTER (WHERE o.alike) AS since
  FROM (
    SELECT x.completed_at, x.status NOT IN ('active', 'cancelled') AND x.failed_step IS NOT DISTINCT FROM e.failed_step
      AND x.id <> e.id AS alike
    FROM durable.workflow_executions x
    WHERE x.error IS NOT NULL AND x.error_name = e.error_name AND x.workflow = e.workflow
      AND x.created_at >= e.created_at - interval '1 day'
    ORDER BY x.created_at DESC
    LIMIT (SELECT l.looked FROM look l) + 1
  ) o
) f;
