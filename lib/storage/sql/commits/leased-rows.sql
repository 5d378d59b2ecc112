-- Leased rows of a worker, with the wakes, cancels and pauses asked of them meanwhile.
--
-- $1 integer: the worker
SELECT id, token, wake, paused, cancel FROM durable.workflow_queue WHERE worker_id = $1;
