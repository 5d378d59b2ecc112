-- Whether a record is in the journal.
--   $1 uuid  run   $2 bigint  seq
SELECT FROM durable.step_executions WHERE run_id = $1 AND seq = $2;
