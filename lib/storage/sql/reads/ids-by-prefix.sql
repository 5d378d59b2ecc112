-- The runs whose ids begin with the same digits, by id.
--
-- $1 uuid: first id that does
-- $2 uuid: last id that does
-- $3 integer: runs at most
SELECT id, workflow
FROM durable.workflow_executions
WHERE id BETWEEN $1 AND $2
ORDER BY id
LIMIT $3;
