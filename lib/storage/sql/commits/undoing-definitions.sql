-- The stored definitions of a workflow that have compensations.
--
-- $1 text: its name
SELECT definition FROM durable.workflow_definitions
WHERE name = $1 AND json_array_length(definition -> 'compensations') > 0
ORDER BY version DESC;
