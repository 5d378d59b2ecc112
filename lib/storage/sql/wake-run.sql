-- Something that a suspended run waits for has come: ready if it sleeps, marked if it is held. Under the row's lock.
--   $1 uuid  the run
UPDATE durable.workflow_queue
SET state = CASE WHEN state = 'sleeping' THEN 'ready' ELSE state END,
  due_at = CASE WHEN state = 'sleeping' THEN durable.clock() ELSE due_at END,
  resumed = true,
  wake = (state = 'running')
WHERE id = $1
RETURNING queue, paused, state;
