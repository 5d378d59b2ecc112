-- The names of all stored workflows.
SELECT DISTINCT name
FROM durable.workflow_definitions
ORDER BY name;
