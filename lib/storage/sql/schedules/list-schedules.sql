-- Schedules by name. Every filter may be NULL.
--
-- $1 text: name
-- $2 boolean: enabled
-- $3 text: workflow
-- $4 text: queue of the runs: the schedule's own, else the one of the workflow's definition that find-definition.sql gives
-- $5 bigint: how many at most
-- $6 bigint: how many to leave out before
SELECT s.*, d.queue AS workflow_queue, durable.clock() AS now
FROM durable.scheduled_workflows s
LEFT JOIN LATERAL (
  SELECT x.definition ->> 'queue' AS queue
  FROM durable.workflow_definitions x
  LEFT JOIN durable.declarations f
    ON f.kind = 'schedules' AND f.subject = x.name AND f.in_force AND f.definition_id = x.id
  WHERE x.name = s.workflow
  ORDER BY f.id IS NULL, x.last_seen DESC, x.version DESC
  LIMIT 1
) d ON true
WHERE ($1::text IS NULL OR s.name = $1)
  AND ($2::boolean IS NULL OR s.enabled = $2)
  AND ($3::text IS NULL OR s.workflow = $3)
  AND ($4::text IS NULL OR COALESCE(s.queue, d.queue) = $4)
ORDER BY s.name
LIMIT $5 OFFSET $6;
