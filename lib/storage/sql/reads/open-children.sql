-- The children that the open waits of a run wait for.
--
-- $1 uuid: the run
-- $2 text: the name that the waits must have (see cancel-waits.sql); NULL: all
SELECT w.child_id AS id
FROM durable.waits w
JOIN durable.workflow_executions c ON c.id = w.child_id
WHERE w.run_id = $1 AND w.active AND w.state = 'open' AND ($2::text IS NULL OR $2 = ANY (w.names) OR c.workflow = $2);
