-- What a worker holds, and what was asked of it meanwhile.
--
-- $1 integer: the worker
SELECT id, token, wake, cancel FROM durable.workflow_queue WHERE worker_id = $1;
