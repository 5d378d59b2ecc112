-- The definition of each workflow that find-definition.sql gives, with the run that was started last: the latest of those of
-- each queue that its runs have, which are stepped through in the index.
SELECT d.name, d.version, d.definition, d.input_schema, d.first_seen, d.last_seen, last.id AS last_run
FROM (
  SELECT DISTINCT ON (one.name) one.name, one.version, one.definition, one.input_schema, one.last_seen,
         (SELECT min(first_seen) FROM durable.workflow_definitions every WHERE every.name = one.name) AS first_seen
  FROM durable.workflow_definitions one
  LEFT JOIN durable.declarations f
    ON f.kind = 'schedules' AND f.subject = one.name AND f.in_force AND f.definition_id = one.id
  ORDER BY one.name, f.id IS NULL, one.last_seen DESC, one.version DESC
) d
LEFT JOIN LATERAL (
  WITH RECURSIVE kind AS (
    (SELECT e.queue FROM durable.workflow_executions e WHERE e.workflow = d.name ORDER BY e.queue LIMIT 1)
    UNION ALL
    SELECT n.queue
    FROM kind k
    CROSS JOIN LATERAL (
      SELECT e.queue FROM durable.workflow_executions e
      WHERE e.workflow = d.name AND e.queue > k.queue
      ORDER BY e.queue LIMIT 1
    ) n
  )
  SELECT r.id
  FROM kind k
  CROSS JOIN LATERAL (
    SELECT e.id, e.created_at FROM durable.workflow_executions e
    WHERE e.workflow = d.name AND e.queue = k.queue
    ORDER BY e.created_at DESC, e.id DESC LIMIT 1
  ) r
  ORDER BY r.created_at DESC, r.id DESC LIMIT 1
) last ON true
ORDER BY d.name;
