-- Of these runs those that were retried, each with the run that was started for it last.
--
-- $1 uuid[]: the runs
SELECT DISTINCT ON (r.retry_of) r.retry_of AS id, r.id AS retry
FROM durable.workflow_executions r
WHERE r.retry_of = ANY ($1::uuid[])
ORDER BY r.retry_of, r.created_at DESC, r.id DESC;
