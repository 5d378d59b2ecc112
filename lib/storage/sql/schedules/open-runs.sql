-- Those of the runs that are unfinished, and whether each goes on: a paused one does not.
--
-- $1 uuid[]: ids
SELECT q.id, NOT q.paused OR q.state = 'running' AS active
FROM durable.workflow_queue q
WHERE q.id = ANY ($1::uuid[]);
