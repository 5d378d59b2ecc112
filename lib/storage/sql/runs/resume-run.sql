-- Ends the pause of a run that lock-run.sql has locked, and of its steps on other queues, and forgets why it was paused.
-- What it slept for is kept: a backoff runs on while paused. What was ready is ready from now on: the pause was no wait.
--
-- $1 uuid: the run
--
-- Returns the queue of each that was paused, whether it can be claimed now, and whether it is the run itself,
-- which waits, or which a worker has leased.
WITH resumed AS (
  UPDATE durable.workflow_queue
  SET paused = false,
    state = CASE WHEN state = 'blocked' THEN 'ready' ELSE state END,
    due_at = CASE WHEN state IN ('ready', 'blocked') THEN durable.clock() ELSE due_at END
  WHERE (id = $1 OR step_of = $1) AND paused
  RETURNING queue, state, id = $1 AND state = 'sleeping' AS waits,
    id = $1 AND state = 'running' AS leased
), cleared AS (
  UPDATE durable.workflow_executions
  SET error = NULL, updated_at = durable.clock()
  WHERE id = $1 AND status = 'active' AND error IS NOT NULL
)
SELECT queue, state = 'ready' AS ready, waits, leased
FROM resumed;
