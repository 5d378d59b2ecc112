-- True when an unfinished run, or a step of one, is in a queue. Where none is, every unfinished run is read.
--
-- $1 text: queue
SELECT FROM durable.workflow_queue WHERE queue = $1 LIMIT 1;
