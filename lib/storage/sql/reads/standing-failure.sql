-- Of a run that failed: how many others of its workflow have failed in that step with that error since a day before it was
-- started, up to a thousand and one, since when, and the run that it was last retried as.
--
-- $1 uuid: the run
SELECT f.n, f.since, (
    SELECT r.id FROM durable.workflow_executions r WHERE r.retry_of = e.id ORDER BY r.created_at DESC, r.id DESC LIMIT 1
  ) AS retried_as
FROM durable.workflow_executions e
CROSS JOIN LATERAL (
  SELECT count(*)::integer AS n, min(o.completed_at) AS since
  FROM (
    SELECT x.completed_at
    FROM durable.workflow_executions x
    WHERE x.error IS NOT NULL AND x.error_name = e.error_name AND x.workflow = e.workflow
      AND x.created_at >= e.created_at - interval '1 day' AND x.status NOT IN ('active', 'cancelled')
      AND x.failed_step IS NOT DISTINCT FROM e.failed_step AND x.id <> e.id
    ORDER BY x.created_at DESC
    LIMIT 1001
  ) o
) f
WHERE e.id = $1;
