-- Locks a handed-over step and its run, in the order of ids, so that no two transactions wait for each other.
--   $1 uuid  the step's row   $2 uuid  the run
SELECT id, token, worker_id, paused FROM durable.workflow_queue WHERE id IN ($1, $2) ORDER BY id FOR UPDATE;
