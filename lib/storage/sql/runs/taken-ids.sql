-- Those of the ids that runs have.
--
-- $1 uuid[]: ids
SELECT id::text AS id
FROM durable.workflow_executions
WHERE id = ANY ($1::uuid[]);
