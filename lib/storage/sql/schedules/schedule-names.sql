-- Names of schedules, to tell a mistyped one by.
SELECT name FROM durable.scheduled_workflows ORDER BY name LIMIT 1000;
