-- Number of leased rows of a queue.
--
-- $1 text: queue
SELECT count(*)::integer AS n FROM durable.workflow_queue WHERE worker_id IS NOT NULL AND queue = $1;
