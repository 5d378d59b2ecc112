-- The data that a record left, or a run began with.
--
-- $1 uuid: the run
-- $2 bigint: the record; 0: the run's input
SELECT CASE WHEN $2::bigint = 0 THEN e.input ELSE i.output END AS data
FROM durable.workflow_executions e
LEFT JOIN durable.step_executions i ON i.run_id = e.id AND i.seq = $2
WHERE e.id = $1;
