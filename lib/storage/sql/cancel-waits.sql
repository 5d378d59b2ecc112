-- Cancels open waits of a run that was locked: the next pass of their steps is told.
--
-- $1 uuid: the run
-- $2 text: the name of an event, of an input, or of a child's workflow; NULL: all waits
-- $3 text: encoded reason
--
-- Returns how many, and what the run's row in the queue says now. No row: none.
WITH closed AS (
  UPDATE durable.waits w
  SET state = 'cancelled', closed_at = durable.clock(), result = $3
  WHERE w.run_id = $1 AND w.active AND w.state = 'open'
    AND ($2::text IS NULL OR $2 = ANY (w.names)
      OR EXISTS (SELECT FROM durable.workflow_executions c WHERE c.id = w.child_id AND c.workflow = $2))
  RETURNING w.run_id
), counted AS (
  SELECT run_id, count(*)::integer AS count FROM closed GROUP BY run_id
)
SELECT counted.count, counted.run_id AS "runId", woken.queue, woken.paused, woken.state
FROM counted
CROSS JOIN LATERAL durable.wake_run(counted.run_id) AS woken
