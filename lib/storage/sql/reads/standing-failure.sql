-- Of runs that failed: how many others of the workflow have failed in that step with that error since a day before the run
-- was started, up to a thousand and one, since when, and the run that it was last retried as.
--
-- $1 json: calls: [{n, id}]: number of the call, and the run
SELECT c.n, f.others, f.since, (
    SELECT r.id FROM durable.workflow_executions r WHERE r.retry_of = e.id ORDER BY r.created_at DESC, r.id DESC LIMIT 1
  ) AS retried_as
FROM json_to_recordset($1::json) AS c(n integer, id uuid)
CROSS JOIN LATERAL (SELECT x.* FROM durable.workflow_executions x WHERE x.id = c.id LIMIT 1) e
CROSS JOIN LATERAL (
  SELECT count(*)::integer AS others, min(o.completed_at) AS since
  FROM (
    SELECT x.completed_at
    FROM durable.workflow_executions x
    WHERE x.error IS NOT NULL AND x.error_name = e.error_name AND x.workflow = e.workflow
      AND x.created_at >= e.created_at - interval '1 day' AND x.status NOT IN ('active', 'cancelled')
      AND x.failed_step IS NOT DISTINCT FROM e.failed_step AND x.id <> e.id
    ORDER BY x.created_at DESC
    LIMIT 1001
  ) o
) f;
