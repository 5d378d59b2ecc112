-- The stored definition of a workflow: that of the latest living code, as it was when such was seen last (declarations).
--
-- $1 text: name of the workflow
SELECT d.id, d.definition, d.input_schema
FROM durable.workflow_definitions d
LEFT JOIN durable.declarations f
  ON f.kind = 'schedules' AND f.subject = d.name AND f.in_force AND f.definition_id = d.id
WHERE d.name = $1
ORDER BY f.id IS NULL, d.last_seen DESC, d.version DESC
LIMIT 1;
