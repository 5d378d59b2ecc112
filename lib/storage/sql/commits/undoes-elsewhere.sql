-- Whether another stored definition of a workflow has compensations.
--
-- $1 text: its name
-- $2 integer: the one
SELECT FROM durable.workflow_definitions
WHERE name = $1 AND id <> $2 AND json_array_length(definition -> 'compensations') > 0
LIMIT 1;
