-- The schedules of a workflow that its code no longer declares.
--
-- $1 text: the workflow
-- $2 text[]: names of the schedules that its code declares
SELECT s.name
FROM durable.scheduled_workflows s
WHERE s.from_code AND s.removed_at IS NULL AND s.workflow = $1 AND s.name <> ALL ($2::text[])
ORDER BY s.name;
