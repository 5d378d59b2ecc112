-- What is wrong with runs that lock-free-runs.sql has locked, see durable.unsound.
--   $1 uuid[]  the runs
SELECT run AS "runId", what FROM durable.unsound($1::uuid[]);
