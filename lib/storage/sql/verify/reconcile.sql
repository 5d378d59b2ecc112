-- Mends rows of the queue that find-unsound.sql has found, see durable.reconcile.
--
-- $1 uuid[]: the rows
-- $2 integer: null; or the worker that has leased them and has not heard of the end of a wait
SELECT run AS "runId", what, queue, paused, state FROM durable.reconcile($1, $2);
