-- Answers an open input of a run that lock-run.sql has locked.
--
-- $1 uuid: the run
-- $2 uuid: the input
-- $3 text: encoded answer
--
-- Returns what the run's row in the queue says now.
WITH answered AS (
  UPDATE durable.waits
  SET state = 'done', closed_at = durable.clock(), ended = nextval('durable.wait_ends'), result = $3
  WHERE run_id = $1 AND id = $2 AND state = 'open'
  RETURNING run_id
)
SELECT answered.run_id AS "runId", woken.queue, woken.paused, woken.state
FROM answered
CROSS JOIN LATERAL durable.wake_run(answered.run_id) AS woken;
