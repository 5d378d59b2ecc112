-- The last runs of schedules, those of each the newest first. One of a schedule that had the name before, and started another
-- workflow, is none of them.
--
-- $1 text[]: names
-- $2 text[]: the workflow of each
-- $3 integer: how many of each
SELECT s.name, ARRAY(
  SELECT e.id::text
  FROM durable.workflow_executions e
  WHERE e.schedule_name = s.name AND e.workflow = s.workflow
  ORDER BY e.created_at DESC, e.id DESC
  LIMIT $3::integer
) AS runs
FROM unnest($1::text[], $2::text[]) AS s(name, workflow);
