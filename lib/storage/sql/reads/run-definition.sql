-- The definition that a run runs, or ran last.
--
-- $1 uuid: id
--
-- Returns (definition, input_schema); no row: there is no such run, or none of its definition.
SELECT d.definition, d.input_schema
FROM durable.workflow_executions e
LEFT JOIN durable.workflow_queue q ON q.id = e.id
JOIN durable.workflow_definitions d ON d.id = COALESCE(q.definition_id, e.definition_id)
WHERE e.id = $1::uuid;
