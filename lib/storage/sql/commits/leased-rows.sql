-- Leased rows of a worker, with the wakes and cancels asked of them meanwhile.
--
-- $1 integer: the worker
SELECT id, token, wake, cancel FROM durable.workflow_queue WHERE worker_id = $1;
