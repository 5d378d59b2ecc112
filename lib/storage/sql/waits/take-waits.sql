-- Takes the ended waits of leased runs.
--
-- $1 integer: the worker
-- $2 uuid[]: runs
SELECT * FROM durable.take_waits($1, $2::uuid[]);
