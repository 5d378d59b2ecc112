-- The steps at which runs have failed; a run that failed at none has no row.
--
-- $1 uuid[]: the runs
SELECT id, failed_step AS step
FROM durable.workflow_executions
WHERE id = ANY ($1) AND failed_step IS NOT NULL;
