-- Asks the holders of unfinished runs for a hint at their end. Without it the end is found by polling, so a row that is
-- locked at this moment is passed over: nobody waits, whatever order the ids are in. For the same reason the mark may be
-- lost in a crash of the server: it is not worth a wait for the disk.
--
-- Claims pass over locked rows as well: one that came while this had the row locked has missed it, so the queues of those
-- that are claimable are given back, for another hint.
--
-- $1 uuid[]: the runs
--
-- (ANY: see commit-group.sql. By IN the planner may look among all rows for each of the runs.)
UPDATE durable.workflow_queue
-- The priority as it is: thousands are awaited at once, and an UPDATE that sets no column of `rank` costs twice as much a row.
SET watched = true, priority = priority
WHERE id = ANY (ARRAY(
  SELECT q.id
  FROM (SELECT set_config('synchronous_commit', 'off', true)) AS soon, durable.workflow_queue q
  WHERE q.id = ANY ($1::uuid[]) AND q.step_of IS NULL AND NOT q.watched
  FOR UPDATE OF q SKIP LOCKED
))
RETURNING queue, state = 'ready' AND NOT paused AS ready;
