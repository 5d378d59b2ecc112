-- Keeps retention from deleting those of the runs that are there, until the end of the transaction, and nobody from ending them.
-- Those that it is deleting are left out.
--
-- $1 uuid[]: the runs
SELECT id
FROM durable.workflow_executions
WHERE id = ANY ($1::uuid[])
ORDER BY id
FOR KEY SHARE SKIP LOCKED;
