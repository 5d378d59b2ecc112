-- Cancels open waits of a run that was locked: the next pass of their steps is told.
--
-- $1 uuid: the run
-- $2 text: the name of an event, of an input, or of a child's workflow; NULL: all waits
-- $3 text: encoded reason
--
-- Returns how many, and what the run's row in the queue says now. No row: none. Those that were asked for first end first.
-- (No EXISTS: that may be planned as one look at all runs of that workflow. ANY: see commit-extras.sql.)
WITH over AS MATERIALIZED (
  SELECT o.run_id, o.id, nextval('durable.wait_ends') AS ended
  FROM (
    SELECT v.run_id, v.id
    FROM durable.waits v
    WHERE v.run_id = $1 AND v.active AND v.state = 'open'
      AND ($2::text IS NULL OR $2 = ANY (v.names)
        OR (SELECT c.workflow FROM durable.workflow_executions c WHERE c.id = v.child_id LIMIT 1) = $2)
    ORDER BY v.id
  ) o
), closed AS (
  UPDATE durable.waits w
  SET state = 'cancelled', closed_at = durable.clock(), ended = over.ended, result = $3
  FROM over
  WHERE w.run_id = ANY (ARRAY[over.run_id]) AND w.id = over.id
  RETURNING w.run_id
), counted AS (
  SELECT run_id, count(*)::integer AS count FROM closed GROUP BY run_id
)
SELECT counted.count, counted.run_id AS "runId", woken.queue, woken.paused, woken.state
FROM counted
CROSS JOIN LATERAL durable.wake_run(counted.run_id) AS woken;
