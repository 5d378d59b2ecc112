<<<<<<< HEAD
-- Gives runs what their open waits ask for, where it is there. Their rows in the queue were locked by an earlier
-- statement of the transaction.
--
-- $1 uuid[]: the runs
--
-- Returns a row for each run that goes on.
SELECT run AS "runId", queue, paused, state
FROM durable.match_waits($1)
=======
-- Gives runs what their open waits ask for, where it is there. Their rows must be locked, in a statement before.
--   $1 uuid[]  runs
SELECT run, queue, paused, state FROM durable.match_waits($1::uuid[]);
>>>>>>> core
