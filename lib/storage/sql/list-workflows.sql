-- The definition of each workflow that find-definition.sql gives, with the run that was started last.
SELECT d.name, d.version, d.definition, d.first_seen, d.last_seen, last.id AS last_run
FROM (
  SELECT DISTINCT ON (one.name) one.name, one.version, one.definition, one.last_seen,
         (SELECT min(first_seen) FROM durable.workflow_definitions every WHERE every.name = one.name) AS first_seen
  FROM durable.workflow_definitions one
  LEFT JOIN durable.declarations f
    ON f.kind = 'schedules' AND f.subject = one.name AND f.in_force AND f.definition_id = one.id
  ORDER BY one.name, f.id IS NULL, one.last_seen DESC, one.version DESC
) d
LEFT JOIN LATERAL (
  SELECT e.id
  FROM durable.workflow_executions e
  WHERE e.workflow = d.name
  ORDER BY e.id DESC
  LIMIT 1
) last ON true
ORDER BY d.name
