-- A run with its payloads.
--
-- $1 uuid: the run
--
-- `data` is null where the data is still the input.
SELECT e.id, e.workflow, durable.run_status(e.status, q.state, q.paused, q.compensating, q.started_at) AS status, e.queue,
       e.priority, e.error, e.parent_id, e.retry_of, e.tags, e.round, e.scheduled_at, e.created_at, e.updated_at,
       e.completed_at, e.snapshot, q.state = 'running' AND q.paused AS pause_requested,
       CASE WHEN e.status IN ('compensated', 'compensation_failed') OR q.compensating THEN (
         SELECT json_agg(json_build_object('path', u.path, 'status', u.status, 'error', u.error) ORDER BY u.seq)
         FROM durable.step_executions u
         WHERE u.run_id = e.id AND u.round = e.round AND u.type = 'compensate' AND u.retry_at IS NULL
       ) END AS compensations,
       COALESCE(e.started_at, q.started_at) AS started_at,
       q.started_at IS NOT NULL AS begun,
       (SELECT d.version FROM durable.workflow_definitions d WHERE d.id = COALESCE(q.definition_id, e.definition_id)) AS version,
       e.input,
       COALESCE(kept.output, latest.output) AS data
FROM durable.workflow_executions e
LEFT JOIN durable.workflow_queue q ON q.id = e.id
LEFT JOIN durable.step_executions kept ON kept.run_id = e.id AND kept.seq = e.data_seq AND e.status <> 'active'
LEFT JOIN LATERAL (
  SELECT s.output
  FROM durable.step_executions s
  WHERE e.status = 'active'
    AND s.run_id = e.id AND s.status = 'completed' AND s.output IS NOT NULL AND s.round >= e.round
    AND s.type IN ('step', 'decision', 'parallel', 'gather', 'context')
    -- The main sequence, or the branch arm that it stood in when it was suspended.
    AND (strpos(s.path, '/') = 0 OR s.seq = e.data_seq)
  ORDER BY s.seq DESC
  LIMIT 1
) latest ON true
WHERE e.id = $1;
