-- Asks the holders of unfinished runs for a hint at their end. Without it the end is found by polling, so a row that is
-- locked at this moment is passed over: nobody waits, whatever order the ids are in. So is one that has become ready just
-- now: a claim that finds it locked here would leave it for a poll interval (measured: one event in ten came 1 s late).
--
-- $1 uuid[]: the runs
--
-- Returns those whose holders are asked.
WITH asked AS (
  UPDATE durable.workflow_queue
  SET watched = true
  WHERE id IN (
    SELECT id
    FROM durable.workflow_queue
    WHERE id = ANY ($1::uuid[]) AND step_of IS NULL AND NOT watched
      AND NOT (state = 'ready' AND due_at > durable.clock() - interval '250 ms')
    FOR UPDATE SKIP LOCKED
  )
  RETURNING id
)
SELECT id FROM asked
UNION ALL
SELECT id FROM durable.workflow_queue WHERE id = ANY ($1::uuid[]) AND watched
