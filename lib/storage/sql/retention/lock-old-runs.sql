-- Locks finished runs that are to be deleted; what somebody has locked (who takes over its records, for one) is left.
--
-- $1 uuid[]: the runs
SELECT e.id
FROM durable.workflow_executions e
WHERE e.id = ANY ($1::uuid[]) AND e.status <> 'active'
ORDER BY e.id
FOR UPDATE SKIP LOCKED;
