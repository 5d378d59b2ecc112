-- A schedule, locked.
--
-- $1 text: its name
SELECT s.*, durable.clock() AS now
FROM durable.scheduled_workflows s
WHERE s.name = $1
FOR NO KEY UPDATE;
