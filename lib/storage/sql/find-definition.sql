-- The stored definition of a workflow: the one that was seen last, where several are in use.
--
-- $1 text: name of the workflow
SELECT id, definition
FROM durable.workflow_definitions
WHERE name = $1
ORDER BY last_seen DESC, version DESC
LIMIT 1
