-- The runs that have these ids.
--
-- $1 uuid[]
SELECT id, workflow, idempotency_key, input
FROM durable.workflow_executions
WHERE id = ANY ($1::uuid[])
