-- I1: no run is lost. An unfinished run has its row in the queue, where a worker finds it, and a definition that is stored; what
-- is leased is leased by a worker that is known, so that its death would be noticed.
--
-- $1 integer: how many violations at most
SELECT e.id AS run_id, 'is unfinished and has no row in the queue: nothing will ever take it' AS what
FROM durable.workflow_executions e
LEFT JOIN durable.workflow_queue q ON q.id = e.id
WHERE e.status = 'active' AND q.id IS NULL
UNION ALL
SELECT COALESCE(q.step_of, q.id), format('is leased by worker %s, which is not known: nobody will miss it', q.worker_id)
FROM durable.workflow_queue q
LEFT JOIN durable.workers w ON w.id = q.worker_id
WHERE q.worker_id IS NOT NULL AND w.id IS NULL
UNION ALL
SELECT q.step_of, format('has ended, or never was, and a step of it is still in queue "%s"', q.queue)
FROM durable.workflow_queue q
LEFT JOIN durable.workflow_queue run ON run.id = q.step_of AND run.step_of IS NULL
WHERE q.step_of IS NOT NULL AND run.id IS NULL
UNION ALL
SELECT COALESCE(q.step_of, q.id), format('is of definition %s, which is not stored: nobody can run it', q.definition_id)
FROM durable.workflow_queue q
LEFT JOIN durable.workflow_definitions d ON d.id = q.definition_id
WHERE d.id IS NULL
LIMIT $1;
