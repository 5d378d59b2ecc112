-- Puts declarations in force; the ones before were taken out by release-declarations.sql. The schema of a workflow's input is
-- its definition's from then on: code of one definition may have another class for its input.
--
-- $1 integer[]: which
-- $2 text[]: of each the JSON Schema of its input, or NULL. (Not taken out of the body here: what takes a JSON apart refuses
--   characters that JSON has, and `text` has not.)
WITH given AS (
  SELECT * FROM unnest($1::integer[], $2::text[]) AS g(id, input_schema)
), forced AS (
  UPDATE durable.declarations d SET in_force = true
  FROM given g
  WHERE d.id = g.id AND NOT d.in_force
  RETURNING d.kind, d.definition_id, g.input_schema
)
UPDATE durable.workflow_definitions w
SET input_schema = f.input_schema::json
FROM forced f
WHERE f.kind = 'schedules' AND w.id = f.definition_id AND w.input_schema::text IS DISTINCT FROM f.input_schema;
