-- A stored definition.
--
-- $1 integer: its number
SELECT definition FROM durable.workflow_definitions WHERE id = $1;
