-- Puts declarations in force; the ones before were taken out by release-declarations.sql. The schema of a workflow's input is
-- its definition's from then on: code of one definition may have another class for its input.
--
-- $1 integer[]: which
WITH forced AS (
  UPDATE durable.declarations d SET in_force = true
  WHERE d.id = ANY ($1::integer[]) AND NOT d.in_force
  RETURNING d.kind, d.definition_id, d.body
)
UPDATE durable.workflow_definitions w
SET input_schema = (f.body::json ->> 'inputSchema')::json
FROM forced f
WHERE f.kind = 'schedules' AND w.id = f.definition_id
  AND w.input_schema::text IS DISTINCT FROM f.body::json ->> 'inputSchema';
