-- Asks the holders of unfinished runs for a hint at their end. Without it the end is found by polling, so a row that is
-- locked at this moment is passed over: nobody waits, whatever order the ids are in.
--
-- Claims pass over locked rows as well: one that came while this held the row has missed it, so the queues of those
-- that are claimable are given back, for another hint.
--
-- $1 uuid[]: the runs
UPDATE durable.workflow_queue
SET watched = true
WHERE id IN (
  SELECT id
  FROM durable.workflow_queue
  WHERE id = ANY ($1::uuid[]) AND step_of IS NULL AND NOT watched
  FOR UPDATE SKIP LOCKED
)
RETURNING queue, state = 'ready' AND NOT paused AS ready
