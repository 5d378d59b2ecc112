-- A remote step is tried again after a delay.
--
-- $1 uuid: the step's row
-- $2 float8: delay in ms
-- $3 text: the step
UPDATE durable.workflow_queue
SET state = 'sleeping', because = 'retry', worker_id = NULL, recoveries = 0, step = $3,
  due_at = durable.clock() + $2::float8 * interval '1 ms'
WHERE id = $1;
