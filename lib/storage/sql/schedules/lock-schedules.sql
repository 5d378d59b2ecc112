-- Schedules, locked in the order of their names. One of which there is none is left out.
--
-- $1 text[]: their names
SELECT s.*, durable.clock() AS now
FROM durable.scheduled_workflows s
WHERE s.name = ANY ($1::text[])
ORDER BY s.name
FOR NO KEY UPDATE;
