-- The schedules whose workflow's code no longer declares them.
--   $1 text[]  the workflows that this process knows
--   $2 text[]  names of the schedules that their code declares
SELECT s.name
FROM durable.scheduled_workflows s
WHERE s.from_code AND s.removed_at IS NULL AND s.workflow = ANY ($1::text[]) AND s.name <> ALL ($2::text[])
ORDER BY s.name;
