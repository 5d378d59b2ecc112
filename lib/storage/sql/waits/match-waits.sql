-- Gives runs what their open waits ask for, where it is there. Their rows in the queue were locked by an earlier
-- statement of the transaction.
--
-- $1 uuid[]: the runs
-- $2 uuid[]: runs that the transaction has ended; whoever waits for one of them goes on too
-- $3 uuid[]: to each of the runs, which may be there several times, a wait that the transaction has registered: the only ones of
--   that run that are looked at; NULL: all are
--
-- Returns a row for each run that goes on.
SELECT run AS "runId", queue, paused, state
FROM durable.match_waits($1, $2, $3);
