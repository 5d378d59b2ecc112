-- What lists show of runs beside what all clients see.
--
-- $1 uuid[]: ids
--
-- Returns (id, failed_step, version, schedule).
SELECT e.id, e.failed_step, d.version, e.schedule_name AS schedule
FROM unnest($1::uuid[]) AS u(id)
CROSS JOIN LATERAL (SELECT x.* FROM durable.workflow_executions x WHERE x.id = u.id LIMIT 1) e
LEFT JOIN LATERAL (SELECT w.definition_id FROM durable.workflow_queue w WHERE w.id = u.id LIMIT 1) q ON true
LEFT JOIN durable.workflow_definitions d ON d.id = COALESCE(q.definition_id, e.definition_id);
