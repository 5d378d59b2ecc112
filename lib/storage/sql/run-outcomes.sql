-- How runs ended. Those that have not ended are asked for most often: they cost no payload.
--
-- $1 uuid[]: the runs
--
-- Returns a row for each run there is; `data` and `error` are null while `status` is 'active'.
SELECT e.id,
       e.status,
       CASE WHEN e.status <> 'active' THEN e.error END AS error,
       CASE WHEN e.status = 'active' THEN NULL WHEN e.data_seq = 0 THEN e.input ELSE s.output END AS data
FROM durable.workflow_executions e
LEFT JOIN durable.step_executions s ON s.run_id = e.id AND s.seq = e.data_seq AND e.status <> 'active'
WHERE e.id = ANY ($1::uuid[])
