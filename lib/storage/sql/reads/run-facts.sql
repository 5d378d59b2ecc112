-- What lists show of runs beside what all clients see.
--
-- $1 uuid[]: ids
--
-- Returns (id, failed_step, schedule).
SELECT e.id, e.failed_step, e.schedule_name AS schedule
FROM unnest($1::uuid[]) AS u(id)
CROSS JOIN LATERAL (SELECT x.* FROM durable.workflow_executions x WHERE x.id = u.id LIMIT 1) e;
