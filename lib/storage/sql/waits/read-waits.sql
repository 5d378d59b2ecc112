-- The same as take-waits.sql without the lease: nothing is changed.
--
-- $1 uuid: the run
SELECT * FROM durable.active_waits(ARRAY[$1::uuid]);
