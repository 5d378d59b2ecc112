-- Outcomes of runs. Those that have not ended are asked for most often: they cost no payload.
--
-- $1 uuid[]: the runs, each once
--
-- Returns a row for each run there is; `data` and `error` are null while `status` is 'active'. Each is looked up by
-- itself: for some thousand beside a long history the planner would rather read all of that.
SELECT e.id,
       e.status,
       CASE WHEN e.status <> 'active' THEN e.error END AS error,
       CASE WHEN e.status = 'active' THEN NULL WHEN e.data_seq = 0 THEN e.input ELSE s.output END AS data
FROM unnest($1::uuid[]) AS asked(id)
CROSS JOIN LATERAL (
  SELECT x.id, x.status, x.error, x.data_seq, x.input
  FROM durable.workflow_executions x
  WHERE x.id = asked.id
  LIMIT 1
) e
LEFT JOIN LATERAL (
  SELECT r.output
  FROM durable.step_executions r
  WHERE r.run_id = e.id AND r.seq = e.data_seq AND e.status <> 'active'
  LIMIT 1
) s ON true;
