-- Gives runs what their open waits ask for, where it is there. Their rows must be locked, in a statement before.
--   $1 uuid[]  runs
SELECT run, queue, paused, state FROM durable.match_waits($1::uuid[]);
