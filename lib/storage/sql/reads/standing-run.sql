-- Facts in the rows of runs for the standing of each.
--
-- $1 json: calls: [{n, id}]: number of the call, and the run
--
-- `steps`: its steps on other queues. `act`: who has paused or cancelled it, unless somebody has resumed it since.
-- An act that changed nothing is none. `cancelling`: who has cancelled a run that is being undone, or is to be; `in_vain`: who
-- has asked for that since it was. The worker's times are those of leases,
-- shifted to the clock that runs live by.
SELECT c.n, e.workflow, durable.run_status(e.status, q.state, q.paused, q.compensating, q.started_at) AS status,
  q.state = 'running' AND q.paused AS pause_requested, e.round, e.created_at,
  COALESCE(e.started_at, q.started_at) AS started_at, e.completed_at,
  CASE WHEN isfinite(q.due_at) THEN q.due_at END AS due_at, CASE WHEN NOT q.compensating THEN q.deadline_at END AS deadline_at,
  q.state, e.error, e.failed_step, e.schedule_name, e.snapshot, d.definition,
  w.seen_at + (durable.clock() - now()) AS seen_at, w.expires_at + (durable.clock() - now()) AS expires_at,
  (SELECT json_agg(json_build_object('id', s.id, 'state', s.state, 'step', s.step, 'due', (extract(epoch FROM s.due_at) * 1000)::float8) ORDER BY s.due_at, s.id)
   FROM (SELECT o.id, o.state, o.step, o.due_at FROM durable.workflow_queue o WHERE o.step_of = e.id ORDER BY o.due_at, o.id LIMIT 100) s) AS steps,
  (SELECT CASE WHEN a.action <> 'run.resume' THEN json_build_object('actor', a.actor, 'reason', a.details ->> 'reason') END
   FROM durable.audit a
   WHERE a.target_kind = 'run' AND a.target_id = e.id::text AND a.outcome = 'done'
     AND CASE WHEN e.status = 'active' THEN a.action IN ('run.pause', 'run.resume') ELSE a.action = 'run.cancel' END
     AND COALESCE(a.details ->> 'changed', '') <> 'false'
   ORDER BY a.id DESC LIMIT 1) AS act,
  q.cancel IS NOT NULL AND NOT q.compensating AS to_be_undone,
  CASE WHEN q.compensating OR q.cancel IS NOT NULL THEN (
    SELECT json_build_object('actor', a.actor, 'reason', a.details ->> 'reason')
    FROM durable.audit a
    WHERE a.target_kind = 'run' AND a.target_id = e.id::text AND a.action = 'run.cancel' AND a.outcome = 'done'
      AND COALESCE(a.details ->> 'changed', '') <> 'false'
    ORDER BY a.id DESC LIMIT 1) END AS cancelling,
  CASE WHEN q.compensating THEN (
    SELECT json_build_object('actor', a.actor, 'reason', a.details ->> 'reason', 'at', (extract(epoch FROM a.at) * 1000)::float8)
    FROM durable.audit a
    WHERE a.target_kind = 'run' AND a.target_id = e.id::text AND a.action = 'run.cancel' AND a.details ->> 'changed' = 'false'
    ORDER BY a.id DESC LIMIT 1) END AS in_vain,
  durable.clock() AS now
FROM json_to_recordset($1::json) AS c(n integer, id uuid)
CROSS JOIN LATERAL (SELECT x.* FROM durable.workflow_executions x WHERE x.id = c.id LIMIT 1) e
LEFT JOIN LATERAL (SELECT k.* FROM durable.workflow_queue k WHERE k.id = c.id LIMIT 1) q ON true
LEFT JOIN durable.workers w ON w.id = q.worker_id
LEFT JOIN durable.workflow_definitions d ON d.id = COALESCE(q.definition_id, e.definition_id);
