-- The definition of each workflow that was seen last, with the run that was started last.
SELECT d.name, d.version, d.definition, d.first_seen, d.last_seen, last.id AS last_run
FROM (
  SELECT DISTINCT ON (name) name, version, definition, last_seen,
         (SELECT min(first_seen) FROM durable.workflow_definitions every WHERE every.name = one.name) AS first_seen
  FROM durable.workflow_definitions one
  ORDER BY name, last_seen DESC, version DESC
) d
LEFT JOIN LATERAL (
  SELECT e.id
  FROM durable.workflow_executions e
  WHERE e.workflow = d.name
  ORDER BY e.id DESC
  LIMIT 1
) last ON true
ORDER BY d.name
