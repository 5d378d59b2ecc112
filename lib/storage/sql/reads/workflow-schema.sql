-- The JSON Schema of a workflow's input, of the definition that find-definition.sql gives; NULL: it has none.
--
-- $1 text: name of the workflow
SELECT d.input_schema
FROM durable.workflow_definitions d
LEFT JOIN durable.declarations f
  ON f.kind = 'schedules' AND f.subject = d.name AND f.in_force AND f.definition_id = d.id
WHERE d.name = $1
ORDER BY f.id IS NULL, d.last_seen DESC, d.version DESC
LIMIT 1;
